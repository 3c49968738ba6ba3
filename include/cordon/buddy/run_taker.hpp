// cordon/buddy/run_taker.hpp - run_taker: takes runs of frames out of the maps.
// SPDX-License-Identifier: BSL-1.0
//
// A take searches the map of one block once for a whole batch.
#pragma once

#include "cordon/buddy/fallback.hpp"
#include "cordon/buddy/frame_words.hpp"
#include "cordon/buddy/pageblocks.hpp"

#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class run_taker : public pageblocks<Policy> {
    using base = pageblocks<Policy>;

public:
    using base::base;
    using base::bins;
    using base::block_frames;
    using base::block_order;
    using typename base::counters;
    using typename base::geometry;
    using typename base::map;
    using typename base::proof;

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
            // The pool that is asked first, many at once; one block is a constant, without loops over blocks and words.
            if (type != migrate_type::lent)
                taken = k == block_order ? take_ordinary(type, 0, n, out)
                                         : take_ordinary(type, k - block_order, n, out);
            for (frame_index first; taken != n && take_one(held_lock, type, k, first); ++taken)
                out(first);
        }
        return taken;
    }
    // Effects: the same for one run. Returns: false if there is none.
    bool take_one(proof, migrate_type type, unsigned k, frame_index& out) {
        block_index b;
        if (k < block_order) {
            if (!find_block(type, k, b)) return false;
            take_from(b, k, 1, [&](frame_index i) { out = i; });
            return true;
        }
        if (!find_blocks(type, k - block_order, b)) return false;
        use_all(b, k - block_order, type);
        out = geometry::index_of(b);
        return true;
    }
    // Effects: the same for single frames, up to n of them, as words. Requires: room for n words. Parts of blocks come
    // first, and a batch that could take a whole block opens none behind them: so the next ones are whole blocks, which
    // touch no map and no set of parts.
    template <std::uint32_t Capacity>
    std::uint32_t take_words(proof, migrate_type type, std::uint32_t n, frame_words<Capacity>& out) {
        std::uint32_t taken = 0;
        const auto find = [&](block_index& b) {
            return taken != 0 && n >= block_frames ? find_partial(type, 0, b) : find_block(type, 0, b);
        };
        for (block_index b; taken != n && find(b);) {
            if (this->fill(b).used == 0 && n >= block_frames) {
                use_all(b, 0, type);
                for (std::uint32_t bit = 0; bit != block_frames; bit += 64)
                    out.push({geometry::index_of(b, bit), 64, ~0ull});
                return taken + block_frames;
            }
            update_used(b, [&](map& m) {
                return m.take_words(n - taken, [&](unsigned word, std::uint64_t bits, std::uint32_t count) {
                    out.push({geometry::index_of(b, word * 64), count, bits});
                    taken += count;
                });
            });
            this->audit(b);
        }
        return taken;
    }
    // Effects: takes one run of order k from a partial block of another type, which may change its type.
    template <class Out>
    std::uint32_t steal(proof, migrate_type type, unsigned k, Out out) {
        if (k >= block_order) return 0;
        for (unsigned bin = bins; bin-- > k;) {
            for (const migrate_type victim : fallbacks(type).types) {
                const std::uint32_t found = this->parts_.partial.first(base::set_of(victim, bin));
                if (found == index_sets::none) continue;
                const block_index b{found};
                if (converts(victim, type, block_frames - this->fill(b).used, block_frames))
                    this->convert(b, type);
                return take_from(b, k, 1, out);
            }
        }
        return 0;
    }
    // Effects: takes exactly this run; blocks keep their types. Returns: false, with nothing changed, unless all of it
    // is free and allocatable.
    bool take_exact(proof, frame_index first, unsigned k) {
        const block_index b = geometry::block_of(first);
        if (k < block_order) {
            if (!this->traits(b).allocatable() || this->fill(b).used == block_frames) return false;
            if (this->fill(b).used != 0 && !this->map_of(first).all(geometry::bit_of(first), k)) return false;
            take_bits(b, 1u << k, [&](map& m) { m.clear(geometry::bit_of(first), k); });
            return true;
        }
        auto& whole = this->parts_.whole;
        const std::uint32_t end = b.raw() + (1u << (k - block_order));
        for (block_index at = b; at.raw() != end; ++at)
            if (!whole.contains(this->pool_of(at), at)) return false;
        for (block_index at = b; at.raw() != end; ++at) { // each for itself: they may be of several types
            whole.forget(this->pool_of(at), at);
            use_all(at, 0, this->traits(at).type());
        }
        whole.reindex(block_pool::ordinary, regions::region_of(b));
        whole.reindex(block_pool::lent, regions::region_of(b));
        return true;
    }

protected:
    // Effects: clear(map) takes n bits out of the map of an allocatable block.
    template <class Clear>
    void take_bits(block_index b, std::uint32_t n, Clear clear) {
        if (this->fill(b).used == 0) this->parts_.whole.erase(this->pool_of(b), b);
        update_used(b, [&](map& m) {
            clear(m);
            return n;
        });
    }

