// cordon/lru/batches.hpp - lru_batches: adding frames through the batches of threads, and draining them.
// SPDX-License-Identifier: BSL-1.0
//
// Locks, in the order in which they are taken: control lock (drains; making, merging and removing groups; one at a
// time), gate of a batch, group lock or slots' lock.
#pragma once

#include "cordon/core/time.hpp"
#include "cordon/local/drain.hpp"
#include "cordon/lru/frames.hpp"
#include "cordon/sync/guard.hpp"
#include "cordon/sync/timed_lock.hpp"

#include <atomic>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_batches : public lru_frames<R, P> {
    using base = lru_frames<R, P>;

public:
    using typename base::metadata;
    using typename base::section;
    using batch = typename metadata::batch;
    using control_guard = guard<typename P::isolation_lock>;
    using control_proof = held<typename P::isolation_lock>;

    // Returns: ok; busy if the frame is tracked, foreign_frame, invalid_argument if there is no such group, re_entered
    // in a signal handler that has interrupted its thread at work in its batch.
    status add(slot_index s, frame f, group_id g, lru_token token, std::uint64_t key) {
        const frame_index i = this->index_of(f);
        if (!this->contains(i)) return status::foreign_frame;
        if (g.raw() >= this->groups_) return status::invalid_argument;
        const addition a{i, token.raw(), key};
        status outcome = status::deferred;
        if (!inside(s, [&](batch& b) { outcome = add_batched(b, s, a, g); }) && is_entered(s))
            return status::re_entered;
        return outcome == status::deferred ? add_now(a, g) : outcome;
    }

    // Effects: the frames that the slot's owner has added are on their lists.
    void flush(slot_index s) {
        if (!s.is_none() && batch_at(s.raw()).size() != 0) inside(s, [&](batch& b) { empty(b); });
    }
    // Requires: no error.
    [[nodiscard]] bool is_entered(slot_index s) const {
        return !s.is_none() && gate_.is_entered(batch_at(s.raw()).gate);
    }
    [[nodiscard]] auto& control_lock() { return control_lock_; }
    // Returns: whether a batch holds frames, or looks so.
    [[nodiscard]] bool any_batched() const {
        for (std::uint32_t s = 0; s != active_slots(); ++s)
            if (batch_at(s).size() != 0) return true;
        return false;
    }
    // Effects: empties all batches. When it returns, every add that had begun has ended or will see what the caller wrote
    // before. Returns: ok; barrier_refused, timed_out. Requires: the caller is not inside its own batch. Cost: one
    // barrier, and the batched frames.
    status drain(control_proof, std::uint64_t until_ns) {
        return drain_by_asking(gate_, active_batches(), until_ns, [this](batch& b) { empty(b); });
    }
    // Returns: ok; barrier_refused, timed_out, re_entered.
    status drain(deadline limit) {
        if (error_ != status::ok) return error_;
        if (is_entered(P::thread_slots::peek())) return status::re_entered;
        const std::uint64_t until = limit.from(P::clock::now());
        if (!lock_until<typename P::clock, typename P::backoff>(control_lock_, until))
            return status::timed_out;
        const control_guard control{control_lock_, adopt_lock};
        return drain(control.proof(), until);
    }
    // Effects: empties and closes all batches until enable_batches; nests.
    status disable_batches(control_proof proof, std::uint64_t until_ns) {
        bool first = false;
        with_slots_lock([&] { first = this->parts_.head->disabled++ == 0; });
        const auto take_out = [this](batch& b) { empty(b); };
        const status outcome = first ? drain_by_claiming(gate_, active_batches(), gate_claim::disabled,
                                                         until_ns, take_out, [] {})
                                     : status::ok;
        if (outcome != status::ok) enable_batches(proof);
        return outcome;
    }
    void enable_batches(control_proof) {
        with_slots_lock([&] {
            if (--this->parts_.head->disabled != 0) return;
            for (std::uint32_t s = 0; s != active_slots(); ++s)
                gate_.release(batch_at(s).gate, gate_claim::disabled);
        });
    }

