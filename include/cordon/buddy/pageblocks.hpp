// cordon/buddy/pageblocks.hpp - pageblocks: the state of every block, and the sets that find the right one.
// SPDX-License-Identifier: BSL-1.0
//
// A pageblock is in one of four places, and `used` (the zero bits of its map) says which:
//
//     used = 0               whole      in regions.hpp; its map has no meaning and may never have been touched
//     0 < used < all         partial    in the set of (migrate type, largest free run); its map is true
//     used = all             full       nowhere; its map has no meaning
//     isolated, offline, absent         nowhere, whatever its used: no search finds it
//
// So a request for 2^9 frames touches no map, a zone is made without touching one, and sealing a block is
// taking it out of its set: O(1), not O(its frames). Frames that are missing from a block (holes, poisoned)
// count as used for ever; a block with one is never whole and stays below the pageblock's order.
#pragma once

#include "cordon/buddy/regions.hpp"
#include "cordon/core/bitmap.hpp"
#include "cordon/core/check.hpp"
#include "cordon/core/index_set.hpp"
#include "cordon/frames/block_traits.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/frames/range_table.hpp"
#include "cordon/sync/guard.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

// How much of a block is used. Read and written under the zone lock only.
struct block_fill {
    std::uint16_t used;
    std::uint8_t largest; // order of the largest free run; has a meaning while the block is partial
    std::uint8_t unused;
};

// Frames of the zone by what they are. Written under the zone lock, readable by anybody.
template <class Atomics>
struct buddy_counters {
    using counter = typename Atomics::template atomic<std::uint64_t>;
    counter free[migrate_types]; // in the maps of allocatable blocks, by the block's type
    counter isolated_free;       // in the maps of isolated blocks
    counter offline;             // in offline blocks
    counter poisoned;            // taken out for good
    counter absent;              // never existed

    static void add(counter& c, std::uint64_t n) {
        c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    static void subtract(counter& c, std::uint64_t n) { add(c, 0 - n); }
};

template <class Policy>
class pageblocks {
public:
    using geometry = zone_geometry<Policy>;
    using atomics = typename Policy::atomics;
    using traits_cell = typename atomics::template atomic<std::uint8_t>;
    using map = bitmap<geometry::block_frames>;
    using counters = buddy_counters<atomics>;
    using proof = held<typename Policy::zone_lock>;

    static constexpr unsigned block_order = geometry::pageblock_order;
    static constexpr std::uint32_t block_frames = geometry::block_frames;
    static constexpr unsigned bins = block_order; // runs of order 0 to block_order - 1
    static constexpr std::uint32_t sets = migrate_types * bins;

    // Where the parts lie in metadata; filled in by the zone's layout.
    struct parts {
        traits_cell* traits;
        block_fill* fills;
        map* maps;
        index_sets partial;
        regions whole;
        range_table holes;
        range_table poisoned;  // out for good
        range_table condemned; // in use; poisoned when they are freed
        counters* count;
    };

    pageblocks() = default;
    pageblocks(const geometry& geo, const parts& p) : geometry_(geo), parts_(p) {}

