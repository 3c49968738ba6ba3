// cordon/isolation/options.hpp - isolate_options, and what stands in the way: busy_frame.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `isolation` empties pageblocks under live traffic. protocol.hpp seals and opens ranges,
// isolated_range.hpp is the owner of a sealed one, migrator.hpp says how the embedder moves a frame; contiguous.hpp,
// compact.hpp, poison.hpp and report_free.hpp are built on them. Nothing here holds a lock while it calls the embedder.
//
//     1  isolation lock: one isolator, one drainer at a time
//     2  zone lock: reject offline, absent or isolated blocks, and unmovable ones that are not idle; set `isolated`,
//        take the blocks out of the index, move their free counts
//     3  ask every cache for the frames of the range and no others: owners at work give them up themselves; behind
//        one heavy barrier the drainer takes them out of the caches of the others (cache/thread_cache.hpp)
//     4  loop, no lock: find a frame in use, have it migrated or freed; wait, or give up at the deadline
//     5  zone lock: all free -> claim the range or offline it; else undo
//
// From the end of step 3 until the undo: no cache holds a frame of the range; no path of allocation returns
// one; a free into it lands in its block's map, not counted as free. The paths under the zone lock read the
// traits there (Linux since 6.10), the cached path reads them inside its gate (drain_gate.hpp).
//
//     level targeted    steps as above: traffic keeps its caches
//     level exclusive   the patch's own order: disable and drain all caches, isolate, enable at the end
#pragma once

#include "cordon/core/time.hpp"
#include "cordon/zone/frame_info.hpp"

#include <cstdint>

namespace cordon::inline v0 {

enum class isolation_level : std::uint8_t { targeted, exclusive };

// A frame that keeps a range from being emptied, as it was when it was seen; `found.number` is none if nothing
// is in the way. A frame in state cached is on its way between a cache and its owner: it will settle.
// The isolator is named in the process that sealed: none is said in a fork child.
struct busy_frame {
    frame_info found{.number = frame::none()};
    owner_tag isolator = owner_tag::none; // of the isolation that holds its block, if one does

    [[nodiscard]] constexpr explicit operator bool() const { return !found.number.is_none(); }
    // Returns: the head of the allocation, the frame to migrate.
    [[nodiscard]] constexpr frame head() const { return found.head; }
    [[nodiscard]] constexpr order size() const { return found.size; }
    bool operator==(const busy_frame&) const = default;
};
// "frame 42: allocated, order 0, movable block, owner 7; isolated by owner 9"; "nothing in the way"
template <text_sink S>
S& operator<<(S& sink, const busy_frame& busy) {
    if (!busy) return print(sink, "nothing in the way");
    sink << busy.found;
    if (busy.isolator == owner_tag::none) return sink;
    return print_decimal(print(sink, "; isolated by owner "), static_cast<std::uint32_t>(busy.isolator));
}

struct isolate_options {
    isolation_level level = isolation_level::targeted;
    cordon::deadline deadline{};       // of sealing, and of each migrate() that is given none
    owner_tag owner = owner_tag::none; // told to others that find the range isolated
    busy_frame* blocker = nullptr;     // where a failure names the frame that stood in the way
};

} // namespace cordon::inline v0
