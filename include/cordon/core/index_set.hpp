// cordon/core/index_set.hpp - index_sets: equal sets of small numbers as 64-ary bit trees in one memory area.
// SPDX-License-Identifier: BSL-1.0
//
// Linux keeps free blocks on linked lists. A tree of words needs no links (so nothing in the metadata points
// anywhere), costs an eighth of a byte a member, is untouched where it is empty, and always yields the lowest
// member, which keeps allocation at low addresses and the high blocks whole. Level 0 has a bit for each
// number, each word of level n + 1 a bit for each non-empty word of level n. The roots of all sets lie side by
// side: finding the first non-empty of several sets reads one or two cache lines.
#pragma once

#include "cordon/core/config.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

class index_sets {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    constexpr index_sets() = default;
    // `memory` is word_count(sets, capacity) zero words: empty sets of numbers below `capacity`.
    constexpr index_sets(std::uint64_t* memory, std::uint32_t sets, std::uint32_t capacity) {
        levels_ = level_count(capacity);
        std::uint64_t* at = memory;
        for (unsigned level = levels_; level-- != 0;) { // root first
            level_[level] = at;
            width_[level] = width(capacity, level);
            at += std::size_t{width_[level]} * sets;
        }
    }
    [[nodiscard]] static constexpr std::size_t word_count(std::uint32_t sets, std::uint32_t capacity) {
        std::size_t words = 0;
        for (unsigned level = 0; level != level_count(capacity); ++level)
            words += std::size_t{width(capacity, level)} * sets;
        return words;
    }

    [[nodiscard]] constexpr bool empty(std::uint32_t set) const { return level_[levels_ - 1][set] == 0; }
    [[nodiscard]] constexpr bool contains(std::uint32_t set, std::uint32_t member) const {
        return (word(0, set, member / 64) >> (member % 64) & 1) != 0;
    }

    // Effects: adds the member; nothing if it is there. Cost: one word, unless the set was empty around it.
    constexpr void insert(std::uint32_t set, std::uint32_t member) {
        for (unsigned level = 0; level != levels_; ++level, member /= 64) {
            std::uint64_t& w = word(level, set, member / 64);
            const bool was_empty = w == 0;
            w |= 1ull << (member % 64);
            if (!was_empty) return;
        }
    }
    // Effects: removes the member; nothing if it is not there.
    constexpr void erase(std::uint32_t set, std::uint32_t member) {
        for (unsigned level = 0; level != levels_; ++level, member /= 64) {
            std::uint64_t& w = word(level, set, member / 64);
            w &= ~(1ull << (member % 64));
            if (w != 0) return;
        }
    }
    // Returns: the lowest member, or none.
    [[nodiscard]] constexpr std::uint32_t first(std::uint32_t set) const { return next(set, 0); }
    // Returns: the lowest member that is not below `from`, or none.
    [[nodiscard]] constexpr std::uint32_t next(std::uint32_t set, std::uint64_t from) const {
        unsigned level = 0;
        std::uint64_t at = from; // a bit number of `level`
        for (;; ++level, at = at / 64 + 1) {
            if (level == levels_) return none;
            if (at / 64 >= width_[level]) continue;
            const std::uint64_t w = word(level, set, at / 64) & ~0ull << (at % 64);
            if (w == 0) continue;
            at = at / 64 * 64 + static_cast<unsigned>(std::countr_zero(w));
            break;
        }
        while (level-- != 0)
            at = at * 64 + static_cast<unsigned>(std::countr_zero(word(level, set, at)));
        return static_cast<std::uint32_t>(at);
    }

private:
    static constexpr unsigned max_levels = 6; // 64^6 > 2^32

    static constexpr unsigned level_count(std::uint32_t capacity) {
        unsigned levels = 1;
        while (width(capacity, levels - 1) > 1)
            ++levels;
        return levels;
    }
    // Returns: the words of one set on a level; at least one.
    static constexpr std::uint32_t width(std::uint32_t capacity, unsigned level) {
        std::uint64_t bits = capacity;
        for (unsigned i = 0; i <= level; ++i)
            bits = (bits + 63) / 64;
        return bits == 0 ? 1 : static_cast<std::uint32_t>(bits);
    }
    [[nodiscard]] constexpr std::uint64_t& word(unsigned level, std::uint32_t set,
                                                std::uint64_t index) const {
        return level_[level][std::size_t{width_[level]} * set + index];
    }

    std::uint64_t* level_[max_levels] = {};
    std::uint32_t width_[max_levels] = {};
    unsigned levels_ = 1;
};

} // namespace cordon::inline v0
