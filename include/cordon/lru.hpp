// cordon/lru.hpp - lru: which frames are warm. What a user sees; each member forwards to the layer lru.
// SPDX-License-Identifier: BSL-1.0
//
//     cordon::lru<cordon::replacement::s3_fifo<>> tracker{ram.frames(), 4};   // up to 4 groups
//     tracker.add(f);
//     tracker.touch(f);
//     tracker.reclaim(cordon::root_group, cordon::frame_count{64},
//                     [&](cordon::frame f) { return write_back(f) ? cordon::verdict::reclaim : cordon::verdict::keep; },
//                     [&](cordon::frame f, cordon::lru_token token) { forget_page(f, token), zone.free(f); });
//
// It works with a zone or alone, over any range of frame numbers. A frame is tracked from add() until it is evicted,
// reclaimed or forgotten. Members are safe from any thread unless said otherwise; in a signal handler only touch is, of
// policies that do not move frames at touches.
// Statuses: foreign_frame (not of the range), absent (not tracked), busy (claimed by another, pinned, or, for add,
// tracked already), not_isolated, invalid_argument (no such group), no_memory (a count or the groups are at their end).
#pragma once

#include "cordon/lru/batches_disabled.hpp"
#include "cordon/lru/pinned_frame.hpp"
#include "cordon/lru/policies/adaptive.hpp"
#include "cordon/lru/policies/any_policy.hpp"
#include "cordon/lru/policies/clock.hpp"
#include "cordon/lru/policies/fifo.hpp"
#include "cordon/lru/policies/generations.hpp"
#include "cordon/lru/policies/lirs.hpp"
#include "cordon/lru/policies/lru.hpp"
#include "cordon/lru/policies/s3_fifo.hpp"
#include "cordon/lru/policies/sieve.hpp"
#include "cordon/lru/policies/two_list.hpp"
#include "cordon/lru/scan.hpp"
#include "cordon/lru/survey.hpp"
#include "cordon/lru/text.hpp"
#include "cordon/zone/default_policy.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy Replacement = replacement::adaptive, lru_policy Policy = default_policy>
class lru {
    using core = lru_core<Replacement, Policy>;
    using scanner = lru_scanner<Replacement, Policy>;
    using survey = lru_survey<Replacement, Policy>;
    using section = typename core::section;

public:
    using policy = Policy;
    using replacement_type = Replacement;
    using pinned_frame = cordon::pinned_frame<Replacement, Policy>;
    using batches_disabled = cordon::batches_disabled<Replacement, Policy>;

    // Effects: an LRU that tracks none of these frames yet. If it cannot be made, error() says why.
    explicit lru(frame_range frames, std::uint32_t groups = 1, const Replacement& how = {})
        : lru(lru_options{.frames = frames, .groups = groups}, how) {}
    explicit lru(const lru_options& options, const Replacement& how = {}) : core_(nullptr, options, how) {}
    // Effects: the same in the embedder's memory: metadata_bytes(options) zero bytes, aligned to a cache line. Of less
    // than that none is made: error() is no_metadata.
    [[nodiscard]] static lru place(std::span<std::byte> memory, const lru_options& options,
                                   const Replacement& how = {}) {
        return lru(&memory, options, how);
    }
    // Returns: bytes; 0 if the options are no good.
    [[nodiscard]] static std::size_t metadata_bytes(const lru_options& options, const Replacement& how = {}) {
        return core::metadata_bytes(options, how);
    }
    [[nodiscard]] status error() const { return core_.error(); }
    [[nodiscard]] frame_range frames() const { return core_.frames(); }

    // ---- add and touch ----

