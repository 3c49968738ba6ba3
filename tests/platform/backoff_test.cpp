// tests/platform/backoff_test.cpp - bursts of pauses.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/backoff.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("bursts of pauses double to their bound and start again after a reset", "[platform]") {
    pause_backoff wait;
    for (std::uint32_t burst = 1; burst != pause_backoff::bound; burst *= 2) {
        CHECK_FALSE(wait.at_bound());
        wait();
    }
    CHECK(wait.at_bound());
    wait();
    CHECK(wait.at_bound());
    wait.reset();
    CHECK_FALSE(wait.at_bound());
}
