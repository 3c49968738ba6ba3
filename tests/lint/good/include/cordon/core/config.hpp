// cordon/core/config.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(__linux__)
#define CORDON_A 1
#else
#define CORDON_A 0
#endif
