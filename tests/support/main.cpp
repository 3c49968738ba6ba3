// support/main.cpp - main() of the tests with Catch2 version 2; version 3 brings its own.
// SPDX-License-Identifier: BSL-1.0
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"
