// tests/buddy/buddy_fixture.hpp - buddy_fixture: a buddy of whole and partial blocks, without a zone around it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/core/atomics.hpp"
#include "cordon/core/check.hpp"
#include "cordon/sync/null_lock.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace cordon::testing {

inline constexpr auto movable = migrate_type::movable;
inline constexpr auto unmovable = migrate_type::unmovable;
inline constexpr auto reclaimable = migrate_type::reclaimable;
inline constexpr auto lent = migrate_type::lent;

template <unsigned Pageblock>
struct buddy_policy {
    static constexpr unsigned pageblock_order = Pageblock;
    static constexpr unsigned max_order = Pageblock + 9;
    static constexpr check_level checks = check_level::cheap;
    using atomics = std_atomics;
    using zone_lock = null_lock;
};

// A buddy of whole and partial blocks, without a zone around it.
template <unsigned Pageblock = 6>
class buddy_fixture {
public:
    using buddy_type = buddy<buddy_policy<Pageblock>>;
    using geometry = zone_geometry<buddy_policy<Pageblock>>;
    static constexpr std::uint32_t block_frames = geometry::block_frames;

    // `hole`: the last block lacks this many frames at its end.
    explicit buddy_fixture(std::uint32_t blocks, std::uint32_t hole = 0)
        : blocks_(blocks),
          traits_(blocks),
          fills_(blocks),
          maps_(blocks),
          partial_(index_sets::word_count(buddy_type::sets, blocks)),
          region_maps_(regions::pools),
          region_sets_(index_sets::word_count(regions::pools * regions::bins, 1)) {
        typename buddy_type::parts p{};
        p.traits = traits_.data();
        p.fills = fills_.data();
        p.maps = maps_.data();
        p.partial = index_sets{partial_.data(), buddy_type::sets, blocks};
        for (regions::map& m : region_maps_)
            m.clear();
        p.whole = regions{region_maps_.data(), marks_,
                          index_sets{region_sets_.data(), regions::pools * regions::bins, 1}, 1};
        p.holes = holes_;
        p.poisoned = poisoned_;
        p.condemned = condemned_;
        p.count = &counters_;
        const geometry geo{frame_range{frame{0}, frame_count{blocks * block_frames}}};
        tested = buddy_type{geo, p};
        if (hole == 0) tested.make_region(0, blocks);
        for (std::uint32_t b = 0; hole != 0 && b != blocks; ++b) {
            if (b + 1 == blocks) {
                holes_.insert(frame_index{blocks * block_frames - hole}, hole);
                tested.make_hole(block_index{b}, block_frames - hole, hole);
            }
            tested.make_block(block_index{b});
        }
    }

    typename buddy_type::proof proof() { return section_.proof(); }
    std::vector<std::uint32_t> take(migrate_type type, unsigned k, std::uint32_t n = 1) {
        std::vector<std::uint32_t> out;
        const std::uint32_t taken =
            tested.take(proof(), type, k, n, [&](frame_index i) { out.push_back(i.raw()); });
        REQUIRE(taken == out.size());
        return out;
    }
    std::vector<std::uint32_t> steal(migrate_type type, unsigned k) {
        std::vector<std::uint32_t> out;
        const std::uint32_t taken =
            tested.steal(proof(), type, k, [&](frame_index i) { out.push_back(i.raw()); });
        REQUIRE(taken == out.size());
        return out;
    }
    status give(std::uint32_t i, unsigned k) { return tested.give(proof(), frame_index{i}, k); }
    [[nodiscard]] std::uint64_t free_of(migrate_type t) const {
        return counters_.free[static_cast<unsigned>(t)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t free() const {
        std::uint64_t sum = 0;
        for (unsigned t = 0; t != migrate_types; ++t)
            sum += free_of(static_cast<migrate_type>(t));
        return sum;
    }
    [[nodiscard]] std::uint64_t isolated() const {
        return counters_.isolated_free.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t offline() const { return counters_.offline.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t poisoned() const {
        return counters_.poisoned.load(std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_free(std::uint32_t i) { return tested.is_free(proof(), frame_index{i}); }

    // Returns: whether each block is in the one place that its map and its traits ask for, and nowhere else.
    [[nodiscard]] bool consistent() {
        const auto& p = tested.raw_parts();
        bool ok = p.whole.consistent(block_pool::ordinary, 0) && p.whole.consistent(block_pool::lent, 0);
        std::array<std::uint64_t, migrate_types> free_frames{};
        for (std::uint32_t n = 0; n != blocks_; ++n) {
            const block_index b{n};
            const block_traits t = tested.traits(b);
            const auto map = tested.free_map(proof(), b);
            const bool listed = t.allocatable() && map.count() != 0;
            const bool whole = listed && map.count() == block_frames;
            const bool is_lent = t.type() == lent;
            ok = ok && map.count() == tested.free_frames(proof(), b) &&
                 map.largest_order() == tested.largest_free_order(proof(), b) &&
                 p.whole.contains(block_pool::ordinary, b) == (whole && !is_lent) &&
                 p.whole.contains(block_pool::lent, b) == (whole && is_lent);
            for (std::uint32_t set = 0; set != buddy_type::sets; ++set)
                ok = ok && p.partial.contains(set, n) ==
                               (listed && !whole && set == buddy_type::set_of(t.type(), map.largest_order()));
            if (t.allocatable()) free_frames[static_cast<unsigned>(t.type())] += map.count();
        }
        for (unsigned t = 0; t != migrate_types; ++t)
            ok = ok && free_frames[t] == free_of(static_cast<migrate_type>(t));
        return ok;
    }

    buddy_type tested;

private:
    null_lock lock_;
    guard<null_lock> section_{lock_};
    std::uint32_t blocks_;
    std::vector<typename buddy_type::traits_cell> traits_;
    std::vector<block_fill> fills_;
    std::vector<typename buddy_type::map> maps_;
    std::vector<std::uint64_t> partial_;
    std::vector<regions::map> region_maps_;
    region_marks marks_[regions::pools] = {region_map::no_marks, region_map::no_marks};
    std::vector<std::uint64_t> region_sets_;
    std::uint32_t sizes_[3] = {};
    range_table::range ranges_[3][8] = {};
    range_table holes_{&sizes_[0], ranges_[0], 8};
    range_table poisoned_{&sizes_[1], ranges_[1], 8};
    range_table condemned_{&sizes_[2], ranges_[2], 8};
    buddy_counters<std_atomics> counters_{};
};

} // namespace cordon::testing
