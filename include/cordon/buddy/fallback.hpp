// cordon/buddy/fallback.hpp - which other migrate types a request may take frames from, and what they become.
// SPDX-License-Identifier: BSL-1.0
//
// Whole free blocks of the ordinary types belong to nobody and are taken first; this table is for the partly
// used ones, when nothing else is left (Linux: find_suitable_fallback, steal_suitable_fallback).
#pragma once

#include "cordon/frames/migrate_type.hpp"

#include <cstdint>

namespace cordon::inline v0 {

struct fallback_order {
    migrate_type types[2];
};

// Returns: the types to take from, best first. Lent blocks serve movable requests only, and those ask them
// before they fall back; so `lent` is in no list.
[[nodiscard]] constexpr fallback_order fallbacks(migrate_type wanted) {
    switch (wanted) {
    case migrate_type::unmovable: return {{migrate_type::reclaimable, migrate_type::movable}};
    case migrate_type::reclaimable: return {{migrate_type::unmovable, migrate_type::movable}};
    case migrate_type::movable:
    case migrate_type::lent: break;
    }
    return {{migrate_type::reclaimable, migrate_type::unmovable}};
}

// Returns: whether a partly used block changes its type when frames are taken from it: only if half of it is
// free, and only towards what moves less, because the frames in use keep the promise they were allocated with.
[[nodiscard]] constexpr bool converts(migrate_type from, migrate_type to, std::uint32_t free,
                                      std::uint32_t all) {
    return from == migrate_type::movable && to != migrate_type::lent && free * 2 >= all;
}

} // namespace cordon::inline v0
