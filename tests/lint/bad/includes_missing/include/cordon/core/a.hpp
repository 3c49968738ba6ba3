// cordon/core/a.hpp - a header.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

inline std::size_t count(std::span<int> all) {
    return all.size();
}
