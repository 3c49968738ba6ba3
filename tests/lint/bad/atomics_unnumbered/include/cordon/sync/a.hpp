// cordon/sync/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Not (1), for it is no label: a word may stand in parentheses.
inline void f() { word.store(0, std::memory_order_release); }
