// odr.cpp - linked into every test: a function of the library that lacks `inline` is then defined twice.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>
