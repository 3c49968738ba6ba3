// cordon/cache/thread_cache.hpp - thread_caches: the caches of all slots of a zone, and draining them.
// SPDX-License-Identifier: BSL-1.0
//
// Owner's side: push and pop are the hit paths, inline, without a call, an allocation or an atomic
// read-modify-write; push_slow and pop_slow spill and refill a batch under one hold of the source's lock, inside
// the gate. Each returns false when the caller must do without the cache.
//
// Drainer's side: a drain closes every active slot, issues one barrier, and then takes out of each slot what it
// is asked for: everything, or only the runs that touch a range, so that traffic keeps its cached frames. Unless all
// must be closed at once, owners are asked: an owner at work does it at its next operation and never waits for the
// barrier; for the others the drainer does it.
// Every active slot is closed, also those that look empty: a slot whose count reads 0 may be in the middle of
// a refill (Linux hung on that: 66eca1021a42). Slots that become active later read the state of their blocks
// under the source's lock, after the isolator wrote it there.
#pragma once

#include "cordon/cache/frame_source.hpp"
#include "cordon/cache/run_filter.hpp"
#include "cordon/cache/slot_magazine.hpp"
#include "cordon/core/status.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/local/drain.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <type_traits>

namespace cordon::inline v0 {

template <class Policy>
class thread_caches {
public:
    using slot = cache_slot<Policy>;
    using bins = magazine_bins<Policy>;
    using entry = typename slot::entry;
    using magazine = slot_magazine<Policy>;
    using geometry = zone_geometry<Policy>;
    using gate = typename Policy::gate;

    using filter = run_filter;

    // For a drain that only takes out.
    struct no_work {
        void operator()() const {}
    };

    thread_caches() = default;
    // Effects: starts the gate. `slots` is slot_count slots of zero bytes.
    void start(slot* slots) {
        slots_ = slots + 1;
        gate_.claim(at(slot_index::none()).gate, gate_claim::disabled);
        gate_.start();
    }
    // Effects: without start(), the owners' calls return false, for ever and for all that have no slots of their own. Cost:
    // a page of memory for each slot.
    void close_nowhere() {
        for (slot& c : nowhere_)
            gate_.claim(c.gate, gate_claim::disabled);
    }
    // One slot before the first is closed for ever: it is the slot of those that have none, so that the hit path
    // needs no test for them.
    static constexpr std::uint32_t slot_count = Policy::thread_slots::max_slots + 1;
    [[nodiscard]] bool needs_lock() const { return gate_.needs_lock(); }

    // ---- owner ----

    [[nodiscard]] CORDON_ALWAYS_INLINE bool pop(slot_index s, unsigned bin, frame_index& out) {
        slot& c = at(s);
        if (!gate_.try_enter(c.gate)) [[unlikely]]
            return false;
        const bool popped = magazine{c, bin}.pop(out);
        gate_.leave(c.gate);
        return popped;
    }

    template <class Source>
    [[nodiscard]] CORDON_ALWAYS_INLINE bool push(slot_index s, order k, frame_index i, Source& source) {
        slot& c = at(s);
        if (!gate_.try_enter(c.gate)) [[unlikely]]
            return false;
        const block_traits traits = source.traits(geometry::block_of(i));
        bool pushed = false;
        // Almost every block is movable: as a prediction instead of an address that waits for the byte.
        if (traits == block_traits{}) [[likely]]
            pushed = magazine{c, bins::of(k, migrate_type::movable)}.push(i);
        else if (traits.cacheable())
            pushed = magazine{c, bins::of(k, traits.type())}.push(i);
        gate_.leave(c.gate);
        return pushed;
    }

    // Effects: refills the magazine and pops. Returns: false if the gate is closed or the source gave nothing.
    template <class Source>
    [[nodiscard]] bool pop_slow(slot_index s, unsigned bin, frame_index& out, Source& source) {
        slot& c = at(s);
        if (!enter_slow(c, source)) return false;
        const magazine m{c, bin};
        if (m.count() == 0) m.refill(s, source);
        bool popped = m.pop(out);
        if (!popped && bins::type_of(bin) == migrate_type::movable)
            popped = magazine{c, bins::of(bins::order_of(bin), migrate_type::lent)}.pop(out);
        gate_.leave_slow(c.gate);
        return popped;
    }
    // Effects: makes room in the magazine and pushes. Returns: false if the gate is closed or the block's
    // frames may not be cached.
    template <class Source>
    [[nodiscard]] bool push_slow(slot_index s, order k, frame_index i, Source& source) {
        slot& c = at(s);
        if (!enter_slow(c, source)) return false;
        const block_traits traits = source.traits(geometry::block_of(i));
        const magazine m{c, bins::of(k, traits.type())};
        bool pushed = false;
        // Learning may have made the slot active, too late for a drain at work: then only what is read now counts.
        if (traits.cacheable() &&
            (!m.is_full() || (m.learn(s, source) && source.traits(geometry::block_of(i)) == traits))) {
            if (m.is_full()) m.spill(source);
            pushed = m.push(i);
        }
        gate_.leave_slow(c.gate);
        return pushed;
    }
    // Effects: calls work(), which goes to the source past the cache, with the owner shown as beside it: no drainer waits
    // for it. Returns: what work() returns. Requires: not entered.
    template <class Work>
    auto go_past(slot_index s, Work work) {
        if (s.is_none()) return work();
        gate_.go_beside(at(s).gate);
        const auto outcome = work();
        gate_.come_back(at(s).gate);
        return outcome;
    }
    // Returns: whether the owner of the slot is inside its gate, or beside: the caller has interrupted it.
    [[nodiscard]] bool is_entered(slot_index s) { return !s.is_none() && gate_.is_entered(at(s).gate); }

