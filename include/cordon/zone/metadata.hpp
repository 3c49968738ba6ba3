// cordon/zone/metadata.hpp - zone_metadata: where everything lies in the one region of metadata.
// SPDX-License-Identifier: BSL-1.0
//
//     header          geometry, counters, sizes of the tables
//     block traits    1 byte a block            what the fast paths read
//     block fills     4 bytes a block           used, largest run
//     block maps      64 bytes a block          a set bit is a free frame
//     partial sets    4.6 bytes a block         (migrate type, largest run) -> blocks
//     region maps     128 bytes a region, its marks, and the sets that bin the regions
//     tables          8 bytes a hole, 16 a frame that can be poisoned
//     frame states    1 byte a frame            checks cheap and full only
//     owner tags      4 bytes a frame           owner_tags only
//     cache slots     thread_slots::max_slots of them, and the closed one
//
// The region holds offsets and indices, no pointer: it can be copied, moved, or mapped at two addresses. All of
// it starts as zero bytes, and what no frame has used yet is never written, so it is committed lazily.
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/cache/magazine.hpp"
#include "cordon/core/check.hpp"
#include "cordon/core/layout.hpp"
#include "cordon/frames/frame_states.hpp"
#include "cordon/frames/owner_tags.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace cordon::inline v0 {

template <class Policy>
struct zone_header {
    using atomics = typename Policy::atomics;
    std::uint64_t magic;
    std::uint32_t format;
    std::uint32_t first_frame;
    std::uint64_t frames;
    std::uint32_t holes;
    std::uint32_t max_poisoned;
    std::uint32_t poisoned;
    std::uint32_t condemned;
    std::uint32_t disabled; // nesting depth of disable_caches; under the zone lock
    typename atomics::template atomic<std::uint32_t> active_slots;
    // What each batch writes is one line: these two and the first six of the counters.
    alignas(cache_line_bytes) typename atomics::template atomic<std::uint64_t> refills;
    typename atomics::template atomic<std::uint64_t> spills;
    buddy_counters<atomics> count;

    static constexpr std::uint64_t magic_value = 0x6e6f64726f63'0003; // "cordon", layout 3
    // What the layout depends on, options aside; the table of cached orders as far as sizes tell.
    static constexpr std::uint32_t format_value =
        (Policy::pageblock_order | Policy::max_order << 4 |
         unsigned{Policy::checks != check_level::none} << 9 | unsigned{Policy::owner_tags} << 10 |
         Policy::thread_slots::max_slots << 11) ^
        static_cast<std::uint32_t>(sizeof(cache_slot_parts<Policy>)) << 16;
};

template <class Policy>
class zone_metadata {
public:
    using atomics = typename Policy::atomics;
    using geometry = zone_geometry<Policy>;
    using header = zone_header<Policy>;
    using slots = cache_slot<Policy>;
    using states = std::conditional_t<Policy::checks == check_level::none, null_frame_states<atomics>,
                                      frame_states<atomics>>;
    using tags = std::conditional_t<Policy::owner_tags, owner_tags<atomics>, null_owner_tags<atomics>>;

    zone_metadata() = default;
    // Lays the parts out over `memory`, or only measures when it is null.
    constexpr zone_metadata(std::byte* memory, const geometry& geo, std::uint32_t holes,
                            std::uint32_t max_poisoned)
        : layout_(memory) {
        using buddy_type = buddy<Policy>;
        const std::uint32_t blocks = geo.blocks();
        const std::uint32_t region_count = geo.regions();
        head = layout_.part<header>(1);
        buddy_parts.traits = layout_.part<typename buddy_type::traits_cell>(blocks);
        buddy_parts.fills = layout_.part<block_fill>(blocks);
        buddy_parts.maps = layout_.part<typename buddy_type::map>(blocks);
        buddy_parts.partial = sets(buddy_type::sets, blocks);
        const auto region_maps = layout_.part<regions::map>(std::size_t{region_count} * regions::pools);
        marks_of_regions = layout_.part<region_marks>(std::size_t{region_count} * regions::pools);
        buddy_parts.whole = regions{region_maps, marks_of_regions,
                                    sets(regions::pools * regions::bins, region_count), region_count};
        const auto hole_ranges = layout_.part<range_table::range>(holes);
        const auto poisoned_ranges = layout_.part<range_table::range>(max_poisoned);
        const auto condemned_ranges = layout_.part<range_table::range>(max_poisoned);
        states_cells = layout_.part<typename states::cell>(states::cells(geo.span()));
        tag_cells = layout_.part<typename tags::cell>(tags::cells(geo.span()));
        cache_slots = layout_.part<slots>(Policy::thread_slots::max_slots + 1, colour);
        if (memory == nullptr) return;
        buddy_parts.holes = {&head->holes, hole_ranges, holes};
        buddy_parts.poisoned = {&head->poisoned, poisoned_ranges, max_poisoned};
        buddy_parts.condemned = {&head->condemned, condemned_ranges, max_poisoned};
        buddy_parts.count = &head->count;
    }
    [[nodiscard]] constexpr std::size_t bytes() const { return layout_.bytes(); }

    header* head = nullptr;
    typename buddy<Policy>::parts buddy_parts{};
    region_marks* marks_of_regions = nullptr;
    typename states::cell* states_cells = nullptr;
    typename tags::cell* tag_cells = nullptr;
    slots* cache_slots = nullptr;

private:
    // A hit touches the first line of its slot and the state byte of its frame. Were both arrays to start at a page,
    // the lowest frames' bytes and every slot would want the same set of the first-level cache, and where the
    // processor guesses the way by a hash of the address (AMD since Zen) two lines of one set and one hash throw each
    // other out for ever: 40 ns a pair were measured instead of 4. So slots start in the middle of a page.
    static constexpr std::size_t colour = layout::page / 2;

    constexpr index_sets sets(std::uint32_t n, std::uint32_t capacity) {
        auto* const words = layout_.part<std::uint64_t>(index_sets::word_count(n, capacity));
        return words == nullptr ? index_sets{} : index_sets{words, n, capacity};
    }

    layout layout_;
};

} // namespace cordon::inline v0
