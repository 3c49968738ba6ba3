// cordon/buddy/regions.hpp - regions: the wholly free pageblocks, and the orders at and above a pageblock.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `buddy` is the zone's free memory, all of it under the zone lock: regions.hpp keeps whole blocks,
// pageblocks.hpp the state of every block and the sets of partly used ones; runs.hpp takes and gives, fallback.hpp
// says who may take from whom, buddy.hpp has the steps of sealing, offline and poison. It knows no thread cache, no gate and no isolation protocol; it offers the steps that those are made of.
//
// A region is 512 pageblocks, and its free blocks are a bitmap<512>, the same structure that a pageblock uses
// for its frames, one level up: an order above the pageblock's is an aligned run of free blocks. Each region
// is binned by (pool, largest run); a request takes the smallest bin that fits, so whole regions stay whole.
//
// Blocks lie in two pools. A free block of an ordinary type belongs to nobody: whoever takes it gives it his
// type. Lent blocks keep theirs, or they would be lost to contiguous allocation.
#pragma once

#include "cordon/core/bitmap.hpp"
#include "cordon/core/index_set.hpp"
#include "cordon/core/types.hpp"

#include <cstdint>

namespace cordon::inline v0 {

enum class block_pool : unsigned { ordinary, lent };

class regions {
public:
    using map = bitmap<512>;
    static constexpr unsigned pools = 2;
    static constexpr unsigned bins = map::max_order + 1; // runs of 2^0 to 2^9 blocks

    constexpr regions() = default;
    // `maps` and `largest` have pools * count elements, all maps empty, `largest` = map::max_order + 1.
    constexpr regions(map* maps, std::uint8_t* largest, index_sets sets, std::uint32_t count)
        : maps_(maps), largest_(largest), sets_(sets), count_(count) {}

    [[nodiscard]] constexpr bool contains(block_pool pool, block_index b) const {
        return map_of(pool, region_of(b)).test(bit_of(b));
    }
    [[nodiscard]] constexpr bool all(block_pool pool, block_index first, unsigned k) const {
        return map_of(pool, region_of(first)).all(bit_of(first), k);
    }
    [[nodiscard]] constexpr const map& free_blocks(block_pool pool, std::uint32_t region) const {
        return map_of(pool, region);
    }

    // Effects: the block is whole and free. Cost: O(1), one test if no larger run became complete.
    constexpr void insert(block_pool pool, block_index b) {
        const std::uint32_t region = region_of(b);
        map_of(pool, region).set(bit_of(b), 0);
        const unsigned largest = largest_of(pool, region);
        rebin(pool, region, map_of(pool, region).grown_order(bit_of(b), largest < bins ? largest : 0));
    }
    // Effects: the first `blocks` blocks of an empty region are whole and free: how a zone starts.
    constexpr void insert_first(block_pool pool, std::uint32_t region, std::uint32_t blocks) {
        map& m = map_of(pool, region);
        for (unsigned i = 0; i != map::words; ++i) {
            const std::uint32_t left = blocks > i * 64 ? blocks - i * 64 : 0;
            m.word[i] = left >= 64 ? ~0ull : (1ull << left) - 1;
        }
        rebin(pool, region, m.largest_order());
    }

    // Effects: takes the block out. Between several blocks of a region, call forget for each and reindex once.
    constexpr void erase(block_pool pool, block_index b) {
        forget(pool, b);
        reindex(pool, region_of(b));
    }
    constexpr void forget(block_pool pool, block_index b) { map_of(pool, region_of(b)).clear(bit_of(b), 0); }
    constexpr void reindex(block_pool pool, std::uint32_t region) {
        const map& m = map_of(pool, region);
        const unsigned before = largest_of(pool, region);
        if (before >= bins || !m.has_run(before)) rebin(pool, region, m.largest_order());
    }

    // Effects: takes up to n aligned runs of 2^k whole blocks; calls out(first block) for each. Returns: how many.
    template <class Out>
    constexpr std::uint32_t take(block_pool pool, unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        for (std::uint32_t set; taken != n && (set = sets_.non_empty(set_of(pool, k), set_of(pool, bins))) !=
                                                  set_of(pool, bins);) {
            const std::uint32_t region = sets_.first(set);
            taken += map_of(pool, region).take(k, n - taken, [&](unsigned bit) {
                out(block_index{region * map::size + bit});
            });
            reindex(pool, region);
        }
        return taken;
    }
    // Effects: takes a run that mixes both pools. The last resort before no_memory. Cost: O(regions).
    template <class Out>
    constexpr std::uint32_t take_mixed(unsigned k, Out out) {
        for (std::uint32_t region = 0; region != count_; ++region) {
            map& ordinary = map_of(block_pool::ordinary, region);
            map& lent = map_of(block_pool::lent, region);
            map both = ordinary;
            for (unsigned i = 0; i != map::words; ++i)
                both.word[i] |= lent.word[i];
            const unsigned bit = both.find(k);
            if (bit == map::none) continue;
            ordinary.clear(bit, k);
            lent.clear(bit, k);
            reindex(block_pool::ordinary, region);
            reindex(block_pool::lent, region);
            out(block_index{region * map::size + bit});
            return 1;
        }
        return 0;
    }

    // Returns: whether the region's bin is the one that its map asks for.
    [[nodiscard]] constexpr bool consistent(block_pool pool, std::uint32_t region) const {
        const unsigned largest = map_of(pool, region).largest_order();
        bool ok = largest_of(pool, region) == largest;
        for (unsigned bin = 0; bin != bins; ++bin)
            ok = ok && sets_.contains(set_of(pool, bin), region) == (bin == largest);
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
    [[nodiscard]] constexpr map& map_of(block_pool pool, std::uint32_t region) const {
        return maps_[std::size_t{region} * pools + static_cast<unsigned>(pool)];
    }
    [[nodiscard]] constexpr std::uint8_t& largest_of(block_pool pool, std::uint32_t region) const {
        return largest_[std::size_t{region} * pools + static_cast<unsigned>(pool)];
    }
    constexpr void rebin(block_pool pool, std::uint32_t region, unsigned largest) {
        std::uint8_t& bin = largest_of(pool, region);
        if (bin == largest) return;
        if (bin < bins) sets_.erase(set_of(pool, bin), region);
        if (largest < bins) sets_.insert(set_of(pool, largest), region);
        bin = static_cast<std::uint8_t>(largest);
    }

    map* maps_ = nullptr;
    std::uint8_t* largest_ = nullptr;
    index_sets sets_;
    std::uint32_t count_ = 0;
};

} // namespace cordon::inline v0
