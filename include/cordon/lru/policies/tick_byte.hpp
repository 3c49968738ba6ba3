// cordon/lru/policies/tick_byte.hpp - tick_byte: the age byte as the tick of the last use. For policies to inherit.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/replacement.hpp"

namespace cordon::inline v0 {
namespace replacement {

// The byte: the clock when the frame was added or touched, 7 bits, and a bit that tells a touch from the arrival. So a
// frame is written once in a tick, however often it is touched.
struct tick_byte : replacement_base {
    static constexpr bool uses_clock = true;
    static constexpr bool ages_in_ticks = true;

    static constexpr std::uint8_t fresh(std::uint8_t clock) { return static_cast<std::uint8_t>(clock << 1); }
    static constexpr std::uint8_t touched(std::uint8_t, std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock << 1 | 1);
    }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock - (age >> 1)) & 127;
    }
    // Returns: the byte of a frame that is as cold as can be told from a warm one.
    static constexpr std::uint8_t cold(std::uint8_t clock) {
        return fresh(static_cast<std::uint8_t>(clock - 63));
    }
};

} // namespace replacement
} // namespace cordon::inline v0
