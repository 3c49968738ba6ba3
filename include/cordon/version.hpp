// cordon/version.hpp - the version of the library; CMakeLists.txt reads it from here.
// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace cordon::inline v0 {

inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

} // namespace cordon::inline v0
