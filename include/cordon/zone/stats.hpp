// cordon/zone/stats.hpp - zone_stats: a snapshot of the zone in frames.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"
#include "cordon/frames/migrate_type.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// managed = free + isolated_free + cached + allocated + offline + poisoned, exactly in exact_stats(); in the
// cheap stats() the parts are read one after the other, and `allocated` is what is left.
struct zone_stats {
    frame_count managed;                     // frames that exist
    frame_count free_of_type[migrate_types]; // free in allocatable blocks
    frame_count free;                        // their sum
    frame_count isolated_free;               // free in isolated blocks
    frame_count cached;                      // in thread caches
    frame_count allocated;
    frame_count offline;
    frame_count poisoned;
    std::uint64_t refills = 0;      // batches that went from the zone to a cache or caller
    std::uint64_t spills = 0;       // batches that came back
    std::uint32_t active_slots = 0; // slots that were ever used

    bool operator==(const zone_stats&) const = default;
};

} // namespace cordon::inline v0
