// cordon/lru/groups.hpp - lru_groups: making, merging, removing and ageing groups.
// SPDX-License-Identifier: BSL-1.0
//
// A merge touches no frame: the lists are joined, and the id is redirected with those that led to it before (group.hpp).
// The id of a merged group is given out again when ids run out: then all frames that bear it are renamed, behind a drain
// that ends all adds which still read it as live. A claimed frame keeps its id, so it keeps the id from being given out.
// The lock of a group, once made, stays: a thread that read an old route may still come to it, and finds under it that
// the route has changed.
#pragma once

#include "cordon/lru/batches.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_groups : public lru_batches<R, P> {
    using base = lru_batches<R, P>;

public:
    using typename base::control_guard;
    using typename base::control_proof;
    using typename base::group;
    using typename base::lists_type;
    using typename base::section;
    using typename base::view;

    // Returns: a new group; no_memory if there are as many as the options allow.
    result<group_id> create_group() {
        if (error_ != status::ok) return error_;
        if (this->is_entered(P::thread_slots::peek())) return status::re_entered;
        const control_guard control{this->control_lock_};
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
        if (this->is_entered(P::thread_slots::peek())) return status::re_entered;
        const control_guard control{this->control_lock_};
        if (!is_own(g) || g == root_group) return status::invalid_argument;
        if (this->total(g) != 0) return status::busy;
        this->set_route(g, {group_route::kind::closing, g});
        status outcome = this->drain(control.proof(), UINT64_MAX);
        if (outcome == status::ok && is_used(g)) outcome = status::busy;
        if (outcome == status::ok)
            close_group(g);
        else
            this->set_route(g, {group_route::kind::live, g});
        return outcome;
    }
    // Effects: the frames of `from` are in `into`, as its newest; the id `from` leads there, and is given out again
    // when no frame bears it. Returns: ok; invalid_argument. Locks: first the one group's, then the other's.
    // Cost: O(ids that led to `from` and were not given out again), whatever number of frames.
    status merge_groups(group_id from, group_id into) {
        if (error_ != status::ok) return error_;
        const control_guard control{this->control_lock_};
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

protected:
    using base::base;
    using base::error_;

    void open_group(group_id g) {
        this->group_of(g).make_lock();
        this->set_route(g, {group_route::kind::live, g});
    }

private:
    // Returns: an id that is not in use; the root group if there is none.
    [[nodiscard]] group_id free_group() const {
        for (std::uint32_t g = 1; g < this->groups_; ++g)
            if (this->route_of(group_id{g}).what() == group_route::kind::free) return group_id{g};
        return root_group;
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
        const std::span<std::byte> extra = this->parts_.extra_of(g);
        // What no frame came to was not written, and stays uncommitted.
        if (self.count.added.load(std::memory_order_relaxed) != 0)
            std::fill(extra.begin(), extra.end(), std::byte{});
        self.reset(this->lists_);
        this->set_route(g, {group_route::kind::free, root_group});
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
        if (this->drain(proof, UINT64_MAX) != status::ok) return false;
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
};

} // namespace cordon::inline v0
