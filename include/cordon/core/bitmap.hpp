// cordon/core/bitmap.hpp - bitmap<Bits>: a small set with aligned runs; 512 bits are one cache line.
// SPDX-License-Identifier: BSL-1.0
//
// A set bit is a free unit. A run of order k is 2^k consecutive units that start at a multiple of 2^k, so the
// bitmap is a whole buddy system: merging two buddies is setting bits, splitting is clearing some of them.
//
//     order 0..6   within one word: fold the word onto itself k times; a bit that survives starts a run
//     order 6..9   whole words: the same folding, on a mask with one bit for each full word
#pragma once

#include "cordon/core/config.hpp"

#include <bit>
#include <cstdint>

namespace cordon::inline v0 {

// The places where an aligned run of order k can start in a word.
inline constexpr std::uint64_t aligned_starts[7] = {~0ull,
                                                    0x5555'5555'5555'5555ull,
                                                    0x1111'1111'1111'1111ull,
                                                    0x0101'0101'0101'0101ull,
                                                    0x0001'0001'0001'0001ull,
                                                    0x0000'0001'0000'0001ull,
                                                    1ull};
// Returns: the bits of `word` at which an aligned run of order k (0 to 6) starts, all of it set.
CORDON_ALWAYS_INLINE constexpr std::uint64_t run_starts(std::uint64_t word, unsigned k) {
    for (unsigned step = 0; step != k; ++step)
        word &= word >> (1u << step);
    return word & aligned_starts[k];
}

// Returns: of `starts`, which is run_starts(word, k) of an order below 6, those whose buddy is free, too.
CORDON_ALWAYS_INLINE constexpr std::uint64_t paired_starts(std::uint64_t starts, unsigned k) {
    const std::uint64_t first = starts & starts >> (1u << k) & aligned_starts[k + 1];
    return first | first << (1u << k);
}
// Returns: of run_starts(word, k) of an order below 6, those whose buddy is not free: taking one splits nothing
// larger.
CORDON_ALWAYS_INLINE constexpr std::uint64_t lone_run_starts(std::uint64_t word, unsigned k) {
    const std::uint64_t starts = run_starts(word, k);
    return starts & ~paired_starts(starts, k);
}

inline constexpr std::uint64_t run_masks[7] = {
    0x1, 0x3, 0xf, 0xff, 0xffff, 0xffff'ffff, 0xffff'ffff'ffff'ffff};
// Returns: 2^k ones. k is 0 to 6.
CORDON_ALWAYS_INLINE constexpr std::uint64_t run_mask(unsigned k) {
    return run_masks[k];
}

// Returns: whether the aligned run of order k (0 to 6) in which `bit` lies is set; of `bit` only its place in a word counts.
CORDON_ALWAYS_INLINE constexpr bool has_run_around(std::uint64_t word, unsigned bit, unsigned k) {
    return (run_mask(k) << (bit & (~0u << k) & 63) & ~word) == 0;
}

// Returns: the number of ones. Not std::popcount: without a processor's instruction that calls a library.
[[nodiscard]] constexpr unsigned bits_set(std::uint64_t word) {
    word -= word >> 1 & 0x5555555555555555ull;
    word = (word & 0x3333333333333333ull) + (word >> 2 & 0x3333333333333333ull);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return static_cast<unsigned>(word * 0x0101010101010101ull >> 56);
}

template <unsigned Bits>
requires(Bits >= 64 && Bits <= 512 && std::has_single_bit(Bits)) struct alignas(Bits / 8) bitmap {
    static constexpr unsigned size = Bits;
    static constexpr unsigned words = Bits / 64;
    static constexpr unsigned max_order = static_cast<unsigned>(std::countr_zero(Bits));
    static constexpr unsigned none = Bits;

    std::uint64_t word[words];

    constexpr void clear() { fill(0); }
    constexpr void set() { fill(~0ull); }
    constexpr void fill(std::uint64_t value) {
        for (std::uint64_t& w : word)
            w = value;
    }

    [[nodiscard]] constexpr bool test(unsigned bit) const { return (word[bit / 64] >> (bit % 64) & 1) != 0; }
    constexpr void set(unsigned bit, unsigned k) {
        for_run(word, bit, k, [](std::uint64_t& w, std::uint64_t mask) { w |= mask; });
    }
    constexpr void clear(unsigned bit, unsigned k) {
        for_run(word, bit, k, [](std::uint64_t& w, std::uint64_t mask) { w &= ~mask; });
    }
    // Returns: whether each unit of the run is set.
    [[nodiscard]] constexpr bool all(unsigned bit, unsigned k) const {
        std::uint64_t missing = 0;
        for_run(word, bit, k, [&](std::uint64_t w, std::uint64_t mask) { missing |= mask & ~w; });
        return missing == 0;
    }
    // Returns: whether a unit of the run is set.
    [[nodiscard]] constexpr bool any(unsigned bit, unsigned k) const {
        std::uint64_t found = 0;
        for_run(word, bit, k, [&](std::uint64_t w, std::uint64_t mask) { found |= mask & w; });
        return found != 0;
    }
    [[nodiscard]] constexpr unsigned count() const {
        unsigned n = 0;
        for (const std::uint64_t w : word)
            n += bits_set(w);
        return n;
    }

    // Returns: the order of the largest run, max_order + 1 for an empty bitmap.
    [[nodiscard]] constexpr unsigned largest_order() const {
        if (const std::uint64_t full = full_words(); full != 0) {
            unsigned k = 6;
            while (k < max_order && run_starts(full, k - 5) != 0)
                ++k;
            return k;
        }
        bitmap runs = *this;
        if (runs.is_empty()) return max_order + 1;
        for (unsigned k = 0;; ++k) {
            for (std::uint64_t& w : runs.word)
                w &= w >> (1u << k) & aligned_starts[k + 1];
            if (runs.is_empty()) return k;
        }
    }
    // Returns: whether there is a run of order k.
    [[nodiscard]] constexpr bool has_run(unsigned k) const {
        if (k >= 6) return run_starts(full_words(), k - 6) != 0;
        for (const std::uint64_t w : word)
            if (w == ~0ull || run_starts(w, k) != 0) return true;
        return false;
    }

    // Returns: the largest order after units around `bit` became free, when it was `largest` before them.
    // A free can only complete the aligned runs around it, so only those are tested. Cost: one test if nothing
    // was completed.
    [[nodiscard]] constexpr unsigned grown_order(unsigned bit, unsigned largest) const {
        const std::uint64_t around = word[bit / 64];
        for (; largest < 6; ++largest)
            if (!has_run_around(around, bit, largest + 1)) return largest;
        while (largest < max_order && all(bit & ~((2u << largest) - 1), largest + 1))
            ++largest;
        return largest;
    }

    // Returns: the largest order after units were taken, when it was `largest` before: most often another run of that
    // order is left, or half of one that was split.
    [[nodiscard]] constexpr unsigned shrunk_order(unsigned largest) const {
        if (has_run(largest)) return largest;
        if (largest != 0 && has_run(largest - 1)) return largest - 1;
        return largest_order();
    }

    // Returns: the first unit of a free run of order k, one whose buddy is not free if there is one; none.
    [[nodiscard]] constexpr unsigned find(unsigned k) const {
        bitmap copy = *this;
        unsigned found = none;
        copy.take(k, 1, [&](unsigned bit) { found = bit; });
        return found;
    }

    // Effects: takes up to n runs of order k out of the map, those first whose buddies are not free; calls
    // out(first unit) for each. Returns: how many.
    template <class Out>
    constexpr unsigned take(unsigned k, unsigned n, Out out) {
        unsigned taken = 0;
        if (k >= 6) {
            for (std::uint64_t starts; taken != n && (starts = run_starts(full_words(), k - 6)) != 0;
                 ++taken) {
                const std::uint64_t lone = starts & ~paired_starts(starts, k - 6);
                const unsigned bit = static_cast<unsigned>(std::countr_zero(lone != 0 ? lone : starts)) * 64;
                clear(bit, k);
                out(bit);
            }
            return taken;
        }
        const auto take_some = [&](std::uint64_t& w, std::uint64_t starts) {
            std::uint64_t left = starts;
            for (; left != 0 && taken != n; left &= left - 1, ++taken)
                out(static_cast<unsigned>(&w - word) * 64 + static_cast<unsigned>(std::countr_zero(left)));
            w &= ~((starts & ~left) * run_mask(k));
        };
        // In full words, as in empty ones, nothing is lone.
        for (unsigned i = 0; i != words && taken != n; ++i)
            if (word[i] + 1 > 1) take_some(word[i], lone_run_starts(word[i], k));
        for (unsigned i = 0; i != words && taken != n; ++i)
            if (word[i] != 0) take_some(word[i], run_starts(word[i], k));
        return taken;
    }

    // Effects: takes up to n single units out of the map, a word at a time, lone ones first; calls
    // out(word number, bits taken, how many). Returns: how many units.
    template <class Out>
    constexpr unsigned take_words(unsigned n, Out out) {
        unsigned taken = 0;
        for (unsigned pass = 0; pass != 2; ++pass) {
            for (unsigned i = 0; i != words && taken != n; ++i) {
                std::uint64_t bits = pass == 0 ? lone_run_starts(word[i], 0) : word[i];
                if (bits == 0) continue;
                unsigned count = bits_set(bits);
                for (; count > n - taken; --count) // too many: the highest stay
                    bits &= ~(1ull << (63 - std::countl_zero(bits)));
                word[i] &= ~bits;
                taken += count;
                out(i, bits, count);
            }
        }
        return taken;
    }

private:
    [[nodiscard]] constexpr bool is_empty() const {
        std::uint64_t found = 0;
        for (const std::uint64_t w : word)
            found |= w;
        return found == 0;
    }
    // Returns: one bit for each full word.
    [[nodiscard]] constexpr std::uint64_t full_words() const {
        std::uint64_t full = 0;
        for (unsigned i = 0; i != words; ++i)
            full |= std::uint64_t{word[i] == ~0ull} << i;
        return full;
    }

    // Calls f(word, mask of the run in it) for each word of the map that the run touches.
    template <class Word, class F>
    static constexpr void for_run(Word* map, unsigned bit, unsigned k, F f) {
        if (k <= 6) {
            f(map[bit / 64], run_mask(k) << (bit % 64));
            return;
        }
        for (unsigned i = 0; i != 1u << (k - 6); ++i)
            f(map[bit / 64 + i], ~0ull);
    }
};

static_assert(sizeof(bitmap<512>) == cache_line_bytes);

} // namespace cordon::inline v0
