// cordon/sync/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

// (1) release: pairs with (3)
inline void f() { word.store(0, std::memory_order_release); }
// (2) release: pairs with (1)
inline void g() { word.store(1, std::memory_order_release); }
// (3) acquire: pairs with (1)
inline int h() { return word.load(std::memory_order_acquire); }
