// cordon/isolation/compact.hpp - compact: makes whole blocks by emptying the cheapest ones into the others.
// SPDX-License-Identifier: BSL-1.0
//
// Linux scans from both ends of a zone and moves what it meets. Here the fill of each block is known, so the blocks
// are emptied in the order of what that costs, and a move lands where an allocation would: in the partly used blocks
// first. It pays as long as the other partly used blocks have room for the frames of the next one; from then on each
// move would break a whole block to make one, and compaction is deferred (Linux: compact_defer). That is as long as
// the free frames of all partly used blocks of its type make up a block: its own are as many as it lacks, and moves break
// a whole block before they go to one of another type. A move between them does not change that sum, and a block that is
// emptied takes a block's worth out of it, so it is counted along with the search for candidates and not for each of them.
#pragma once

#include "cordon/isolation/isolated_range.hpp"

#include <cstdint>

namespace cordon::inline v0 {

struct compact_options {
    frame_count budget = frame_count{UINT32_MAX}; // frames that may be moved or evicted
    cordon::deadline deadline{};
};

// Counts are of frames, but for `emptied`.
struct compact_report {
    status outcome = status::ok; // timed_out, barrier_refused, re_entered: stopped half-way, nothing lost
    bool deferred = false;       // blocks were left because there is no room to empty them into
    std::uint32_t emptied = 0;   // blocks that became whole
    frame_count moved;
    frame_count freed;
    frame_count failed; // the blocks of these stay as they were found, but for what was moved already

    bool operator==(const compact_report&) const = default;
};
// "ok: 9 blocks emptied, 1801 frames moved, 0 frames freed, 0 frames failed; deferred"
template <text_sink S>
S& operator<<(S& sink, const compact_report& report) {
    print_count(print(sink << report.outcome, ": "), report.emptied, "block", "blocks");
    print(print(sink, " emptied, ") << report.moved, " moved, ");
    print(print(sink << report.freed, " freed, ") << report.failed, " failed");
    return report.deferred ? print(sink, "; deferred") : sink;
}

// The cheapest blocks to empty, a few at a time, each once; and the room in partly used blocks of each type, as it was
// counted last.
template <class Policy>
class compact_order {
public:
    using geometry = zone_geometry<Policy>;
    struct candidate {
        std::uint32_t used = 0;
        block_index block;
        migrate_type type = migrate_type::movable;
        // Of equal blocks the last comes first: allocations, and so the moves, go to the first ones.
        [[nodiscard]] std::uint64_t rank() const {
            return std::uint64_t{used} << 32 | (UINT32_MAX - block.raw());
        }
    };

    explicit compact_order(zone_core<Policy>& engine) : zone_(engine) {}

    // Returns: the next one of a type that is not deferred, used == 0 if there is none. Cost: O(blocks of the zone) for
    // each `few`.
    candidate next() {
        for (;;) {
            if (at_ == count_) search();
            if (at_ == count_) return {};
            const candidate c = found_[at_++];
            if (!is_deferred_[index(c.type)]) return c;
        }
    }
    // Effects: no more blocks of the type come.
    void defer(migrate_type type) { is_deferred_[index(type)] = true; }
    // Returns: how many of its frames are in use now: what was moved into the block since it was ranked counts, too, and
    // what rests in a cache since then.
    [[nodiscard]] std::uint32_t used(block_index b) const {
        return zone_.with_zone_lock([&](auto held_lock) {
            return geometry::block_frames - zone_.blocks().free_frames(held_lock, b);
        });
    }
    // Returns: whether the blocks of the type that are partly used can take in all that is in one of them.
    [[nodiscard]] bool has_room(migrate_type type) const {
        return room_[index(type)] >= geometry::block_frames;
    }
    // Effects: a block with so many free frames is no longer one of them.
    void lose_room(migrate_type type, std::uint32_t frames) {
        std::uint64_t& room = room_[index(type)];
        room -= room < frames ? room : frames;
    }
    // Cost: O(blocks of the zone).
    void count_room() {
        for_each_partial([](const candidate&) {});
    }

private:
    static constexpr unsigned few = 32;
    [[nodiscard]] static constexpr unsigned index(migrate_type type) { return static_cast<unsigned>(type); }

