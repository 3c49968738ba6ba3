// cordon/frames/geometry.hpp - frame_index and zone_geometry: frames, pageblocks and regions of one zone.
// SPDX-License-Identifier: BSL-1.0
//
//     frame      the unit; its number is the embedder's
//     pageblock  2^pageblock_order frames (default 2^9): the unit of isolation, of migrate types, of one map
//     region     512 pageblocks (default 2^18 frames, 1 GiB): one map of wholly free blocks
//
// Inside the library a frame is a frame_index: its distance from the zone's base. The base is the first frame
// rounded down to a whole region, so that an order is aligned in both numberings alike.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/core/types.hpp"

#include <compare>
#include <cstdint>

namespace cordon::inline v0 {

class frame_index {
public:
    constexpr frame_index() = default;
    explicit constexpr frame_index(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    constexpr auto operator<=>(const frame_index&) const = default;

private:
    std::uint32_t raw_ = 0;
};

template <class Policy>
class zone_geometry {
public:
    static constexpr unsigned pageblock_order = Policy::pageblock_order;
    static constexpr unsigned max_order = Policy::max_order;
    static constexpr std::uint32_t block_frames = std::uint32_t{1} << pageblock_order;
    static constexpr std::uint32_t region_blocks = 512;
    static_assert(pageblock_order >= 6 && pageblock_order <= 9, "a pageblock is 2^6 to 2^9 frames");
    static_assert(max_order >= pageblock_order && max_order <= pageblock_order + 9,
                  "the largest order lies between a pageblock and a region");

    constexpr zone_geometry() = default;
    // Requires: frames is not empty and ends at or below 2^32 - 1.
    explicit constexpr zone_geometry(frame_range frames) : frames_(frames) {
        constexpr std::uint32_t region_frames = block_frames * region_blocks;
        base_ = frames.first().raw() / region_frames * region_frames;
        below_ = frames.first().raw() - base_;
        span_ = static_cast<std::uint32_t>(frames.end_raw() - base_);
        blocks_ = static_cast<std::uint32_t>((std::uint64_t{span_} + block_frames - 1) / block_frames);
    }

    [[nodiscard]] constexpr frame_range frames() const { return frames_; }
    [[nodiscard]] constexpr std::uint32_t blocks() const { return blocks_; }
    [[nodiscard]] constexpr std::uint32_t regions() const {
        return (blocks_ + region_blocks - 1) / region_blocks;
    }
    // Returns: the indices of the zone: 0 to span() - 1, those below frames().first() included.
    [[nodiscard]] constexpr std::uint32_t span() const { return span_; }

    // Returns: the index; one that the zone does not contain for a frame that is not of this zone.
    [[nodiscard]] constexpr frame_index index_of(frame f) const { return frame_index{f.raw() - base_}; }
    [[nodiscard]] constexpr frame frame_at(frame_index i) const { return frame{i.raw() + base_}; }
    [[nodiscard]] constexpr bool contains(frame_index i) const {
        return i.raw() - below_ < frames_.count().raw(); // an index below the first frame wraps
    }
    // Returns: whether the index has a state byte: what the hit path asks, since a byte before the first frame
    // is never that of a head.
    [[nodiscard]] CORDON_ALWAYS_INLINE constexpr bool has_state(frame_index i) const {
        return i.raw() < span_;
    }
    // Returns: whether all frames of the run are of this zone.
    [[nodiscard]] constexpr bool contains(frame_index i, order k) const {
        return contains(i) && k.frames().raw() <= span_ - i.raw();
    }

    [[nodiscard]] static constexpr block_index block_of(frame_index i) {
        return block_index{i.raw() >> pageblock_order};
    }
    [[nodiscard]] static constexpr unsigned bit_of(frame_index i) { return i.raw() & (block_frames - 1); }
    [[nodiscard]] static constexpr frame_index index_of(block_index b, unsigned bit = 0) {
        return frame_index{(b.raw() << pageblock_order) + bit};
    }
    // Returns: the frames of the block, or of several in a row, with those that the zone cuts off.
    [[nodiscard]] constexpr frame_range frames_of(block_index b, std::uint32_t count = 1) const {
        return {frame_at(index_of(b)), frame_count{std::uint64_t{count} * block_frames}};
    }

private:
    frame_range frames_;
    std::uint32_t base_ = 0;
    std::uint32_t below_ = 0; // indices before the first frame
    std::uint32_t span_ = 0;
    std::uint32_t blocks_ = 0;
};

} // namespace cordon::inline v0