    // Effects: the frame is tracked; the token of its content, if it has been here before, decides how warm it starts. The
    // key names the content for policies that want one (adaptive): any number but 0, which is no name.
    // Returns: ok; busy, foreign_frame, invalid_argument, re_entered. Cost: a batch entry; a lock once in 31 adds.
    status add(frame f, group_id group = root_group, lru_token token = {}, std::uint64_t key = 0) {
        return core_.add(Policy::thread_slots::current(), f, group, token, key);
    }
    // With the batch of a slot that the caller names. Requires: the slot is one of the policy's max_slots.
    status add(slot_index slot, frame f, group_id group = root_group, lru_token token = {},
               std::uint64_t key = 0) {
        return core_.add(slot, f, group, token, key);
    }
    // Returns: how many were added; those that were not are tracked already, or foreign.
    std::size_t add(std::span<const frame> frames, group_id group = root_group, lru_token token = {}) {
        std::size_t n = 0;
        for (const frame f : frames)
            n += add(f, group, token) == status::ok;
        return n;
    }
    // Effects: the frame was used. Progress: wait-free, unless the replacement policy moves frames at touches.
    // Cost: one load and at most one store of a byte, and least where the range starts at 0. Where there can be several
    // groups and the policy uses a clock, first one of the frame's word: many times as dear when that is not in the
    // processor's cache.
    CORDON_ALWAYS_INLINE void touch(frame f) { core_.touch(f); }
    // The same for a caller that knows the group. Requires: the frame is in it.
    CORDON_ALWAYS_INLINE void touch(frame f, group_id group) { core_.touch(f, group); }
    // Effects: touches first + n for each bit n. What is not of the range is passed over, as by touch(frame).
    void touch(frame first, std::uint64_t bitmap) {
        const std::uint32_t last = UINT32_MAX - first.raw(); // behind it numbers begin again at 0
        if (last < 63) bitmap &= (std::uint64_t{2} << last) - 1;
        for (; bitmap != 0; bitmap &= bitmap - 1)
            touch(first + frame_count{static_cast<unsigned>(std::countr_zero(bitmap))});
    }
    void touch(frame first, std::span<const std::uint64_t> bitmap) {
        std::uint64_t at = first.raw(); // does not wrap
        for (; !bitmap.empty() && at < frames().end_raw(); at += 64, bitmap = bitmap.subspan(1))
            touch(frame{static_cast<std::uint32_t>(at)}, bitmap.front());
    }
    // Effects: what the embedder knows of the frames' future.
    void hint(frame_range range, lru_hint what) {
        for (const frame f : range.intersection(frames())) {
            switch (what) {
            case lru_hint::will_need: touch(f); break;
            case lru_hint::sequential: core_.forget_touches(core_.index_of(f)); break;
            case lru_hint::once: core_.deactivate(core_.index_of(f)); break;
            }
        }
    }
    // Effects: the frames are reclaimed next.
    void deactivate(frame_range range) { hint(range, lru_hint::once); }

    // ---- isolate and put back ----

