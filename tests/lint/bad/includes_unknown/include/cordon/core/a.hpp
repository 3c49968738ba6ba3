// cordon/core/a.hpp - a header.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <random>

using seed = std::seed_seq;
