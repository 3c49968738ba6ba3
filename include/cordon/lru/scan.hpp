// cordon/lru/scan.hpp - lru_scanner: isolating the coldest frames of a group, and reclaim with a callback.
// SPDX-License-Identifier: BSL-1.0
//
// A scan looks at the oldest entry of the list that the replacement policy names, again and again. Whoever wins the claim
// of a frame unlinks it; a scan that loses takes the entry off in the winner's stead. It holds the lock for
// looks_per_hold looks at a time.
//
// A look that keeps a frame is what scans are made of, so it is one loop that calls nothing: the list is in the hands of
// a `turn` of its container, and what the policy asks for at each look is in a view that is made once a hold.
#pragma once

#include "cordon/lru/core.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_scanner {
    using core = lru_core<R, P>;
    using section = typename core::section;
    using group = typename core::group;
    using lists_type = typename core::lists_type;
    using view = typename core::view;

public:
    static constexpr std::size_t frames_per_batch = core::frames_per_hold;

    explicit lru_scanner(core& tracker) : tracker_(tracker) {}

    // Effects: claims the frames of the group that the policy would evict next. Returns: how many; fewer than asked for
    // if all others are pinned, claimed, young or warm. Adds of the frames to `scanned` how many it looked at.
    std::size_t isolate_coldest(slot_index s, group_id g, std::span<frame> out, frame_count& scanned) {
        if (tracker_.error() != status::ok || !tracker_.is_live(g) || out.empty()) return 0;
        tracker_.flush(s);
        std::size_t n = scan(g, out, scanned);
        // What other threads have added lately is better than nothing.
        if (n == 0 && tracker_.any_batched() && tracker_.drain(deadline::never()) == status::ok)
            n = scan(g, out, scanned);
        tracker_.clamp_if_due(g);
        return n;
    }

    // Effects: shows up to `budget` of the coldest frames to decide(frame), in batches, with no lock held, and does what
    // it answers. Frames that are reclaimed are untracked, then given to release(frame, lru_token). If a callback throws,
    // the frames of its batch that have no answer yet go back where they were taken from.
    template <class Decide, class Release>
    scan_result reclaim(slot_index s, group_id g, frame_count budget, Decide& decide, Release& release) {
        scan_result done;
        while (done.isolated < budget) {
            frame batch[frames_per_batch];
            const std::uint64_t left = (budget - done.isolated).raw();
            const std::size_t want =
                left < frames_per_batch ? static_cast<std::size_t>(left) : frames_per_batch;
            const std::size_t n = isolate_coldest(s, g, std::span{batch}.first(want), done.scanned);
            if (n == 0) break;
            done.isolated += frame_count{n};
            claims mine{tracker_, batch, 0, static_cast<std::uint32_t>(n)};
            while (mine.next != mine.end) {
                const frame f = batch[mine.next];
                const reclaim_answer answer = decide(f);
                ++mine.next;
                carry_out(f, answer, done, release);
            }
        }
        return done;
    }

