// cordon/platform/yield_backoff.hpp - yield_backoff: pauses first, then gives the processor away.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/backoff.hpp"

#include <sched.h>

namespace cordon::inline v0 {

// For more threads than processors: whoever is waited for may need the one that the waiter burns.
class yield_backoff {
public:
    void operator()() noexcept {
        if (pauses_.at_bound())
            ::sched_yield();
        else
            pauses_();
    }
    void reset() noexcept { pauses_.reset(); }

private:
    pause_backoff pauses_;
};

} // namespace cordon::inline v0
