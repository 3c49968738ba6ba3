// explorer/deep_asking_test.cpp - drains that ask owners, in searches of millions of runs, and what is for the nights.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

TEST_CASE("S2: two drainers ask an owner", "[explorer]") {
    holds<drain<1, 2, 2, asking_policy>>("asking, S2 1x2x2", 6'500'000);
}
TEST_CASE("S4: a seal that asks an owner of four operations, and one that stops for ever", "[explorer]") {
    holds<seal_and_undo<targeted, 4, asking_policy>>("asking, S4, four operations", 4'100'000);
    comes_to<seal_refused<targeted, owner_work::both, asking_policy>>("asking, S9 S4", 41, 1'200'000,
                                                                      with_a_death());
}
TEST_CASE("S10: a signal handler where its thread helps a drain", "[explorer]") {
    holds<signals<1, asking_policy, 1, 0>>("asking, S10, a free", 2'800'000, with_a_signal());
    holds<signals<1, asking_policy, 1, 1>>("asking, S10, an allocation", 2'700'000, with_a_signal());
}
TEST_CASE("owners that are asked, every schedule", "[.nightly][nightly]") {
    holds<drain<1, 4, 1, asking_policy>>("asking, S1 1x4x1", 1'800'000);
    holds<thread_exit<2, asking_policy>>("asking, S6, two drains", 6'600'000);
    holds<death<1, 1, 1, 2, asking_policy>>("asking, S9 S1 1x1, twice", 2'100'000, with_a_death());
    holds<refusal<asking_policy, 2>>("asking, S11, two operations", 2'100'000, with_refusals());
}
