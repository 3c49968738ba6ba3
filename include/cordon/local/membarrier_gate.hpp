// cordon/local/membarrier_gate.hpp - the drain gate without an atomic read-modify-write on the owner's side.
// SPDX-License-Identifier: BSL-1.0
//
// The protocol and its proof are in drain_gate.hpp. If the system has no heavy barrier when the zone is made,
// every slot carries the claim `locked` for ever: the hit path finds the gate closed, and owners and drainers
// take the slot's lock instead. That costs the hit path nothing when it is not needed, and the choice is made
// once: a barrier that is refused later makes the drain fail, it does not change what owners do.
#pragma once

#include "cordon/local/drain_gate.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "cordon/sync/timed_lock.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics, class Barrier, class Clock, class Backoff>
class membarrier_gate {
public:
    using lock_type = spin_lock<Atomics, Backoff>;

    // One cache line of the owner's; a drainer touches it twice a drain. Zero bytes are an open gate.
    struct slot {
        typename Atomics::template atomic<std::uint32_t> busy;
        typename Atomics::template atomic<std::uint32_t> claimed;
        lock_type lock;
    };

    // Effects: asks the system for the heavy barrier, once, before any slot is used.
    void start() { asymmetric_ = barrier_.enable(); }
    // Returns: whether slots must carry the claim `locked`.
    [[nodiscard]] bool needs_lock() const { return !asymmetric_; }

    // ---- owner ----