    // Lock-free; under the zone lock, or inside a drain gate, it is the truth.
    [[nodiscard]] CORDON_ALWAYS_INLINE block_traits traits(block_index b) const {
        return block_traits{parts_.traits[b.raw()].load(std::memory_order_relaxed)};
    }
    [[nodiscard]] std::uint32_t free_frames(proof, block_index b) const {
        return block_frames - fill(b).used;
    }
    // Returns: the order of the block's largest free run; block_order + 1 if it has none.
    [[nodiscard]] unsigned largest_free_order(proof, block_index b) const {
        const block_fill f = fill(b);
        return f.used == 0 ? block_order : f.used == block_frames ? block_order + 1 : f.largest;
    }
    [[nodiscard]] bool is_free(proof, frame_index i) const {
        const std::uint32_t used = fill(geometry::block_of(i)).used;
        return used == 0 || (used != block_frames && map_of(i).test(geometry::bit_of(i)));
    }
    // Returns: the frames of the block that can never be free.
    [[nodiscard]] std::uint32_t missing_frames(proof held_lock, block_index b) const {
        std::uint32_t missing = 0;
        for_each_missing(held_lock, geometry::index_of(b), block_frames,
                         [&](frame_index, std::uint32_t n) { missing += n; });
        return missing;
    }
    // Calls f(first index, length) for those among the `count` frames from `first` on, which lie in one block.
    template <class F>
    void for_each_missing(proof, frame_index first, std::uint32_t count, F f) const {
        parts_.holes.for_each_in(first, count, f);
        if (traits(geometry::block_of(first)).has(block_traits::poisoned))
            parts_.poisoned.for_each_in(first, count, f);
    }
    // Returns: whether all frames of the block that exist are in its map.
    [[nodiscard]] bool is_idle(proof held_lock, block_index b) const {
        return fill(b).used == missing_frames(held_lock, b);
    }
    // Returns: whether frames of the block are in use, or cached, that its type says do not move. The type of an idle
    // block says what it was used for last.
    [[nodiscard]] bool holds_unmovable(proof held_lock, block_index b) const {
        return traits(b).type() == migrate_type::unmovable && !is_idle(held_lock, b);
    }
    // Returns: the map of the block, whatever place it is in.
    [[nodiscard]] map free_map(proof, block_index b) const {
        map m = parts_.maps[b.raw()];
        if (fill(b).used == 0) m.set();
        if (fill(b).used == block_frames) m.clear();
        return m;
    }
    // With checks of level full: stops if the block is not what its counts say.
    void audit(block_index b) const {
        if constexpr (Policy::checks == check_level::full) {
            const block_fill f = fill(b);
            const map& m = parts_.maps[b.raw()];
            const bool partial = f.used != 0 && f.used != block_frames;
            const bool listed = partial && traits(b).allocatable();
            const bool true_counts =
                !partial || (m.count() == block_frames - f.used && m.largest_order() == f.largest);
            const bool true_place =
                (!listed || parts_.partial.contains(set_of(traits(b).type(), f.largest), b.raw())) &&
                (f.used != 0 || !traits(b).allocatable() || parts_.whole.contains(pool_of(b), b));
            if (!true_counts || !true_place) __builtin_trap();
        }
    }
    [[nodiscard]] const parts& raw_parts() const { return parts_; }

    [[nodiscard]] static constexpr std::uint32_t set_of(migrate_type t, unsigned bin) {
        return static_cast<unsigned>(t) * bins + bin;
    }

protected:
    [[nodiscard]] block_fill& fill(block_index b) const { return parts_.fills[b.raw()]; }
    [[nodiscard]] map& map_of(frame_index i) const { return parts_.maps[geometry::block_of(i).raw()]; }
    [[nodiscard]] auto& free_count(migrate_type t) const {
        return parts_.count->free[static_cast<unsigned>(t)];
    }
    void set_traits(block_index b, block_traits t) {
        parts_.traits[b.raw()].store(t.raw(), std::memory_order_relaxed);
    }
    // Effects: the block is about to be used: whoever was told that it is free must be told again when it is.
    void forget_report(block_index b) {
        const block_traits t = traits(b);
        if (t.has(block_traits::reported)) [[unlikely]]
            set_traits(b, t.without(block_traits::reported));
    }
    [[nodiscard]] block_pool pool_of(block_index b) const {
        return traits(b).type() == migrate_type::lent ? block_pool::lent : block_pool::ordinary;
    }
    void move_count(block_index b, migrate_type from, migrate_type to) {
        const std::uint32_t free = block_frames - fill(b).used;
        counters::subtract(free_count(from), free);
        counters::add(free_count(to), free);
    }

    // Effects: gives the map of a whole or full block its meaning, before the block becomes partial.
    map& open_map(block_index b) {
        map& m = parts_.maps[b.raw()];
        if (fill(b).used == 0) m.set();
        if (fill(b).used == block_frames) m.clear();
        return m;
    }

    void insert(block_index b) {
        const block_fill f = fill(b);
        if (f.used == 0)
            parts_.whole.insert(pool_of(b), b);
        else if (f.used != block_frames)
            parts_.partial.insert(set_of(traits(b).type(), f.largest), b.raw());
    }
    void remove(block_index b) {
        if (fill(b).used == 0)
            parts_.whole.erase(pool_of(b), b);
        else
            remove_partial(b);
    }
    void remove_partial(block_index b) {
        if (fill(b).used != block_frames)
            parts_.partial.erase(set_of(traits(b).type(), fill(b).largest), b.raw());
    }
    // Effects: a partial block changes its type.
    void convert(block_index b, migrate_type type) {
        remove_partial(b);
        move_count(b, traits(b).type(), type);
        set_traits(b, traits(b).with_type(type));
        insert(b);
    }

    [[nodiscard]] auto& free_counter_of(block_traits t) const {
        if (t.allocatable()) [[likely]]
            return free_count(t.type());
        return t.has(block_traits::isolated) ? parts_.count->isolated_free : parts_.count->offline;
    }

    geometry geometry_;
    parts parts_{};
};

} // namespace cordon::inline v0
