// cordon/local/drain_gate.hpp - the drain gate: how a drainer takes things out of a cache whose owner never locks.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `local` is per-thread batching: this protocol and its three forms (membarrier_gate.hpp,
// lock_gate.hpp, and null_gate below), and draining all slots by it (drain.hpp). Thread caches and LRU batches both
// stand on it, so it is argued once, here.
//
// States of a gate slot: the owner is away (busy = 0), inside (1), or beside (2): not at what the slot holds, but at a
// lock that a signal handler on its thread must not wait for. The slot is open (claimed = 0) or claimed by a drainer for
// a moment (draining), or for long (disabled); `locked`, `asked` and `helping` are told below and in membarrier_gate.hpp.
//
//     owner (fast path)                        drainer; drainers are serialised by the isolation lock
//     busy.store(1, relaxed)                   claimed.store(draining, relaxed)   for every slot
//     light_barrier()     compiler only        heavy_barrier()                    once for all slots
//     if claimed.load(acquire): leave, slow    per slot: wait until busy.load(acquire) != 1, or the deadline
//     ... read block traits, push or pop ...   ... take frames out ...
//     busy.store(0, release)                   claimed.store(0, release)
//
// Invariant: owner and drainer are never in their sections at the same time.
//
// Why the heavy barrier: this is Dekker's shape, store then load on both sides. Without it,
//
//     owner                                    drainer
//     busy = 1 (still in its store buffer)
//     reads claimed = 0                        claimed = 1
//                                              reads busy = 0: "outside"
//     pops frame f                             takes frame f out: handed out twice
//
// The heavy barrier (membarrier: an interrupt on each processor that runs a thread of the process) falls
// either before the owner's read of `claimed`, then the owner sees the claim and leaves; or after it, then the
// owner's busy = 1 has left the store buffer and the drainer waits. A fence on the drainer's side alone does
// not do it, and a search of interleavings, which has no store buffers, does not even see the problem.
//
// Why acquire and release: the barrier supplies store -> load order and nothing else. What the slot holds is
// handed over by two pairs: the owner's busy = 0, or 2, (release) to the drainer's read of it (acquire), and the
// drainer's claimed = 0 (release) to the owner's re-check (acquire). With a relaxed re-check the owner could
// see the open gate without the emptied cache.
//
// Why this seals a block: a block's traits are read inside the section. Once isolated is set, the barrier
// passed and busy was not seen 1, each later section sees the bit, and each earlier one has put its frame where the
// drainer finds it. That is the grace period of Joonsoo Kim's patch (2014): "extend the irq-disabled period to
// cover the migratetype read", with membarrier as its inter-processor interrupt.
//
// A thread can be descheduled inside its section, so a drainer waits with a deadline, and never with the zone
// lock held: owners take that lock inside. A signal handler that interrupts its own thread inside or beside finds
// busy != 0 and stays out; it must not wait for locks that the interrupted code may hold. Owners that find a closed gate
// work beside their caches until it opens, nearly without a gap: were they inside then, a drainer that looks up now and
// then would never see them out.
//
// Asking: a barrier takes tens of microseconds, in which a closed gate costs thousands of operations. Where nothing
// needs all slots closed at once, the drainer asks before it claims, and whoever comes first does the work:
//
//     asked --> helping --> 0    by the owner, at its next operation: it takes the frames out itself, and goes on
//     asked --> draining --> 0   by the drainer, behind the barrier: the owner was out and did nothing since
//
// Both first steps are a read-modify-write of one word, so one of them wins. To the owner any value but 0 is a closed
// gate, so what the proof says of a claim holds for `asked`, too: it was there before the barrier. An owner that helped
// has read the word with acquire outside of any section: each section after that sees what the drainer wrote before it
// asked, and each one before has put its frame where the owner has just looked. The owner announces itself first (busy =
// 1), so that a later drainer, which finds it helping, waits until it is out as for any section.
#pragma once

#include "cordon/core/config.hpp"

#include <concepts>
#include <cstdint>

