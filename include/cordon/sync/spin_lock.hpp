// cordon/sync/spin_lock.hpp - spin_lock: test-and-test-and-set with bounded backoff.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"
#include "cordon/core/config.hpp"
#include "cordon/platform/backoff.hpp"
#include "cordon/sync/concepts.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

// For sections of some tens of instructions. Waiters read until the lock looks free, so they share its cache
// line and leave the bus to the holder. Zero bytes are an unlocked lock.
// Progress: unfair; a waiter can be overtaken without bound (ticket_lock.hpp is fair).
// Cost: one read-modify-write to lock, one store to unlock.
template <class Atomics = std_atomics, class Backoff = pause_backoff>
class CORDON_CAPABILITY("lock") spin_lock {
public:
    constexpr spin_lock() = default;
    spin_lock(const spin_lock&) = delete;
    spin_lock& operator=(const spin_lock&) = delete;

    CORDON_ALWAYS_INLINE void lock() CORDON_ACQUIRE() {
        if (!take()) [[unlikely]]
            lock_contended();
    }

    // The read first keeps a failing try from taking the cache line away from the holder.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool try_lock() CORDON_TRY_ACQUIRE(true) {
        return looks_free() && take();
    }

    CORDON_ALWAYS_INLINE void unlock() CORDON_RELEASE() {
        word_.store(unlocked, std::memory_order_release); // (2) release: pairs with (1)
    }

private:
    static constexpr std::uint32_t unlocked = 0;
    static constexpr std::uint32_t locked = 1;

    CORDON_ALWAYS_INLINE bool looks_free() const { return word_.load(std::memory_order_relaxed) == unlocked; }
    CORDON_ALWAYS_INLINE bool take() {
        return word_.exchange(locked, std::memory_order_acquire) == unlocked; // (1) acquire: pairs with (2)
    }

    CORDON_COLD void lock_contended() {
        Backoff wait;
        do
            wait();
        while (!looks_free() || !take());
    }

    typename Atomics::template atomic<std::uint32_t> word_{};
};
static_assert(try_lockable<spin_lock<>>);

} // namespace cordon::inline v0
