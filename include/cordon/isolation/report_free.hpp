// cordon/isolation/report_free.hpp - report_free: tells the embedder which whole blocks are free, once.
// SPDX-License-Identifier: BSL-1.0
//
// Free page reporting (Linux 5.7, 36e66c554b5c; the guest's half of a balloon that needs no asking): memory that is
// free costs nothing once the embedder has discarded it, until a frame of it is used again. A block's way:
//
//     free  ->  in flight: isolated, so nobody can be given a frame of it while the embedder discards it
//           ->  free, reported        if it did
//           ->  free                  if it did not, or threw
//     reported  ->  free              when a frame of it is taken, poisoned, or the block is brought online
//
// The mark is kept for each block, so a run of several never claims more than was reported (Linux clears the mark when
// a reported run merges with another). Sealing a whole block needs no barrier: all of its frames are in its map, and
// under the zone lock that is where they stay.
#pragma once

#include "cordon/isolation/isolated_range.hpp"

#include <concepts>
#include <cstdint>

namespace cordon::inline v0 {

template <class R>
concept free_reporter = requires(R report, frame_range run) {
    { report(run) } -> std::convertible_to<bool>;
};

// Effects: see zone.report_free().
template <class Policy, free_reporter Reporter>
frame_count report_free(zone_core<Policy>& engine, Reporter& report, frame_count most) {
    using core = zone_core<Policy>;
    using proof = typename core::zone_proof;
    using geometry = zone_geometry<Policy>;
    using protocol = isolation_protocol<Policy>;
    // In flight at a time: 64 MiB of 4 KiB frames that an allocation may miss.
    constexpr std::uint32_t most_in_flight = 32;

    auto& blocks = engine.blocks();
    const std::uint64_t budget = most.raw() / geometry::block_frames;
    std::uint64_t reported = 0;
    std::uint32_t at = 0;
    const auto is_news = [&](proof held_lock, block_index b) {
        return blocks.traits(b).allocatable() && !blocks.traits(b).has(block_traits::reported) &&
               blocks.free_frames(held_lock, b) == geometry::block_frames;
    };
    block_span run;
    // Returns: the next run within the region of `at`: the zone lock is held for one region at a time.
    const auto find_next = [&](proof held_lock) {
        const std::uint32_t region_end = (at / regions::map::size + 1) * regions::map::size;
        const std::uint32_t end =
            region_end < engine.geometry().blocks() ? region_end : engine.geometry().blocks();
        while (at != end && !is_news(held_lock, block_index{at}))
            ++at;
        run = {block_index{at}, 0};
        while (at != end && run.count != most_in_flight && reported + run.count != budget &&
               is_news(held_lock, block_index{at})) {
            ++at;
            ++run.count;
        }
        return run;
    };
    if (engine.error() != status::ok) return frame_count{};
    while (at != engine.geometry().blocks() && reported != budget) {
        // Undoes itself, also when the reporter throws.
        const auto in_flight = isolated_range<Policy>::seal_free(engine, find_next);
        if (!in_flight || !report(in_flight.range())) continue;
        engine.with_zone_lock([&](proof held_lock) {
            protocol::for_each(run, [&](block_index b) { blocks.set_reported(held_lock, b); });
        });
        reported += run.count;
    }
    return frame_count{reported * geometry::block_frames};
}

} // namespace cordon::inline v0
