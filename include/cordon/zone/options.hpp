// cordon/zone/options.hpp - zone_options: what a zone is made of.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"
#include "cordon/frames/migrate_type.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

// Called with no lock held when an allocation has found nothing anywhere. Returns: whether frames were freed,
// so that looking again makes sense. It may allocate and free, and throw: then the call has allocated nothing.
struct pressure_callback {
    bool (*call)(void* context, order wanted, migrate_type type) = nullptr;
    void* context = nullptr;
};

struct zone_options {
    frame_range frames;                   // 1 to 2^32 - 1 frames, ending at or below 2^32 - 1
    std::span<const frame_range> holes{}; // frames that never exist, copied: disjoint, within `frames`
    std::uint32_t max_poisoned = 1024;    // frames that can be poisoned; 16 bytes each
    pressure_callback pressure{};
    std::span<std::byte> memory{}; // behind `frames`, for the policy's memory_annotator: outlives the zone
};

} // namespace cordon::inline v0
