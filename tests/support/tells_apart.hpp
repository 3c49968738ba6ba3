// support/tells_apart.hpp - tells_apart: whether a comparison looks at a member.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <type_traits>

namespace cordon::testing {

// Returns: whether values that differ in this member alone are unequal, and equal ones are equal.
template <class T, class M>
[[nodiscard]] bool tells_apart(M T::*member, const std::type_identity_t<M>& other) {
    const T one{};
    T changed{};
    changed.*member = other;
    const T same = changed;
    return one != changed && changed == same;
}

} // namespace cordon::testing
