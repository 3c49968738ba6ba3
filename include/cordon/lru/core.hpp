// cordon/lru/core.hpp - lru_core: adding frames through batches, draining them, and making and merging groups.
// SPDX-License-Identifier: BSL-1.0
//
// Locks, in the order in which they are taken: control lock (drainers, and who makes, merges and removes groups, one
// at a time), gate of a batch, group lock or slots' lock.
#pragma once

#include "cordon/core/time.hpp"
#include "cordon/lru/frames.hpp"
#include "cordon/sync/guard.hpp"
#include "cordon/sync/timed_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_core : public lru_frames<R, P> {
    using base = lru_frames<R, P>;

public:
    using typename base::group;
    using typename base::lists_type;
    using typename base::metadata;
    using typename base::section;
    using typename base::view;
    using batch = typename metadata::batch;
    using control_guard = guard<typename P::isolation_lock>;
    using control_proof = held<typename P::isolation_lock>;

    [[nodiscard]] static std::size_t metadata_bytes(const lru_options& options, const R& replacement) {
        return base::check(options) == status::ok ? metadata{nullptr, options, replacement}.bytes() : 0;
    }
    // Effects: an LRU over `memory`, zero bytes aligned to a cache line; or over memory of the policy's own source.
    lru_core(std::span<std::byte> memory, const lru_options& options, const R& replacement)
        : base(replacement), listener_(&on_thread_exit, &on_fork, this) {
        this->make(memory, options);
        if (error_ == status::ok) {
            gate_.start();
            if (gate_.needs_lock())
                for (std::uint32_t s = 0; s != P::thread_slots::max_slots; ++s)
                    gate_.claim(batch_at(s).gate, gate_claim::locked);
            open_group(root_group);
        }
        P::thread_slots::attach(listener_);
    }
    ~lru_core() { P::thread_slots::detach(listener_); }

    // ---- add and touch ----

    // Returns: ok; busy if the frame is tracked, foreign_frame, invalid_argument if there is no such group, re_entered
    // in a signal handler that has interrupted its thread at work in its batch.
    status add(slot_index s, frame f, group_id g, lru_token token, std::uint64_t key) {
        const frame_index i = this->index_of(f);
        if (!this->contains(i)) return status::foreign_frame;
        if (g.raw() >= this->groups_) return status::invalid_argument;
        const addition a{i, token.raw(), key};
        status outcome = status::deferred;
        if (!inside(s, [&](batch& b) { outcome = add_batched(b, s, a, g); }) && is_inside(s))
            return status::re_entered;
        return outcome == status::deferred ? add_now(a, g) : outcome;
    }

    CORDON_ALWAYS_INLINE void touch(frame_index i) {
        if (!this->contains(i)) [[unlikely]]
            return;
        std::uint8_t clock = 0;
        if constexpr (R::uses_clock) clock = this->clock_of(this->peek(i).group());
        touch_at(i, clock);
    }
    // The same without a look at the word. Requires: the frame is in the group, and the group exists.
    CORDON_ALWAYS_INLINE void touch(frame_index i, group_id g) {
        if (!this->contains(i)) [[unlikely]]
            return;
        std::uint8_t clock = 0;
        if constexpr (R::uses_clock) clock = this->clock_of(g);
        touch_at(i, clock);
    }

    // ---- batches ----

    // Effects: the frames that the slot's owner has added are on their lists.
    void flush(slot_index s) {
        if (!s.is_none() && batch_at(s.raw()).size() != 0) inside(s, [&](batch& b) { empty(b); });
    }
    [[nodiscard]] bool is_inside(slot_index s) const {
        return !s.is_none() && this->error_ == status::ok && gate_.is_inside(batch_at(s.raw()).gate);
    }
    [[nodiscard]] auto& control_lock() { return control_lock_; }
    // Returns: whether a batch holds frames, or looks so.
    [[nodiscard]] bool any_batched() const {
        for (std::uint32_t s = 0; s != active_slots(); ++s)
            if (batch_at(s).size() != 0) return true;
        return false;
    }
    // Effects: empties all batches; with all of them closed, calls work(). When it returns, every add that had begun
    // has ended or will see what the caller wrote before. Returns: ok; barrier_refused, timed_out: work() not called.
    // Requires: the caller is not inside its own batch. Cost: one barrier, and the batched frames.
    template <class Work>
    status drain(control_proof, gate_claim why, std::uint64_t until_ns, Work work) {
        std::uint32_t active = 0;
        with_slots_lock([&] { active = active_slots(); });
        for (std::uint32_t s = 0; s != active; ++s)
            gate_.claim(batch_at(s).gate, why);
        status outcome = gate_.barrier() ? status::ok : status::barrier_refused;
        for (std::uint32_t s = 0; s != active && outcome == status::ok; ++s) {
            batch& b = batch_at(s);
            if (!gate_.wait(b.gate, until_ns)) {
                outcome = status::timed_out;
                break;
            }
            empty(b);
            gate_.done(b.gate);
        }
        if (outcome == status::ok) work();
        if (outcome != status::ok || why == gate_claim::draining) release(active, why);
        return outcome;
    }
    // Returns: ok; barrier_refused, timed_out, re_entered.
    template <class Work>
    status drain(deadline limit, Work work) {
        if (error_ != status::ok) return error_;
        if (is_inside(P::thread_slots::peek())) return status::re_entered;
        const std::uint64_t until = limit.from(P::clock::now());
        if (!lock_until<typename P::clock, typename P::backoff>(control_lock_, until))
            return status::timed_out;
        const control_guard control{control_lock_, adopt_lock};
        return drain(control.proof(), gate_claim::draining, until, work);
    }
    // Effects: empties and closes all batches until enable_batches; nests.
    status disable_batches(control_proof proof, std::uint64_t until_ns) {
        bool first = false;
        with_slots_lock([&] { first = this->parts_.head->disabled++ == 0; });
        const status outcome = first ? drain(proof, gate_claim::disabled, until_ns, [] {}) : status::ok;
        if (outcome != status::ok) enable_batches(proof);
        return outcome;
    }
    void enable_batches(control_proof) {
        with_slots_lock([&] {
            if (--this->parts_.head->disabled == 0) release(active_slots(), gate_claim::disabled);
        });
    }

    // ---- groups ----

    // Returns: a new group; no_memory if there are as many as the options allow.
    result<group_id> create_group() {
        if (error_ != status::ok) return error_;
        if (is_inside(P::thread_slots::peek())) return status::re_entered;
        const control_guard control{control_lock_};
        group_id g = free_group();
        if (g == root_group && recycle(control.proof())) g = free_group();
        if (g == root_group) return status::no_memory;
        open_group(g);
        return g;
    }
    // Returns: ok; busy if frames are in it; invalid_argument for the root group and for what is no group;
    // barrier_refused. Requires: nobody adds to it or moves to it meanwhile. Cost: one barrier, O(frames).
    status remove_group(group_id g) {
        if (error_ != status::ok) return error_;
        if (is_inside(P::thread_slots::peek())) return status::re_entered;
        const control_guard control{control_lock_};
        if (!is_own(g) || g == root_group) return status::invalid_argument;
        if (this->total(g) != 0) return status::busy;
        this->set_route(g, {group_route::kind::closing, g});
        status outcome = drain(control.proof(), gate_claim::draining, UINT64_MAX, [] {});
        if (outcome == status::ok && is_used(g)) outcome = status::busy;
        if (outcome == status::ok)
            close_group(g);
        else
            this->set_route(g, {group_route::kind::live, g});
        return outcome;
    }
    // Effects: the frames of `from` are in `into`, as its newest; the id `from` leads there, and is given out again
    // when no frame bears it. Returns: ok; invalid_argument. Locks: first the one group's, then the other's.
    // Cost: O(1).
    status merge_groups(group_id from, group_id into) {
        if (error_ != status::ok) return error_;
        const control_guard control{control_lock_};
        if (!is_own(from) || from == root_group || !this->is_live(into)) return status::invalid_argument;
        into = this->route_of(into).to();
        if (into == from) return status::invalid_argument;
        group& source = this->group_of(from);
        std::uint32_t aliases = 0;
        section hold{*this};
        // From here on the lists of `from` are under the lock of `into`. Its claimants that come meanwhile find theirs
        // linked among strangers, and unlink them all the same.
        hold.enter(from);
        aliases = source.next_alias;
        source.next_alias = 0;
        this->set_route(from, {group_route::kind::alias, into});
        for (std::uint32_t a = aliases; a != 0; a = this->group_of(group_id{a}).next_alias)
            this->set_route(group_id{a}, {group_route::kind::alias, into});
        hold.leave();
        hold.enter(into);
        for (unsigned list = 0; list != R::lists; ++list)
            this->lists_.splice(this->list_at(from, list), this->list_at(into, list));
        group& target = hold.self();
        source.next_alias = target.next_alias;
        target.next_alias = from.raw();
        group* last = &source;
        while (last->next_alias != 0)
            last = &this->group_of(group_id{last->next_alias});
        last->next_alias = aliases;
        return status::ok;
    }
    // Returns: whether the id is that of a group, not one that leads to another.
    [[nodiscard]] bool is_own(group_id g) const {
        return g.raw() < this->groups_ && this->route_of(g).what() == group_route::kind::live;
    }
    // Effects: the group is a tick older.
    status age(group_id g) {
        if (error_ != status::ok) return error_;
        if (!this->is_live(g)) return status::invalid_argument;
        {
            section hold{*this};
            hold.enter(g);
            view seen{*this, hold.id()};
            this->replacement_.tick(seen);
        }
        clamp_if_due(g);
        return status::ok;
    }
    // Effects: after a scan or a tick, ages that are about to wrap are clamped. Locks: none.
    void clamp_if_due(group_id g) {
        if constexpr (R::ages_in_ticks) {
            const group_id at = this->route_of(g).to();
            auto& due = this->group_of(at).clamp_due;
            if (due.load(std::memory_order_relaxed) != 0 && due.exchange(0, std::memory_order_relaxed) != 0)
                this->clamp(at);
        }
    }

    // ---- ghosts ----

    void remember(std::uint64_t key, lru_token token) { this->ghosts_.remember(key, token); }
    [[nodiscard]] lru_token recall(std::uint64_t key, group_id g) { return this->ghosts_.take(key, g); }
    [[nodiscard]] refault_info refault(lru_token token) {
        if (!token || error_ != status::ok || !this->is_live(token.group())) return {};
        section hold{*this};
        hold.enter(token.group());
        const view seen{*this, hold.id()};
        return this->replacement_.refault(seen, token.payload());
    }

