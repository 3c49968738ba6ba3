// cordon/lru/frames.hpp - lru_frames: what is done to one frame: claim, put back, pin, move, evict.
// SPDX-License-Identifier: BSL-1.0
//
// The rules are in policy.hpp. Each member says what it does to the word; a member that changes lists takes the
// section that holds, or will hold, the group's lock.
#pragma once

#include "cordon/lru/base.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_frames : public lru_base<R, P> {
    using base = lru_base<R, P>;

public:
    using typename base::group;
    using typename base::lists_type;
    using typename base::section;
    using typename base::view;

    static constexpr std::size_t frames_per_hold = 32;

    // ---- claim ----

    // Returns: ok, the frame is the caller's and `before` is what its word said; absent, busy. Locks: none.
    [[nodiscard]] status claim(frame_index i, state_word& before) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            before = state_word{raw};
            if (before.place() == lru_place::untracked) return status::absent;
            if (!before.claimable()) return status::busy;
            // (1) acquire: pairs with (2), (3)
            if (word.compare_exchange(raw, before.claimed().raw(), std::memory_order_acquire)) break;
        }
        note_claim(before);
        return status::ok;
    }
    // Effects: the claimed frame is off its list; `before` is its word before the claim.
    void detach(section& hold, frame_index i, state_word before) {
        if (!lists_type::unlinks || before.place() != lru_place::listed) return;
        hold.enter(before.group());
        unlink(hold, i, before);
    }

    [[nodiscard]] status isolate(frame_index i) {
        state_word before;
        if (const status e = claim(i, before); e != status::ok) return e;
        section hold{*this};
        detach(hold, i, before);
        return status::ok;
    }
    // Returns: how many of `in` were isolated; they are in `out`. Requires: out is not smaller. Cost: one hold of the
    // lock for each group in 32 frames.
    std::size_t isolate(std::span<const frame> in, std::span<frame> out) {
        std::size_t done = 0;
        for (std::size_t at = 0; at < in.size(); at += frames_per_hold) {
            const std::size_t end = at + frames_per_hold < in.size() ? at + frames_per_hold : in.size();
            done += isolate_some(in.subspan(at, end - at), out.data() + done);
        }
        return done;
    }

    // ---- put back ----

    // Effects: the claimed frame goes back to its list, or, if it is pinned, becomes unevictable. Returns: ok;
    // not_isolated, absent. Locks: the group's, unless the hold has it.
    status put_back(section& hold, frame_index i, putback_at at) {
        if (const status e = cull_claimed(i); e != status::busy) return e;
        hold.enter(this->peek(i).group());
        // Of two that put back one frame the second sees it here.
        const state_word w = this->peek(i);
        if (w.place() != lru_place::isolated) return status::not_isolated;
        link_back(hold, i, w, at);
        return status::ok;
    }
    // The same into another group. Returns: also invalid_argument, nothing changed.
    status put_back_to(section& hold, frame_index i, group_id to, putback_at at) {
        const state_word w = this->peek(i);
        if (w.place() != lru_place::isolated)
            return w.place() == lru_place::untracked ? status::absent : status::not_isolated;
        if (!this->is_live(to)) return status::invalid_argument;
        hold.enter(to);
        if (this->route_of(hold.id()).what() != group_route::kind::live) return status::invalid_argument;
        rebase(i, w.group(), hold.id());
        if (w.pins() != 0 && settle_pinned(i, hold.id())) return status::ok;
        view seen{*this, hold.id()};
        set_age(seen, i, at);
        const list_place where = this->replacement_.insert(seen, i, arrival{});
        link(hold, i, w, at == putback_at::tail ? list_place{where.list, list_end::oldest} : where);
        return status::ok;
    }

    // Effects: moves the frame if nobody has claimed it; pins stay. Returns: ok, absent, busy, invalid_argument.
    status move_to(frame_index i, group_id to) {
        if (!this->is_live(to)) return status::invalid_argument;
        state_word before;
        if (const status e = claim_pinned_too(i, before); e != status::ok) return e;
        section hold{*this};
        leave_group(hold, i, before);
        const status e = put_back_to(hold, i, to, putback_at::automatic);
        if (e != status::ok) (void)put_back(hold, i, putback_at::automatic);
        return e;
    }

    // Effects: a frame that nobody has claimed is reclaimed next.
    void deactivate(frame_index i) {
        if (isolate(i) != status::ok) return;
        section hold{*this};
        (void)put_back(hold, i, putback_at::tail);
    }
    // Effects: the touches of the frame so far do not count.
    void forget_touches(frame_index i) {
        const std::uint8_t clock = this->clock_of(this->peek(i).group());
        this->age_of(i).store(this->replacement_.cold(clock), std::memory_order_relaxed);
    }

    // ---- pins ----

    // Effects: one more pin: no claim for reclaim succeeds from now on. Returns: ok; absent; no_memory if the count is
    // at its end. Locks: none.
    status pin(frame_index i) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.place() == lru_place::untracked) return status::absent;
            // One reference is left for a claimant.
            if (w.references() + 1 >= state_word::max_references) return status::no_memory;
            // (4) acquire: pairs with (2), (3)
            if (word.compare_exchange(raw, w.referenced().raw(), std::memory_order_acquire))
                return status::ok;
        }
    }
    // Effects: one pin less. Who takes the last one of an unevictable frame claims it in the same step, and links it.
    // Returns: ok; absent; invalid_argument if there is no pin.
    status unpin(frame_index i) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.place() == lru_place::untracked) return status::absent;
            if (w.pins() == 0) return status::invalid_argument;
            const bool last = w.pins() == 1 && w.place() == lru_place::unevictable;
            // The pin becomes the claimant's reference.
            const state_word after = last ? w.with(lru_place::isolated) : w.released();
            // (3) acq_rel: pairs with (1), (2), (4), (5), (8)
            if (!word.compare_exchange(raw, after.raw(), std::memory_order_acq_rel)) continue;
            if (!last) return status::ok;
            section hold{*this};
            return put_back(hold, i, putback_at::automatic);
        }
    }

    // ---- leave ----

    // Effects: the claimed frame is untracked. Returns: its token; not_isolated, absent; busy if it is pinned.
    result<lru_token> evict(section& hold, frame_index i) {
        const state_word w = this->peek(i);
        if (w.place() == lru_place::untracked) return status::absent;
        if (w.place() != lru_place::isolated) return status::not_isolated;
        if (w.pins() != 0) return status::busy;
        hold.enter(w.group());
        view seen{*this, hold.id()};
        const lru_token token{hold.id(), this->replacement_.evicted(seen, i)};
        if (!untrack(i)) return status::busy;
        group::bump(hold.self().count.evicted);
        return token;
    }
    // Effects: a frame that nobody has claimed is untracked. Returns: ok, absent, busy.
    status forget(frame_index i) {
        state_word before;
        if (const status e = claim(i, before); e != status::ok) return e;
        section hold{*this};
        detach(hold, i, before);
        if (untrack(i)) return status::ok;
        (void)put_back(hold, i, putback_at::automatic);
        return status::busy;
    }

    // Effects: `to`, which nobody tracks, is claimed in the stead of the claimed frame, which is untracked: same group,
    // age and list. Returns: ok; absent, not_isolated; busy if `from` is pinned or `to` is tracked. Locks: the group's, if the policy wants_keys.
    status transfer(frame_index from, frame_index to) {
        const state_word w = this->peek(from);
        if (w.place() != lru_place::isolated)
            return w.place() == lru_place::untracked ? status::absent : status::not_isolated;
        if (claim_new(to, lru_place::isolated, w.group()) != status::ok) return status::busy;
        this->age_of(to).store(this->age_of(from).load(std::memory_order_relaxed), std::memory_order_relaxed);
        const state_word fresh = this->peek(to);
        const unsigned mark = lists_type::with_list(fresh.mark(), lists_type::list_of(w.mark()));
        settle(to, fresh, fresh.with_mark(mark));
        if (!untrack(from)) {
            (void)untrack(to);
            return status::busy;
        }
        if constexpr (R::wants_keys) {
            section hold{*this};
            hold.enter(w.group());
            view seen{*this, hold.id()};
            this->replacement_.moved(seen, from, to);
        }
        return status::ok;
    }

    // ---- for batches and scans; with the lock of the frame's group ----

    // Effects: an untracked frame is the caller's. Returns: busy if it is tracked.
    [[nodiscard]] status claim_new(frame_index i, lru_place first, group_id g) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        if (state_word{raw}.place() != lru_place::untracked) return status::busy;
        this->age_of(i).store(this->replacement_.fresh(this->clock_of(g)), std::memory_order_relaxed);
        const std::uint32_t references = first == lru_place::isolated ? 1 : 0;
        const state_word w = state_word{first, g, references}.with_mark(state_word{raw}.mark());
        // (6) acq_rel: pairs with (1), (4), (5), (9)
        return word.compare_exchange(raw, w.raw(), std::memory_order_acq_rel) ? status::ok : status::busy;
    }
    // Effects: links a frame that is added and that the caller has claimed.
    void link_new(section& hold, const addition& a, state_word claimed) {
        view seen{*this, hold.id()};
        const lru_token token{a.token};
        arrival how{.known = token && this->same_group(token.group(), hold.id()),
                    .payload = token.payload(),
                    .key = a.key};
        auto& count = hold.self().count;
        group::bump(count.added);
        if (how.known) {
            group::bump(count.refaulted);
            const refault_info back = this->replacement_.refault(seen, how.payload);
            group::bump(count.by_distance[miss_curve::power_of(back.distance)]);
            if (back.activate) group::bump(count.activated);
        }
        link(hold, a.frame, claimed, this->replacement_.insert(seen, a.frame, how));
    }
    // Effects: a pinned frame that scans meet leaves its list. Returns: false if it is not as `w` says any more.
    [[nodiscard]] bool cull(frame_index i, state_word w) {
        std::uint32_t raw = w.raw();
        return this->word_of(i).compare_exchange(raw, w.with(lru_place::unevictable).raw(),
                                                 std::memory_order_relaxed);
    }
    // The same for what a scan keeps on another list, evicts, or finds with the id of an alias.
    [[nodiscard]] bool remark(frame_index i, state_word w, unsigned list) {
        std::uint32_t raw = w.raw();
        const unsigned mark = lists_type::with_list(w.mark(), list);
        return this->word_of(i).compare_exchange(raw, w.with_mark(mark).raw(), std::memory_order_relaxed);
    }
    [[nodiscard]] bool claim_as(frame_index i, state_word w) {
        std::uint32_t raw = w.raw();
        // (5) acquire: pairs with (2), (3), (6)
        return this->word_of(i).compare_exchange(raw, w.claimed().raw(), std::memory_order_acquire);
    }
    [[nodiscard]] bool adopt(frame_index i, state_word w, group_id to) {
        std::uint32_t raw = w.raw();
        const state_word after = w.with_group(to);
        if (!this->word_of(i).compare_exchange(raw, after.raw(), std::memory_order_relaxed)) return false;
        rebase(i, w.group(), to);
        return true;
    }
    // Effects: the frame's age, kept by one group's clock, means the same by another's.
    void rebase(frame_index i, group_id from, group_id to) {
        if (!R::ages_in_ticks || from == to) return;
        auto& age = this->age_of(i);
        const int shift = this->clock_of(to) - this->clock_of(from);
        age.store(static_cast<std::uint8_t>(age.load(std::memory_order_relaxed) + shift),
                  std::memory_order_relaxed);
    }
    // Effects: a claimed frame links and is free to be claimed. The lock is held, so who claims it next and wants to
    // unlink it waits until the list is whole.
    void link(section& hold, frame_index i, state_word claimed, list_place where) {
        const unsigned mark =
            this->lists_.push(this->list_at(hold.id(), where.list), i, where.end, claimed.mark());
        settle(i, claimed, claimed.with(lru_place::listed).with_mark(mark).with_group(hold.id()).released());
        const group_id g = hold.id();
        this->lists_.tidy(this->list_at(g, where.list), this->stale(g, where.list), [&](auto entry) {
            return this->is_current(g, where.list, entry, this->peek(frame_index{entry.frame}));
        });
    }
    // Effects: the claimed frame's word becomes `after`; pins that came since `before` was read stay.
    void settle(frame_index i, state_word before, state_word after) {
        // (2) release: pairs with (1), (3), (4), (5), (7), (8)
        this->word_of(i).fetch_add(after.raw() - before.raw(), std::memory_order_release);
    }
    [[nodiscard]] bool same_group(group_id a, group_id b) const {
        return a.raw() < this->groups_ && this->route_of(a).to() == this->route_of(b).to();
    }

