// support/scale.hpp - scaled: how much of its full work a test does on this run.
// SPDX-License-Identifier: BSL-1.0
//
// The environment variable CORDON_TEST_SCALE, a decimal number, multiplies the counts of rounds and operations:
// 0.1 for sanitizers and emulators, 10 for a night. Unset means 1. Assertions must hold at every scale.
#pragma once

#include <concepts>
#include <cstdlib>

namespace cordon::testing {

// Returns: the factor; 1 when the variable is unset or not a positive number.
inline double scale() {
    static const double factor = [] {
        const char* text = std::getenv("CORDON_TEST_SCALE");
        const double value = text == nullptr ? 1.0 : std::strtod(text, nullptr);
        return value > 0 ? value : 1.0;
    }();
    return factor;
}

// Returns: n times the factor, at least 1.
template <std::integral T>
T scaled(T n) {
    const T result = static_cast<T>(static_cast<double>(n) * scale());
    return result < 1 ? T{1} : result;
}

// Returns: whether there is no time for work that cannot be cut down, as under an emulator.
inline bool is_short_of_time() {
    return scale() < 0.1;
}

} // namespace cordon::testing
