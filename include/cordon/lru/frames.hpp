// cordon/lru/frames.hpp - lru_frames: what is done to one frame: claim, put back, pin, move, evict.
// SPDX-License-Identifier: BSL-1.0
//
// The rules are in policy.hpp. Each member says what it does to the word; a member that changes lists takes the
// section that holds, or will hold, the group's lock.
#pragma once

#include "cordon/lru/words.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_frames : public lru_words<R, P> {
    using base = lru_words<R, P>;

public:
    using typename base::group;
    using typename base::lists_type;
    using typename base::section;
    using typename base::view;

    static constexpr std::size_t frames_per_hold = 32;

    // ---- isolate ----

    // Effects: the claimed frame is off its list, or what it leaves behind there is counted; `before` is its word before the
    // claim. Locks: the group's, if the list has to change for that. An unevictable frame may be in the hands of the scan
    // that culled it: it holds the lock until the frame is off.
    void detach(section& hold, frame_index i, state_word before) {
        if (before.place() == lru_place::batched) return;
        const unsigned list = lists_type::list_of(before.mark());
        if constexpr (lists_type::unlinks) {
            hold.enter(before.group());
            this->lists_.unlink(this->list_at(hold.id(), list), i);
        } else if (before.place() == lru_place::listed) {
            leave_behind(hold, before.group(), list, 1);
        }
    }

    [[nodiscard]] status isolate(frame_index i) {
        state_word before;
        if (const status e = this->claim(i, before); e != status::ok) return e;
        section hold{*this};
        detach(hold, i, before);
        return status::ok;
    }
    // Returns: how many of `in` were isolated; they are in `out`, until it is full. Cost: one hold of the lock for each
    // group in 32 frames.
    std::size_t isolate(std::span<const frame> in, std::span<frame> out) {
        std::size_t done = 0;
        while (!in.empty() && done != out.size()) {
            const std::size_t room = out.size() - done;
            const std::size_t most = room < frames_per_hold ? room : frames_per_hold;
            const std::size_t some = in.size() < most ? in.size() : most;
            done += isolate_some(in.first(some), out.data() + done);
            in = in.subspan(some);
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
        state_word w = this->peek(i);
        if (w.place() != lru_place::isolated)
            return w.place() == lru_place::untracked ? status::absent : status::not_isolated;
        if (!this->is_live(to)) return status::invalid_argument;
        const bool is_young = is_young_at_home(hold, i, w);
        hold.enter(to);
        if (this->route_of(hold.id()).what() != group_route::kind::live) return status::invalid_argument;
        this->rebase(i, w.group(), hold.id());
        // When the ticks were that it has seen the new group does not know.
        if (is_young && w.group() != hold.id())
            this->age_of(i).store(this->replacement_.fresh(this->clock_of(hold.id())),
                                  std::memory_order_relaxed);
        if (w.pins() != 0 && this->settle_pinned(i, hold.id())) return status::ok;
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
        if (const status e = this->claim_pinned_too(i, before); e != status::ok) return e;
        section hold{*this};
        detach(hold, i, before);
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

    // Effects: one pin less. The caller that takes the last one of an unevictable frame links it. Returns: ok; absent;
    // invalid_argument if there is no pin.
    status unpin(frame_index i) {
        bool is_mine = false;
        const status s = this->drop_pin(i, is_mine);
        if (s != status::ok || !is_mine) return s;
        section hold{*this};
        return put_back(hold, i, putback_at::automatic);
    }

    // ---- leave ----

    // Effects: the claimed frame is untracked. Returns: its token; not_isolated, absent; busy if it is pinned.
    result<lru_token> evict(section& hold, frame_index i) {
        const state_word w = this->peek(i);
        if (w.place() == lru_place::untracked) return status::absent;
        if (w.place() != lru_place::isolated) return status::not_isolated;
        if (w.pins() != 0) return status::busy;
        hold.enter(w.group());
        (void)adopt_claimed(hold, i, w);
        view seen{*this, hold.id()};
        const lru_token token{hold.id(), this->replacement_.evicted(seen, i)};
        if (!this->untrack(i)) return status::busy;
        group::bump(hold.self().count.evicted);
        return token;
    }
    // Effects: a frame that nobody has claimed is untracked. Returns: ok, absent, busy.
    status forget(frame_index i) {
        state_word before;
        if (const status e = this->claim(i, before); e != status::ok) return e;
        section hold{*this};
        detach(hold, i, before);
        if (this->untrack(i)) return status::ok;
        (void)put_back(hold, i, putback_at::automatic);
        return status::busy;
    }

    // Effects: `to`, which nobody tracks, is claimed in the stead of the claimed frame, which is untracked: same group,
    // age and list. Returns: ok; absent, not_isolated; busy if `from` is pinned or `to` is tracked. Locks: the group's, so
    // that its id is not given out again while neither frame bears it.
    status transfer(frame_index from, frame_index to) {
        const state_word w = this->peek(from);
        if (w.place() != lru_place::isolated)
            return w.place() == lru_place::untracked ? status::absent : status::not_isolated;
        if (this->peek(to).place() != lru_place::untracked) return status::busy;
        section hold{*this};
        hold.enter(w.group());
        const state_word renamed = adopt_claimed(hold, from, w);
        // First the one leaves, then the other comes: so a stray pin of `to`, by a thread that believes it to hold another
        // page, finds it untracked until there is no way back.
        const std::uint8_t age = this->age_of(from).load(std::memory_order_relaxed);
        if (!this->untrack(from)) return status::busy;
        if (!stand_in(to, renamed, age)) { // somebody has just added it
            (void)stand_in(from, renamed, age);
            return status::busy;
        }
        view seen{*this, hold.id()};
        if constexpr (R::wants_keys) this->replacement_.moved(seen, from, to);
        return status::ok;
    }

    // ---- for batches and scans; with the lock of the frame's group ----

    // Effects: links a frame that is added and that the caller has claimed; a pinned one is unevictable until it is not.
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
        const list_place where = this->replacement_.insert(seen, a.frame, how);
        if (claimed.pins() != 0) { // where it goes when the last pin goes
            const state_word before = claimed;
            claimed = before.with_mark(lists_type::with_list(before.mark(), where.list));
            this->settle(a.frame, before, claimed);
            if (this->settle_pinned(a.frame, hold.id())) return;
        }
        link(hold, a.frame, claimed, where);
    }
    // Effects: links a claimed frame, which may then be claimed anew. The lock is held, so whoever claims it next and
    // wants to unlink it waits until the list is whole.
    void link(section& hold, frame_index i, state_word claimed, list_place where) {
        const unsigned mark =
            this->lists_.push(this->list_at(hold.id(), where.list), i, where.end, claimed.mark());
        this->settle(i, claimed,
                     claimed.with(lru_place::listed).with_mark(mark).with_group(hold.id()).released());
    }
    // Effects: throws the entries that claims have left behind out of the list, if they are many.
    void tidy(group_id g, unsigned list) {
        const auto at = this->list_at(g, list);
        this->lists_.tidy(at, [=, this, words = this->parts_.words](auto entry) {
            const state_word w{words[entry.frame].load(std::memory_order_relaxed)};
            if (w.group() != g) [[unlikely]]
                return this->is_current(g, list, entry, w);
            return lists_type::current(at, entry, w);
        });
    }
    // Effects: the claimed frame bears the id of the group that it is in, and its age is by that group's clock. Returns:
    // its word.
    state_word adopt_claimed(section& hold, frame_index i, state_word claimed) {
        if (claimed.group() == hold.id()) return claimed;
        const state_word renamed = claimed.with_group(hold.id());
        this->rebase(i, claimed.group(), hold.id());
        this->settle(i, claimed, renamed);
        return renamed;
    }
    [[nodiscard]] bool same_group(group_id a, group_id b) const {
        return this->is_live(a) && this->root_of(a) == this->root_of(b);
    }

protected:
    using base::base;

private:
    // Effects: counts what claims have left behind in a list, and throws it out if that is too much now.
    void leave_behind(section& hold, group_id id, unsigned list, std::uint32_t claims) {
        if (!this->count_claims(id, list, claims)) return;
        hold.enter(id);
        tidy(hold.id(), list);
    }
    struct claimed_frame {
        frame_index index;
        state_word before;
    };
    std::size_t isolate_some(std::span<const frame> in, frame* out) {
        claimed_frame claimed[frames_per_hold];
        std::size_t n = 0, out_n = 0;
        for (const frame f : in)
            if (const frame_index i = this->index_of(f); this->contains(i)) {
                this->prefetch(i);
                this->lists_.prefetch(i);
            }
        for (const frame f : in) {
            const frame_index i = this->index_of(f);
            state_word before;
            if (!this->contains(i) || this->claim(i, before) != status::ok) continue;
            out[out_n++] = f;
            if (before.place() == lru_place::listed) claimed[n++] = {i, before};
        }
        section hold{*this};
        while (n != 0)
            n = detach_one_group(hold, {claimed, n});
        return out_n;
    }
    // Effects: as detach(), to those of the claimed frames that are in the group of the first. Returns: how many are left, at
    // the front.
    std::size_t detach_one_group(section& hold, std::span<claimed_frame> claimed) {
        const group_id id = claimed.front().before.group();
        [[maybe_unused]] std::uint32_t claims[R::lists] = {};
        if constexpr (lists_type::unlinks) hold.enter(id);
        std::size_t left = 0;
        for (const claimed_frame& one : claimed) {
            const group_id its = one.before.group();
            const unsigned list = lists_type::list_of(one.before.mark());
            if (lists_type::unlinks ? !hold.holds(its) : its != id)
                claimed[left++] = one;
            else if constexpr (lists_type::unlinks)
                this->lists_.unlink(this->list_at(hold.id(), list), one.index);
            else
                ++claims[list];
        }
        if constexpr (!lists_type::unlinks)
            for (unsigned list = 0; list != R::lists; ++list)
                leave_behind(hold, id, list, claims[list]);
        return left;
    }

    // Returns: ok if the claimed frame was pinned and is unevictable now; busy if it is not pinned.
    status cull_claimed(frame_index i) {
        const state_word w = this->peek(i);
        if (w.place() == lru_place::untracked) return status::absent;
        if (w.place() != lru_place::isolated) return status::not_isolated;
        return w.pins() != 0 && this->settle_pinned(i, w.group()) ? status::ok : status::busy;
    }
    // Returns: whether min_ttl_ns keeps the claimed frame where it is. It then bears the id of its group; `w` is its word.
    [[nodiscard]] bool is_young_at_home(section& hold, frame_index i, state_word& w) {
        if (this->min_ttl_ns_ == 0) return false;
        hold.enter(w.group());
        w = adopt_claimed(hold, i, w);
        return this->is_young(hold.id(), i);
    }
    void link_back(section& hold, frame_index i, state_word claimed, putback_at at) {
        this->rebase(i, claimed.group(), hold.id());
        view seen{*this, hold.id()};
        set_age(seen, i, at);
        link(hold, i, claimed, this->replacement_.putback(seen, i, at));
    }
    void set_age(view& seen, frame_index i, putback_at at) {
        const std::uint8_t clock = seen.clock();
        if (at == putback_at::head) seen.set_age(i, this->replacement_.touched(seen.age(i), clock));
        if (at == putback_at::tail) seen.set_age(i, this->replacement_.cold(clock));
    }
    // Effects: an untracked frame is claimed as a frame of that word was, and as old. Returns: false if it is tracked.
    [[nodiscard]] bool stand_in(frame_index i, state_word w, std::uint8_t age) {
        if (this->claim_new(i, lru_place::isolated, w.group()) != status::ok) return false;
        this->age_of(i).store(age, std::memory_order_relaxed);
        const state_word fresh = this->peek(i);
        this->settle(i, fresh,
                     fresh.with_mark(lists_type::with_list(fresh.mark(), lists_type::list_of(w.mark()))));
        return true;
    }
};

} // namespace cordon::inline v0
