// support/zones.hpp - policies and helpers of the tests of whole zones.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/zone.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace cordon::testing {

// Remembers the last misuse and counts them.
struct misuse_record {
    static inline std::atomic<unsigned> count{0};
    static inline misuse_report last{};
    static void on_misuse(const misuse_report& report) {
        last = report;
        count.fetch_add(1);
    }
    static void reset() { count.store(0); }
};

// A barrier that can be refused, at the start and later; one for the process. Where the system has none it orders
// nothing, which is enough for one thread.
struct refusable_barrier {
    static inline std::atomic<bool> at_start{false};
    static inline std::atomic<bool> at_issue{false};
    [[nodiscard]] bool enable() const noexcept {
        return !at_start.load() && (!is_real() || default_barrier{}.enable());
    }
    [[nodiscard]] bool issue() const noexcept {
        return !at_issue.load() && (!is_real() || default_barrier{}.issue());
    }
    [[nodiscard]] static bool is_real() noexcept {
        static const bool enabled = default_barrier{}.enable();
        return enabled;
    }
};

// Small blocks, four slots that the test names, every order up to two blocks.
struct small_policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 64}, {1, 32}, {6, 4}};
    static constexpr bool owner_tags = true;
    using thread_slots = explicit_slots<4>;
    using misuse_handler = misuse_record;
};
using small_zone = basic_zone<small_policy>;
inline constexpr std::uint32_t small_block = 64;

inline constexpr slot_index mine{0};
inline constexpr slot_index nobody = slot_index::none();

struct refusable_policy : small_policy {
    using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
};

// What the blocks of the zone say, to be compared with each other and with the counters.
struct census {
    std::uint64_t free_of_type[migrate_types] = {};
    std::uint64_t isolated_free = 0;
    std::uint64_t offline = 0;
    std::uint64_t misplaced_blocks = 0; // blocks that are not in the one set that they belong to
    bool operator==(const census&) const = default;
};

template <class Policy>
[[nodiscard]] census census_of(basic_zone<Policy>& zone) {
    auto& core = zone.internals();
    return core.with_zone_lock([&](auto proof) {
        census seen;
        const auto& blocks = core.blocks();
        const auto& parts = blocks.raw_parts();
        for (block_index b{0}; b.raw() != core.geometry().blocks(); ++b) {
            const block_traits t = blocks.traits(b);
            const auto map = blocks.free_map(proof, b);
            const std::uint32_t free = map.count();
            if (free != blocks.free_frames(proof, b)) ++seen.misplaced_blocks;
            if (t.has(block_traits::isolated))
                seen.isolated_free += free;
            else if (t.has(block_traits::offline))
                seen.offline += free;
            else
                seen.free_of_type[static_cast<unsigned>(t.type())] += free;

            using buddy_type = buddy<Policy>;
            const bool whole = t.allocatable() && free == buddy_type::block_frames;
            const bool partial = t.allocatable() && free != 0 && !whole;
            bool placed = true;
            for (unsigned type = 0; type != migrate_types; ++type)
                for (unsigned bin = 0; bin != buddy_type::bins; ++bin) {
                    const auto mt = static_cast<migrate_type>(type);
                    const bool belongs = partial && t.type() == mt && map.largest_order() == bin;
                    placed =
                        placed && parts.partial.contains(buddy_type::set_of(mt, bin), b.raw()) == belongs;
                }
            const bool lent = t.type() == migrate_type::lent;
            placed = placed && parts.whole.contains(block_pool::ordinary, b) == (whole && !lent);
            placed = placed && parts.whole.contains(block_pool::lent, b) == (whole && lent);
            if (!placed) ++seen.misplaced_blocks;
        }
        return seen;
    });
}

// Returns: whether counters, maps and sets agree. Requires: no traffic.
template <class Policy>
[[nodiscard]] bool agrees(basic_zone<Policy>& zone) {
    const census seen = census_of(zone);
    const zone_stats stats = zone.stats();
    bool same = seen.misplaced_blocks == 0 && seen.isolated_free == stats.isolated_free.raw() &&
                seen.offline == stats.offline.raw();
    for (unsigned type = 0; type != migrate_types; ++type)
        same = same && seen.free_of_type[type] == stats.free_of_type[type].raw();
    return same && bool{zone.validate()};
}

template <class Policy>
[[nodiscard]] frame_range block(const basic_zone<Policy>& zone, std::uint32_t number,
                                std::uint32_t count = 1) {
    constexpr std::uint32_t frames = 1u << Policy::pageblock_order;
    return {zone.frames().first() + frame_count{std::uint64_t{number} * frames},
            frame_count{std::uint64_t{count} * frames}};
}

// Effects: allocates runs of order k until there are none. Returns: them, lowest last.
template <class Policy>
[[nodiscard]] std::vector<frame> take_all(basic_zone<Policy>& zone, order k = order{0},
                                          migrate_type type = migrate_type::movable,
                                          slot_index slot = slot_index::none()) {
    std::vector<frame> all;
    while (const result<frame> f = zone.allocate(slot, k, type))
        all.push_back(*f);
    return all;
}

template <class Policy>
void free_all(basic_zone<Policy>& zone, const std::vector<frame>& frames, order k = order{0},
              slot_index slot = slot_index::none()) {
    for (const frame f : frames)
        zone.free(slot, f, k);
}

// Effects: each frame of the range is allocated by itself. Returns: them. Requires: all free.
template <class Policy>
[[nodiscard]] std::vector<frame> occupy(basic_zone<Policy>& zone, frame_range range) {
    std::vector<frame> all;
    for (const frame f : range)
        if (zone.allocate_exact(f) == status::ok) all.push_back(f);
    return all;
}

[[nodiscard]] inline std::size_t count_in(const std::vector<frame>& frames, frame_range range) {
    std::size_t n = 0;
    for (const frame f : frames)
        n += range.contains(f);
    return n;
}

// Returns: how many runs of the zone's caches touch the range, with all caches closed.
template <class Policy>
[[nodiscard]] std::size_t cached_in(basic_zone<Policy>& zone, frame_range range) {
    auto& core = zone.internals();
    std::size_t n = 0;
    const typename zone_core<Policy>::isolation_guard section{core.isolation_lock()};
    (void)core.drain(section.proof(), zone_core<Policy>::filter::nothing(), gate_claim::draining, UINT64_MAX,
                     [&] {
                         for (std::uint32_t s = 0; s != core.active_slots(); ++s)
                             core.caches().for_each(slot_index{s}, [&](frame_index i, order k, migrate_type) {
                                 n += range.overlaps({core.geometry().frame_at(i), k.frames()});
                             });
                     });
    return n;
}

} // namespace cordon::testing
