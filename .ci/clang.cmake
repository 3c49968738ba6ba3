# A toolchain: the newest Clang on this machine; without one, the default compiler.
# SPDX-License-Identifier: BSL-1.0
find_program(newest_clang NAMES clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 clang++-16 clang++)
if(newest_clang)
  set(CMAKE_CXX_COMPILER "${newest_clang}")
endif()
