// tests/bench/measure_test.cpp - the stopwatch.
// SPDX-License-Identifier: BSL-1.0
#include "support/measure.hpp"

#include "support/catch.hpp"
#include "support/statistics.hpp"

using namespace bench;

TEST_CASE("what reading the clocks takes is not in what they tell", "[bench]") {
    series of_clock;
    series of_nothing;
    for (int sample = 0; sample != 1001; ++sample) {
        const double begin = thread_ns();
        of_clock.push_back(thread_ns() - begin);
        of_nothing.push_back(stopwatch{}.read(1).cpu_ns);
    }
    CHECK(median(of_nothing) <= median(of_clock) / 2);
}
