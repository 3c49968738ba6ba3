// cordon/buddy/region_map.hpp - region_map: which of 512 pageblocks are wholly free.
// SPDX-License-Identifier: BSL-1.0
//
// Its map is the bitmap<512> that a pageblock uses for its frames, one level up: an order above the pageblock's is an
// aligned run of free blocks. Requests for such runs come one at a time and under the zone lock, so they should
// not look at eight words each: marks beside the map say which words are full, and which are partly so.
#pragma once

#include "cordon/core/bitmap.hpp"
#include "cordon/core/config.hpp"

#include <bit>
#include <cstdint>

namespace cordon::inline v0 {

struct region_marks {
    std::uint8_t largest; // order of the largest run; region_map::orders if there is none
    std::uint8_t full;    // bit i: all blocks of word i are free
    std::uint8_t mixed;   // bit i: some are, some are not
    constexpr bool operator==(const region_marks&) const = default;
};

// A view of both.
class region_map {
public:
    using map = bitmap<512>;
    static constexpr unsigned orders = map::max_order + 1; // runs of 2^0 to 2^9 blocks
    static constexpr region_marks no_marks{orders, 0, 0};

    constexpr region_map(map& blocks, region_marks& marks) : map_(blocks), marks_(marks) {}

    // Effects: the 2^k blocks from `bit` on are free, or not. The largest order is that of before, until it is told.
    CORDON_ALWAYS_INLINE constexpr void set(unsigned bit, unsigned k) {
        map_.set(bit, k);
        mark_words(bit, k);
    }
    CORDON_ALWAYS_INLINE constexpr void clear(unsigned bit, unsigned k) {
        map_.clear(bit, k);
        mark_words(bit, k);
    }
    // Effects: the first `count` blocks are free, the others are not.
    constexpr void set_first(std::uint32_t count) {
        for (unsigned i = 0; i != map::words; ++i) {
            const std::uint32_t left = count > i * 64 ? count - i * 64 : 0;
            map_.word[i] = left >= 64 ? ~0ull : (1ull << left) - 1;
            mark(i);
        }
    }

    // Returns: the first block of a free run of order k, one whose buddy is not free if there is one; else one
    // of a word that is not full, if there is one; none.
    [[nodiscard]] CORDON_ALWAYS_INLINE constexpr unsigned find(unsigned k) const {
        if (k < 6) {
            unsigned found = map::none;
            for (unsigned left = marks_.mixed; left != 0; left &= left - 1) {
                const unsigned i = first_of(left);
                const std::uint64_t starts = run_starts(map_.word[i], k);
                const std::uint64_t lone = starts & ~paired_starts(starts, k);
                if (lone != 0) return i * 64 + first_of(lone);
                if (starts != 0 && found == map::none) found = i * 64 + first_of(starts);
            }
            if (found != map::none || marks_.full == 0) return found;
        }
        const std::uint64_t starts = run_starts(marks_.full, k < 6 ? 0 : k - 6);
        const std::uint64_t lone = starts & ~paired_starts(starts, k < 6 ? 0 : k - 6);
        return starts == 0 ? map::none : 64 * first_of(lone != 0 ? lone : starts);
    }
    // Effects: takes up to n runs of order k where find() finds them, those of one word together; calls out(first block) for
    // each. Returns: how many.
    template <class Out>
    CORDON_ALWAYS_INLINE constexpr std::uint32_t take(unsigned k, std::uint32_t n, Out out) {
        std::uint32_t taken = 0;
        for (unsigned bit; taken != n && (bit = find(k)) != map::none;) {
            if (k < 6) {
                taken += take_of_word(bit / 64, k, n - taken, out);
            } else {
                clear(bit, k);
                out(bit);
                ++taken;
            }
        }
        return taken;
    }
    // Returns: the largest order after the 2^k blocks from `bit` on became free, when it was `largest` before.
    [[nodiscard]] CORDON_ALWAYS_INLINE constexpr unsigned grown(unsigned bit, unsigned k,
                                                                unsigned largest) const {
        unsigned order = largest == orders || largest < k ? k : largest;
        for (; order < 6; ++order) {
            const std::uint64_t run = run_mask(order + 1);
            if ((map_.word[bit / 64] >> (bit & 63 & (~1u << order)) & run) != run) return order;
        }
        for (; order != map::max_order; ++order) {
            const unsigned run = (1u << (2u << (order - 6))) - 1; // as many words
            if ((marks_.full >> (bit / 64 & (~1u << (order - 6))) & run) != run) break;
        }
        return order;
    }
    // Returns: the largest order after blocks were taken, when it was `largest` before: most often it still is, or half
    // of the run that was split is left.
    [[nodiscard]] CORDON_ALWAYS_INLINE constexpr unsigned shrunk(unsigned largest) const {
        if ((marks_.full | marks_.mixed) == 0) return orders;
        while (!has_run(largest))
            --largest;
        return largest;
    }
    [[nodiscard]] constexpr bool has_run(unsigned k) const {
        if (k >= 6) return run_starts(marks_.full, k - 6) != 0;
        bool found = marks_.full != 0;
        for (unsigned left = marks_.mixed; left != 0 && !found; left &= left - 1)
            found = run_starts(map_.word[first_of(left)], k) != 0;
        return found;
    }

    // Returns: the marks that the map asks for.
    [[nodiscard]] constexpr region_marks true_marks() const {
        region_marks marks{static_cast<std::uint8_t>(map_.largest_order()), 0, 0};
        region_map same{map_, marks};
        for (unsigned i = 0; i != map::words; ++i)
            same.mark(i);
        return marks;
    }

private:
    CORDON_ALWAYS_INLINE static constexpr unsigned first_of(std::uint64_t bits) {
        return static_cast<unsigned>(std::countr_zero(bits));
    }
    // The word is in a register meanwhile: each take would wait for the store of the one before.
    template <class Out>
    CORDON_ALWAYS_INLINE constexpr std::uint32_t take_of_word(unsigned i, unsigned k, std::uint32_t n,
                                                              Out out) {
        std::uint64_t word = map_.word[i];
        std::uint32_t taken = 0;
        for (std::uint64_t starts; taken != n && (starts = run_starts(word, k)) != 0; ++taken) {
            const std::uint64_t lone = starts & ~paired_starts(starts, k);
            const unsigned bit = first_of(lone != 0 ? lone : starts);
            word &= ~(run_mask(k) << bit);
            out(i * 64 + bit);
        }
        map_.word[i] = word;
        mark(i);
        return taken;
    }
    CORDON_ALWAYS_INLINE constexpr void mark_words(unsigned bit, unsigned k) {
        mark(bit / 64);
        for (unsigned i = 1; i < (1u << k) / 64; ++i)
            mark(bit / 64 + i);
    }
    CORDON_ALWAYS_INLINE constexpr void mark(unsigned i) {
        const std::uint64_t word = map_.word[i];
        const unsigned others = ~(1u << i);
        marks_.full = static_cast<std::uint8_t>((marks_.full & others) | unsigned{word == ~0ull} << i);
        marks_.mixed = static_cast<std::uint8_t>((marks_.mixed & others) | unsigned{word + 1 > 1} << i);
    }

    map& map_;
    region_marks& marks_;
};

} // namespace cordon::inline v0
