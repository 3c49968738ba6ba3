// cordon/core/a.hpp - a header.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <span> // std::span

using size = std::size_t;