private:
    // Effects: finds a block with a free run of order k (below block_order) for the type; a whole block gets
    // the type. Returns: false if there is none.
    bool find_block(migrate_type type, unsigned k, block_index& out) {
        if (type == migrate_type::lent) return find_lent(k, out) || find_block(migrate_type::movable, k, out);
        if (find_partial(type, k, out)) return true;
        if (take_whole(block_pool::ordinary, out)) {
            adopt(out, type);
            return true;
        }
        return type == migrate_type::movable && find_lent(k, out);
    }
    bool find_lent(unsigned k, block_index& out) {
        return find_partial(migrate_type::lent, k, out) || take_whole(block_pool::lent, out);
    }
    bool take_whole(block_pool pool, block_index& out) { return this->parts_.whole.take(pool, 0, out); }
    bool find_partial(migrate_type type, unsigned k, block_index& out) const {
        const std::uint32_t end = base::set_of(type, bins);
        const std::uint32_t set = this->parts_.partial.non_empty(base::set_of(type, k), end);
        if (set == end) return false;
        out = block_index{this->parts_.partial.first(set)};
        return true;
    }
    // Effects: takes up to n runs of 2^k whole blocks that are nobody's. Returns: how many.
    template <class Out>
    CORDON_ALWAYS_INLINE std::uint32_t take_ordinary(migrate_type type, unsigned k, std::uint32_t n,
                                                     Out& out) {
        return this->parts_.whole.take(block_pool::ordinary, k, n, [&](block_index b) {
            use_all(b, k, type);
            out(geometry::index_of(b));
        });
    }
    // Effects: takes 2^k whole blocks for the type out of their sets. Returns: false if there are none.
    bool find_blocks(migrate_type type, unsigned k, block_index& out) {
        auto& whole = this->parts_.whole;
        if (type == migrate_type::lent)
            return whole.take(block_pool::lent, k, out) || find_blocks(migrate_type::movable, k, out);
        if (whole.take(block_pool::ordinary, k, out)) return true;
        return type == migrate_type::movable &&
               (whole.take(block_pool::lent, k, out) || (k != 0 && whole.take_mixed(k, out)));
    }
    // Effects: a whole block, in no set now, gets the type of the request: movable for a request of type lent. No request
    // turns a block into a lent one, or a lent one into another.
    void adopt(block_index b, migrate_type type) {
        const migrate_type old = this->traits(b).type();
        const migrate_type now = type == migrate_type::lent ? migrate_type::movable : type;
        if (old == now || old == migrate_type::lent) return;
        this->move_count(b, old, now);
        this->set_traits(b, this->traits(b).with_type(now));
    }
    // Effects: 2^k whole blocks, in no set now, are used.
    CORDON_ALWAYS_INLINE void use_all(block_index first, unsigned k, migrate_type type) {
        const std::uint32_t end = first.raw() + (1u << k);
        for (block_index b = first; b.raw() != end; ++b) {
            if (this->traits(b) != block_traits{}.with_type(type)) [[unlikely]]
                take_over(b, type);
            this->fill(b).used = block_frames;
        }
        counters::subtract(this->free_count(type), std::uint64_t{block_frames} << k);
    }
    // Effects: a whole block, in no set now, counts as free for the type that is about to take all of it.
    CORDON_NO_INLINE void take_over(block_index b, migrate_type type) {
        adopt(b, type);
        this->move_count(b, this->traits(b).type(), type);
        this->forget_report(b);
    }
    // Effects: takes up to n runs of order k (below block_order) from an allocatable block with a free one.
    template <class Out>
    std::uint32_t take_from(block_index b, unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        const std::uint32_t fits = (block_frames - this->fill(b).used) >> k;
        update_used(b, [&](map& m) {
            taken = m.take(k, n < fits ? n : fits, [&](unsigned bit) { out(geometry::index_of(b, bit)); });
            return taken << k;
        });
        this->audit(b);
        return taken;
    }
    // Effects: change(map) clears bits and returns how many; then the block is in the set that it belongs to.
    // Requires: the block is partial, or whole and in no set.
    template <class Change>
    void update_used(block_index b, Change change) {
        block_fill& f = this->fill(b);
        const migrate_type type = this->traits(b).type();
        const bool was_listed = f.used != 0;
        if (!was_listed) this->forget_report(b);
        map& m = this->open_map(b);
        const std::uint32_t taken = change(m);
        f.used = static_cast<std::uint16_t>(f.used + taken);
        counters::subtract(this->free_count(type), taken);
        // A batch mostly leaves another run of the largest order.
        const unsigned largest = f.used == block_frames ? bins
                                 : was_listed           ? m.shrunk_order(f.largest)
                                                        : m.largest_order();
        if (was_listed && largest == f.largest) return;
        if (was_listed) this->parts_.partial.erase(base::set_of(type, f.largest), b.raw());
        f.largest = static_cast<std::uint8_t>(largest);
        if (largest < bins) this->parts_.partial.insert(base::set_of(type, largest), b.raw());
    }
};

} // namespace cordon::inline v0
