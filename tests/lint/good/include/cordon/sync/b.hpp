// cordon/sync/b.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

// (1) heavy barrier: pairs with sync/a.hpp (5)
inline void heavy();