private:
    static constexpr std::uint32_t looks_per_hold = 256;

    // Frames that are claimed; from `next` on without an answer.
    struct claims {
        core& tracker;
        const frame* frames;
        std::uint32_t next;
        std::uint32_t end;
        ~claims() {
            section hold{tracker};
            for (; end > next; --end) // the coldest last: it is the next again
                (void)tracker.put_back(hold, tracker.index_of(frames[end - 1]), putback_at::tail);
        }
    };

    std::size_t scan(group_id g, std::span<frame> out, frame_count& scanned) {
        section hold{tracker_};
        if (!hold.enter_live(g)) return 0;
        tally all{.out = out};
        const std::uint64_t limit =
            std::uint64_t{R::passes} * (tracker_.entries(hold.id()) + std::uint64_t{1});
        while (all.n != out.size() && all.looks < limit && scan_some(hold, limit - all.looks, all)) {
            hold.leave();
            if (hold.enter_live(g)) continue;
            // The id is no group's any more, but what is claimed is claimed.
            scanned += frame_count{all.looks};
            return all.n;
        }
        auto& count = hold.self().count;
        group::bump(count.scanned, all.looks);
        group::bump(count.isolated, all.n);
        group::bump(count.kept, all.looks - all.n - all.gone - all.culled);
        group::bump(count.culled, all.culled);
        scanned += frame_count{all.looks};
        return all.n;
    }

    struct tally {
        std::span<frame> out;
        std::size_t n = 0; // of out
        std::uint64_t looks = 0, gone = 0, culled = 0;
    };

    // What a policy sees of a group during one hold. It asks for sizes at each look, so they are counted along: what
    // others claim meanwhile is seen at the next hold, or when the scan meets it.
    class scan_view : public view {
    public:
        scan_view(core& tracker, group_id g)
            : view(tracker, g),
              lists_(tracker.group_of(g).lists),
              ages_(tracker.parts().ages),
              words_(tracker.parts().words),
              first_number_(g.raw() * R::lists) {
            for (unsigned list = 0; list != R::lists; ++list)
                sizes_[list] = tracker.size(g, list);
        }
        // Returns: whether it looked longer, as claims at work do not count yet.
        [[nodiscard]] bool turned_out_empty(unsigned list) { return std::exchange(sizes_[list], 0) != 0; }
        void left(unsigned list) { sizes_[list] -= sizes_[list] != 0; }
        void moved(unsigned from, unsigned to) {
            left(from);
            ++sizes_[to];
        }
        [[nodiscard]] std::uint32_t size(unsigned list) const { return sizes_[list]; }
        [[nodiscard]] std::uint32_t total() const {
            std::uint32_t n = 0;
            for (const std::uint32_t one : sizes_)
                n += one;
            return n;
        }
        [[nodiscard]] std::uint8_t age(frame_index i) const {
            return ages_[i.raw()].load(std::memory_order_relaxed);
        }
        void set_age(frame_index i, std::uint8_t byte) {
            ages_[i.raw()].store(byte, std::memory_order_relaxed);
        }
        [[nodiscard]] typename lists_type::place list(unsigned n) const {
            return {lists_[n], first_number_ + n, n};
        }
        [[nodiscard]] state_word word(frame_index i) const {
            return state_word{words_[i.raw()].load(std::memory_order_relaxed)};
        }
        // Inlined, or the compiler takes it for a call without effects.
        CORDON_ALWAYS_INLINE void prefetch(frame_index i) const {
            __builtin_prefetch(&words_[i.raw()], 1);
            __builtin_prefetch(&ages_[i.raw()], 1);
        }

    private:
        typename lists_type::list* lists_;
        typename core::metadata::age_cell* ages_;
        typename core::metadata::word_cell* words_;
        std::uint32_t first_number_;
        std::uint32_t sizes_[R::lists];
    };

    // Effects: looks at the oldest entry of the list that the policy names, again and again, at most so often. Returns:
    // false if there is no more to do.
    bool scan_some(section& hold, std::uint64_t limit, tally& all) {
        const auto most = static_cast<std::uint32_t>(limit < looks_per_hold ? limit : looks_per_hold);
        const group_id at = hold.id();
        scan_view seen{tracker_, at};
        std::uint32_t looks = 0;
        unsigned list = tracker_.replacement().next(seen);
        while (looks != most && all.n != all.out.size() && list < R::lists)
            scan_list(at, seen, list, most, looks, all);
        for (unsigned n = 0; n != R::lists; ++n) // fewer frames are left to the entries of others
            tracker_.tidy(at, n);
        all.looks += looks;
        return looks == most;
    }
    // Effects: the same on one list, as long as the policy names it; `list` is the next one, none behind one that is known
    // to be empty.
    CORDON_ALWAYS_INLINE void scan_list(group_id at, scan_view& seen, unsigned& list, std::uint32_t most,
                                        std::uint32_t& looks, tally& all) {
        const auto& policy = tracker_.replacement();
        const unsigned here = list;
        const auto from = seen.list(here);
        typename lists_type::turn turn{tracker_.lists(), from};
        typename lists_type::entry e;
        if (!turn.oldest(e)) {
            list = seen.turned_out_empty(here) ? policy.next(seen) : R::lists;
            return;
        }
        do {
            seen.prefetch(turn.ahead());
            const frame_index i{e.frame};
            // The word of a frame that nobody has pinned or claimed since it was listed here: one comparison for all that.
            const state_word usual =
                state_word{lru_place::listed, at, 0}.with_mark(lists_type::mark_of(from, e));
            const state_word w = seen.word(i);
            if (w != usual) [[unlikely]] {
                const found what = look_closer(at, here, e, w);
                if (what == found::again) continue;
                turn.drop(e, what == found::pinned);
                if (what == found::pinned) seen.left(here);
                ++(what == found::pinned ? all.culled : all.gone);
                ++looks;
                continue;
            }
            decision what = policy.examine(seen, i, here);
            if (what.is_evict() && tracker_.is_young(at, i)) what = decision::keep(here);
            if (what.is_evict()) {
                if (!tracker_.claim_as(i, w)) continue;
                turn.drop(e, true);
                seen.left(here);
                ++looks;
                all.out[all.n++] = tracker_.frame_at(i);
                if (all.n == all.out.size()) break;
            } else if (R::lists == 1 || what.list() == here) {
                turn.keep(e);
                ++looks;
            } else {
                if (!tracker_.remark(i, w, what.list())) continue;
                turn.pass(seen.list(what.list()), e);
                seen.moved(here, what.list());
                ++looks;
            }
        } while (looks != most && (list = policy.next(seen)) == here && turn.oldest(e));
    }

    enum class found : std::uint8_t { again, nothing, pinned };

    // Effects: deals with an entry of which `w` says more than that its frame is listed here. Returns: what it is, if it
    // is to be taken off.
    CORDON_NO_INLINE found look_closer(group_id at, unsigned list, typename lists_type::entry e,
                                       state_word w) {
        const frame_index i{e.frame};
        if (!tracker_.is_current(at, list, e, w)) return found::nothing;
        if (w.references() != 0) return tracker_.cull(i, w) ? found::pinned : found::again;
        (void)tracker_.adopt(i, w, at);
        return found::again;
    }

    template <class Release>
    void carry_out(frame f, reclaim_answer answer, scan_result& done, Release& release) {
        const frame_index i = tracker_.index_of(f);
        section hold{tracker_};
        const frame_count one{1};
        switch (answer.what) {
        case verdict::keep:
            (void)tracker_.put_back(hold, i, putback_at::automatic);
            done.kept += one;
            return;
        case verdict::rotate:
            (void)tracker_.put_back(hold, i, putback_at::head);
            done.rotated += one;
            return;
        case verdict::pin:
            if (tracker_.pin(i) == status::ok) {
                (void)tracker_.put_back(hold, i, putback_at::automatic);
                done.pinned += one;
                return;
            }
            break;
        case verdict::move:
            if (tracker_.put_back_to(hold, i, answer.to, putback_at::automatic) == status::ok) {
                done.moved += one;
                return;
            }
            break;
        case verdict::reclaim:
            if (const result<lru_token> token = tracker_.evicted(i)) {
                done.reclaimed += one;
                release(f, *token);
                return;
            }
            break;
        }
        (void)tracker_.put_back(hold, i, putback_at::automatic);
        done.refused += one;
    }

    core& tracker_;
};

} // namespace cordon::inline v0
