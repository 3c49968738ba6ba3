// cordon/buddy/run_giver.hpp - run_giver: gives runs of frames back to the maps.
// SPDX-License-Identifier: BSL-1.0
//
// A free can only raise a block's largest run, and only by completing the aligned run around it: that run is tested, the
// map is not searched. Most frees complete nothing, so what follows from that is out of line.
//
// Of two copies of one free the second is found here: its frame is free already, or was poisoned since.
#pragma once

#include "cordon/buddy/run_taker.hpp"
#include "cordon/core/status.hpp"

#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class run_giver : public run_taker<Policy> {
    using base = run_taker<Policy>;

public:
    using base::base;
    using base::block_frames;
    using base::block_order;
    using typename base::counters;
    using typename base::geometry;
    using typename base::map;
    using typename base::proof;

    // Effects: the run is free, in whatever state its blocks are now: allocatable, isolated or offline.
    // Returns: ok; double_free, with nothing changed, if a frame of it was free already, or out for good.
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
        const block_traits t = this->traits(b);
        const unsigned bit = geometry::bit_of(first);
        if (f.used < 1u << k || m.any(bit, k) || any_poisoned(t, first, 1u << k)) return status::double_free;
        m.set(bit, k);
        settle(b, t, f, m, bit, 1u << k, k);
        this->audit(b);
        return status::ok;
    }
    // Effects: `n` frames, those that `bits` names in the 64 that start at `first`, are free. They are runs of
    // order k, or have a run of order k among them.
    // Returns: ok; double_free, with nothing changed, if one of them was free already.
    CORDON_ALWAYS_INLINE status give_word(proof, frame_index first, std::uint64_t bits, std::uint32_t n,
                                          unsigned k) {
        return put_word(first, bits, n, k,
                        [&](migrate_type type) { counters::add(this->free_count(type), n); });
    }
    // Effects: the frames of the words are free, up to the first word of which one was free already. Returns: that word,
    // with nothing of it changed; the end, if there is none.
    CORDON_ALWAYS_INLINE const frame_word* give_words(proof, const frame_word* next, const frame_word* end) {
        migrate_type type = migrate_type::movable; // of those uncounted: most batches are of one type
        std::uint64_t uncounted = 0;
        for (; next != end; ++next) {
            const frame_word& w = *next;
            if (w.count == 64 && is_block(next, end) &&
                give_blocks(geometry::block_of(w.first), 0) == status::ok) {
                next += words_of_block - 1;
                continue;
            }
            const status given = put_word(w.first, w.bits, w.count, 0, [&](migrate_type t) {
                if (t != type) [[unlikely]] {
                    counters::add(this->free_count(type), uncounted);
                    type = t;
                    uncounted = 0;
                }
                uncounted += w.count;
            });
            if (given != status::ok) [[unlikely]]
                break;
        }
        counters::add(this->free_count(type), uncounted);
        return next;
    }
    CORDON_ALWAYS_INLINE void prefetch(frame_index i) const { __builtin_prefetch(&map_word(i), 1); }

private:
    static constexpr std::ptrdiff_t words_of_block = block_frames / 64;

    // Returns: whether the words from `next` on are all frames of a block.
    static bool is_block(const frame_word* next, const frame_word* end) {
        const frame_index first = next->first;
        if (geometry::bit_of(first) != 0 || end - next < words_of_block) return false;
        for (std::uint32_t n = 0; n != words_of_block; ++n)
            if (next[n].count != 64 || next[n].first.raw() != first.raw() + n * 64) return false;
        return true;
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
        if (f.used < n || ((word | poisoned_in(t, first)) & bits) != 0) return status::double_free;
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
    // Effects: 2^k blocks are free. Returns: ok; double_free, with nothing changed, if a frame of them was free already,
    // or out for good.
    CORDON_ALWAYS_INLINE status give_blocks(block_index first, unsigned k) {
        const block_traits t = this->traits(first);
        const std::uint32_t end = first.raw() + (1u << k);
        bool alike = t.cacheable();
        for (block_index b = first; b.raw() != end; ++b) {
            if (this->fill(b).used != block_frames) return status::double_free;
            alike = alike && this->traits(b) == t;
        }
        if (!alike &&
            this->parts_.poisoned.any_in(geometry::index_of(first), std::uint64_t{block_frames} << k))
            return status::double_free;
        for (block_index b = first; b.raw() != end; ++b)
            if (alike)
                this->fill(b).used = 0;
            else
                give_block(b);
        if (alike) {
            counters::add(this->free_count(t.type()), std::uint64_t{block_frames} << k);
            this->parts_.whole.insert(this->pool_of(first), first, k);
        }
        for (block_index b = first; b.raw() != end; ++b)
            this->audit(b);
        return status::ok;
    }
    [[nodiscard]] bool any_poisoned(block_traits t, frame_index first, std::uint64_t count) const {
        return t.has(block_traits::poisoned) && this->parts_.poisoned.any_in(first, count);
    }
    // Returns: of the 64 frames from `first` on, those that are out for good.
    [[nodiscard]] std::uint64_t poisoned_in(block_traits t, frame_index first) const {
        std::uint64_t bits = 0;
        if (t.has(block_traits::poisoned))
            this->parts_.poisoned.for_each_in(
                first, 64, [&](frame_index at, std::uint32_t) { bits |= 1ull << (at.raw() % 64); });
        return bits;
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
            if (!this->parts_.condemned.contains(at) || !m.test(bit + i)) continue;
            m.clear(bit + i, 0);
            this->parts_.condemned.erase(at);
            this->parts_.poisoned.insert(at, 1);
            ++diverted;
        }
        counters::add(this->parts_.count->poisoned, diverted);
        return diverted;
    }
};

} // namespace cordon::inline v0
