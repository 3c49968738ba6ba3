// cordon/zone/creation.hpp - zone_creation: from options and zero bytes to a zone with all frames free.
// SPDX-License-Identifier: BSL-1.0
//
// A region without holes is one line in the region maps; none of its blocks is touched. So a zone costs
// O(frames / 2^18), and 1 TiB of 4 KiB frames is ready in microseconds with a few pages of metadata resident.
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/core/status.hpp"
#include "cordon/zone/metadata.hpp"
#include "cordon/zone/options.hpp"

#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class zone_creation {
public:
    using geometry = zone_geometry<Policy>;
    using metadata = zone_metadata<Policy>;

    [[nodiscard]] static constexpr status check(const zone_options& options) {
        const frame_range all = options.frames;
        if (!all.is_valid()) return status::invalid_range;
        for (const frame_range hole : options.holes)
            if (hole.empty() || !all.contains(hole)) return status::invalid_range;
        // Frames of one size, or no memory.
        return options.memory.size() % all.count().raw() == 0 ? status::ok : status::invalid_argument;
    }
    // The embedder's holes, and two of ours: below the first frame, and behind the last up to a whole block.
    [[nodiscard]] static constexpr std::uint32_t hole_capacity(const zone_options& options) {
        return static_cast<std::uint32_t>(options.holes.size()) + 2;
    }
    // Returns: bytes of metadata. Requires: check(options) is ok.
    [[nodiscard]] static constexpr std::size_t measure(const zone_options& options) {
        return metadata{nullptr, geometry{options.frames}, hole_capacity(options), options.max_poisoned}
            .bytes();
    }

    // Calls f(first index, count) for each of them.
    template <class F>
    static void for_each_hole(const geometry& geo, const zone_options& options, F f) {
        const std::uint32_t below = geo.index_of(options.frames.first()).raw();
        if (below != 0) f(frame_index{0}, below);
        for (const frame_range hole : options.holes)
            f(geo.index_of(hole.first()), static_cast<std::uint32_t>(hole.count().raw()));
        const std::uint64_t end = std::uint64_t{geo.blocks()} * geometry::block_frames;
        // The frame behind 2^32 - 1 cannot be named; a hole up to there is long enough.
        if (end != geo.span()) f(frame_index{geo.span()}, static_cast<std::uint32_t>(end - geo.span()));
    }

    // Effects: makes the zone in `parts`, which lies in zero bytes. Returns: invalid_range if holes overlap.
    [[nodiscard]] static status populate(metadata& parts, const geometry& geo, buddy<Policy>& blocks,
                                         const zone_options& options) {
        auto& head = *parts.head;
        head.magic = zone_header<Policy>::magic_value;
        head.format = zone_header<Policy>::format_value;
        head.first_frame = options.frames.first().raw();
        head.frames = options.frames.count().raw();
        head.max_poisoned = options.max_poisoned;

        range_table& holes = parts.buddy_parts.holes;
        for_each_hole(geo, options,
                      [&](frame_index first, std::uint32_t count) { holes.append(first, count); });
        holes.sort();
        if (!holes.is_disjoint()) return status::invalid_range;

        for (std::size_t i = 0; i != std::size_t{geo.regions()} * regions::pools; ++i)
            parts.marks_of_regions[i] = region_map::no_marks;
        for (std::uint32_t region = 0; region != geo.regions(); ++region)
            make_region(parts, geo, blocks, region);
        return status::ok;
    }

private:
    static void make_region(metadata& parts, const geometry& geo, buddy<Policy>& blocks,
                            std::uint32_t region) {
        const std::uint32_t first = region * geometry::region_blocks;
        const std::uint32_t left = geo.blocks() - first;
        const std::uint32_t count = left < geometry::region_blocks ? left : geometry::region_blocks;
        const frame_index start = geometry::index_of(block_index{first});
        if (!parts.buddy_parts.holes.any_in(start, std::uint64_t{count} * geometry::block_frames)) {
            blocks.make_region(region, count);
            return;
        }
        for (std::uint32_t i = 0; i != count; ++i) {
            const block_index b{first + i};
            parts.buddy_parts.holes.for_each_in(
                geometry::index_of(b), geometry::block_frames,
                [&](frame_index at, std::uint32_t n) { blocks.make_hole(b, geometry::bit_of(at), n); });
            blocks.make_block(b);
        }
    }
};

} // namespace cordon::inline v0
