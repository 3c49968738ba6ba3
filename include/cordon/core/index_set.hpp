// cordon/core/index_set.hpp - index_sets: equal sets of small numbers as 64-ary bit trees in one memory area.
// SPDX-License-Identifier: BSL-1.0
//
// Linux keeps free blocks on linked lists. A tree of words needs no links (so nothing in the metadata points
// anywhere), costs an eighth of a byte a member, is untouched where it is empty, and always yields the lowest
// member, which keeps allocation at low addresses and the high blocks whole. Level 0 has a bit for each
// number, each word of level n + 1 a bit for each non-empty word of level n. One word above the roots has a bit for each
// non-empty set: finding the first of several sets that has a member is one load.
#pragma once

#include "cordon/core/config.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

class index_sets {
public:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t max_sets = 64; // bits of the word above the roots

    constexpr index_sets() = default;
    // `memory` is word_count(sets, capacity) zero words: empty sets of numbers below `capacity`. Requires: `sets` is at
    // most max_sets.
    constexpr index_sets(std::uint64_t* memory, std::uint32_t sets, std::uint32_t capacity)
        : non_empty_(memory) {
        levels_ = level_count(capacity);
        std::uint64_t* at = memory + 1;
        for (unsigned level = levels_; level-- != 0;) { // root first
            level_[level] = at;
            width_[level] = width(capacity, level);
            at += std::size_t{width_[level]} * sets;
        }
    }
    // Returns: the words that so many sets of numbers below `capacity` take.
    [[nodiscard]] static constexpr std::size_t word_count(std::uint32_t sets, std::uint32_t capacity) {
        std::size_t words = 1;
        for (unsigned level = 0; level != level_count(capacity); ++level)
            words += std::size_t{width(capacity, level)} * sets;
        return words;
    }

    [[nodiscard]] constexpr bool empty(std::uint32_t set) const { return (*non_empty_ >> set & 1) == 0; }
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
        *non_empty_ |= 1ull << set;
    }
    // Effects: removes the member; nothing if it is not there.
    constexpr void erase(std::uint32_t set, std::uint32_t member) {
        for (unsigned level = 0; level != levels_; ++level, member /= 64) {
            std::uint64_t& w = word(level, set, member / 64);
            w &= ~(1ull << (member % 64));
            if (w != 0) return;
        }
        *non_empty_ &= ~(1ull << set);
    }
    // Returns: the lowest member, or none.
    [[nodiscard]] constexpr std::uint32_t first(std::uint32_t set) const {
        return empty(set) ? none : descend(set, 0, levels_);
    }
    // Returns: the first set from `set` on, below `end`, that has a member; end. Cost: one load.
    [[nodiscard]] constexpr std::uint32_t non_empty(std::uint32_t set, std::uint32_t end) const {
        const std::uint64_t from = *non_empty_ >> set; // set is below max_sets
        const std::uint32_t found = set + static_cast<std::uint32_t>(std::countr_zero(from));
        return from != 0 && found < end ? found : end;
    }
    // Returns: the lowest member that is not below `from`, or none.
    [[nodiscard]] constexpr std::uint32_t next(std::uint32_t set, std::uint64_t from) const {
        unsigned level = 0;
        std::uint64_t at = from; // a bit number of `level`
        for (;; ++level, at = at / 64 + 1) {
            if (level == levels_) return none;
            if (at / 64 >= width_[level]) continue;
            const std::uint64_t w = word(level, set, at / 64) & ~0ull << (at % 64);
            if (w == 0) continue;
            return descend(set, at / 64 * 64 + static_cast<unsigned>(std::countr_zero(w)), level);
        }
    }

    // Returns: whether this is what insert and erase leave behind: a bit of an upper level for each word that is not
    // empty, and no member that is not below `capacity`. What any other memory says would lead a search out of it.
    [[nodiscard]] constexpr bool is_sound(std::uint32_t sets, std::uint32_t capacity) const {
        for (std::uint32_t set = 0; set != sets; ++set) {
            std::uint64_t bits = capacity;
            for (unsigned level = 0; level != levels_; ++level, bits = (bits + 63) / 64)
                for (std::uint64_t index = 0; index != width_[level]; ++index) {
                    const std::uint64_t w = word(level, set, index);
                    const std::uint64_t left = bits - index * 64;
                    if (left < 64 && w >> left != 0) return false;
                    const std::uint64_t above = level + 1 == levels_
                                                    ? *non_empty_ >> set
                                                    : word(level + 1, set, index / 64) >> index % 64;
                    if ((above & 1) != (w != 0)) return false;
                }
        }
        return sets == max_sets || *non_empty_ >> sets == 0;
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
    // Returns: the lowest member below bit `at` of a level, or below the root.
    [[nodiscard]] constexpr std::uint32_t descend(std::uint32_t set, std::uint64_t at, unsigned level) const {
        while (level-- != 0)
            at = at * 64 + static_cast<unsigned>(std::countr_zero(word(level, set, at)));
        return static_cast<std::uint32_t>(at);
    }
    [[nodiscard]] constexpr std::uint64_t& word(unsigned level, std::uint32_t set,
                                                std::uint64_t index) const {
        return level_[level][std::size_t{width_[level]} * set + index];
    }

    std::uint64_t* non_empty_ = nullptr;
    std::uint64_t* level_[max_levels] = {};
    std::uint32_t width_[max_levels] = {};
    unsigned levels_ = 1;
};

} // namespace cordon::inline v0
