// cordon/frames/block_traits.hpp - block_traits: the byte of a pageblock that the fast paths read.
// SPDX-License-Identifier: BSL-1.0
//
//     7      6          5          4        3         2          1..0
//    +---+----------+----------+--------+---------+----------+--------------+
//    | - | reported | poisoned | absent | offline | isolated | migrate type |
//    +---+----------+----------+--------+---------+----------+--------------+
//
//    isolated   sealed: no allocation returns a frame of it, a free stays in its map. A bit of its own, so the
//               migrate type survives isolation (Linux since 2025; before, a type overwrote the type)
//    offline    taken out of the zone
//    absent     none of its frames ever existed
//    poisoned   some of its frames are in the table of poisoned frames: its frees look there
//    reported   all free, and the embedder was told so: gone as soon as a frame of it is taken
//
// Written under the zone lock; read under it, or inside a drain gate, which makes the read part of a section
// that a drainer can wait for: that is the idea of Joonsoo Kim's "close the two race problems related to
// pageblock isolation" (2014), where the section was the interrupts-off period and the drainer sent an IPI.
// How full a block is does not stand here: that changes with every batch, these bits hardly ever, and the hit path
// of free would miss its cache line each time. Zero is a movable block of frames that all exist.
#pragma once

#include "cordon/frames/migrate_type.hpp"

#include <cstdint>

namespace cordon::inline v0 {

class block_traits {
public:
    static constexpr std::uint8_t type_mask = 0b11;
    static constexpr std::uint8_t isolated = 1 << 2;
    static constexpr std::uint8_t offline = 1 << 3;
    static constexpr std::uint8_t absent = 1 << 4;
    static constexpr std::uint8_t poisoned = 1 << 5;
    static constexpr std::uint8_t reported = 1 << 6;

    constexpr block_traits() = default;
    explicit constexpr block_traits(std::uint8_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint8_t raw() const { return raw_; }

    [[nodiscard]] constexpr migrate_type type() const { return static_cast<migrate_type>(raw_ & type_mask); }
    [[nodiscard]] constexpr bool has(std::uint8_t bits) const { return (raw_ & bits) != 0; }
    // Returns: whether allocation may take frames of the block.
    [[nodiscard]] constexpr bool allocatable() const { return !has(isolated | offline | absent); }
    // Returns: whether its frames may rest in a thread cache: nothing is set but the type, so that the byte is the
    // type, too.
    [[nodiscard]] constexpr bool cacheable() const { return raw_ <= type_mask; }

    [[nodiscard]] constexpr block_traits with(std::uint8_t bits) const {
        return block_traits{static_cast<std::uint8_t>(raw_ | bits)};
    }
    [[nodiscard]] constexpr block_traits without(std::uint8_t bits) const {
        return block_traits{static_cast<std::uint8_t>(raw_ & ~bits)};
    }
    [[nodiscard]] constexpr block_traits with_type(migrate_type t) const {
        return block_traits{static_cast<std::uint8_t>((raw_ & ~type_mask) | static_cast<std::uint8_t>(t))};
    }
    constexpr bool operator==(const block_traits&) const = default;

private:
    std::uint8_t raw_ = 0;
};
static_assert(sizeof(block_traits) == 1 && migrate_types - 1 == block_traits::type_mask);

} // namespace cordon::inline v0
