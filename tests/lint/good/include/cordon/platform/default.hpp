// cordon/platform/default.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>
#if defined(__linux__)
#endif