private:
    [[nodiscard]] batch& batch_at(std::uint32_t s) const { return this->parts_.batches[s]; }
    [[nodiscard]] std::uint32_t active_slots() const {
        return error_ == status::ok ? this->parts_.head->active_slots.load(std::memory_order_relaxed) : 0;
    }

    // ---- touch ----

    CORDON_ALWAYS_INLINE void touch_at(frame_index i, std::uint8_t clock) {
        auto& cell = this->age_of(i);
        const std::uint8_t before = cell.load(std::memory_order_relaxed);
        const std::uint8_t after = this->replacement_.touched(before, clock);
        if (after != before) cell.store(after, std::memory_order_relaxed);
        if constexpr (R::relinks)
            if (this->replacement_.relink(before, clock)) [[unlikely]]
                relink(i);
    }
    CORDON_COLD void relink(frame_index i) {
        if (this->peek(i).place() == lru_place::batched) flush(P::thread_slots::peek());
        section hold{*this};
        const state_word w = hold.enter_of(i);
        if constexpr (lists_type::unlinks)
            if (w.place() == lru_place::listed)
                this->lists_.renew(this->list_at(hold.id(), lists_type::list_of(w.mark())), i);
    }

    // ---- add ----

    // Effects: calls f(batch) inside the gate. Returns: false if it is closed, or if there is no slot.
    template <class F>
    CORDON_ALWAYS_INLINE bool inside(slot_index s, F f) {
        if (s.is_none() || error_ != status::ok) return false;
        batch& b = batch_at(s.raw());
        if (gate_.try_enter(b.gate)) [[likely]] {
            f(b);
            gate_.leave(b.gate);
            return true;
        }
        if (!gate_.enter_slow(b.gate)) return false;
        f(b);
        gate_.leave_slow(b.gate);
        return true;
    }
    // Returns: deferred if the slot may not be used now.
    status add_batched(batch& b, slot_index s, const addition& a, group_id g) {
        if (b.active == 0) {
            if (!activate(s)) return status::deferred;
            b.active = 1;
        }
        const group_route route = this->route_of(g);
        if (route.what() == group_route::kind::free || route.what() == group_route::kind::closing)
            return status::invalid_argument;
        if (b.size() == batch::capacity) empty(b);
        if (const status e = this->claim_new(a.frame, lru_place::batched, route.to()); e != status::ok)
            return e;
        b.push(a);
        return status::ok;
    }
    status add_now(const addition& a, group_id g) {
        if (error_ != status::ok) return error_;
        if (!this->is_live(g)) return status::invalid_argument;
        section hold{*this};
        hold.enter(g);
        if (this->route_of(hold.id()).what() != group_route::kind::live) return status::invalid_argument;
        if (const status e = this->claim_new(a.frame, lru_place::isolated, hold.id()); e != status::ok)
            return e;
        this->link_new(hold, a, state_word{lru_place::isolated, hold.id(), 1});
        return status::ok;
    }
    // Effects: the slot is drained from now on. Returns: false while disable_batches is in force.
    bool activate(slot_index s) {
        bool open = false;
        with_slots_lock([&] {
            const std::uint32_t before = active_slots();
            if (this->parts_.head->disabled != 0)
                for (std::uint32_t at = before; at <= s.raw(); ++at)
                    gate_.claim(batch_at(at).gate, gate_claim::disabled);
            if (s.raw() >= before)
                this->parts_.head->active_slots.store(s.raw() + 1, std::memory_order_relaxed);
            open = this->parts_.head->disabled == 0;
        });
        return open;
    }
    template <class F>
    void with_slots_lock(F f) {
        const guard<group_lock_t<P>> section_of_slots{slots_lock_};
        f();
    }
    void release(std::uint32_t active, gate_claim why) {
        for (std::uint32_t s = 0; s != active; ++s)
            gate_.release(batch_at(s).gate, why);
    }
    // Effects: links what the batch holds, in the order in which it was added. Requires: inside its gate.
    void empty(batch& b) {
        section hold{*this};
        const std::uint32_t n = b.size();
        for (std::uint32_t k = 0; k != n; ++k)
            link_batched(hold, b.at(k));
        b.clear();
    }
    void link_batched(section& hold, const addition& a) {
        for (;;) {
            const state_word w = this->peek(a.frame);
            if (w.place() != lru_place::batched) return; // stolen
            if (w.references() != 0) {
                if (this->cull(a.frame, w)) return;
                continue;
            }
            // Claimed first, then locked: the group is stable.
            if (!this->claim_as(a.frame, w)) continue;
            hold.enter(w.group());
            this->link_new(hold, a, w.claimed());
            return;
        }
    }

    // ---- groups ----

    // Returns: an id that is not in use; the root group if there is none.
    [[nodiscard]] group_id free_group() const {
        for (std::uint32_t g = 1; g < this->groups_; ++g)
            if (this->route_of(group_id{g}).what() == group_route::kind::free) return group_id{g};
        return root_group;
    }
    void open_group(group_id g) {
        group& self = this->group_of(g);
        self.make_lock();
        this->set_route(g, {group_route::kind::live, g});
    }
    // Effects: the id is free, and its group as if it had never been. Requires: no frame bears it, nobody has it.
    void close_group(group_id g) {
        for (std::uint32_t a = this->group_of(g).next_alias; a != 0;) {
            const group_id alias{a};
            a = this->group_of(alias).next_alias;
            wipe(alias);
        }
        wipe(g);
    }
    void wipe(group_id g) {
        group& self = this->group_of(g);
        using lock_type = typename group::lock_type;
        self.lock().~lock_type();
        std::byte* const bytes = reinterpret_cast<std::byte*>(&self);
        for (std::size_t n = 0; n != sizeof(group); ++n)
            bytes[n] = std::byte{0};
    }
    // Returns: whether a frame bears the id, or that of one that leads to it. Cost: O(frames).
    [[nodiscard]] bool is_used(group_id g) const {
        for (std::uint32_t n = 0; n != this->frames_; ++n) {
            const state_word w = this->peek(frame_index{n});
            if (w.place() != lru_place::untracked && this->route_of(w.group()).to() == g) return true;
        }
        return false;
    }
    // Effects: frames that bear the id of a merged group get that of the one that they are in; ids that none bears
    // then are free. Returns: whether one is. Cost: one barrier, O(frames).
    bool recycle(control_proof proof) {
        // Behind the barrier nobody adds with an id that was redirected before.
        if (drain(proof, gate_claim::draining, UINT64_MAX, [] {}) != status::ok) return false;
        bool any = false;
        for (std::uint32_t g = 1; g < this->groups_; ++g) {
            const group_id alias{g};
            if (this->route_of(alias).what() != group_route::kind::alias || !rename(alias)) continue;
            section hold{*this};
            hold.enter(alias);
            group* before = &hold.self();
            while (before->next_alias != g)
                before = &this->group_of(group_id{before->next_alias});
            before->next_alias = this->group_of(alias).next_alias;
            for (unsigned list = 0; list != R::lists; ++list)
                lists_type::absorb_stale(this->group_of(alias).lists[list], hold.self().lists[list]);
            hold.leave();
            wipe(alias);
            any = true;
        }
        return any;
    }
    // Effects: no unclaimed frame bears the id. Returns: whether no claimed one does either.
    bool rename(group_id alias) {
        for (std::uint32_t n = 0; n != this->frames_; ++n) {
            const frame_index i{n};
            if (this->peek(i).group() != alias) continue;
            section hold{*this};
            state_word w = hold.enter_of(i);
            while (w.place() != lru_place::untracked && w.group() == alias) {
                if (w.place() == lru_place::isolated) return false;
                std::uint32_t raw = w.raw();
                if (this->word_of(i).compare_exchange(raw, w.with_group(hold.id()).raw(),
                                                      std::memory_order_relaxed)) {
                    this->rebase(i, alias, hold.id());
                    break;
                }
                w = state_word{raw};
            }
        }
        return true;
    }

    static void on_thread_exit(void* self, slot_index s) noexcept {
        auto& engine = *static_cast<lru_core*>(self);
        if (s.raw() < engine.active_slots()) engine.flush(s);
    }
    static void on_fork(void* self, fork_phase phase, slot_index) noexcept;

    using base::error_;

    mutable typename P::gate gate_;
    alignas(cache_line_bytes) typename P::isolation_lock control_lock_;
    alignas(cache_line_bytes) group_lock_t<P> slots_lock_;
    typename P::thread_slots::listener listener_;
    bool fork_quiesced_ = false;
};