    // Effects: counts the room. The last block comes first, as they are ranked.
    template <class F>
    void for_each_partial(F f) {
        for (std::uint64_t& room : room_)
            room = 0;
        std::uint32_t i = zone_.geometry().blocks();
        while (i != 0)
            zone_.with_zone_lock([&](auto held_lock) { // for a region at a time
                const std::uint32_t region = (i - 1) / regions::map::size * regions::map::size;
                while (i != region) {
                    const block_index b{--i};
                    const block_traits t = zone_.blocks().traits(b);
                    const std::uint32_t free = zone_.blocks().free_frames(held_lock, b);
                    const bool partial = free != 0 && free != geometry::block_frames;
                    // One with a frame that is missing, or will be when it is freed, never becomes whole.
                    if (!partial || !t.cacheable() || zone_.blocks().holds_unmovable(held_lock, b) ||
                        zone_.blocks().missing_frames(held_lock, b) != 0)
                        continue;
                    room_[index(t.type())] += free;
                    f(candidate{geometry::block_frames - free, b, t.type()});
                }
            });
    }
    // Effects: finds the `few` lowest ranks above the last one handed out.
    void search() {
        const std::uint64_t last = count_ == 0 ? 0 : found_[count_ - 1].rank();
        at_ = count_ = 0;
        for_each_partial([&](const candidate& c) {
            if (c.rank() <= last || (count_ == few && c.rank() >= found_[few - 1].rank())) return;
            unsigned to = count_ == few ? few - 1 : count_++;
            for (; to != 0 && found_[to - 1].rank() > c.rank(); --to)
                found_[to] = found_[to - 1];
            found_[to] = c;
        });
    }

    zone_core<Policy>& zone_;
    std::uint64_t room_[migrate_types] = {}; // free frames
    bool is_deferred_[migrate_types] = {};
    candidate found_[few];
    unsigned at_ = 0;
    unsigned count_ = 0;
};

namespace detail {

// Effects: seals the block and empties it; what that came to is added to the report. Returns: false if no other block is to
// follow: the deadline has passed, or the barrier was refused.
template <class Policy, migrator M>
bool empty_block(zone_core<Policy>& engine, const typename compact_order<Policy>::candidate& next,
                 M& migrate_one, std::uint64_t until, compact_order<Policy>& candidates,
                 compact_report& report) {
    isolate_options limited;
    limited.deadline = deadline::until(until, Policy::clock::now());
    auto range = isolated_range<Policy>::seal(engine, engine.geometry().frames_of(next.block), limited);
    if (range.error() == status::timed_out || range.error() == status::barrier_refused) {
        report.outcome = range.error();
        return false;
    }
    if (!range) { // isolated by somebody else, or of another type now
        candidates.lose_room(next.type, zone_geometry<Policy>::block_frames - next.used);
        return true;
    }
    const migrate_report got = range->migrate(migrate_one, deadline::until(until, Policy::clock::now()));
    report.moved += got.moved;
    report.freed += got.freed;
    report.failed += got.failed;
    if (got.outcome == status::ok) {
        ++report.emptied;
        candidates.lose_room(next.type, zone_geometry<Policy>::block_frames);
    }
    if (got.outcome == status::timed_out) report.outcome = status::timed_out;
    return got.outcome != status::timed_out;
}

} // namespace detail

// Effects: see zone.compact().
template <class Policy, migrator M>
compact_report compact(zone_core<Policy>& engine, M& migrate_one, const compact_options& options) {
    using core = zone_core<Policy>;
    compact_report report;
    if ((report.outcome = engine.error()) != status::ok) return report;
    const std::uint64_t until = options.deadline.from(Policy::clock::now());
    const slot_index self = Policy::thread_slots::current();
    // What rests in caches would look used, and what is left of a refill would keep the last block from being whole.
    const auto drain = [&] { return engine.drain(self, typename core::filter{}, until); };
    if ((report.outcome = drain()) != status::ok) return report;
    compact_order<Policy> candidates{engine};
    const auto is_too_dear = [&](std::uint32_t used) {
        return (report.moved + report.freed).raw() + used > options.budget.raw();
    };
    for (auto next = candidates.next(); next.used != 0; next = candidates.next()) {
        if (is_too_dear(next.used)) break; // and so are all behind it
        if (is_too_dear(candidates.used(next.block))) continue;
        if (moving_migrator<M> && !candidates.has_room(next.type)) {
            // But the moves may have left in caches what is missing.
            if ((report.outcome = drain()) != status::ok) break;
            candidates.count_room();
            if (!candidates.has_room(next.type)) {
                report.deferred = true;
                candidates.defer(next.type);
                continue;
            }
        }
        if (!detail::empty_block(engine, next, migrate_one, until, candidates, report)) break;
    }
    if (const status e = drain(); report.outcome == status::ok) report.outcome = e;
    return report;
}

} // namespace cordon::inline v0
