// cordon/isolation/lru_migrator.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/isolate.hpp"
#include "cordon/zone/zone.hpp"

#include <atomic>

using counter = std::atomic<int>;
