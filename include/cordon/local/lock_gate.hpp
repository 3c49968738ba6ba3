// cordon/local/lock_gate.hpp - the drain gate as a lock in each cache: one read-modify-write more per operation.
// SPDX-License-Identifier: BSL-1.0
//
// Linux's per-CPU page lists have worked like this since 6.0 (4b23a68f9536). For systems without a
// process-wide barrier, and the floor that membarrier_gate.hpp is measured against. A claim is looked at under
// the lock, so no barrier is needed: the lock orders everything.
#pragma once

#include "cordon/local/drain_gate.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "cordon/sync/timed_lock.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics, class Clock, class Backoff>
class lock_gate {
public:
    struct slot {
        typename Atomics::template atomic<std::uint32_t> busy; // a gate_owner; tells re-entry from contention
        typename Atomics::template atomic<std::uint32_t> claimed;
        spin_lock<Atomics, Backoff> lock;
    };

    static void start() {}
    [[nodiscard]] static constexpr bool needs_lock() { return false; } // the lock is the gate, not a claim

    [[nodiscard]] CORDON_ALWAYS_INLINE static bool try_enter(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (is_entered(s)) return false;
        step_in(s);
        if (!s.lock.try_lock()) {
            s.busy.store(word(gate_owner::away), std::memory_order_relaxed);
            return false;
        }
        return admitted(s);
    }
    CORDON_ALWAYS_INLINE static void leave(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        s.lock.unlock();
        s.busy.store(word(gate_owner::away), std::memory_order_release); // (2) release: pairs with (1)
    }
    // A drainer holds the lock for microseconds: wait for it rather than go past the cache.
    [[nodiscard]] static bool enter_slow(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (is_entered(s)) return false;
        step_in(s);
        s.lock.lock();
        return admitted(s);
    }
    static void leave_slow(slot& s) { leave(s); }
    // Effects: the owner shows as beside: around each lock that it takes without the slot, so that a signal handler never
    // finds it held by its own thread.
    static void go_beside(slot& s) {
        s.busy.store(word(gate_owner::beside), std::memory_order_release); // (5) release: pairs with (1)
        Atomics::light_barrier();
    }
    static void come_back(slot& s) {
        s.busy.store(word(gate_owner::away), std::memory_order_release); // (6) release: pairs with (1)
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE static bool is_entered(slot& s) {
        return s.busy.load(std::memory_order_relaxed) != word(gate_owner::away);
    }

    // Returns: to anybody, whether the owner was away or beside; then what it did to the slot is visible.
    [[nodiscard]] static bool is_outside(slot& s) {
        return s.busy.load(std::memory_order_acquire) !=
               word(gate_owner::inside); // (1) acquire: pairs with (2), (5) and (6)
    }
    static void abandon(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        s.lock.unlock();
        s.busy.store(word(gate_owner::away), std::memory_order_relaxed);
    }

    static void claim(slot& s, gate_claim why) {
        s.claimed.store(s.claimed.load(std::memory_order_relaxed) | static_cast<std::uint32_t>(why),
                        std::memory_order_relaxed);
    }
    [[nodiscard]] static constexpr bool barrier() { return true; }
    [[nodiscard]] static bool wait(slot& s, std::uint64_t until_ns) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        return lock_until<Clock, Backoff>(s.lock, until_ns);
    }
    static void done(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS { s.lock.unlock(); }
    static void release(slot& s, gate_claim why) {
        // What a drainer did after done() comes before what the owner does next.
        s.claimed.store(s.claimed.load(std::memory_order_relaxed) & ~static_cast<std::uint32_t>(why),
                        std::memory_order_release); // (4) release: pairs with (3)
    }
    // There is no barrier to wait for, so nothing is asked of the owner.
    static void ask(slot&) {}
    [[nodiscard]] static constexpr bool help(slot&) { return false; }
    static constexpr void helped(slot&) {}
    [[nodiscard]] static bool take_over(slot& s, std::uint64_t) {
        return claim(s, gate_claim::draining), true;
    }
    [[nodiscard]] static constexpr bool wait_helped(slot&, std::uint64_t) { return true; }

private:
    CORDON_ALWAYS_INLINE static void step_in(slot& s) {
        s.busy.store(word(gate_owner::inside), std::memory_order_relaxed);
        Atomics::light_barrier();
    }
    static constexpr std::uint32_t word(gate_owner o) { return static_cast<std::uint32_t>(o); }
    // Effects: with the lock held: inside, or the lock dropped because the slot is claimed.
    CORDON_ALWAYS_INLINE static bool admitted(slot& s) {
        if (s.claimed.load(std::memory_order_acquire) == 0) return true; // (3) acquire: pairs with (4)
        leave(s);
        return false;
    }
};

} // namespace cordon::inline v0
