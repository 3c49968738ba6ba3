// cordon/sync/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

inline void f() {
    word.store(0, std::memory_order_release); // (1) release: pairs with (7)
}