    // One test for both reasons to stay out: a claim, and that this thread is inside or beside already.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool try_enter(slot& s) {
        const std::uint32_t before = s.busy.load(std::memory_order_relaxed);
        s.busy.store(word(gate_owner::inside), std::memory_order_relaxed);
        Atomics::light_barrier();
        if ((before | s.claimed.load(std::memory_order_acquire)) != 0)
            [[unlikely]] {                                   // (1) acquire: pairs with (4)
            s.busy.store(before, std::memory_order_release); // (11) release: pairs with (3)
            return false;
        }
        return true;
    }
    CORDON_ALWAYS_INLINE static void leave(slot& s) {
        s.busy.store(word(gate_owner::away), std::memory_order_release); // (2) release: pairs with (3)
    }
    // Effects: after try_enter failed: enters under the slot's lock, if that is how this gate works. Returns:
    // false if the caller must do without the cache.
    [[nodiscard]] bool enter_slow(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (asymmetric_ || is_entered(s)) return try_enter(s);
        step_in(s);
        s.lock.lock();
        if ((s.claimed.load(std::memory_order_acquire) & ~bits(gate_claim::locked)) == 0)
            return true; // (5) acquire: pairs with (4)
        leave_slow(s);
        return false;
    }
    void leave_slow(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (!asymmetric_) s.lock.unlock();
        leave(s);
    }
    // Effects: the owner shows as beside: around each lock that it takes without the slot, so that a signal handler never
    // finds it held by its own thread.
    static void go_beside(slot& s) {
        s.busy.store(word(gate_owner::beside), std::memory_order_release); // (6) release: pairs with (3)
        Atomics::light_barrier();
    }
    static void come_back(slot& s) { leave(s); }
    // Returns: to its owner, whether it is inside or beside: then this is a signal handler, or a callback from there.
    [[nodiscard]] CORDON_ALWAYS_INLINE static bool is_entered(slot& s) {
        return s.busy.load(std::memory_order_relaxed) != word(gate_owner::away);
    }

    // Returns: to anybody, whether the owner was away or beside; then what it did to the slot is visible.
    [[nodiscard]] static bool is_outside(slot& s) {
        return s.busy.load(std::memory_order_acquire) !=
               word(gate_owner::inside); // (3) acquire: pairs with (2), (6) and (11)
    }
    // Effects: forgets an owner that died inside, as in a fork child.
    static void abandon(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        s.lock.unlock();
        s.claimed.fetch_and(~bits(gate_claim::helping), std::memory_order_relaxed);
        s.busy.store(word(gate_owner::away), std::memory_order_relaxed);
    }
    // Returns: whether the owner, which is away, was asked and is inside now, to do what the drainer would; then
    // helped() says that it is done, and the owner is away again.
    [[nodiscard]] static bool help(slot& s) {
        std::uint32_t asked = bits(gate_claim::asked);
        if (s.claimed.load(std::memory_order_relaxed) != asked || is_entered(s)) return false;
        step_in(s);
        if (s.claimed.compare_exchange(asked, bits(gate_claim::helping),
                                       std::memory_order_acquire)) // (7) acquire: pairs with (8)
            return true;
        leave(s);
        return false;
    }
    static void helped(slot& s) {
        s.claimed.fetch_and(~bits(gate_claim::helping),
                            std::memory_order_release); // (9) release: pairs with (10)
        leave(s);
    }

    // ---- drainer ----

    // Claims are read-modify-writes: the owner may be taking the work that it is asked for at this instant.
    void claim(slot& s, gate_claim why) { s.claimed.fetch_or(bits(why), std::memory_order_relaxed); }
    // Effects: the gate is closed, and the owner does the drainer's work if it comes by before take_over().
    void ask(slot& s) {
        s.claimed.fetch_or(bits(gate_claim::asked), std::memory_order_release); // (8) release: pairs with (7)
    }
    // Effects: leaves the work to an owner that is inside, as long as that takes, or until the clock reads `until_ns`: an
    // owner that was preempted there would come back to a gate that is closed until the drainer looks again.
    // Returns: true if the owner did not take the work: then the slot is claimed for draining.
    [[nodiscard]] bool take_over(slot& s, std::uint64_t until_ns) {
        Backoff breath;
        for (std::uint32_t w;
             ((w = s.claimed.load(std::memory_order_relaxed)) & bits(gate_claim::asked)) != 0;)
            if (!is_outside(s) && (until_ns == UINT64_MAX || Clock::now() < until_ns))
                breath();
            else if (s.claimed.compare_exchange(w,
                                                (w & ~bits(gate_claim::asked)) | bits(gate_claim::draining),
                                                std::memory_order_relaxed))
                return true;
        return false;
    }
    // Effects: waits until the owner has done the work that it took. Returns: false once the clock reads `until_ns`.
    [[nodiscard]] bool wait_helped(slot& s, std::uint64_t until_ns) {
        Backoff breath;
        while ((s.claimed.load(std::memory_order_acquire) & bits(gate_claim::helping)) !=
               0) { // (10) acquire: pairs with (9)
            if (until_ns != UINT64_MAX && Clock::now() >= until_ns) return false;
            breath();
        }
        return true;
    }
    // Effects: orders the claims before the reads of busy, on all processors. Returns: false if it was refused.
    [[nodiscard]] bool barrier() { return !asymmetric_ || barrier_.issue(); }
    // Effects: waits until the owner is outside; then the slot's contents are the drainer's until done().
    // Returns: false, with nothing to be done, once the clock reads `until_ns`.
    [[nodiscard]] bool wait(slot& s, std::uint64_t until_ns) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (!asymmetric_) return lock_until<Clock, Backoff>(s.lock, until_ns);
        Backoff breath;
        while (!is_outside(s)) {
            if (until_ns != UINT64_MAX && Clock::now() >= until_ns) return false;
            breath();
        }
        return true;
    }
    void done(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (!asymmetric_) s.lock.unlock();
    }
    void release(slot& s, gate_claim why) {
        s.claimed.fetch_and(~bits(why), std::memory_order_release); // (4) release: pairs with (1) and (5)
    }

private:
    static void step_in(slot& s) {
        s.busy.store(word(gate_owner::inside), std::memory_order_relaxed);
        Atomics::light_barrier();
    }
    static constexpr std::uint32_t word(gate_owner o) { return static_cast<std::uint32_t>(o); }
    static constexpr std::uint32_t bits(gate_claim c) { return static_cast<std::uint32_t>(c); }

    [[no_unique_address]] Barrier barrier_{};
    bool asymmetric_ = false;
};

} // namespace cordon::inline v0
