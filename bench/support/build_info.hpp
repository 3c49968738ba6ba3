// support/build_info.hpp - how the program was built; CMake writes build_info.cpp.
// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace bench {

struct build_info {
    const char* compiler;
    const char* flags;
    bool is_optimised;
    const char* commit;
};
extern const build_info this_build;

} // namespace bench
