// cordon/lru/metadata.hpp - lru_metadata: where everything of an LRU lies in its one region of memory.
// SPDX-License-Identifier: BSL-1.0
//
//     header       the pool of segments
//     routes       4 bytes a group              what touches read of a group
//     groups       about 1 KiB each
//     ages         1 byte a frame, 510 more     all that touches write
//     words        4 bytes a frame
//     lists        links, 8 bytes a frame; or segments, 7.1 bytes a frame and 768 a list; or nothing
//     batches      thread_slots::max_slots of 320 bytes; 576 if the policy wants keys
//     ghosts       4 bytes an entry
//     extra        what the replacement policy asks for, for each group
//
// Numbers only, no pointer; it starts as zero bytes, and what no frame has used is never written.
#pragma once

#include "cordon/core/layout.hpp"
#include "cordon/lru/batch.hpp"
#include "cordon/lru/ghost.hpp"
#include "cordon/lru/group.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <class R, class P>
class lru_metadata {
public:
    using atomics = typename P::atomics;
    using group = lru_group<R, P>;
    using lists = lists_of<R, P>;
    using batch = lru_batch<atomics, typename P::gate, R::wants_keys>;
    using ghosts = ghost_table<atomics>;
    using route_cell = typename atomics::template atomic<std::uint32_t>; // a group_route
    using age_cell = typename atomics::template atomic<std::uint8_t>;
    using word_cell = typename atomics::template atomic<std::uint32_t>;

    struct header {
        typename lists::pool pool;
        typename atomics::template atomic<std::uint32_t> active_slots;
        std::uint32_t disabled; // nesting depth of disable_batches; under the slots' lock
    };

    lru_metadata() = default;
    // Lays the parts out over `memory`, or only measures when it is null.
    lru_metadata(std::byte* memory, const lru_options& options, const R& replacement) : layout_(memory) {
        const std::uint64_t n = options.frames.count().raw();
        head = layout_.part<header>(1);
        routes = layout_.part<route_cell>(options.groups);
        groups = layout_.part<group>(options.groups);
        ages = layout_.part<age_cell>(n + 2 * UINT8_MAX);
        words = layout_.part<word_cell>(n);
        list_cells =
            layout_.part<typename lists::cell>(lists::cells(n, std::uint64_t{options.groups} * R::lists));
        batches = layout_.part<batch>(P::thread_slots::max_slots);
        ghost_cells = layout_.part<typename ghosts::cell>(ghosts::cells(options.ghost_entries));
        extra_bytes_ = replacement.extra_bytes(n);
        extra_stride_ = (extra_bytes_ + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
        extra_ = layout_.part<std::byte>(std::uint64_t{extra_stride_} * options.groups);
    }
    [[nodiscard]] std::size_t bytes() const { return layout_.bytes(); }
    // Returns: n rounded up so that the low byte is free, for a clock; 0 if it is too large. With a clock it is up to 510
    // more than n.
    [[nodiscard]] static constexpr std::uint32_t direct_frames(std::uint64_t n) {
        return static_cast<std::uint32_t>((n + UINT8_MAX) & ~std::uint64_t{UINT8_MAX});
    }

    header* head = nullptr;
    route_cell* routes = nullptr;
    group* groups = nullptr;
    age_cell* ages = nullptr;
    word_cell* words = nullptr;
    typename lists::cell* list_cells = nullptr;
    batch* batches = nullptr;
    typename ghosts::cell* ghost_cells = nullptr;
    [[nodiscard]] std::span<std::byte> extra_of(group_id g) const {
        return {extra_ + extra_stride_ * g.raw(), extra_bytes_};
    }

private:
    std::byte* extra_ = nullptr;
    std::size_t extra_bytes_ = 0;
    std::size_t extra_stride_ = 0;
    layout layout_;
};

} // namespace cordon::inline v0
