// cordon/zone/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <vector>
