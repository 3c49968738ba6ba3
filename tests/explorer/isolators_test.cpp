// explorer/isolators_test.cpp - isolators against each other, and a contiguous allocation against one that steals.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

TEST_CASE("of two isolators of one block at most one has it", "[explorer]") {
    comes_to<two_isolators<targeted, targeted>>("two isolators, targeted", 9, 9'700);
    comes_to<two_isolators<exclusive, exclusive>>("two isolators, exclusive", 9, 22'000);
    comes_to<two_isolators<targeted, exclusive>>("two isolators, mixed", 9, 110'000);
}
TEST_CASE("a contiguous allocation and one that steals share no frame", "[explorer]") {
    comes_to<contiguous_against_stealing<false>>("contiguous, uncached", 3, 650);
    options how;
    how.preemptions = 3;
    how.delays = 0;
    comes_to<contiguous_against_stealing<true>>("contiguous, P=3 R=0", 9, 51'000, how);
    holds<contiguous_against_stealing<true>>("contiguous, PCT", 60'000, at_random(100'000, 3));
}
TEST_CASE("a contiguous allocation against one that steals, with a delayed store", "[.nightly][nightly]") {
    options how;
    how.preemptions = 0;
    how.delays = 1;
    holds<contiguous_against_stealing<true>>("contiguous, P=0 R=1", 6'900'000, how);
    holds<contiguous_against_stealing<true>>("contiguous, PCT", 1, at_random(5'000'000, 4));
}