    // ---- drainer; the caller serialises drainers ----

    // Effects: claims the first `active` slots and waits for their owners; calls work() with all of them
    // outside and their runs that the filter takes given back to the source; then releases the claims. With
    // no_work owners may do it themselves, and each slot is open again as soon as it is done.
    // Returns: ok; barrier_refused or timed_out, work() not called and every run still where it was or given
    // back. Requires: no lock of the source held. Cost: one barrier, then O(cached runs).
    template <class Source, class Work>
    status drain(std::uint32_t active, filter runs, gate_claim why, std::uint64_t until_ns, Source& source,
                 Work work) {
        const auto take = [&](slot& c) { take_out(c, runs, source); };
        const std::span all{slots_, active};
        if (!std::is_same_v<Work, no_work> || why != gate_claim::draining)
            return drain_by_claiming(gate_, all, why, until_ns, take, work);
        asked_.first.store(runs.first_run(), std::memory_order_relaxed);
        asked_.last.store(runs.last_run(), std::memory_order_relaxed);
        return drain_by_asking(gate_, all, until_ns, take);
    }
    // Effects: in a fork child, forgets owners that were beside, or inside, or just looked whether they may enter; slots
    // that are not active yet and the closed one included. What the slot of one inside holds may be torn: it is lost.
    void abandon() {
        for (std::uint32_t s = slot_index::none().raw(); s != Policy::thread_slots::max_slots; ++s) {
            slot& c = at(slot_index{s});
            if (!gate_.is_entered(c.gate)) continue;
            if (!gate_.is_outside(c.gate))
                for (unsigned bin = 0; bin != bins::count; ++bin)
                    magazine{c, bin}.forget();
            gate_.abandon(c.gate);
        }
    }
    void release(std::uint32_t active, gate_claim why) {
        for (std::uint32_t s = 0; s != active; ++s)
            gate_.release(at(slot_index{s}).gate, why);
    }
    // Returns: whether a slot holds frames, or its owner is at it and may. Requires: the caller looked into the
    // source under its lock before, so that a refill that emptied it is seen.
    [[nodiscard]] bool may_hold(std::uint32_t active) {
        for (std::uint32_t s = 0; s != active; ++s) {
            if (!gate_.is_outside(at(slot_index{s}).gate)) return true;
            for (unsigned bin = 0; bin != bins::count; ++bin)
                if (racy_count(slot_index{s}, bin) != 0) return true;
        }
        return false;
    }
    // Effects: in a fork child, asks the system for the barrier once more, which a child need not inherit. If there is
    // none now, the first `active` slots are guarded by their locks from now on. Requires: no other thread.
    void restart(std::uint32_t active) {
        if (needs_lock()) return;
        gate_.start();
        for (std::uint32_t s = 0; s != active && needs_lock(); ++s)
            gate_.claim(at(slot_index{s}).gate, gate_claim::locked);
    }
    // Effects: a slot starts with the claim.
    void claim(slot_index s, gate_claim why) { gate_.claim(at(s).gate, why); }
    // Effects: the owner gives back all that its slot holds. It does so inside the gate, where a signal handler on
    // the same thread stays out; a gate that is closed to it has nothing behind it. Requires: no drain at work.
    template <class Source>
    void hand_back(slot_index s, Source& source) {
        if (!gate_.enter_slow(at(s).gate)) return;
        take_out(at(s), filter{}, source);
        gate_.leave_slow(at(s).gate);
    }

    // Returns: runs in the magazines of the slot. Racy while its owner works.
    [[nodiscard]] std::uint32_t racy_count(slot_index s, unsigned bin) const {
        return magazine{at(s), bin}.count();
    }
    // Calls f(frame_index, order, migrate_type) for each cached run. Requires: inside drain's work().
    template <class F>
    void for_each(slot_index s, F f) const {
        for (unsigned bin = 0; bin != bins::count; ++bin)
            magazine{at(s), bin}.for_each(
                [&](frame_index i) { f(i, bins::order_of(bin), bins::type_of(bin)); });
    }

private:
    CORDON_ALWAYS_INLINE slot& at(slot_index s) const { return slots_[static_cast<std::int32_t>(s.raw())]; }
    // Effects: gives back the runs that the filter takes.
    template <class Source>
    static void take_out(slot& c, filter runs, Source& source) {
        for (unsigned bin = 0; bin != bins::count; ++bin)
            magazine{c, bin}.take_out(runs, source);
    }
    // Effects: the owner does first what a drainer asks of it. Returns: whether it is inside.
    template <class Source>
    [[nodiscard]] bool enter_slow(slot& c, Source& source) {
        return help_and_enter(gate_, c, [&](slot& asked) { take_out(asked, asked_.runs(), source); });
    }

    // Where no zone could be made the slots are these: empty for ever, so that each allocation goes its slow way and
    // finds the error there. A free does, too, where a state byte tells or they are closed. Zero bytes until then.
    static inline slot nowhere_[slot_count]{};

    // What the owners are asked to give back. An owner that was slow, and reads what the next drainer asks, or a mix of
    // both, gives back what nobody needs: no harm.
    struct asked_runs {
        typename Policy::atomics::template atomic<std::uint32_t> first;
        typename Policy::atomics::template atomic<std::uint32_t> last;
        [[nodiscard]] filter runs() const {
            return filter::of_words(first.load(std::memory_order_relaxed),
                                    last.load(std::memory_order_relaxed));
        }
    };

    slot* slots_ = nowhere_ + 1;
    [[no_unique_address]] gate gate_;
    asked_runs asked_{};
};

} // namespace cordon::inline v0
