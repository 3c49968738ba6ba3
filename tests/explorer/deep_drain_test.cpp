// explorer/deep_drain_test.cpp - drains against owners at large: by day where no store is delayed, at night with all.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

TEST_CASE("S1: two owners of two operations each, and a drain", "[explorer]") {
    holds<drain<2, 2, 1>>("S1 2x2x1, in order", 1'800'000, in(memory_model::sc));
}
TEST_CASE("many threads and operations, at random", "[.nightly][nightly]") {
    const memory_model model = GENERATE(memory_model::tso, memory_model::pso);
    const unsigned pct_depth = GENERATE(0u, 3u, 4u, 5u);
    const options how = at_random(20'000'000, pct_depth, in(model));
    holds<drain<2, 6, 2>>("2x6x2, random", 1, how);
    holds<drain<3, 4, 1>>("3x4x1, random", 1, how);
}
TEST_CASE("S2 at the next sizes, and S1 of two owners where stores are delayed, every schedule",
          "[.nightly][nightly]") {
    holds<drain<1, 3, 2>>("S2 1x3x2", 3'300'000);
    holds<drain<1, 4, 2>>("S2 1x4x2", 3'300'000);
    holds<drain<2, 2, 1>>("S1 2x2x1", 18'000'000);
    holds<drain<2, 2, 1>>("S1 2x2x1, PSO", 1'000'000, in(memory_model::pso));
}
