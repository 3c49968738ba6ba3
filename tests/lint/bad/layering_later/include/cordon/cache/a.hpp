// cordon/cache/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"
#include "cordon/zone/zone.hpp"
