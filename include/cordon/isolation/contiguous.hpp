// cordon/isolation/contiguous.hpp - allocate_contiguous: frames in a row, made free by moving what is in the way.
// SPDX-License-Identifier: BSL-1.0
//
// Linux: alloc_contig_range. Candidate places start at pageblocks (rounded up to the alignment); the cheapest is
// the one with the fewest frames in use, lent blocks first, since that is what they were lent for. Its blocks are
// isolated, only the frames inside the wanted range are moved, the range is claimed, and what is left of the
// blocks is open again. A place that fails is undone and the next one tried.
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
    static constexpr unsigned max_attempts = 8;

    // Requires: alignment is a power of two.
    contiguous_search(zone_core<Policy>& engine, frame_count count, frame_count alignment)
        : zone_(engine),
          count_(count.raw()),
          step_(alignment.raw() > geometry::block_frames ? alignment.raw() : geometry::block_frames) {}

    // Effects: makes the cheapest place that was not tried yet the current one. Returns: false if there is none.
    // Cost: O(blocks of the zone) reads, the zone lock for one place at a time.
    bool next() {
        const frame_range all = zone_.geometry().frames();
        std::uint64_t best = UINT64_MAX;
        std::uint64_t best_at = 0;
        for (std::uint64_t at = (all.first().raw() + step_ - 1) / step_ * step_; at + count_ <= all.end_raw();
             at += step_) {
            if (was_tried(at)) continue;
            const std::uint64_t price = price_of(at, best);
            if (price >= best) continue;
            best = price;
            best_at = at;
            if (best == 0) break;
        }
        if (best == UINT64_MAX || attempts_ == max_attempts) return false;
        tried_[attempts_++] = best_at;
        return true;
    }
    [[nodiscard]] frame_range wanted() const {
        return {frame{static_cast<std::uint32_t>(current())}, frame_count{count_}};
    }
    // Returns: the whole blocks around the wanted range, cut off at the end of the zone.
    [[nodiscard]] frame_range blocks() const {
        const std::uint64_t end = (current() + count_ + geometry::block_frames - 1) / geometry::block_frames *
                                  geometry::block_frames;
        const std::uint64_t last = zone_.geometry().frames().end_raw();
        return {wanted().first(), frame_count{(end < last ? end : last) - current()}};
    }

private:
    [[nodiscard]] std::uint64_t current() const { return tried_[attempts_ - 1]; }
    [[nodiscard]] bool was_tried(std::uint64_t at) const {
        for (unsigned i = 0; i != attempts_; ++i)
            if (tried_[i] == at) return true;
        return false;
    }
    // Returns: frames in use around the place, fewer for lent blocks; UINT64_MAX if it cannot be had, or costs
    // more than `limit`.
    [[nodiscard]] std::uint64_t price_of(std::uint64_t at, std::uint64_t limit) const {
        const auto& geo = zone_.geometry();
        return zone_.with_zone_lock([&](proof held_lock) {
            std::uint64_t price = 0;
            const block_index first = geometry::block_of(geo.index_of(frame{static_cast<std::uint32_t>(at)}));
            const std::uint64_t blocks = (count_ + geometry::block_frames - 1) / geometry::block_frames;
            for (std::uint32_t n = 0; n != blocks && price < limit; ++n) {
                const block_index b{first.raw() + n};
                const block_traits t = zone_.blocks().traits(b);
                // The zone may cut its last block off; any other frame that is missing is in the way for ever.
                const std::uint64_t end = std::uint64_t{geometry::index_of(b).raw()} + geometry::block_frames;
                const std::uint64_t behind = end > geo.span() ? end - geo.span() : 0;
                if (!t.allocatable() || t.type() == migrate_type::unmovable ||
                    zone_.blocks().missing_frames(held_lock, b) != behind)
                    return UINT64_MAX;
                const std::uint64_t used =
                    geometry::block_frames - zone_.blocks().free_frames(held_lock, b) - behind;
                price += t.type() == migrate_type::lent ? used / 4 : used;
            }
            return price;
        });
    }

    zone_core<Policy>& zone_;
    std::uint64_t count_;
    std::uint64_t step_;
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
    isolation_protocol<Policy> protocol{engine};
    contiguous_search<Policy> place{engine, count, alignment};
    const std::uint64_t until = options.deadline.from(Policy::clock::now());
    status trouble = status::no_memory;
    while (place.next()) {
        const block_span span = *protocol.blocks_of(place.blocks());
        isolate_options limited = options;
        limited.deadline = deadline::until(until, Policy::clock::now());
        trouble = protocol.seal(Policy::thread_slots::current(), span, limited);
        if (trouble == status::timed_out || trouble == status::barrier_refused ||
            trouble == status::re_entered)
            return trouble;
        if (trouble != status::ok) continue;
        isolated_range<Policy> range{
            engine, place.blocks(), {span.first, span.count, options.owner}, limited};
        const migrate_report moved = range.migrate(place.wanted(), migrate_one, limited.deadline);
        trouble = moved.outcome;
        if (trouble == status::ok) {
            const result<frame_range> claimed = range.claim(place.wanted());
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
