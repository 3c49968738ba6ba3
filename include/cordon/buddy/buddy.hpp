// cordon/buddy/buddy.hpp - buddy: take and give runs of frames, seal and unseal pageblocks.
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
//
// A free can only raise a block's largest run, and only by completing the aligned run around it: that run is
// tested, the map is not searched. A take searches the map once for each batch.
#pragma once

#include "cordon/buddy/fallback.hpp"
#include "cordon/buddy/regions.hpp"
#include "cordon/core/bitmap.hpp"
#include "cordon/core/index_set.hpp"
#include "cordon/core/status.hpp"
#include "cordon/frames/block_traits.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/frames/range_table.hpp"
#include "cordon/sync/guard.hpp"

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
class buddy {
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
        range_table* holes;
        range_table* poisoned;  // out for good
        range_table* condemned; // in use; poisoned when they are freed
        counters* count;
    };

    buddy() = default;
    buddy(const geometry& geo, const parts& p) : geometry_(geo), parts_(p) {}

    // ---- reading ----

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
    [[nodiscard]] std::uint32_t missing_frames(proof, block_index b) const {
        if (!traits(b).has_missing()) return 0;
        return parts_.holes->count_in(geometry::index_of(b), block_frames) +
               parts_.poisoned->count_in(geometry::index_of(b), block_frames);
    }
    // Returns: whether all frames of the block that exist are in its map.
    [[nodiscard]] bool is_idle(proof held_lock, block_index b) const {
        return fill(b).used == missing_frames(held_lock, b);
    }
    // Returns: the map of the block, whatever place it is in.
    [[nodiscard]] map free_map(proof, block_index b) const {
        map m = parts_.maps[b.raw()];
        if (fill(b).used == 0) m.set();
        if (fill(b).used == block_frames) m.clear();
        return m;
    }
    [[nodiscard]] const parts& raw_parts() const { return parts_; }

    // ---- taking ----

    // Effects: takes up to n runs of order k for the type: from its own partial blocks, from whole blocks, and
    // for movable requests from lent ones (a request of type lent is a movable one that asks these first);
    // calls out(frame_index) for each. Returns: how many.
    template <class Out>
    std::uint32_t take(proof held_lock, migrate_type type, unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        if (k < block_order) {
            for (block_index b; taken != n && find_block(type, k, b);)
                taken += take_from(b, k, n - taken, out);
        } else {
            for (std::uint32_t first; taken != n && (first = take_blocks(type, k)) != regions::none; ++taken)
                out(take_all_of(held_lock, block_index{first}, k, type));
        }
        return taken;
    }
    // Effects: takes one run of order k from a partial block of another type, which may change its type.
    template <class Out>
    std::uint32_t steal(proof, migrate_type type, unsigned k, Out out) {
        if (k >= block_order) return 0;
        for (unsigned bin = bins; bin-- > k;) {
            for (const migrate_type victim : fallbacks(type).types) {
                const std::uint32_t found = parts_.partial.first(set_of(victim, bin));
                if (found == index_sets::none) continue;
                const block_index b{found};
                if (converts(victim, type, block_frames - fill(b).used, block_frames)) convert(b, type);
                return take_from(b, k, 1, out);
            }
        }
        return 0;
    }
    // Effects: takes exactly this run. Returns: false, with nothing changed, unless all of it is free and
    // allocatable.
    bool take_exact(proof held_lock, frame_index first, unsigned k) {
        const block_index b = geometry::block_of(first);
        if (k < block_order) {
            if (!traits(b).allocatable() || fill(b).used == block_frames) return false;
            if (fill(b).used != 0 && !map_of(first).all(geometry::bit_of(first), k)) return false;
            take_bits(b, 1u << k, [&](map& m) { m.clear(geometry::bit_of(first), k); });
            return true;
        }
        const std::uint32_t blocks = 1u << (k - block_order);
        for (std::uint32_t i = 0; i != blocks; ++i) {
            const block_index at{b.raw() + i};
            if (!parts_.whole.contains(pool_of(at), at)) return false;
        }
        for (std::uint32_t i = 0; i != blocks; ++i)
            parts_.whole.erase(pool_of(block_index{b.raw() + i}), block_index{b.raw() + i});
        take_all_of(held_lock, b, k, traits(b).type());
        return true;
    }

    // ---- giving ----

    // Effects: the run is free, in whatever state its blocks are now: allocatable, isolated or offline.
    // Returns: ok; double_free, with nothing changed, if a frame of it was free already.
    status give(proof held_lock, frame_index first, unsigned k) {
        const block_index b = geometry::block_of(first);
        if (k < block_order) {
            const unsigned bit = geometry::bit_of(first);
            return give_bits(held_lock, b, 1u << k, bit, k, [&](map& m) {
                if (m.any(bit, k)) return false;
                m.set(bit, k);
                return true;
            });
        }
        const std::uint32_t blocks = 1u << (k - block_order);
        for (std::uint32_t i = 0; i != blocks; ++i)
            if (fill(block_index{b.raw() + i}).used != block_frames) return status::double_free;
        for (std::uint32_t i = 0; i != blocks; ++i)
            give_block(held_lock, block_index{b.raw() + i});
        return status::ok;
    }
    // Effects: the frames of order 0 that `bits` names, in the 64 that start at `first`, are free.
    // Returns: ok; double_free, with nothing changed, if one of them was free already.
    status give_word(proof held_lock, frame_index first, std::uint64_t bits) {
        const unsigned word = geometry::bit_of(first) / 64;
        return give_bits(held_lock, geometry::block_of(first),
                         static_cast<std::uint32_t>(std::popcount(bits)), word * 64, 0, [&](map& m) {
                             if ((m.word[word] & bits) != 0) return false;
                             m.word[word] |= bits;
                             return true;
                         });
    }
    CORDON_ALWAYS_INLINE void prefetch(frame_index i) const {
        const block_index b = geometry::block_of(i);
        __builtin_prefetch(&parts_.maps[b.raw()].word[geometry::bit_of(i) / 64], 1);
    }

    // ---- blocks ----

    // Effects: `blocks` blocks from `first` on leave the sets; their free frames count as isolated.
    // Requires: all of them allocatable. Cost: O(blocks).
    void seal(proof, block_index first, std::uint32_t blocks) {
        for (std::uint32_t i = 0; i != blocks; ++i) {
            const block_index b{first.raw() + i};
            const bool last_of_region = i + 1 == blocks || (b.raw() + 1) % regions::map::size == 0;
            const block_traits t = traits(b);
            if (fill(b).used == 0)
                parts_.whole.forget(pool_of(b), b);
            else
                remove_partial(b);
            if (last_of_region) {
                parts_.whole.reindex(block_pool::ordinary, regions::region_of(b));
                parts_.whole.reindex(block_pool::lent, regions::region_of(b));
            }
            const std::uint32_t free = block_frames - fill(b).used;
            counters::subtract(free_count(t.type()), free);
            counters::add(parts_.count->isolated_free, free);
            set_traits(b, t.with(block_traits::isolated));
        }
    }
    // Effects: undoes seal, or makes an emptied block allocatable again, with the type it had.
    void unseal(proof, block_index b) {
        const block_traits t = traits(b).without(block_traits::isolated);
        const std::uint32_t free = block_frames - fill(b).used;
        counters::subtract(parts_.count->isolated_free, free);
        counters::add(free_count(t.type()), free);
        set_traits(b, t);
        insert(b);
    }
    // Effects: an isolated, idle block leaves the zone.
    void set_offline(proof, block_index b) {
        const std::uint32_t free = block_frames - fill(b).used;
        counters::subtract(parts_.count->isolated_free, free);
        counters::add(parts_.count->offline, free);
        set_traits(b, traits(b).without(block_traits::isolated).with(block_traits::offline));
    }
    // Effects: an offline block comes back, all of it free but what is missing.
    void set_online(proof, block_index b) {
        const std::uint32_t free = block_frames - fill(b).used;
        counters::subtract(parts_.count->offline, free);
        counters::add(free_count(traits(b).type()), free);
        set_traits(b, traits(b).without(block_traits::offline));
        insert(b);
    }
    // Effects: the block has this migrate type; its free frames count for it.
    void set_type(proof, block_index b, migrate_type type) {
        const bool listed = traits(b).allocatable();
        if (listed) remove(b);
        if (listed) move_count(b, traits(b).type(), type);
        set_traits(b, traits(b).with_type(type));
        if (listed) insert(b);
    }
    // Effects: a free frame is taken out for good. Requires: is_free(i); can_poison().
    void poison_free(proof, frame_index i) {
        const block_index b = geometry::block_of(i);
        const auto clear = [&](map& m) { m.clear(geometry::bit_of(i), 0); };
        const block_traits t = traits(b);
        if (t.allocatable()) {
            take_bits(b, 1, clear);
        } else {
            map& m = open_map(b);
            clear(m);
            ++fill(b).used;
            fill(b).largest = static_cast<std::uint8_t>(m.largest_order());
            counters::subtract(
                t.has(block_traits::offline) ? parts_.count->offline : parts_.count->isolated_free, 1);
        }
        counters::add(parts_.count->poisoned, 1);
        parts_.poisoned->insert(i, 1);
        set_traits(b, t.with(block_traits::poisoned));
    }
    // Effects: a frame that is not free is taken out for good when it is freed. Requires: can_poison().
    void condemn(proof, frame_index i) {
        const block_index b = geometry::block_of(i);
        parts_.condemned->insert(i, 1);
        set_traits(b, traits(b).with(block_traits::poisoned));
    }
    void pardon(proof, frame_index i) { parts_.condemned->erase(i); }
    // Returns: whether the tables have room for one more.
    [[nodiscard]] bool can_poison(proof) const {
        return parts_.poisoned->size() + parts_.condemned->size() < parts_.poisoned->capacity();
    }

    // Effects: at the zone's creation, frames [first, first + count) of the block never existed.
    void make_hole(block_index b, unsigned first, std::uint32_t count) {
        map& m = open_map(b);
        for (std::uint32_t i = 0; i != count; ++i)
            m.clear(first + i, 0);
        fill(b).used = static_cast<std::uint16_t>(fill(b).used + count);
        counters::add(parts_.count->absent, count);
    }
    // Effects: at the zone's creation, after its holes are made, the block is ready.
    void make_block(block_index b) {
        const std::uint32_t used = fill(b).used;
        const block_traits t = used == block_frames ? block_traits{}.with(block_traits::absent)
                               : used != 0          ? block_traits{}.with(block_traits::partial)
                                                    : block_traits{};
        set_traits(b, t);
        if (used != 0 && used != block_frames)
            fill(b).largest = static_cast<std::uint8_t>(parts_.maps[b.raw()].largest_order());
        if (t.allocatable()) insert(b);
        counters::add(free_count(t.type()), block_frames - used);
    }
    // Effects: the same for `blocks` whole blocks that start a region, without touching any of them.
    void make_region(std::uint32_t region, std::uint32_t blocks) {
        parts_.whole.insert_first(block_pool::ordinary, region, blocks);
        counters::add(free_count(migrate_type::movable), std::uint64_t{blocks} * block_frames);
    }

    [[nodiscard]] static constexpr std::uint32_t set_of(migrate_type t, unsigned bin) {
        return static_cast<unsigned>(t) * bins + bin;
    }

