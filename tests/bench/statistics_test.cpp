// tests/bench/statistics_test.cpp - medians, spread, intervals.
// SPDX-License-Identifier: BSL-1.0
#include "support/statistics.hpp"

#include "support/catch.hpp"

#include <cmath>

using namespace bench;

TEST_CASE("a quantile lies between its neighbours in proportion", "[bench]") {
    CHECK(median({}) == 0);
    CHECK(median({3}) == 3);
    CHECK(median({4, 1, 3}) == 3);
    CHECK(median({4, 1, 3, 2}) == 2.5);
    CHECK(quantile({0, 10, 20, 30, 40}, 0.25) == 10);
    CHECK(quantile({0, 10}, 0.9) == 9);
    CHECK(quantile({5, 1}, 1) == 5);
}

TEST_CASE("deviation is that of a sample", "[bench]") {
    CHECK(deviation({7}) == 0);
    CHECK(std::abs(deviation({2, 4, 4, 4, 5, 5, 7, 9}) - 2.13809) < 1e-5);
    CHECK(std::abs(variation({2, 4, 4, 4, 5, 5, 7, 9}) - 2.13809 / 5) < 1e-5);
    CHECK(variation({0, 0}) == 0);
}

TEST_CASE("a ratio stands at its round, and a round without one is no value", "[bench]") {
    const series some = ratios({2, 6, 5}, {1, 0, 5});
    REQUIRE(some.size() == 3);
    CHECK(some[0] == 2);
    CHECK(std::isnan(some[1]));
    CHECK(some[2] == 1);
    CHECK(median(some) == 1.5);
    CHECK(mean(some) == 1.5);
    CHECK(std::abs(deviation(some) - std::sqrt(0.5)) < 1e-9);
    CHECK(ratio_interval(some, some).contains(1));
    CHECK(ratios({2, 6}, {0, 0}).empty());
}

TEST_CASE("the interval of a ratio is sure of what does not scatter, and wide of what does", "[bench]") {
    const interval exact = ratio_interval({2, 2, 2}, {1, 1, 1});
    CHECK(exact.low == 2);
    CHECK(exact.high == 2);
    const interval wide = ratio_interval({1, 2, 3}, {1, 1, 1}); // a median of 1 is drawn 7 times of 27
    CHECK(wide.low == 1);
    CHECK(wide.high == 3);

    series a;
    series b;
    random_numbers numbers{42};
    for (int i = 0; i != 30; ++i) {
        a.push_back(100 + numbers.below(20));
        b.push_back(100 + numbers.below(20));
    }
    const interval same = ratio_interval(a, b);
    CHECK(same.contains(1));
    CHECK(same.low > 0.9);
    CHECK(same.high < 1.1);
    for (double& v : a)
        v *= 1.3;
    CHECK_FALSE(ratio_interval(a, b).contains(1));
    CHECK(ratio_interval(a, b).contains(1.3));
}