// A fork takes the LRU at rest: every batch empty and closed, every lock held by the forking thread, so that the child's
// lists are whole. It is the one place that holds more than one group lock; it tries for each, so that no order of them
// can be wrong. Frames that other threads had claimed stay claimed in the child.
template <replacement_policy R, lru_policy P>
void lru_core<R, P>::on_fork(void* self, fork_phase phase,
                             slot_index) noexcept CORDON_NO_THREAD_SAFETY_ANALYSIS {
    auto& engine = *static_cast<lru_core*>(self);
    if (engine.error_ != status::ok) return;
    const auto for_each_group = [&](auto f) {
        for (std::uint32_t g = 0; g != engine.groups_; ++g)
            if (engine.route_of(group_id{g}).what() != group_route::kind::free)
                f(engine.group_of(group_id{g}));
    };
    if (phase == fork_phase::prepare) {
        engine.control_lock_.lock();
        {
            const control_guard control{engine.control_lock_, adopt_lock};
            engine.fork_quiesced_ = engine.disable_batches(control.proof(), UINT64_MAX) == status::ok;
        }
        engine.control_lock_.lock();
        engine.slots_lock_.lock();
        for_each_group([](group& g) {
            typename P::backoff wait;
            while (!g.lock().try_lock())
                wait();
        });
        return;
    }
    const bool is_child = phase == fork_phase::child;
    // Threads that waited for a lock are gone, and must not be waited for.
    for_each_group([&](group& g) { is_child ? g.make_lock() : g.lock().unlock(); });
    engine.slots_lock_.unlock();
    engine.control_lock_.unlock();
    if (is_child) {
        for (std::uint32_t s = 0; s != P::thread_slots::max_slots; ++s)
            if (!engine.gate_.is_outside(engine.batch_at(s).gate))
                engine.gate_.abandon(engine.batch_at(s).gate);
        ::new (&engine.slots_lock_) group_lock_t<P>;
        ::new (&engine.control_lock_) typename P::isolation_lock;
    }
    if (!engine.fork_quiesced_) return;
    const control_guard control{engine.control_lock_};
    engine.enable_batches(control.proof());
}

} // namespace cordon::inline v0
