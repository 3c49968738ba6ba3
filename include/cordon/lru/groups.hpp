// cordon/lru/groups.hpp - lru_groups: making, merging, removing and ageing groups.
// SPDX-License-Identifier: BSL-1.0
//
// A merge touches no frame and no other id: the lists are joined, and the id is redirected (group.hpp). The ids of merged
// groups are given out again when ids run out: then all frames that bear one are renamed, behind a drain that ends all
// adds which still read it as live. A claimed frame keeps its id, so it keeps the id from being given out.
// The lock of a group, once made, stays: a thread that read an old route may still come to it, and finds under it that
// the route has changed.
#pragma once

#include "cordon/lru/batches.hpp"

#include <atomic>
#include <bitset>
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
        set_kind(g, group_route::kind::closing);
        status outcome = this->drain(control.proof(), UINT64_MAX);
        if (outcome == status::ok && is_used(g)) outcome = status::busy;
        if (outcome == status::ok)
            close_group(g);
        else
            set_kind(g, group_route::kind::live);
        return outcome;
    }
    // Effects: the frames of `from` are in `into`, as its newest; the id `from` leads there, and is given out again
    // when no frame bears it. Returns: ok; invalid_argument. Locks: first the one group's, then the other's.
    // Cost: O(1); amortised, as a pass over a list that many merges have left gaps in is part of it.
    status merge_groups(group_id from, group_id into) {
        if (error_ != status::ok) return error_;
        const control_guard control{this->control_lock_};
        if (!is_own(from) || from == root_group || !this->is_live(into)) return status::invalid_argument;
        into = this->root_of(into);
        if (into == from) return status::invalid_argument;
        section hold{*this};
        // From here on the lists of `from` are under the lock of `into`. Its claimants that come meanwhile find theirs
        // linked among strangers, and unlink them all the same.
        hold.enter(from);
        const auto ahead = static_cast<std::uint8_t>(this->clock_of(from) - this->clock_of(into));
        this->set_route(from, {group_route::kind::alias, into, ahead});
        hold.leave();
        hold.enter(into);
        for (unsigned list = 0; list != R::lists; ++list)
            this->lists_.splice(this->list_at(from, list), this->list_at(into, list));
        move_claims(from, into);
        for (unsigned list = 0; list != R::lists; ++list)
            this->tidy(into, list);
        this->merge_ticks(from, into);
        // Ages of `from` may wrap sooner than those of `into` are clamped.
        if (R::ages_in_ticks) hold.self().clamp_due.store(1, std::memory_order_relaxed);
        return status::ok;
    }
    // Returns: whether the id is that of a group, not one that leads to another.
    [[nodiscard]] bool is_own(group_id g) const {
        return g.raw() < this->groups_ && this->route_of(g).what() == group_route::kind::live;
    }
    // Effects: the group is a tick older.
    status age(group_id g) {
        if (error_ != status::ok) return error_;
        section hold{*this};
        if (!hold.enter_live(g)) return status::invalid_argument;
        view seen{*this, hold.id()};
        this->replacement_.tick(seen);
        hold.leave();
        clamp_if_due(g);
        return status::ok;
    }
    // Effects: the claimed frame is untracked; policies tick at evictions, too. Returns: as evict().
    result<lru_token> evicted(frame_index i) {
        section hold{*this};
        const result<lru_token> token = this->evict(hold, i);
        hold.leave();
        if (token) clamp_if_due(token->group());
        return token;
    }
    // Effects: after a scan, a tick or an eviction, ages that are about to wrap are clamped. Locks: none.
    void clamp_if_due(group_id g) {
        if constexpr (R::ages_in_ticks) {
            const group_id at = this->root_of(g);
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
    // Effects: the id is free, with those that lead to it, and its group as if it had never been. Requires: no frame bears
    // one of them, nobody has them.
    void close_group(group_id g) {
        (void)free_aliases([&](group_id alias) { return this->root_of(alias) == g; });
        section hold{*this};
        hold.enter(g);
        wipe(g);
    }
    void set_kind(group_id g, group_route::kind kind) {
        section hold{*this};
        hold.enter(g);
        this->set_route(g, {kind, g, this->clock_of(g)});
    }
    // Effects: aliases that is_unused(id) agrees to are free. Returns: whether there were any. Cost: O(groups).
    template <class F>
    bool free_aliases(F is_unused) {
        const auto for_each_alias = [&](auto f) {
            for (std::uint32_t g = 1; g < this->groups_; ++g)
                if (this->route_of(group_id{g}).is_alias()) f(group_id{g});
        };
        // When each leads to its group at once, none leads there by way of another.
        for_each_alias([&](group_id alias) { section{*this}.enter(alias); });
        this->begin_to_free_ids();
        bool any = false;
        for_each_alias([&](group_id alias) {
            if (!is_unused(alias)) return;
            section hold{*this};
            hold.enter(alias);
            move_claims(alias, hold.id());
            wipe(alias);
            any = true;
        });
        return any;
    }
    // Effects: claims that were counted at an id are counted where it leads.
    void move_claims(group_id from, group_id into) {
        if constexpr (!lists_type::unlinks)
            for (unsigned list = 0; list != R::lists; ++list)
                this->count_claims(into, list, lists_type::take_claims(this->group_of(from).lists[list]));
    }
    void wipe(group_id g) {
        group& self = this->group_of(g);
        const std::span<std::byte> extra = this->parts_.extra_of(g);
        // What no frame came to was not written, and stays uncommitted.
        if (self.count.added.load(std::memory_order_relaxed) != 0)
            for (std::byte& one : extra)
                one = std::byte{};
        self.reset(this->lists_);
        this->set_route(g, {group_route::kind::free, root_group});
    }
    // Returns: whether a frame bears the id, or that of one that leads to it. Locks: the group's, so that no frame takes the
    // stead of another behind the walk. Cost: O(frames).
    [[nodiscard]] bool is_used(group_id g) {
        section hold{*this};
        hold.enter(g);
        for (std::uint32_t n = 0; n != this->frames_; ++n) {
            const state_word w = this->peek(frame_index{n});
            if (w.place() != lru_place::untracked && this->root_of(w.group()) == g) return true;
        }
        return false;
    }
    [[nodiscard]] bool any_alias() const {
        for (std::uint32_t g = 1; g < this->groups_; ++g)
            if (this->route_of(group_id{g}).is_alias()) return true;
        return false;
    }
    // Effects: frames that bear the id of a merged group get that of the one that they are in; ids that none bears
    // then are free. Returns: whether one is. Cost: one barrier, O(frames), if there are such ids.
    bool recycle(control_proof proof) {
        if (!any_alias()) return false;
        // Behind the barrier nobody adds with an id that was redirected before.
        if (this->drain(proof, UINT64_MAX) != status::ok) return false;
        std::bitset<group_id::limit> borne; // by frames that are claimed
        for (std::uint32_t n = 0; n != this->frames_; ++n)
            if (const group_id kept = rename(frame_index{n}); kept != root_group) borne.set(kept.raw());
        return free_aliases([&](group_id alias) { return !borne.test(alias.raw()); });
    }
    // Effects: a frame that nobody has claimed bears no alias. Returns: the one that a claimed frame bears, or the root
    // group.
    group_id rename(frame_index i) {
        if (!this->route_of(this->peek(i).group()).is_alias()) return root_group;
        section hold{*this};
        for (;;) {
            const state_word w = hold.enter_of(i);
            if (w.place() == lru_place::untracked || w.group() == hold.id()) return root_group;
            if (w.place() == lru_place::isolated) return w.group();
            if (this->adopt(i, w, hold.id())) return root_group;
        }
    }
};

} // namespace cordon::inline v0
