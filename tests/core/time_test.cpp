// tests/core/time_test.cpp - deadline: relative at the call, absolute on the policy's clock.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/time.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

using cordon::deadline;
using namespace std::chrono_literals;

TEST_CASE("a default deadline never passes", "[core]") {
    CHECK(deadline{}.is_never());
    CHECK(deadline::never().is_never());
    CHECK(deadline::never().from(0) == UINT64_MAX);
    CHECK(deadline::never().from(12345) == UINT64_MAX);
    CHECK_FALSE(deadline::immediate().is_never());
}

TEST_CASE("an immediate deadline has passed at the call", "[core]") {
    CHECK(deadline::immediate().from(0) == 0);
    CHECK(deadline::immediate().from(77) == 77);
}

TEST_CASE("a deadline is counted from the clock's reading", "[core]") {
    CHECK(deadline::in_nanoseconds(5).from(100) == 105);
    CHECK(deadline{5ms}.from(7) == 5'000'007);
    CHECK(deadline{2s}.from(0) == 2'000'000'000);
    CHECK(deadline{std::chrono::duration<double>{0.5}}.from(0) == 500'000'000);
    CHECK(deadline{std::chrono::duration<int, std::ratio<1, 3>>{3}}.from(0) == 1'000'000'000);
}

TEST_CASE("a negative duration has passed", "[core]") {
    CHECK(deadline{-5ms}.from(100) == 100);
    CHECK(deadline{0ns}.from(100) == 100);
}

TEST_CASE("a duration that is no number has passed", "[core]") {
    const std::chrono::duration<double> none{std::numeric_limits<double>::quiet_NaN()};
    CHECK(deadline{none}.from(100) == 100);
    CHECK_FALSE(deadline{none}.is_never());
}

TEST_CASE("a duration too long for the clock never passes", "[core]") {
    CHECK(deadline::in_nanoseconds(10).from(UINT64_MAX - 5) == UINT64_MAX);
    CHECK(deadline{std::chrono::hours::max()}.is_never());
    CHECK(deadline{std::chrono::duration<double>{1e300}}.is_never());
    CHECK(deadline{std::chrono::duration<double>{std::numeric_limits<double>::infinity()}}.is_never());
    CHECK_FALSE(deadline{std::chrono::hours{24 * 365 * 100}}.is_never());
}

TEST_CASE("what is left of a deadline shrinks to nothing", "[core]") {
    CHECK(deadline::until(100, 60).from(60) == 100);
    CHECK(deadline::until(100, 100).from(100) == 100);
    CHECK(deadline::until(100, 150).from(150) == 150);
    CHECK(deadline::until(UINT64_MAX, 60).is_never());
}