namespace cordon::inline v0 {

// Why a slot is claimed; a slot can be claimed for several reasons.
enum class gate_claim : std::uint32_t {
    draining = 1, // a drainer is at work; over in microseconds
    disabled = 2, // disable_caches: until its last token dies
    locked = 4,   // for ever: there is no heavy barrier, the slot's lock guards it
    asked = 8,    // a drainer will come, unless the owner does its work
    helping = 16, // the owner does it
};

// What `busy` says of the owner.
enum class gate_owner : std::uint32_t {
    away = 0,
    inside = 1, // drainers wait for it
    beside = 2, // they do not; signal handlers on its thread stay out as from inside
};

// Owner: try_enter, leave; when try_enter fails, enter_slow and leave_slow; go_beside and come_back around what it does
// without the slot, under a lock that a signal handler on its thread would wait for.
// Drainer: claim every slot, barrier once, then per slot wait, work, done, and release. Or ask every slot, barrier
// once, then per slot: if take_over, wait, work, done, and release; else wait_helped. Owner: if help, work, helped.
template <class G>
concept drain_gate = requires(G gate, typename G::slot slot, gate_claim claim, std::uint64_t until_ns) {
    {gate.start()};
    { gate.needs_lock() } -> std::same_as<bool>;
    { gate.try_enter(slot) } -> std::same_as<bool>;
    {gate.leave(slot)};
    { gate.enter_slow(slot) } -> std::same_as<bool>;
    {gate.leave_slow(slot)};
    {gate.go_beside(slot)};
    {gate.come_back(slot)};
    { gate.is_entered(slot) } -> std::same_as<bool>;
    { gate.is_outside(slot) } -> std::same_as<bool>;
    {gate.abandon(slot)};
    {gate.claim(slot, claim)};
    { gate.barrier() } -> std::same_as<bool>;
    { gate.wait(slot, until_ns) } -> std::same_as<bool>;
    {gate.done(slot)};
    {gate.release(slot, claim)};
    {gate.ask(slot)};
    { gate.help(slot) } -> std::same_as<bool>;
    {gate.helped(slot)};
    { gate.take_over(slot, until_ns) } -> std::same_as<bool>;
    { gate.wait_helped(slot, until_ns) } -> std::same_as<bool>;
};

// One thread: nobody drains but the owner, so a claim is a plain word and there is nothing to wait for.
class null_gate {
public:
    struct slot {
        std::uint32_t claimed;
    };
    void start() {}
    [[nodiscard]] static constexpr bool needs_lock() { return false; }
    [[nodiscard]] CORDON_ALWAYS_INLINE static constexpr bool try_enter(slot& s) { return s.claimed == 0; }
    CORDON_ALWAYS_INLINE static constexpr void leave(slot&) {}
    [[nodiscard]] static constexpr bool enter_slow(slot& s) { return try_enter(s); }
    static constexpr void leave_slow(slot&) {}
    static constexpr void go_beside(slot&) {}
    static constexpr void come_back(slot&) {}
    [[nodiscard]] static constexpr bool is_entered(slot&) { return false; }
    [[nodiscard]] static constexpr bool is_outside(slot&) { return true; }
    static constexpr void abandon(slot&) {}
    static constexpr void claim(slot& s, gate_claim why) { s.claimed |= static_cast<std::uint32_t>(why); }
    [[nodiscard]] static constexpr bool barrier() { return true; }
    [[nodiscard]] static constexpr bool wait(slot&, std::uint64_t) { return true; }
    static constexpr void done(slot&) {}
    static constexpr void release(slot& s, gate_claim why) { s.claimed &= ~static_cast<std::uint32_t>(why); }
    static constexpr void ask(slot&) {}
    [[nodiscard]] static constexpr bool help(slot&) { return false; }
    static constexpr void helped(slot&) {}
    [[nodiscard]] static constexpr bool take_over(slot& s, std::uint64_t) {
        claim(s, gate_claim::draining);
        return true;
    }
    [[nodiscard]] static constexpr bool wait_helped(slot&, std::uint64_t) { return true; }
};
static_assert(drain_gate<null_gate>);

} // namespace cordon::inline v0
