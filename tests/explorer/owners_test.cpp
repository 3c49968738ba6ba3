// explorer/owners_test.cpp - owners that end, stop for ever, are interrupted or kept out, against drains (S6, S8 to S11).
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

namespace {

options interrupted() {
    options how;
    how.signals = 1;
    how.interruptible = 1;
    return how;
}

} // namespace

TEST_CASE("S6: a thread ends while others drain", "[explorer]") {
    holds<thread_exit<1>>("S6 one drain", 300);
    holds<thread_exit<2>>("S6 two drains", 12'000);
}
TEST_CASE("S8: while caches are disabled, or a fork is prepared, nobody touches one", "[explorer]") {
    holds<quiesce<false>>("S8 disable", 3'000);
    holds<quiesce<true>>("S8 fork", 4'000);
}
TEST_CASE("S9: a drain is done in time though an owner stops for ever", "[explorer]") {
    options how;
    how.kills = 1;
    how.mortal = 1;
    holds<death<1, 2>>("S9 S1 1x2", 120'000, how);
    holds<death<1, 1, 2>>("S9 S2 1x1x2", 6'000, how);
    holds<exit_death>("S9 S6", 180, how);
}
// At every point: also where the owner finds its gate closed and goes to the zone past its cache.
TEST_CASE("S10: a signal handler allocates and frees at every point of an operation", "[explorer]") {
    holds<signals<0>>("S10 without a drain", 10, interrupted());
    options random = interrupted();
    random.random_runs = testing::scaled(300'000u);
    random.pct_depth = 3;
    random.seed = testing::seed();
    holds<signals<1>>("S10 with a drain, at random", 1, random);
}
TEST_CASE("S10: a signal handler at every point of an operation, every schedule", "[explorer][.nightly]") {
    holds<signals<1>>("S10 with a drain", 10'000'000, interrupted());
}
TEST_CASE("S11: a refused barrier makes the drain fail and changes nothing else", "[explorer]") {
    options how;
    how.refusals = 2;
    how.refusable = 2;
    holds<refusal<>>("S11", 180'000, how);
}
