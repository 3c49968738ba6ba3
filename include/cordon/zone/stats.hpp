// cordon/zone/stats.hpp - zone_stats: a snapshot of the zone in frames.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/text.hpp"
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
// "4096 frames: 3000 free, 512 free but isolated, 84 cached, 500 allocated, 0 offline, 0 poisoned; 9 refills, 2 spills,
// 1 slot"
template <text_sink S>
S& operator<<(S& sink, const zone_stats& s) {
    print(sink << s.managed, ": ");
    const auto figure = [&](std::uint64_t n, const char* what) { print(print_decimal(sink, n), what); };
    figure(s.free.raw(), " free, ");
    figure(s.isolated_free.raw(), " free but isolated, ");
    figure(s.cached.raw(), " cached, ");
    figure(s.allocated.raw(), " allocated, ");
    figure(s.offline.raw(), " offline, ");
    figure(s.poisoned.raw(), " poisoned; ");
    print(print_count(sink, s.refills, "refill", "refills"), ", ");
    print(print_count(sink, s.spills, "spill", "spills"), ", ");
    return print_count(sink, s.active_slots, "slot", "slots");
}

} // namespace cordon::inline v0
