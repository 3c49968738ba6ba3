// cordon/sync/ticket_lock.hpp - ticket_lock: a spin lock that serves in order of arrival.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"
#include "cordon/core/config.hpp"
#include "cordon/platform/backoff.hpp"
#include "cordon/sync/concepts.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

// Each arrival draws the next ticket; the lock belongs to the ticket that is being served, and is free when
// the ticket being served has not been drawn. Zero bytes are an unlocked lock.
// Progress: first come, first served. A waiter without a processor holds up all behind it: with more threads
// than processors give it a backoff that yields.
// Cost: one read-modify-write to lock, one load and one store to unlock.
template <class Atomics = std_atomics, class Backoff = pause_backoff>
class CORDON_CAPABILITY("lock") ticket_lock {
public:
    constexpr ticket_lock() = default;
    ticket_lock(const ticket_lock&) = delete;
    ticket_lock& operator=(const ticket_lock&) = delete;

    CORDON_ALWAYS_INLINE void lock() CORDON_ACQUIRE() {
        const std::uint32_t ticket = next_.fetch_add(1, std::memory_order_relaxed);
        if (serving() != ticket) [[unlikely]]
            await(ticket);
    }

    // Draws the ticket being served, or none. The draw itself may be relaxed: what earlier holders wrote came
    // with the read of `serving_`, and that cannot have moved on while its ticket was not drawn.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool try_lock() CORDON_TRY_ACQUIRE(true) {
        std::uint32_t ticket = serving();
        return next_.load(std::memory_order_relaxed) == ticket &&
               next_.compare_exchange(ticket, ticket + 1, std::memory_order_relaxed);
    }

    CORDON_ALWAYS_INLINE void unlock() CORDON_RELEASE() {
        const std::uint32_t ticket = serving_.load(std::memory_order_relaxed);
        serving_.store(ticket + 1, std::memory_order_release); // (2) release: pairs with (1)
    }

private:
    CORDON_ALWAYS_INLINE std::uint32_t serving() const {
        return serving_.load(std::memory_order_acquire); // (1) acquire: pairs with (2)
    }

    // Each hand-over resets the backoff, so the next in line is among those that look often.
    CORDON_COLD void await(std::uint32_t ticket) {
        Backoff wait;
        std::uint32_t seen = ticket;
        for (std::uint32_t now = serving(); now != ticket; now = serving()) {
            if (now != seen) {
                wait.reset();
                seen = now;
            }
            wait();
        }
    }

    typename Atomics::template atomic<std::uint32_t> next_{};
    typename Atomics::template atomic<std::uint32_t> serving_{};
};
static_assert(try_lockable<ticket_lock<>>);

} // namespace cordon::inline v0
