// cordon/sync/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

inline bool f() {
    // (1) acquire: pairs with (2)
    return one.load(std::memory_order_acquire) ||
           two.load(std::memory_order_acquire);
}
// (2) release: pairs with (1)
inline void g() { one.store(true, std::memory_order_release); }
