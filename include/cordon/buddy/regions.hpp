// cordon/buddy/regions.hpp - regions: the wholly free pageblocks, and the orders at and above a pageblock.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `buddy` is the zone's free memory, all of it under the zone lock: regions.hpp keeps whole blocks,
// pageblocks.hpp the state of every block and the sets of partly used ones; run_taker.hpp takes, run_giver.hpp gives
// back, fallback.hpp says who may take from whom, buddy.hpp has the steps of sealing, offline and poison. It knows no
// thread cache, no gate and no isolation protocol; it offers the steps that those are made of.
//
// A region is 512 pageblocks (region_map.hpp). Each is binned by (pool, largest run); a request takes the smallest bin
// that fits, so whole regions stay whole.
//
// Blocks lie in two pools. A free block of an ordinary type belongs to nobody: a request that takes it gives it its
// own type. Lent blocks keep theirs, or they would be lost to contiguous allocation.
#pragma once

#include "cordon/buddy/region_map.hpp"
#include "cordon/core/config.hpp"
#include "cordon/core/index_set.hpp"
#include "cordon/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace cordon::inline v0 {

enum class block_pool : unsigned { ordinary, lent };

class regions {
public:
    using map = region_map::map;
    static constexpr unsigned pools = 2;
    static constexpr unsigned bins = region_map::orders;

    constexpr regions() = default;
    // `maps` and `marks` have pools * count elements, all maps empty, all marks region_map::no_marks.
    constexpr regions(map* maps, region_marks* marks, index_sets sets, std::uint32_t count)
        : maps_(maps), marks_(marks), sets_(sets), count_(count) {}

    [[nodiscard]] constexpr bool contains(block_pool pool, block_index b) const {
        return map_of(pool, region_of(b)).test(bit_of(b));
    }
    [[nodiscard]] constexpr bool all(block_pool pool, block_index first, unsigned k) const {
        return map_of(pool, region_of(first)).all(bit_of(first), k);
    }
    [[nodiscard]] constexpr const map& free_blocks(block_pool pool, std::uint32_t region) const {
        return map_of(pool, region);
    }

    // Effects: the 2^k blocks from `first` on are whole and free. Cost: O(1), one test if no larger run became complete.
    CORDON_ALWAYS_INLINE constexpr void insert(block_pool pool, block_index first, unsigned k = 0) {
        const std::uint32_t at = region_of(first);
        region_map r = region_at(pool, at);
        r.set(bit_of(first), k);
        rebin(pool, at, r.grown(bit_of(first), k, largest_of(pool, at)));
    }
    // Effects: the first `blocks` blocks of an empty region are whole and free: how a zone starts.
    constexpr void insert_first(block_pool pool, std::uint32_t at, std::uint32_t blocks) {
        region_at(pool, at).set_first(blocks);
        rebin(pool, at, map_of(pool, at).largest_order());
    }

    // Effects: takes the block out. Between several blocks of a region, call forget for each and reindex once.
    constexpr void erase(block_pool pool, block_index b) {
        forget(pool, b);
        reindex(pool, region_of(b));
    }
    constexpr void forget(block_pool pool, block_index b) {
        region_at(pool, region_of(b)).clear(bit_of(b), 0);
    }
    constexpr void reindex(block_pool pool, std::uint32_t at) {
        rebin(pool, at, region_at(pool, at).shrunk(largest_of(pool, at)));
    }