protected:
    using base::base;

private:
    // Effects: what a claim leaves behind in a ring is counted where the word says; what it takes out of a batch is
    // counted.
    void note_claim(state_word before) {
        if (before.place() == lru_place::batched)
            this->group_of(this->route_of(before.group()).to())
                .count.stolen.fetch_add(1, std::memory_order_relaxed);
        if constexpr (!lists_type::unlinks)
            if (before.place() == lru_place::listed)
                lists_type::claimed(this->group_of(before.group()).lists[lists_type::list_of(before.mark())]);
    }
    void unlink(section& hold, frame_index i, state_word before) {
        if constexpr (lists_type::unlinks)
            this->lists_.unlink(this->list_at(hold.id(), lists_type::list_of(before.mark())), i);
    }
    std::size_t isolate_some(std::span<const frame> in, frame* out) {
        struct claimed_frame {
            frame_index index;
            state_word before;
        } claimed[frames_per_hold];
        std::size_t n = 0, out_n = 0;
        for (const frame f : in)
            if (const frame_index i = this->index_of(f); this->contains(i)) {
                this->prefetch(i);
                this->lists_.prefetch(i);
            }
        for (const frame f : in) {
            const frame_index i = this->index_of(f);
            state_word before;
            if (!this->contains(i) || claim(i, before) != status::ok) continue;
            out[out_n++] = f;
            if (lists_type::unlinks && before.place() == lru_place::listed) claimed[n++] = {i, before};
        }
        section hold{*this};
        while (n != 0) {
            hold.enter(claimed[0].before.group());
            std::size_t left = 0;
            for (std::size_t k = 0; k != n; ++k)
                if (hold.holds(claimed[k].before.group()))
                    unlink(hold, claimed[k].index, claimed[k].before);
                else
                    claimed[left++] = claimed[k];
            n = left;
        }
        return out_n;
    }

    // Returns: ok if the claimed frame was pinned and is unevictable now; busy if it is not pinned.
    status cull_claimed(frame_index i) {
        const state_word w = this->peek(i);
        if (w.place() == lru_place::untracked) return status::absent;
        if (w.place() != lru_place::isolated) return status::not_isolated;
        return w.pins() != 0 && settle_pinned(i, w.group()) ? status::ok : status::busy;
    }
    // Effects: the claimed frame becomes unevictable in that group, if it is still pinned when that happens.
    [[nodiscard]] bool settle_pinned(frame_index i, group_id g) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.pins() == 0) return false;
            const state_word after = w.with(lru_place::unevictable).with_group(g).released();
            // (7) acq_rel: pairs with (2), (3)
            if (word.compare_exchange(raw, after.raw(), std::memory_order_acq_rel)) return true;
        }
    }
    void link_back(section& hold, frame_index i, state_word claimed, putback_at at) {
        rebase(i, claimed.group(), hold.id());
        view seen{*this, hold.id()};
        set_age(seen, i, at);
        link(hold, i, claimed, this->replacement_.putback(seen, i, at));
    }
    void set_age(view& seen, frame_index i, putback_at at) {
        const std::uint8_t clock = seen.clock();
        if (at == putback_at::head) seen.set_age(i, this->replacement_.touched(seen.age(i), clock));
        if (at == putback_at::tail) seen.set_age(i, this->replacement_.cold(clock));
    }
    // Like claim, for frames that are pinned, too.
    [[nodiscard]] status claim_pinned_too(frame_index i, state_word& before) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            before = state_word{raw};
            if (before.place() == lru_place::untracked) return status::absent;
            if (before.place() == lru_place::isolated) return status::busy;
            // (8) acquire: pairs with (2), (3)
            if (word.compare_exchange(raw, before.claimed().raw(), std::memory_order_acquire)) break;
        }
        note_claim(before);
        return status::ok;
    }
    // Effects: the frame is off the lists of its group. An unevictable one may be in the hands of the scan that
    // culled it: it holds the lock until the frame is off.
    void leave_group(section& hold, frame_index i, state_word before) {
        if (before.place() == lru_place::batched) return;
        hold.enter(before.group());
        unlink(hold, i, before);
    }
    [[nodiscard]] bool untrack(frame_index i) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.pins() != 0) return false;
            // (9) release: pairs with (6)
            if (word.compare_exchange(raw, state_word{}.with_mark(w.mark()).raw(), std::memory_order_release))
                return true;
        }
    }
};

} // namespace cordon::inline v0
