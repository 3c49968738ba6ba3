// cordon/lru/state_word.hpp - state_word: place, mark, references and group of a frame, in 32 bits.
// SPDX-License-Identifier: BSL-1.0
//
//     bits 31..20 group | 19..8 references | 7..3 mark | 2..0 place
//
// References are pins, and one more while the frame is isolated: the claimant's. The mark belongs to the container
// of the lists: which list the frame is on, and in a ring which of its entries is the current one; it stays when the
// frame is untracked, and so does nothing else. Place and references
// share the word so that one compare-exchange claims a live, unpinned frame; and a place cannot be two.
#pragma once

#include "cordon/lru/types.hpp"

#include <cstdint>

namespace cordon::inline v0 {

class state_word {
public:
    static constexpr std::uint32_t max_references = (1u << 12) - 1;

    constexpr state_word() = default;
    explicit constexpr state_word(std::uint32_t raw) : raw_(raw) {}
    constexpr state_word(lru_place place, group_id group, std::uint32_t references)
        : raw_(static_cast<std::uint32_t>(place) | references << 8 | group.raw() << 20) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }

    [[nodiscard]] constexpr lru_place place() const { return static_cast<lru_place>(raw_ & 7); }
    [[nodiscard]] constexpr unsigned mark() const { return raw_ >> 3 & 31; }
    [[nodiscard]] constexpr std::uint32_t references() const { return raw_ >> 8 & max_references; }
    [[nodiscard]] constexpr std::uint32_t pins() const {
        return references() - (place() == lru_place::isolated ? 1 : 0);
    }
    [[nodiscard]] constexpr group_id group() const { return group_id{raw_ >> 20}; }

    [[nodiscard]] constexpr state_word with(lru_place place) const {
        return state_word{(raw_ & ~7u) | static_cast<std::uint32_t>(place)};
    }
    [[nodiscard]] constexpr state_word with_mark(unsigned mark) const {
        return state_word{(raw_ & ~(31u << 3)) | mark << 3};
    }
    [[nodiscard]] constexpr state_word with_group(group_id group) const {
        return state_word{(raw_ & ((1u << 20) - 1)) | group.raw() << 20};
    }
    [[nodiscard]] constexpr state_word referenced() const { return state_word{raw_ + (1u << 8)}; }
    [[nodiscard]] constexpr state_word released() const { return state_word{raw_ - (1u << 8)}; }

    constexpr bool operator==(const state_word&) const = default;
    // Returns: whether it is on a list, with that mark; one comparison.
    [[nodiscard]] constexpr bool is_listed(unsigned mark) const {
        return (raw_ & 255) == (static_cast<std::uint32_t>(lru_place::listed) | mark << 3);
    }
    // Returns: whether nobody has it and nobody needs it: it may be isolated.
    [[nodiscard]] constexpr bool claimable() const {
        return (place() == lru_place::listed || place() == lru_place::batched) && references() == 0;
    }
    // The claim: the place changes and the reference is taken, in one step.
    [[nodiscard]] constexpr state_word claimed() const { return with(lru_place::isolated).referenced(); }

private:
    std::uint32_t raw_ = 0;
};

} // namespace cordon::inline v0
