// cordon/lru/scan.hpp - lru_scanner: isolating the coldest frames of a group, and reclaim with a callback.
// SPDX-License-Identifier: BSL-1.0
//
// A scan looks at the oldest entry of the list that the replacement policy names, again and again. Who wins the claim of a
// frame unlinks it; a scan that loses takes the entry off for him. It holds the lock for so many looks at a time.
#pragma once

#include "cordon/lru/core.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

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
            for (; end != next; --end) // the coldest last: it is the next again
                (void)tracker.put_back(hold, tracker.index_of(frames[end - 1]), putback_at::tail);
        }
    };

    std::size_t scan(group_id g, std::span<frame> out, frame_count& scanned) {
        const auto& lists = tracker_.lists();
        section hold{tracker_};
        hold.enter(g);
        std::size_t n = 0;
        std::uint64_t looks = 0, gone = 0, culled = 0;
        const std::uint64_t limit =
            std::uint64_t{R::passes} * (tracker_.entries(hold.id()) + std::uint64_t{1});
        group_id at = hold.id();
        while (n != out.size() && looks < limit) {
            view seen{tracker_, at};
            const unsigned list = tracker_.replacement().next(seen);
            if (list >= R::lists) break;
            const auto from = tracker_.list_at(at, list);
            typename lists_type::entry e;
            if (!lists.oldest(from, e)) break;
            tracker_.prefetch(lists.ahead(from));
            const found what = look(hold, at, seen, from, e);
            // Somebody has changed the word meanwhile, or it bears the group's id only now.
            if (what == found::again) [[unlikely]]
                continue;
            if (what == found::victim) out[n++] = tracker_.frame_at(frame_index{e.frame});
            gone += what == found::nothing;
            culled += what == found::pinned;
            if (++looks % looks_per_hold != 0) continue;
            hold.leave();
            hold.enter(g);
            at = hold.id();
        }
        auto& count = hold.self().count;
        group::bump(count.scanned, looks);
        group::bump(count.isolated, n);
        group::bump(count.kept, looks - n - gone - culled);
        group::bump(count.culled, culled);
        scanned += frame_count{looks};
        return n;
    }

    enum class found : std::uint8_t { again, nothing, pinned, kept, victim };

    // Inlined whatever the compiler thinks: its one caller loops over it, and pays 50 instructions for the call.
    // Effects: deals with the oldest entry of the list. A victim's frame is claimed for the caller.
    CORDON_ALWAYS_INLINE found look(section& hold, group_id at, view& seen, typename lists_type::place from,
                                    typename lists_type::entry e) {
        auto& lists = tracker_.lists();
        const unsigned list = from.mark;
        const frame_index i{e.frame};
        // The word of a frame that nobody has pinned or claimed since it was listed here: one comparison for all that.
        const state_word usual = state_word{lru_place::listed, at, 0}.with_mark(lists_type::mark_of(from, e));
        const state_word w = tracker_.peek(i);
        if (w != usual) [[unlikely]]
            return look_closer(hold, from, e, w);
        decision what = tracker_.replacement().examine(seen, i, list);
        if (what.is_evict() && tracker_.is_young(at, i)) what = decision::keep(list);
        if (what.is_evict()) {
            if (!tracker_.claim_as(i, w)) return found::again;
            lists.drop(from, e, true);
            return found::victim;
        }
        if (what.list() != list && !tracker_.remark(i, w, what.list())) return found::again;
        lists.pass(from, tracker_.list_at(at, what.list()), e);
        return found::kept;
    }
    // Effects: deals with an entry of which `w` says more than that its frame is listed here.
    CORDON_NO_INLINE found look_closer(section& hold, typename lists_type::place from,
                                       typename lists_type::entry e, state_word w) {
        auto& lists = tracker_.lists();
        const frame_index i{e.frame};
        if (!tracker_.is_current(hold.id(), from.mark, e, w)) {
            lists.drop(from, e, false);
            return found::nothing;
        }
        if (w.references() != 0) {
            if (!tracker_.cull(i, w)) return found::again;
            lists.drop(from, e, true);
            return found::pinned;
        }
        (void)tracker_.adopt(i, w, hold.id());
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
            if (const result<lru_token> token = tracker_.evict(hold, i)) {
                hold.leave();
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
