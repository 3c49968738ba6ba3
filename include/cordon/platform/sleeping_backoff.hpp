// cordon/platform/sleeping_backoff.hpp - sleeping_backoff: pauses, then sleeps as shortly as the system can.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/backoff.hpp"
#include "cordon/platform/default_system.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// For more threads than processors: the thread that is waited for may need the processor that the waiter burns. A yield
// would let it run, but bring the waiter back only after a whole time slice; a waiter that has slept for a moment (some
// 50 us) comes back with a claim to run. The sections that are waited for take a microsecond or two: a thread that takes
// eight was preempted there.
class sleeping_backoff {
public:
    static constexpr std::uint32_t bursts_before_sleep = 8; // of the longest, a microsecond each

    void operator()() noexcept {
        if (bursts_ != bursts_before_sleep) {
            bursts_ += pauses_.at_bound();
            return pauses_();
        }
        host_system::sleep_shortly();
    }
    void reset() noexcept {
        pauses_.reset();
        bursts_ = 0;
    }

private:
    pause_backoff pauses_;
    std::uint32_t bursts_ = 0;
};
static_assert(backoff<sleeping_backoff>);

} // namespace cordon::inline v0
