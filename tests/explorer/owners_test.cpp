// explorer/owners_test.cpp - owners that end, stop for ever, are interrupted or kept out, against drains (S6, S8 to S11).
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

TEST_CASE("S6: a thread ends while others drain", "[explorer]") {
    holds<thread_exit<1>>("S6 one drain", 300);
    holds<thread_exit<2>>("S6 two drains", 12'000);
}
TEST_CASE("S8: while caches are disabled, or a fork is prepared, nobody touches one", "[explorer]") {
    holds<quiesce<false>>("S8 disable", 3'000);
    holds<quiesce<true>>("S8 fork", 4'000);
}
TEST_CASE("S9: a drain is done in time though an owner stops for ever", "[explorer]") {
    holds<death<1, 2>>("S9 S1 1x2", 120'000, with_a_death());
    holds<death<1, 1, 2, 1>>("S9 S2 1x1x2", 6'000, with_a_death());
    holds<exit_death<>>("S9 S6", 180, with_a_death());
}
// At every point: also where the owner finds its gate closed and goes to the zone past its cache.
TEST_CASE("S10: a signal handler allocates and frees at every point of an operation", "[explorer]") {
    comes_to<signals<0>>("S10 without a drain", 5, 20, with_a_signal());
    comes_to<signals<1, explored_policy, 1, 0>>("S10 a free, with a drain", 23, 320'000, with_a_signal());
    comes_to<signals<1, explored_policy, 1, 1>>("S10 an allocation, with a drain", 43, 290'000,
                                                with_a_signal());
    holds<signals<1>>("S10 both, with a drain, at random", 1, at_random(150'000, 3, with_a_signal()));
}
TEST_CASE("S10: a signal handler at every point of two operations, every schedule", "[.nightly][nightly]") {
    holds<signals<1>>("S10 both, with a drain", 8'600'000, with_a_signal());
}
TEST_CASE("S11: a refused barrier makes the drain fail and changes nothing else", "[explorer]") {
    comes_to<refusal<explored_policy, 2>>("S11", 17, 215'000, with_refusals());
}
TEST_CASE("S11: refused barriers and three operations, every schedule", "[.nightly][nightly]") {
    holds<refusal<>>("S11, three operations", 6'000'000, with_refusals());
}
