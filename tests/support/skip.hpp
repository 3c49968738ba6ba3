// support/skip.hpp - skip: a test case tells what this machine lacks for it.
// SPDX-License-Identifier: BSL-1.0
//
// Catch2 2.13 knows no skipping. A program in which every test case that ran has skipped ends with the status `skipped`
// (main.cpp), which CTest shows as "Skipped". Where others have tested something it passes, and the lines "skipped: "
// in its output tell what was left out.
#pragma once

#include "support/catch.hpp"

#include <set>
#include <string>

namespace cordon::testing {

// The exit status of a program that could test nothing here: SKIP_RETURN_CODE of the CTest cases.
inline constexpr int skipped = 77;

inline std::set<std::string>& skipped_cases() {
    static std::set<std::string> names;
    return names;
}

// Effects: the running test case counts as skipped; the rest of it is the caller's to leave out.
inline void skip(const char* why) {
    WARN("skipped: " << why);
    skipped_cases().insert(Catch::getResultCapture().getCurrentTestName());
}

} // namespace cordon::testing