private:
    [[nodiscard]] block_fill& fill(block_index b) const { return parts_.fills[b.raw()]; }
    [[nodiscard]] map& map_of(frame_index i) const { return parts_.maps[geometry::block_of(i).raw()]; }
    [[nodiscard]] auto& free_count(migrate_type t) const {
        return parts_.count->free[static_cast<unsigned>(t)];
    }
    void set_traits(block_index b, block_traits t) {
        parts_.traits[b.raw()].store(t.raw(), std::memory_order_relaxed);
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

    // ---- the sets ----

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

    // ---- taking ----

    // Effects: finds a block with a free run of order k (below block_order) for the type; a whole block gets
    // the type. Returns: false if there is none.
    bool find_block(migrate_type type, unsigned k, block_index& out) {
        if (type == migrate_type::lent) return find_lent(k, out) || find_block(migrate_type::movable, k, out);
        if (find_partial(type, k, out)) return true;
        if (const std::uint32_t b = parts_.whole.take(block_pool::ordinary, 0); b != regions::none) {
            adopt(out = block_index{b}, type);
            return true;
        }
        return type == migrate_type::movable && find_lent(k, out);
    }
    bool find_lent(unsigned k, block_index& out) {
        if (find_partial(migrate_type::lent, k, out)) return true;
        const std::uint32_t b = parts_.whole.take(block_pool::lent, 0);
        out = block_index{b};
        return b != regions::none;
    }
    bool find_partial(migrate_type type, unsigned k, block_index& out) const {
        for (unsigned bin = k; bin != bins; ++bin) {
            const std::uint32_t b = parts_.partial.first(set_of(type, bin));
            if (b == index_sets::none) continue;
            out = block_index{b};
            return true;
        }
        return false;
    }
    std::uint32_t take_blocks(migrate_type type, unsigned k) {
        const bool may_lend = type == migrate_type::movable || type == migrate_type::lent;
        const block_pool first = type == migrate_type::lent ? block_pool::lent : block_pool::ordinary;
        const block_pool second = type == migrate_type::lent ? block_pool::ordinary : block_pool::lent;
        std::uint32_t found = parts_.whole.take(first, k - block_order);
        if (found == regions::none && may_lend) found = parts_.whole.take(second, k - block_order);
        if (found == regions::none && may_lend && k > block_order)
            found = parts_.whole.take_mixed(k - block_order);
        return found;
    }
    // Effects: a whole block, in no set now, gets the type of who takes it. Nobody turns a block into a lent
    // one, or a lent one into another.
    void adopt(block_index b, migrate_type type) {
        const migrate_type old = traits(b).type();
        if (old == type || old == migrate_type::lent || type == migrate_type::lent) return;
        move_count(b, old, type);
        set_traits(b, traits(b).with_type(type));
    }
    // Effects: 2^(k - block_order) whole blocks, in no set now, are used. Returns: their first frame.
    frame_index take_all_of(proof, block_index first, unsigned k, migrate_type type) {
        for (std::uint32_t i = 0; i != 1u << (k - block_order); ++i) {
            const block_index b{first.raw() + i};
            adopt(b, type);
            counters::subtract(free_count(traits(b).type()), block_frames);
            fill(b).used = block_frames;
        }
        return geometry::index_of(first);
    }
    // Effects: takes up to n runs of order k (below block_order) from an allocatable block with a free one.
    template <class Out>
    std::uint32_t take_from(block_index b, unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        const std::uint32_t fits = (block_frames - fill(b).used) >> k;
        update_used(b, [&](map& m) {
            taken = m.take(k, n < fits ? n : fits, [&](unsigned bit) { out(geometry::index_of(b, bit)); });
            return taken << k;
        });
        return taken;
    }
    template <class Clear>
    void take_bits(block_index b, std::uint32_t n, Clear clear) {
        if (fill(b).used == 0) parts_.whole.erase(pool_of(b), b);
        update_used(b, [&](map& m) {
            clear(m);
            return n;
        });
    }
    // Effects: change(map) clears bits and returns how many; then the block is in the set that it belongs to.
    // Requires: the block is partial, or whole and in no set.
    template <class Change>
    void update_used(block_index b, Change change) {
        block_fill& f = fill(b);
        const migrate_type type = traits(b).type();
        const bool was_listed = f.used != 0;
        map& m = open_map(b);
        const std::uint32_t taken = change(m);
        f.used = static_cast<std::uint16_t>(f.used + taken);
        counters::subtract(free_count(type), taken);
        const unsigned largest = f.used == block_frames ? bins : m.largest_order();
        if (was_listed && largest == f.largest) return;
        if (was_listed) parts_.partial.erase(set_of(type, f.largest), b.raw());
        f.largest = static_cast<std::uint8_t>(largest);
        if (largest < bins) parts_.partial.insert(set_of(type, largest), b.raw());
    }

    // ---- giving ----

    // Effects: mark(map) sets n bits around `bit`, a run of order k or scattered in one word; it returns false
    // if one was set already, with the map unchanged.
    template <class Mark>
    status give_bits(proof, block_index b, std::uint32_t n, unsigned bit, unsigned k, Mark mark) {
        block_fill& f = fill(b);
        if (f.used < n) return status::double_free;
        const bool was_full = f.used == block_frames;
        map& m = open_map(b);
        if (!mark(m)) return status::double_free;
        const block_traits t = traits(b);
        std::uint32_t back = n;
        if (t.has(block_traits::poisoned)) back -= divert_condemned(b, m, bit, n == 1u << k ? n : 64);
        f.used = static_cast<std::uint16_t>(f.used - back);
        counters::add(free_counter_of(t), back);

        unsigned largest = was_full ? k : f.largest > k ? f.largest : k;
        if (t.has(block_traits::poisoned)) {
            largest = m.largest_order();
        } else {
            while (largest < 6 && run_starts(m.word[bit / 64], largest + 1) != 0)
                ++largest;
            if (largest >= 6) largest = m.grown_order(bit, largest);
        }
        if (!t.allocatable()) {
            f.largest = static_cast<std::uint8_t>(largest);
            return status::ok;
        }
        if (!was_full && f.used != 0 && largest == f.largest) return status::ok;
        if (!was_full) parts_.partial.erase(set_of(t.type(), f.largest), b.raw());
        f.largest = static_cast<std::uint8_t>(largest);
        insert(b);
        return status::ok;
    }
    void give_block(proof, block_index b) {
        const block_traits t = traits(b);
        std::uint32_t back = block_frames;
        fill(b).used = 0;
        if (t.has(block_traits::poisoned)) {
            map& m = open_map(b);
            back -= divert_condemned(b, m, 0, block_frames);
            fill(b).used = static_cast<std::uint16_t>(block_frames - back);
            fill(b).largest = static_cast<std::uint8_t>(m.largest_order());
        }
        counters::add(free_counter_of(t), back);
        if (t.allocatable()) insert(b);
    }
    [[nodiscard]] auto& free_counter_of(block_traits t) const {
        return t.has(block_traits::isolated)  ? parts_.count->isolated_free
               : t.has(block_traits::offline) ? parts_.count->offline
                                              : free_count(t.type());
    }
    // Effects: of the frames just freed among the `count` from `bit` on, the condemned ones do not come back.
    // Returns: how many those are.
    std::uint32_t divert_condemned(block_index b, map& m, unsigned bit, std::uint32_t count) {
        std::uint32_t diverted = 0;
        for (std::uint32_t i = 0; i != count; ++i) {
            const frame_index at = geometry::index_of(b, bit + i);
            if (!parts_.condemned->contains(at) || !m.test(bit + i)) continue;
            m.clear(bit + i, 0);
            parts_.condemned->erase(at);
            parts_.poisoned->insert(at, 1);
            ++diverted;
        }
        counters::add(parts_.count->poisoned, diverted);
        return diverted;
    }

    geometry geometry_;
    parts parts_{};
};

} // namespace cordon::inline v0
