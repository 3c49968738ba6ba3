// cordon/sync/timed_lock.hpp - lock_until: waits for a lock no longer than to a deadline.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/sync/concepts.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Returns: whether the caller holds the lock now. It is tried at least once, also after the deadline.
// The deadline is a reading of Clock, as deadline::from (core/time.hpp) computes it; UINT64_MAX never passes,
// and is a plain lock(). Follow with `guard section{lock, adopt_lock}`.
// Progress: gives up within one round of Backoff after the deadline; a fair lock is not fair to this waiter.
template <class Clock, class Backoff, try_lockable L>
[[nodiscard]] bool lock_until(L& lock, std::uint64_t deadline_ns) CORDON_TRY_ACQUIRE(true, lock);

template <class Clock, class Backoff, try_lockable L>
bool lock_until(L& lock, std::uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX) {
        lock.lock();
        return true;
    }
    Backoff wait;
    while (!lock.try_lock()) {
        if (Clock::now() >= deadline_ns) return false;
        wait();
    }
    return true;
}

} // namespace cordon::inline v0
