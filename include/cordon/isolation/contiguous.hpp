// cordon/isolation/contiguous.hpp - allocate_contiguous: frames in a row, made free by moving what is in the way.
// SPDX-License-Identifier: BSL-1.0
//
// Linux: alloc_contig_range. A range of less than a block lies where the fewest of its frames are in use, within one
// block; a larger one starts at a pageblock (rounded up to the alignment) or with the zone. The cheapest place is the
// one with the fewest frames in use, lent blocks first, since that is what they were lent for. Its blocks are isolated,
// only the frames inside the wanted range are moved, the range is claimed, and what is left of the blocks is open again.
// A place that fails is undone and the next one tried.
#pragma once

#include "cordon/isolation/isolated_range.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Moves nothing: only places that are free already will do.
struct no_migrator {
    migrate_outcome operator()(const busy_frame&) const { return migrate_outcome::failed; }
};

template <class Policy>
class contiguous_search {
public:
    using geometry = zone_geometry<Policy>;
    using proof = typename zone_core<Policy>::zone_proof;
    // Each costs a barrier, and moves that are in vain if it fails.
    static constexpr unsigned max_attempts = 8;

    // Requires: alignment is a power of two.
    contiguous_search(zone_core<Policy>& engine, frame_count count, frame_count alignment)
        : zone_(engine),
          count_(count.raw()),
          align_(alignment.raw()),
          step_(align_ > geometry::block_frames ? align_ : geometry::block_frames) {}

    // Effects: makes the cheapest place that was not tried yet the current one. Returns: false if there is none.
    // Cost: for each place, of which there are as many as blocks, a read of each block of the range until it is dearer
    // than another; for less than a block O(frames). The zone lock for one place at a time.
    bool next() {
        const frame_range all = zone_.geometry().frames();
        place best;
        std::uint64_t best_at = 0;
        for (std::uint64_t at = round_up(all.first().raw(), align_); at + count_ <= all.end_raw();
             at = round_up(at + 1, step_)) {
            if (was_tried(at)) continue;
            const place found = cheapest_from(at, best.price);
            if (found.price >= best.price) continue;
            best = found;
            best_at = at;
            if (best.price == 0) break;
        }
        if (best.price == UINT64_MAX || attempts_ == max_attempts) return false;
        tried_[attempts_++] = best_at;
        start_ = best.start;
        return true;
    }
    [[nodiscard]] frame_range wanted() const {
        return {frame{static_cast<std::uint32_t>(start_)}, frame_count{count_}};
    }
    // Returns: the whole blocks around the wanted range, cut off at the ends of the zone.
    [[nodiscard]] frame_range blocks() const {
        const frame_range all = zone_.geometry().frames();
        const std::uint64_t start = start_ / geometry::block_frames * geometry::block_frames;
        const std::uint64_t end = round_up(start_ + count_, geometry::block_frames);
        const std::uint64_t first = start > all.first().raw() ? start : all.first().raw();
        const std::uint64_t last = end < all.end_raw() ? end : all.end_raw();
        return {frame{static_cast<std::uint32_t>(first)}, frame_count{last - first}};
    }

private:
    // Where the range would start, and how many frames in use are there, more for blocks that are not lent.
    struct place {
        std::uint64_t price = UINT64_MAX; // it cannot be had, or costs more than another
        std::uint64_t start = 0;
    };

