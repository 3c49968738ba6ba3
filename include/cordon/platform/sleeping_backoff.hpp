// cordon/platform/sleeping_backoff.hpp - sleeping_backoff: pauses, then sleeps as shortly as the system can.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/backoff.hpp"

#include <time.h>

namespace cordon::inline v0 {

// For more threads than processors: whoever is waited for may need the one that the waiter burns. A yield would let
// him run, but brings the waiter back only after a whole time slice; who has slept for a moment comes back with a claim
// to run. (Sealing under as many busy threads as processors: 7 to 15 ms with yields, 1 to 3 without, on a loaded machine.)
class sleeping_backoff {
public:
    void operator()() noexcept {
        if (!pauses_.at_bound()) return pauses_();
        const timespec moment{0, 1}; // and the system's timer slack: some 50 us
        ::nanosleep(&moment, nullptr);
    }
    void reset() noexcept { pauses_.reset(); }

private:
    pause_backoff pauses_;
};

} // namespace cordon::inline v0
