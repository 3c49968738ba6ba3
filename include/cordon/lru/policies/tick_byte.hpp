// cordon/lru/policies/tick_byte.hpp - tick_byte: the age byte as the tick of the last use. For policies to inherit.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

// The byte: the tick when the frame was added or touched, 7 bits, and a bit that is set until it is touched. So a frame is
// written once in a tick, however often it is touched. The clock is such a byte, too, that of a touch: a touch writes
// what it finds there.
struct tick_byte : replacement_base {
    static constexpr bool uses_clock = true;
    static constexpr bool ages_in_ticks = true;

    static constexpr std::uint8_t next_tick(std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock + 2);
    }
    static constexpr std::uint8_t fresh(std::uint8_t clock) { return untouched(clock); }
    static constexpr std::uint8_t touched(std::uint8_t, std::uint8_t clock) { return clock; }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock - age + 1) >> 1;
    }
    // Returns: the byte of a frame that is as cold as can be told from a warm one.
    static constexpr std::uint8_t cold(std::uint8_t clock) {
        return fresh(static_cast<std::uint8_t>(clock - 2 * 63));
    }

    static constexpr bool is_touched(std::uint8_t age) { return (age & 1) == 0; }
    // Returns: the byte of the same tick without the touch.
    static constexpr std::uint8_t untouched(std::uint8_t age) { return static_cast<std::uint8_t>(age | 1); }
};

} // namespace replacement
} // namespace cordon::inline v0
