// cordon/buddy/runs.hpp - runs: taking runs of frames out of the maps, and giving them back.
// SPDX-License-Identifier: BSL-1.0
//
// A take searches the map of one block once for a whole batch. A free can only raise a block's largest run, and
// only by completing the aligned run around it: that run is tested, the map is not searched.
#pragma once

#include "cordon/buddy/fallback.hpp"
#include "cordon/buddy/frame_words.hpp"
#include "cordon/buddy/pageblocks.hpp"
#include "cordon/core/status.hpp"

#include <bit>
#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class runs : public pageblocks<Policy> {
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
    // Effects: the same for single frames, up to n of them, as words. Requires: room for n words.
    std::uint32_t take_words(proof, migrate_type type, std::uint32_t n, frame_words& out) {
        std::uint32_t taken = 0;
        for (block_index b; taken != n && find_block(type, 0, b);) {
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
    // Effects: takes exactly this run. Returns: false, with nothing changed, unless all of it is free and
    // allocatable.
    bool take_exact(proof, frame_index first, unsigned k) {
        const block_index b = geometry::block_of(first);
        if (k < block_order) {
            if (!this->traits(b).allocatable() || this->fill(b).used == block_frames) return false;
            if (this->fill(b).used != 0 && !this->map_of(first).all(geometry::bit_of(first), k)) return false;
            take_bits(b, 1u << k, [&](map& m) { m.clear(geometry::bit_of(first), k); });
            return true;
        }
        const std::uint32_t blocks = 1u << (k - block_order);
        for (std::uint32_t i = 0; i != blocks; ++i) {
            const block_index at{b.raw() + i};
            if (!this->parts_.whole.contains(this->pool_of(at), at)) return false;
        }
        for (std::uint32_t i = 0; i != blocks; ++i)
            this->parts_.whole.erase(this->pool_of(block_index{b.raw() + i}), block_index{b.raw() + i});
        use_all(b, k - block_order, this->traits(b).type());
        return true;
    }

    // Effects: the run is free, in whatever state its blocks are now: allocatable, isolated or offline.
    // Returns: ok; double_free, with nothing changed, if a frame of it was free already.
    status give(proof held_lock, frame_index first, unsigned k) {
        const block_index b = geometry::block_of(first);
        if (k == block_order) return give_blocks(b, 0); // as in take(): a constant
        if (k > block_order) return give_blocks(b, k - block_order);
        if (k <= 6) {
            const std::uint64_t bits = run_mask(k) << (first.raw() % 64);
            return give_word(held_lock, frame_index{first.raw() & ~63u}, bits, 1u << k, k);
        }
        block_fill& f = this->fill(b);
        map& m = this->open_map(b);
        const unsigned bit = geometry::bit_of(first);
        if (f.used < 1u << k || m.any(bit, k)) return status::double_free;
        m.set(bit, k);
        settle(b, this->traits(b), f, m, bit, 1u << k, k);
        return status::ok;
    }
    // Effects: `n` frames, those that `bits` names in the 64 that start at `first`, are free. They are runs of
    // order k, or have a run of order k among them.
    // Returns: ok; double_free, with nothing changed, if one of them was free already.
    status give_word(proof, frame_index first, std::uint64_t bits, std::uint32_t n, unsigned k) {
        return put_word(first, bits, n, k,
                        [&](migrate_type type) { counters::add(this->free_count(type), n); });
    }
    // Effects: the frames of the words are free. Calls wrong(word), with nothing of it changed, where one was free already.
    template <class Wrong>
    CORDON_ALWAYS_INLINE void give_words(proof, const frame_words& words, Wrong wrong) {
        migrate_type type = migrate_type::movable; // of those uncounted: most batches are of one type
        std::uint64_t uncounted = 0;
        for (const frame_word& w : words) {
            const status given = put_word(w.first, w.bits, w.count, 0, [&](migrate_type t) {
                if (t != type) [[unlikely]] {
                    counters::add(this->free_count(type), uncounted);
                    type = t;
                    uncounted = 0;
                }
                uncounted += w.count;
            });
            if (given != status::ok) [[unlikely]]
                wrong(w);
        }
        counters::add(this->free_count(type), uncounted);
    }
    CORDON_ALWAYS_INLINE void prefetch(frame_index i) const { __builtin_prefetch(&map_word(i), 1); }

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
    // Effects: a whole block, in no set now, gets the type of who takes it. Nobody turns a block into a lent
    // one, or a lent one into another.
    void adopt(block_index b, migrate_type type) {
        const migrate_type old = this->traits(b).type();
        if (old == type || old == migrate_type::lent || type == migrate_type::lent) return;
        this->move_count(b, old, type);
        this->set_traits(b, this->traits(b).with_type(type));
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

    // Returns: the word of the maps that the frame lies in. Maps lie side by side, so their words are numbered through.
    CORDON_ALWAYS_INLINE std::uint64_t& map_word(frame_index i) const {
        return reinterpret_cast<std::uint64_t*>(this->parts_.maps)[i.raw() / 64];
    }
    // give_word without counting: that is done by count(type).
    template <class Count>
    CORDON_ALWAYS_INLINE status put_word(frame_index first, std::uint64_t bits, std::uint32_t n, unsigned k,
                                         Count count) {
        const block_index b = geometry::block_of(first);
        block_fill& f = this->fill(b);
        const block_traits t = this->traits(b);
        // A partly used block stays one, and its traits say no more than its type.
        if (!t.cacheable() || f.used == block_frames || f.used <= n) [[unlikely]]
            return give_word_rare(b, t, first, bits, n, k);
        const std::uint64_t before = map_word(first);
        if ((before & bits) != 0) [[unlikely]]
            return status::double_free;
        const std::uint64_t word = map_word(first) = before | bits;
        f.used = static_cast<std::uint16_t>(f.used - n);
        count(t.type());
        // One run that does not complete the next larger one around it changes nothing else.
        if (n != 1u << k || f.largest < k || f.largest >= 6 ||
            has_run_around(word, static_cast<unsigned>(__builtin_ctzll(bits)), f.largest + 1u)) [[unlikely]]
            regrow(b, t, lowest(first, bits), n, k);
        this->audit(b);
        return status::ok;
    }
    // Effects: after n bits were set in the word of `bit`, in a block that was partial and is: it is in the set that it
    // belongs to.
    CORDON_NO_INLINE void regrow(block_index b, block_traits t, unsigned bit, std::uint32_t n, unsigned k) {
        block_fill& f = this->fill(b);
        const unsigned largest = grown(this->parts_.maps[b.raw()], bit, n, k, f.largest);
        if (largest != f.largest) relist(b, f, t, false, largest);
    }
    // Returns: the bit of the lowest frame that `bits`, which names one, names in the word of `first`.
    static unsigned lowest(frame_index first, std::uint64_t bits) {
        return geometry::bit_of(first) + static_cast<unsigned>(__builtin_ctzll(bits));
    }
    // give_word for a block that was full or becomes whole, or whose traits say more than its type.
    CORDON_COLD status give_word_rare(block_index b, block_traits t, frame_index first, std::uint64_t bits,
                                      std::uint32_t n, unsigned k) {
        block_fill& f = this->fill(b);
        map& m = this->open_map(b);
        std::uint64_t& word = m.word[geometry::bit_of(first) / 64];
        if (f.used < n || (word & bits) != 0) return status::double_free;
        word |= bits;
        settle(b, t, f, m, lowest(first, bits), n, k);
        this->audit(b);
        return status::ok;
    }
    // Effects: after n bits were set in the word of `bit`, or in the run of order k that starts there: the block
    // is counted, and in the set that it belongs to.
    void settle(block_index b, block_traits t, block_fill& f, map& m, unsigned bit, std::uint32_t n,
                unsigned k) {
        const bool was_full = f.used == block_frames;
        if (t.has(block_traits::poisoned)) return settle_poisoned(b, f, m, bit, n, k);
        f.used = static_cast<std::uint16_t>(f.used - n);
        counters::add(this->free_counter_of(t), n);
        relist(b, f, t, was_full, grown(m, bit, n, k, was_full ? k : f.largest));
    }
    // Returns: the largest order, when it was `largest` before n bits were set.
    CORDON_ALWAYS_INLINE static unsigned grown(const map& m, unsigned bit, std::uint32_t n, unsigned k,
                                               unsigned largest) {
        if (largest < k) largest = k;
        if (n != 1u << k) // scattered in one word: any of its runs may be complete now
            while (largest < 6 && run_starts(m.word[bit / 64], largest + 1) != 0)
                ++largest;
        return n == 1u << k || largest >= 6 ? m.grown_order(bit, largest) : largest;
    }
    void relist(block_index b, block_fill& f, block_traits t, bool was_full, unsigned largest) {
        const unsigned before = f.largest;
        f.largest = static_cast<std::uint8_t>(largest);
        if (!t.allocatable()) return;
        if (!was_full) this->parts_.partial.erase(base::set_of(t.type(), before), b.raw());
        this->insert(b);
    }
    // The same when some frames of the block are condemned: those that were freed now do not come back.
    void settle_poisoned(block_index b, block_fill& f, map& m, unsigned bit, std::uint32_t n, unsigned k) {
        const block_traits t = this->traits(b);
        const bool was_full = f.used == block_frames;
        const bool scattered = n != 1u << k;
        n -= divert_condemned(b, m, scattered ? bit & ~63u : bit, scattered ? 64 : n);
        f.used = static_cast<std::uint16_t>(f.used - n);
        counters::add(this->free_counter_of(t), n);
        relist(b, f, t, was_full, m.largest_order());
    }
    // Effects: 2^k blocks are free. Returns: ok; double_free, with nothing changed, if a frame of them was free already.
    CORDON_ALWAYS_INLINE status give_blocks(block_index first, unsigned k) {
        const block_traits t = this->traits(first);
        const std::uint32_t end = first.raw() + (1u << k);
        bool alike = t.cacheable();
        for (block_index b = first; b.raw() != end; ++b) {
            if (this->fill(b).used != block_frames) return status::double_free;
            alike = alike && this->traits(b) == t;
        }
        for (block_index b = first; b.raw() != end; ++b)
            if (alike)
                this->fill(b).used = 0;
            else
                give_block(b);
        if (alike) {
            counters::add(this->free_count(t.type()), std::uint64_t{block_frames} << k);
            this->parts_.whole.insert(this->pool_of(first), first, k);
        }
        this->audit(first);
        return status::ok;
    }
    void give_block(block_index b) {
        block_fill& f = this->fill(b);
        const block_traits t = this->traits(b);
        if (t.has(block_traits::poisoned)) {
            map& m = this->open_map(b);
            m.set();
            return settle_poisoned(b, f, m, 0, block_frames, block_order);
        }
        f.used = 0;
        counters::add(this->free_counter_of(t), block_frames);
        if (t.allocatable()) this->insert(b);
    }
    // Effects: of the frames just freed among the `count` from `bit` on, the condemned ones do not come back.
    // Returns: how many those are.
    std::uint32_t divert_condemned(block_index b, map& m, unsigned bit, std::uint32_t count) {
        std::uint32_t diverted = 0;
        for (std::uint32_t i = 0; i != count; ++i) {
            const frame_index at = geometry::index_of(b, bit + i);
            if (!this->parts_.condemned->contains(at) || !m.test(bit + i)) continue;
            m.clear(bit + i, 0);
            this->parts_.condemned->erase(at);
            this->parts_.poisoned->insert(at, 1);
            ++diverted;
        }
        counters::add(this->parts_.count->poisoned, diverted);
        return diverted;
    }
};

} // namespace cordon::inline v0
