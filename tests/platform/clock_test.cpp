// tests/platform/clock_test.cpp - time goes forward.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/clock.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <thread>

using namespace cordon;

TEST_CASE("the monotonic clock counts nanoseconds and never goes back", "[platform]") {
    const auto before = std::chrono::steady_clock::now();
    const std::uint64_t start = monotonic_clock::now();
    std::uint64_t last = start;
    bool went_back = false;
    for (int i = 0; i != 1000; ++i) {
        const std::uint64_t now = monotonic_clock::now();
        went_back |= now < last;
        last = now;
    }
    CHECK_FALSE(went_back);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    const std::uint64_t elapsed = monotonic_clock::now() - start;
    const std::chrono::nanoseconds most = std::chrono::steady_clock::now() - before;
    CHECK(elapsed >= 5'000'000);
    CHECK(elapsed <= 2 * static_cast<std::uint64_t>(most.count())); // whatever the load
}
