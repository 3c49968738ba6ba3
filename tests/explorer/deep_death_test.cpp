// explorer/deep_death_test.cpp - owners that stop for ever, at large.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

// Every schedule takes many minutes since owners show as inside while they go past their caches: at random by day.
TEST_CASE("S9: three operations, one of which is the last, and two drains, at random", "[explorer]") {
    holds<death<1, 3>>("S9 1x3, random", 1, at_random(1'500'000, GENERATE(0u, 3u), with_a_death()));
}
TEST_CASE("S9: three operations, one of which is the last, and two drains", "[.nightly][nightly]") {
    holds<death<1, 3>>("S9 1x3", 4'500'000, with_a_death());
}
TEST_CASE("S9: two owners, one of which stops for ever", "[.nightly][nightly]") {
    holds<death<2, 1>>("S9 2x1", 1'000'000, with_a_death());
}