protected:
    explicit lru_batches(const R& replacement) : base(replacement) {}

    // Effects: without a heavy barrier every batch is guarded by its lock.
    void start_gate() {
        gate_.start();
        if (!gate_.needs_lock()) return;
        for (std::uint32_t s = 0; s != P::thread_slots::max_slots; ++s)
            gate_.claim(batch_at(s).gate, gate_claim::locked);
    }
    [[nodiscard]] batch& batch_at(std::uint32_t s) const { return this->parts_.batches[s]; }
    [[nodiscard]] std::uint32_t active_slots() const {
        return error_ == status::ok ? this->parts_.head->active_slots.load(std::memory_order_relaxed) : 0;
    }

    using base::error_;

    alignas(cache_line_bytes) typename P::isolation_lock control_lock_;
    alignas(cache_line_bytes) group_lock_t<P> slots_lock_;
    [[no_unique_address]] mutable typename P::gate gate_;

private:
    // Effects: calls f(batch) inside the gate. Returns: false if it is closed, or if there is no slot.
    template <class F>
    CORDON_ALWAYS_INLINE bool inside(slot_index s, F f) {
        if (s.is_none()) return false;
        batch& b = batch_at(s.raw());
        if (gate_.try_enter(b.gate)) [[likely]] {
            f(b);
            gate_.leave(b.gate);
            return true;
        }
        if (!enter_slow(b)) return false;
        f(b);
        gate_.leave_slow(b.gate);
        return true;
    }
    // Effects: the owner does first what a drainer asks of it. Returns: whether it is inside.
    CORDON_NO_INLINE bool enter_slow(batch& b) {
        return help_and_enter(gate_, b, [this](batch& asked) { empty(asked); });
    }
    // Returns: deferred if the slot may not be used now.
    status add_batched(batch& b, slot_index s, const addition& a, group_id g) {
        if (b.active == 0) {
            if (!activate(s)) return status::deferred;
            b.active = 1;
        }
        const group_route route = this->follow(g);
        if (route.what() != group_route::kind::live) return status::invalid_argument;
        if (b.size() == batch::capacity) empty(b);
        if (const status e = this->claim_new(a.frame, lru_place::batched, route.to()); e != status::ok)
            return e;
        b.push(a);
        return status::ok;
    }
    status add_now(const addition& a, group_id g) {
        if (!this->is_live(g)) return status::invalid_argument;
        section hold{*this};
        hold.enter(g);
        if (this->route_of(hold.id()).what() != group_route::kind::live) return status::invalid_argument;
        if (const status e = this->claim_new(a.frame, lru_place::isolated, hold.id()); e != status::ok)
            return e;
        this->link_new(hold, a, this->peek(a.frame));
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
    [[nodiscard]] std::span<batch> active_batches() {
        std::uint32_t active = 0;
        with_slots_lock([&] { active = active_slots(); });
        return {this->parts_.batches, active};
    }
    // Effects: links what the batch holds, in the order in which it was added. Claimed first, then locked: groups are
    // stable. Of a frame that has left and come again the last entry is claimed; if that is in another batch, the one that is
    // emptied first: its token and key may be those of the frame's earlier content. Requires: inside its gate.
    void empty(batch& b) {
        const std::uint32_t n = b.size();
        std::uint32_t claimed = 0; // a bit for each entry
        for (std::uint32_t k = n; k-- != 0;)
            claimed |= std::uint32_t{claim_batched(b.at(k).frame)} << k;
        section hold{*this};
        for (std::uint32_t k = 0; k != n; ++k)
            if ((claimed >> k & 1) != 0) link_batched(hold, b.at(k));
        b.clear();
    }
    // Returns: false if the frame was stolen.
    [[nodiscard]] bool claim_batched(frame_index i) {
        for (;;) {
            const state_word w = this->peek(i);
            if (w.place() != lru_place::batched) return false; // stolen
            if (this->claim_as(i, w)) return true;
        }
    }
    void link_batched(section& hold, const addition& a) {
        const state_word w = this->peek(a.frame);
        hold.enter(w.group());
        this->link_new(hold, a, this->adopt_claimed(hold, a.frame, w));
    }
};

} // namespace cordon::inline v0