    // Effects: takes an aligned run of 2^k whole blocks. Returns: false if there is none.
    constexpr bool take(block_pool pool, unsigned k, block_index& first) {
        const std::uint32_t set = smallest_set(pool, k);
        if (set == index_sets::max_sets) return false;
        const std::uint32_t at = sets_.first(set);
        region_map r = region_at(pool, at);
        const unsigned bit = r.find(k);
        r.clear(bit, k);
        rebin(pool, at, r.shrunk(set - set_of(pool, 0)));
        first = block_index{at * map::size + bit};
        return true;
    }
    // Effects: takes up to n of them, each region looked up once; calls out(first block) for each. Returns: how many.
    template <class Out>
    CORDON_ALWAYS_INLINE constexpr std::uint32_t take(block_pool pool, unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        for (std::uint32_t set; taken != n && (set = smallest_set(pool, k)) != index_sets::max_sets;) {
            const std::uint32_t at = sets_.first(set);
            region_map r = region_at(pool, at);
            taken += r.take(k, n - taken, [&](unsigned bit) { out(block_index{at * map::size + bit}); });
            rebin(pool, at, r.shrunk(set - set_of(pool, 0)));
        }
        return taken;
    }
    // Effects: takes a run that mixes both pools. The last resort before no_memory. Requires: neither pool has a run alone.
    // Cost: O(regions), of most of them a look at their marks.
    constexpr bool take_mixed(unsigned k, block_index& first) {
        for (std::uint32_t at = 0; at != count_; ++at) {
            if (largest_of(block_pool::ordinary, at) == bins || largest_of(block_pool::lent, at) == bins)
                continue;
            map both = map_of(block_pool::ordinary, at);
            for (unsigned i = 0; i != map::words; ++i)
                both.word[i] |= map_of(block_pool::lent, at).word[i];
            const unsigned bit = both.find(k);
            if (bit == map::none) continue;
            for (const block_pool pool : {block_pool::ordinary, block_pool::lent}) {
                region_at(pool, at).clear(bit, k);
                reindex(pool, at);
            }
            first = block_index{at * map::size + bit};
            return true;
        }
        return false;
    }

    // Returns: whether the region's marks and its bin are those that its map asks for.
    [[nodiscard]] constexpr bool consistent(block_pool pool, std::uint32_t at) const {
        const region_marks marks = region_at(pool, at).true_marks();
        bool ok = marks == marks_of(pool, at);
        for (unsigned bin = 0; bin != bins; ++bin)
            ok = ok && sets_.contains(set_of(pool, bin), at) == (bin == marks.largest);
        return ok;
    }

    // Returns: whether the sets can be searched (index_sets::is_sound).
    [[nodiscard]] constexpr bool is_sound() const { return sets_.is_sound(pools * bins, count_); }

    [[nodiscard]] static constexpr std::uint32_t region_of(block_index b) { return b.raw() / map::size; }

private:
    [[nodiscard]] static constexpr unsigned bit_of(block_index b) { return b.raw() % map::size; }
    [[nodiscard]] static constexpr std::uint32_t set_of(block_pool pool, unsigned bin) {
        return static_cast<unsigned>(pool) * bins + bin;
    }
    // Returns: the set of the regions with the smallest largest run that 2^k blocks fit in; max_sets if there are none.
    [[nodiscard]] constexpr std::uint32_t smallest_set(block_pool pool, unsigned k) const {
        const std::uint32_t end = set_of(pool, bins);
        const std::uint32_t set = sets_.non_empty(set_of(pool, k), end);
        return set == end ? index_sets::max_sets : set;
    }
    [[nodiscard]] constexpr map& map_of(block_pool pool, std::uint32_t at) const {
        return maps_[std::size_t{at} * pools + static_cast<unsigned>(pool)];
    }
    [[nodiscard]] constexpr region_marks& marks_of(block_pool pool, std::uint32_t at) const {
        return marks_[std::size_t{at} * pools + static_cast<unsigned>(pool)];
    }
    [[nodiscard]] constexpr region_map region_at(block_pool pool, std::uint32_t at) const {
        return {map_of(pool, at), marks_of(pool, at)};
    }
    [[nodiscard]] constexpr unsigned largest_of(block_pool pool, std::uint32_t at) const {
        return marks_of(pool, at).largest;
    }
    CORDON_ALWAYS_INLINE constexpr void rebin(block_pool pool, std::uint32_t at, unsigned largest) {
        const unsigned bin = largest_of(pool, at);
        if (bin == largest) return;
        if (bin < bins) sets_.erase(set_of(pool, bin), at);
        if (largest < bins) sets_.insert(set_of(pool, largest), at);
        marks_of(pool, at).largest = static_cast<std::uint8_t>(largest);
    }

    map* maps_ = nullptr;
    region_marks* marks_ = nullptr;
    index_sets sets_;
    std::uint32_t count_ = 0;
};

} // namespace cordon::inline v0
