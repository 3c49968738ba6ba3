// cordon/core/check.hpp - check_level: how much the library looks for mistakes.
// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace cordon::inline v0 {

// A value of the policy, never of NDEBUG: the layout of metadata and the meaning of a wrong free depend on it.
enum class check_level : unsigned char {
    none,  // no byte a frame; only what the maps show by themselves is found
    cheap, // each wrong free is found; one byte a frame; the default, in release builds too
    full,  // and the library checks itself: each block that an operation touched, the order of its locks
};

} // namespace cordon::inline v0
