// tests/faults/zone_picture.hpp - zone_picture: all that can be seen of a zone, to be compared with an earlier one.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/zone.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace cordon::testing {

struct zone_picture {
    std::vector<std::uint64_t> frames; // in their order, as pack() has them
    std::vector<std::uint32_t> isolators;
    std::vector<std::uint32_t> claims;
    std::uint32_t disabled = 0;
    zone_stats stats{};

    static std::uint64_t pack(const frame_info& f) {
        return std::uint64_t{f.head.raw()} << 32 | std::uint64_t{static_cast<unsigned>(f.owner)} << 16 |
               f.size.raw() << 9 | static_cast<unsigned>(f.type) << 7 | unsigned{f.block_isolated} << 6 |
               unsigned{f.block_reported} << 5 | unsigned{f.poison_pending} << 4 |
               static_cast<unsigned>(f.state);
    }
    [[nodiscard]] bool same_rest(const zone_picture& o) const {
        return isolators == o.isolators && claims == o.claims && disabled == o.disabled;
    }
    // The same in all, but for counters of what was done.
    [[nodiscard]] bool same(const zone_picture& o) const {
        return frames == o.frames && stats.cached == o.stats.cached && sums(o) && same_rest(o) &&
               std::equal(stats.free_of_type, stats.free_of_type + migrate_types, o.stats.free_of_type);
    }
    // The same, if what rests in caches counts as free.
    [[nodiscard]] bool drained(const zone_picture& o) const {
        if (frames.size() != o.frames.size() || !sums(o) || !same_rest(o)) return false;
        const auto settle = [](std::uint64_t f) {
            return (f & 15u) == static_cast<unsigned>(frame_state::cached)
                       ? (f & ~std::uint64_t{15}) | static_cast<unsigned>(frame_state::free)
                       : f;
        };
        return std::equal(frames.begin(), frames.end(), o.frames.begin(),
                          [&](std::uint64_t a, std::uint64_t b) { return settle(a) == settle(b); });
    }
    [[nodiscard]] bool sums(const zone_picture& o) const {
        return stats.managed == o.stats.managed && stats.allocated == o.stats.allocated &&
               stats.free + stats.cached == o.stats.free + o.stats.cached &&
               stats.isolated_free == o.stats.isolated_free && stats.offline == o.stats.offline &&
               stats.poisoned == o.stats.poisoned;
    }
};

// Returns: what is to be seen now. `claims`: on the gates, of who can look at them. Requires: no traffic.
template <class Policy>
[[nodiscard]] zone_picture picture_of(basic_zone<Policy>& zone, std::vector<std::uint32_t> claims = {}) {
    zone_picture seen;
    auto& core = zone.internals();
    core.with_zone_lock([&](auto proof) {
        for (std::uint32_t i = 0; i != core.geometry().span(); ++i)
            seen.frames.push_back(zone_picture::pack(core.state_of(proof, frame_index{i})));
        for (std::uint32_t b = 0; b != core.geometry().blocks(); ++b)
            seen.isolators.push_back(static_cast<std::uint32_t>(core.sealed(proof).owner_of(block_index{b})));
    });
    seen.claims = std::move(claims);
    seen.disabled = core.parts().head->disabled;
    seen.stats = zone.stats();
    return seen;
}

} // namespace cordon::testing
