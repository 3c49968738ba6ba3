// support/disagreement.hpp - disagreement: a test's expectation that did not hold, as an exception.
// SPDX-License-Identifier: BSL-1.0
//
// For checks that run under Catch2 as well as under a fuzzer: Catch2 reports the exception, a fuzzer's target
// prints it and aborts.
#pragma once

#include <stdexcept>

namespace cordon::testing {

struct disagreement : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void expect(bool holds, const char* what) {
    if (!holds) [[unlikely]]
        throw disagreement{what};
}

} // namespace cordon::testing
