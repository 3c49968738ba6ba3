// cordon/core/config.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#define A 1
