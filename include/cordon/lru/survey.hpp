// cordon/lru/survey.hpp - lru_survey: what an LRU holds: ages, places, figures, and whether its lists are whole.
// SPDX-License-Identifier: BSL-1.0
//
// The histogram and the working set are walks over the words and the age bytes, O(frames), without a lock.
// validate() walks each list under its group's lock. A frame whose claimant has not yet unlinked it may be on a list; all
// else must agree. Sums over frames and lists are compared when the LRU is at rest.
#pragma once

#include "cordon/core/text.hpp"
#include "cordon/lru/core.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

struct lru_validation {
    const char* what = nullptr; // the first broken invariant, or null
    frame where;                // of the fault
    std::uint64_t listed = 0;   // on all lists, as they count
    bool sums_checked = false;

    [[nodiscard]] explicit operator bool() const { return what == nullptr; }
};

template <text_sink S>
S& operator<<(S& sink, const lru_validation& v) {
    if (!v) return print(print(sink << v.where, ": "), v.what);
    return print(print(sink << frame_count{v.listed}, " listed"),
                 v.sums_checked ? ", sums: valid" : ": valid");
}

template <replacement_policy R, lru_policy P>
class lru_survey {
    using core = lru_core<R, P>;
    using section = typename core::section;
    using lists_type = typename core::lists_type;

public:
    explicit lru_survey(core& tracker) : tracker_(tracker) {}

    [[nodiscard]] lru_state state_of(frame_index i) const {
        const state_word w = tracker_.peek(i);
        if (w.place() == lru_place::untracked) return {};
        const std::uint8_t age = tracker_.age_of(i).load(std::memory_order_relaxed);
        return {.place = w.place(),
                .group = tracker_.root_of(w.group()),
                .pins = w.pins(),
                .list = lists_type::list_of(w.mark()),
                .age = age,
                .cold = tracker_.replacement().coldness(age, tracker_.clock_of(w.group()))};
    }
    [[nodiscard]] age_histogram ages(group_id g) const {
        age_histogram all;
        if (!tracker_.is_live(g)) return all;
        const group_id at = tracker_.root_of(g);
        for_each_tracked([&](frame_index, const lru_state& s) {
            if (s.group != at) return;
            ++all.by_place[static_cast<unsigned>(s.place)];
            ++all.by_age[s.cold];
        });
        return all;
    }
    // Returns: how many frames of the group are in `out`: those from `from` on that are listed, unpinned, and at least so
    // cold.
    std::size_t cold_frames(group_id g, std::uint8_t at_least, std::span<frame> out, frame_index from) const {
        if (!tracker_.is_live(g)) return 0;
        const group_id at = tracker_.root_of(g);
        std::size_t n = 0;
        for (; tracker_.contains(from) && n != out.size(); from = frame_index{from.raw() + 1}) {
            const lru_state s = state_of(from);
            if (s.place == lru_place::listed && s.group == at && s.pins == 0 && s.cold >= at_least)
                out[n++] = tracker_.frame_at(from);
        }
        return n;
    }
    [[nodiscard]] cordon::miss_curve miss_curve(group_id g) const {
        cordon::miss_curve curve;
        section hold{tracker_}; // no more distances than misses
        if (!hold.enter_live(g)) return curve;
        const auto& count = hold.self().count;
        curve.misses = count.added.load(std::memory_order_relaxed);
        for (unsigned power = 0; power <= cordon::miss_curve::powers; ++power)
            curve.by_distance[power] = count.by_distance[power].load(std::memory_order_relaxed);
        return curve;
    }
    [[nodiscard]] lru_stats stats(group_id g) const {
        section hold{tracker_};
        if (!hold.enter_live(g)) return {};
        const auto& count = hold.self().count;
        const auto read = [](const auto& figure) { return figure.load(std::memory_order_relaxed); };
        return {.listed = frame_count{tracker_.total(hold.id())},
                .added = read(count.added),
                .scanned = read(count.scanned),
                .isolated = read(count.isolated),
                .stolen = read(count.stolen),
                .kept = read(count.kept),
                .culled = read(count.culled),
                .evicted = read(count.evicted),
                .refaulted = read(count.refaulted),
                .activated = read(count.activated),
                .ticks = read(count.ticks)};
    }

    // `at_rest`: nobody uses the LRU meanwhile, so that sums can be compared.
    [[nodiscard]] lru_validation validate(bool at_rest) {
        lru_validation found;
        if (tracker_.error() != status::ok) return found;
        for (std::uint32_t g = 0; g != tracker_.group_capacity() && found; ++g)
            if (tracker_.route_of(group_id{g}).what() == group_route::kind::live)
                walk_group(group_id{g}, found, at_rest);
        if (!at_rest || !found) return found;
        std::uint64_t words_listed = 0;
        for_each_tracked([&](frame_index i, const lru_state& s) {
            words_listed += s.place == lru_place::listed;
            if (s.place == lru_place::isolated && tracker_.peek(i).references() == 0)
                fail(found, i, "isolated without a reference");
            if (s.place == lru_place::unevictable && s.pins == 0) fail(found, i, "unevictable without a pin");
        });
        if (words_listed != found.listed) fail(found, frame_index{0}, "a listed frame is on no list");
        found.sums_checked = true;
        return found;
    }

private:
    template <class F>
    void for_each_tracked(F f) const {
        for (std::uint64_t n = 0; n != tracker_.frames().count().raw(); ++n) {
            const frame_index i{static_cast<std::uint32_t>(n)};
            if (const lru_state s = state_of(i); s.place != lru_place::untracked) f(i, s);
        }
    }
    void fail(lru_validation& found, frame_index i, const char* what) const {
        if (found.what != nullptr) return;
        found.what = what;
        found.where = tracker_.frame_at(i);
    }
    void walk_group(group_id g, lru_validation& found, bool at_rest) {
        section hold{tracker_};
        hold.enter(g);
        if (hold.id() != g) return; // merged meanwhile
        for (unsigned list = 0; list != R::lists; ++list) {
            std::uint64_t current = 0;
            tracker_.lists().for_each(tracker_.list_at(g, list), [&](auto entry) {
                const frame_index i{entry.frame};
                if (!tracker_.contains(i)) {
                    fail(found, frame_index{0}, "an entry of a list is no frame");
                    return false;
                }
                const state_word w = tracker_.peek(i);
                if (!tracker_.is_current(g, list, entry, w)) {
                    if (lists_type::unlinks && at_rest) fail(found, i, "linked, but not listed");
                    return true;
                }
                if (lists_type::unlinks && !hold.holds(w.group()))
                    fail(found, i, "on a list of another group");
                if (lists_type::list_of(w.mark()) != list)
                    fail(found, i, "on another list than its word says");
                ++current;
                return found.what == nullptr;
            });
            const std::uint32_t counted = tracker_.size(g, list);
            found.listed += counted;
            // A ring may hold two entries of a frame that both look current (ring.hpp).
            const bool is_whole = lists_type::unlinks ? current == counted : current >= counted;
            if (at_rest && found && !is_whole)
                fail(found, frame_index{0}, "a list is not as long as its count");
        }
    }

    core& tracker_;
};

} // namespace cordon::inline v0
