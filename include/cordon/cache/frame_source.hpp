// cordon/cache/frame_source.hpp - frame_source: what a thread cache draws from and gives back to.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `cache` keeps frames near their thread: slots of magazines (magazine.hpp) that size themselves (tuning.hpp)
// behind a drain gate. slot_magazine.hpp is one of them at work, thread_cache.hpp all of them together. It knows no
// buddy: below it is this concept, which the zone implements and tests fake.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/types.hpp"
#include "cordon/frames/block_traits.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/frames/migrate_type.hpp"

#include <concepts>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

// take_batch  draws up to n runs under one lock hold, calls out(frame_index) for each, returns how many
// give_batch  returns runs of the order under one lock hold, each to what its block is at that moment
// traits      the traits of a block; true inside the gate
// activate    under the source's lock: slots up to the given one are in use from now on; returns false if no slot
//             may be used now
template <class S, class Entry>
concept frame_source = requires(S source, migrate_type type, order k, std::uint32_t n,
                                void (*out)(frame_index), std::span<const Entry> entries, block_index block,
                                slot_index slot) {
    { source.take_batch(type, k, n, out) } -> std::same_as<std::uint32_t>;
    {source.give_batch(k, entries)};
    { source.traits(block) } -> std::same_as<block_traits>;
    {source.activate(slot)};
};

} // namespace cordon::inline v0
