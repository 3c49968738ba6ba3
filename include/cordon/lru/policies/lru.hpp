// cordon/lru/policies/lru.hpp - replacement::lru: the least recently touched frame goes first.
// SPDX-License-Identifier: BSL-1.0
//
// With a refresh interval, as in CacheLib: a touch moves a frame to the newest end at most once in so many ticks of its
// group's clock, so a hot frame costs a load. With interval 0 each touch moves, under the lock: exact, and dear.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

struct lru : replacement_base {
    static constexpr list_kind kind = list_kind::linked;
    static constexpr bool uses_clock = true;
    static constexpr bool ages_in_ticks = true;
    static constexpr bool relinks = true;
    static constexpr unsigned passes = 1;

    std::uint8_t refresh_ticks = 0; // at most 127

    constexpr lru() = default;
    explicit constexpr lru(std::uint8_t ticks) : refresh_ticks(ticks) {}

    static constexpr std::uint8_t fresh(std::uint8_t clock) { return clock; }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock - age);
    }
    static constexpr std::uint8_t cold(std::uint8_t clock) { return static_cast<std::uint8_t>(clock - 128); }
    // The byte is when the frame was moved last.
    constexpr std::uint8_t touched(std::uint8_t age, std::uint8_t clock) const {
        return relink(age, clock) ? clock : age;
    }
    constexpr bool relink(std::uint8_t age, std::uint8_t clock) const {
        return coldness(age, clock) >= refresh_ticks;
    }
};
static_assert(replacement_policy<lru>);

} // namespace replacement
} // namespace cordon::inline v0
