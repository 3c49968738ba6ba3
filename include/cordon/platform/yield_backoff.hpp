// cordon/platform/yield_backoff.hpp - yield_backoff: pauses, then gives the processor away, then sleeps.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/backoff.hpp"

#include <cstdint>
#include <sched.h>
#include <time.h>

namespace cordon::inline v0 {

// For more threads than processors: whoever is waited for may need the one that the waiter burns. A yield lets it
// run, but may cost the waiter a whole time slice for each; a short sleep brings him back with a claim to run.
class yield_backoff {
public:
    static constexpr std::uint32_t yields_before_sleep = 4;
    static constexpr long sleep_ns = 20'000; // and the system's timer slack

    void operator()() noexcept {
        if (!pauses_.at_bound()) return pauses_();
        if (yields_ != yields_before_sleep) {
            ++yields_;
            ::sched_yield();
            return;
        }
        const timespec moment{0, sleep_ns};
        ::nanosleep(&moment, nullptr);
    }
    void reset() noexcept {
        pauses_.reset();
        yields_ = 0;
    }

private:
    pause_backoff pauses_;
    std::uint32_t yields_ = 0;
};

} // namespace cordon::inline v0