    static constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t multiple) {
        return (n + multiple - 1) / multiple * multiple;
    }
    // Lent blocks come first unless they are much fuller than others. Only what is all free costs nothing.
    static std::uint64_t price_in(migrate_type type, std::uint64_t used) {
        constexpr std::uint64_t surcharge = 4;
        return type == migrate_type::lent ? used : used * surcharge;
    }
    [[nodiscard]] bool was_tried(std::uint64_t at) const {
        for (unsigned i = 0; i != attempts_; ++i)
            if (tried_[i] == at) return true;
        return false;
    }
    // Returns: the place that starts at `at`; of a range within one block the cheapest from there to the block's end.
    [[nodiscard]] place cheapest_from(std::uint64_t at, std::uint64_t limit) const {
        return zone_.with_zone_lock([&](proof held_lock) {
            const frame_index start = zone_.geometry().index_of(frame{static_cast<std::uint32_t>(at)});
            const block_index first = geometry::block_of(start);
            const std::uint64_t end = start.raw() + count_;
            const auto last = static_cast<std::uint32_t>((end - 1) / geometry::block_frames);
            place whole{0, at};
            bool is_broken = false; // a frame of it is missing, which is in the way for ever
            for (block_index b = first; b.raw() <= last && whole.price < limit; ++b) {
                const block_traits t = zone_.blocks().traits(b);
                if (!t.allocatable() || zone_.blocks().holds_unmovable(held_lock, b)) return place{};
                const frame_index from = b == first ? start : geometry::index_of(b);
                const std::uint64_t rest =
                    b.raw() == last ? end - from.raw() : geometry::block_frames - geometry::bit_of(from);
                zone_.blocks().for_each_missing(held_lock, from, static_cast<std::uint32_t>(rest),
                                                [&](frame_index, std::uint32_t) { is_broken = true; });
                const std::uint64_t free = zone_.blocks().free_frames(held_lock, b);
                const std::uint64_t missing = zone_.blocks().missing_frames(held_lock, b);
                whole.price += price_in(t.type(), geometry::block_frames - free - missing);
            }
            if (first.raw() == last && (whole.price != 0 || is_broken))
                return cheapest_within(held_lock, start);
            return is_broken ? place{} : whole;
        });
    }
    // Returns: of the places within the block, from `start` on, the one with the fewest frames in use; the first of them.
    [[nodiscard]] place cheapest_within(proof held_lock, frame_index start) const {
        const geometry& geo = zone_.geometry();
        const block_index b = geometry::block_of(start);
        const auto map = zone_.blocks().free_map(held_lock, b);
        constexpr std::uint32_t end = geometry::block_frames;
        // A missing frame, as those behind the zone's end are, weighs more than all others of the block together.
        constexpr std::uint32_t weight = geometry::block_frames;
        std::uint32_t used_below[geometry::block_frames + 1] = {};
        zone_.blocks().for_each_missing(held_lock, geometry::index_of(b), end,
                                        [&](frame_index at, std::uint32_t n) {
                                            for (std::uint32_t i = 0; i != n; ++i)
                                                used_below[geometry::bit_of(at) + i + 1] = weight;
                                        });
        for (std::uint32_t bit = 0; bit != end; ++bit)
            used_below[bit + 1] += used_below[bit] + !map.test(bit);
        const auto size = static_cast<std::uint32_t>(count_);
        const auto used_from = [&](std::uint32_t bit) { return used_below[bit + size] - used_below[bit]; };
        std::uint32_t best = geometry::bit_of(start);
        const auto step = static_cast<std::uint32_t>(align_ < end ? align_ : end);
        for (std::uint32_t bit = best; bit + size <= end; bit += step)
            if (used_from(bit) < used_from(best)) best = bit;
        if (used_from(best) > weight) return {};
        return {price_in(zone_.blocks().traits(b).type(), used_from(best)),
                geo.frame_at(geometry::index_of(b, best)).raw()};
    }

    zone_core<Policy>& zone_;
    std::uint64_t count_;
    std::uint64_t align_;
    std::uint64_t step_;
    std::uint64_t start_ = 0;
    std::uint64_t tried_[max_attempts] = {};
    unsigned attempts_ = 0;
};

// Returns: `count` frames in a row from a multiple of `alignment` on, allocated with order 0 each; busy or the
// migrator's trouble with the last place, no_memory if there is no place, invalid_argument.
template <class Policy, migrator M>
result<frame_range> allocate_contiguous(zone_core<Policy>& engine, frame_count count, frame_count alignment,
                                        M& migrate_one, const isolate_options& options) {
    const std::uint64_t align = alignment.raw();
    if (count.raw() == 0 || align == 0 || (align & (align - 1)) != 0) return status::invalid_argument;
    if (engine.error() != status::ok) return engine.error();
    if (count > engine.geometry().frames().count() || alignment > frame_count{std::uint64_t{1} << 32})
        return status::no_memory;
    contiguous_search<Policy> place{engine, count, alignment};
    const std::uint64_t until = options.deadline.from(Policy::clock::now());
    status trouble = status::no_memory;
    while (place.next()) {
        isolate_options limited = options;
        limited.deadline = deadline::until(until, Policy::clock::now());
        auto range = isolated_range<Policy>::seal(engine, place.blocks(), limited);
        trouble = range.error();
        if (trouble == status::timed_out || trouble == status::barrier_refused ||
            trouble == status::re_entered)
            return trouble;
        if (!range) continue;
        const migrate_report moved = range->migrate(place.wanted(), migrate_one);
        trouble = moved.outcome;
        if (trouble == status::ok) {
            const result<frame_range> claimed = range->claim(place.wanted());
            if (claimed) return claimed;
            trouble = claimed.error();
        } else if (options.blocker != nullptr) {
            *options.blocker = moved.blocker;
        }
        if (trouble == status::timed_out) return trouble;
    }
    return trouble;
}

} // namespace cordon::inline v0