    // Returns: ok, the frame is off its list and the caller's; absent, busy, foreign_frame. Locks: the group's, to unlink
    // the frame, or to compact a ring. Cost: one compare-exchange.
    [[nodiscard]] status isolate(frame f) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.isolate(i) : status::foreign_frame;
    }
    // Returns: how many were isolated; they are in `out`, in order. When it is full, the rest of `in` stays.
    [[nodiscard]] std::size_t isolate(std::span<const frame> in, std::span<frame> out) {
        return core_.isolate(in, out);
    }
    // Returns: how many of the coldest frames of the group are isolated now; they are in `out`, coldest first. Locks: the
    // group's, for 256 looks at a time. Cost: at most O(frames); one barrier, if none was found and threads' batches hold
    // some.
    [[nodiscard]] std::size_t isolate_coldest(group_id group, std::span<frame> out) {
        frame_count scanned;
        return scanner{core_}.isolate_coldest(Policy::thread_slots::current(), group, out, scanned);
    }
    // Effects: the isolated frame is back in its group; a pinned one is unevictable. Requires: the caller isolated
    // it. Returns: ok; not_isolated, absent, foreign_frame. Locks: the group's.
    status putback(frame f, putback_at at = putback_at::automatic) {
        const frame_index i = core_.index_of(f);
        section hold{core_};
        return core_.contains(i) ? core_.put_back(hold, i, at) : status::foreign_frame;
    }
    // Returns: how many were put back. Cost: one hold of the lock for each change of group.
    std::size_t putback(std::span<const frame> frames, putback_at at = putback_at::automatic) {
        section hold{core_};
        std::size_t n = 0;
        for (const frame f : frames) {
            const frame_index i = core_.index_of(f);
            n += core_.contains(i) && core_.put_back(hold, i, at) == status::ok;
        }
        return n;
    }
    // Effects: the same into another group. Returns: also invalid_argument, and the frame is still isolated.
    status putback_to(frame f, group_id to, putback_at at = putback_at::automatic) {
        const frame_index i = core_.index_of(f);
        section hold{core_};
        return core_.contains(i) ? core_.put_back_to(hold, i, to, at) : status::foreign_frame;
    }

    // ---- pins ----

    // Effects: the frame cannot be isolated or reclaimed until each pin is taken back. Returns: ok; absent,
    // foreign_frame; no_memory: 4094 pins. Cost: one read-modify-write.
    [[nodiscard]] status pin(frame f) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.pin(i) : status::foreign_frame;
    }
    // Returns: ok; absent, foreign_frame; invalid_argument: there is no pin.
    status unpin(frame f) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.unpin(i) : status::foreign_frame;
    }
    // Returns: a pin that takes itself back; what pin() says.
    result<pinned_frame> pinned(frame f) {
        if (const status e = pin(f); e != status::ok) return e;
        return pinned_frame{core_, core_.index_of(f)};
    }

    // ---- groups ----

    // Returns: a new group, or no_memory if there are as many as the options allow; re_entered. Cost: when ids of merged
    // groups must be collected first, one barrier and O(frames).
    result<group_id> create_group() { return core_.create_group(); }
    // Returns: ok; busy unless empty; invalid_argument, barrier_refused, re_entered. Requires: nobody adds to it
    // meanwhile. Tokens that it gave may be taken for those of the group that gets its id next: a hint that is wrong, no
    // more.
    [[nodiscard]] status remove_group(group_id group) { return core_.remove_group(group); }
    // Effects: all frames of `from` are in `into`; the id `from` means `into` from now on. Returns: ok;
    // invalid_argument. Cost: O(1).
    [[nodiscard]] status merge_groups(group_id from, group_id into) { return core_.merge_groups(from, into); }
    // Effects: a frame that nobody has isolated changes its group. Returns: ok; absent, busy, invalid_argument,
    // foreign_frame.
    status move_group(frame f, group_id to) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.move_to(i, to) : status::foreign_frame;
    }
    // Returns: how many moved.
    std::size_t move_group(std::span<const frame> frames, group_id to) {
        std::size_t n = 0;
        for (const frame f : frames)
            n += move_group(f, to) == status::ok;
        return n;
    }

    // ---- age and reclaim ----

    // Effects: a tick: what is not touched from now on is a generation older. Returns: ok; invalid_argument. Locks: the
    // group's. Cost: once in 64 ticks, and after a merge, O(frames), without a lock.
    status age(group_id group) { return core_.age(group); }
    // Effects: the same for every group.
    void age() {
        for (std::uint32_t g = 0; g != core_.group_capacity(); ++g)
            if (core_.is_own(group_id{g})) (void)core_.age(group_id{g});
    }
    // Effects: shows up to `budget` of the coldest frames to decide(frame), with no lock held, and does what it answers: a
    // verdict, or a reclaim_answer. What goes back may be shown again, if the budget exceeds the frames. A frame that is
    // reclaimed is untracked, then given to release(frame, lru_token), which may free it. Both may call the LRU. If one
    // throws, the frames that have no answer yet go back.
    // Until a frame is untracked others may pin it, write to it and unpin it, after decide(), too. One that is still pinned
    // then stays, whatever was answered. So release() alone takes the page out of the embedder's table, and it writes back
    // what has become dirty since decide() did.
    template <class Decide, class Release>
    scan_result reclaim(group_id group, frame_count budget, Decide&& decide, Release&& release) {
        return scanner{core_}.reclaim(Policy::thread_slots::current(), group, budget, decide, release);
    }
    // The same for an embedder that keeps no tokens. What is reclaimed may be used again when reclaim() has returned.
    template <class Decide>
    scan_result reclaim(group_id group, frame_count budget, Decide&& decide) {
        const auto release = [](frame, lru_token) {};
        return scanner{core_}.reclaim(Policy::thread_slots::current(), group, budget, decide, release);
    }

    // ---- leave and come back ----

    // Effects: the frame, which the caller has isolated, is untracked. Returns: the token of its content; busy if it
    // was pinned meanwhile, not_isolated, absent, foreign_frame.
    result<lru_token> evicted(frame f) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.evicted(i) : status::foreign_frame;
    }
    // The same; the LRU also remembers the token by the embedder's key (lru_options::ghost_entries).
    result<lru_token> evicted(frame f, std::uint64_t key) {
        const result<lru_token> token = evicted(f);
        if (token) remember(key, *token);
        return token;
    }
    // Effects: the LRU remembers the token, which release() was given, by the embedder's key.
    void remember(std::uint64_t key, lru_token token) { core_.remember(key, token); }
    // Effects: the contents of `from`, which the caller has isolated, live in `to` now: `to` is isolated in its stead, with
    // its group, age and list; `from` is untracked. Returns: ok; busy if `from` was pinned meanwhile, or `to` is tracked;
    // not_isolated, absent, foreign_frame: nothing changed.
    [[nodiscard]] status transfer(frame from, frame to) {
        const frame_index i = core_.index_of(from), j = core_.index_of(to);
        return core_.contains(i) && core_.contains(j) ? core_.transfer(i, j) : status::foreign_frame;
    }
    // Effects: a frame that nobody has isolated is untracked. Returns: ok; absent, busy, foreign_frame.
    status forget(frame f) {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? core_.forget(i) : status::foreign_frame;
    }
    // Returns: what add() would make of the token.
    [[nodiscard]] refault_info refault(lru_token token) { return core_.refault(token); }
    // Returns: the token that was remembered for the key, once; or no token.
    [[nodiscard]] lru_token refault_of(std::uint64_t key, group_id group = root_group) {
        return core_.recall(key, group);
    }

    // ---- batches ----

    // Effects: what was added before is on its list. Returns: ok; barrier_refused, timed_out, re_entered.
    [[nodiscard]] status drain(deadline limit = {}) { return core_.drain(limit); }
    // Returns: a token; while one lives, no batch is used. Nests. barrier_refused, timed_out, re_entered: nothing changed.
    // Locks: the control lock. Cost: a drain for the first token, nothing for those inside it.
    result<batches_disabled> disable_batches(deadline limit = {}) {
        return batches_disabled::make(core_, limit);
    }

    // ---- looking ----

    // Returns: what the frame is at this moment; untracked, for one that is not of the range. Locks: none.
    [[nodiscard]] lru_state state_of(frame f) const {
        const frame_index i = core_.index_of(f);
        return core_.contains(i) ? survey{core_}.state_of(i) : lru_state{};
    }
    // Returns: the figures of the group; zeros if there is none. Locks: the group's.
    [[nodiscard]] lru_stats stats(group_id group = root_group) const { return survey{core_}.stats(group); }
    // Returns: how many frames of the group are where, and how cold. Cost: O(frames), without a lock.
    [[nodiscard]] cordon::age_histogram age_histogram(group_id group = root_group) const {
        return survey{core_}.ages(group);
    }
    // Returns: frames of the group that are not colder than `window`. Cost: as age_histogram.
    [[nodiscard]] frame_count working_set(group_id group, std::uint8_t window) const {
        const cordon::age_histogram all = age_histogram(group);
        std::uint64_t n = 0;
        for (unsigned cold = 0; cold <= window; ++cold)
            n += all.by_age[cold];
        return frame_count{n};
    }
    // Effects: fills `out` with frames of the group that are on its lists, not pinned, and at least so cold, in order of
    // number, from `from` on. Returns: how many; fewer than out has room for at the end of the range. They are not
    // claimed: isolate() says which still can be. Cost: O(frames), without a lock.
    std::size_t cold_frames(group_id group, std::uint8_t at_least, std::span<frame> out) const {
        return cold_frames(group, at_least, out, frames().first());
    }
    std::size_t cold_frames(group_id group, std::uint8_t at_least, std::span<frame> out, frame from) const {
        const frame first = from < frames().first() ? frames().first() : from;
        return survey{core_}.cold_frames(group, at_least, out, core_.index_of(first));
    }
    // Returns: how many misses more frames would have spared the group, as far as tokens told: what is added without
    // one counts as a miss that nothing spares.
    [[nodiscard]] cordon::miss_curve miss_curve(group_id group = root_group) const {
        return survey{core_}.miss_curve(group);
    }
    // The lock of a group, for what it observes: a group_lock of observed_lock<..., lock_counter<...>> counts waits.
    // Requires: the group has been made.
    [[nodiscard]] const auto& group_lock(group_id group = root_group) const {
        return core_.group_of(group).lock();
    }
    // Returns: what is wrong inside; safe under traffic. `at_rest` also compares sums, which requires that nobody uses the
    // LRU meanwhile. Locks: each group's while its lists are walked. Cost: O(frames).
    [[nodiscard]] lru_validation validate(bool at_rest = false) { return survey{core_}.validate(at_rest); }
    // The engine, for tests. No contract.
    [[nodiscard]] core& internals() { return core_; }

private:
    lru(const std::span<std::byte>* memory, const lru_options& options, const Replacement& how)
        : core_(memory, options, how) {}

    mutable core core_;
};

} // namespace cordon::inline v0
