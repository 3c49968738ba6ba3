// cordon/platform/backoff.hpp - pause_backoff: bursts of processor pauses, each twice the last, bounded.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Spins only: for locks that are held for less than a switch of threads, and where no system can switch.
class pause_backoff {
public:
    // Past this many pauses a longer wait only delays the waiter.
    static constexpr std::uint32_t bound = 64;

    void operator()() noexcept {
        for (std::uint32_t i = 0; i != burst_; ++i)
            cpu_relax();
        if (!at_bound()) burst_ *= 2;
    }
    void reset() noexcept { burst_ = 1; }
    [[nodiscard]] bool at_bound() const noexcept { return burst_ == bound; }

private:
    std::uint32_t burst_ = 1;
};
static_assert(backoff<pause_backoff>);

} // namespace cordon::inline v0
