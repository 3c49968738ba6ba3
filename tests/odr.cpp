// odr.cpp - linked into every test: a function of the library that lacks `inline` is then defined twice.
// SPDX-License-Identifier: BSL-1.0
#if __has_include(<cordon/cordon.hpp>)
#include <cordon/cordon.hpp>
#endif
