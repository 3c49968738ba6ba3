# A toolchain: 64-bit Windows by mingw-w64; programs run under wine.
# SPDX-License-Identifier: BSL-1.0
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_CROSSCOMPILING_EMULATOR wine)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
# The host's Catch2 is headers. They lie beside those of the host's C library, so they are copied.
set(prefix "${CMAKE_BINARY_DIR}/prefix")
if(EXISTS /usr/lib/cmake/Catch2 AND NOT EXISTS "${prefix}")
  file(COPY /usr/include/catch2 DESTINATION "${prefix}/include")
  file(COPY /usr/lib/cmake/Catch2 DESTINATION "${prefix}/lib/cmake")
  file(COPY /usr/lib/libCatch2WithMain.a DESTINATION "${prefix}/lib")
endif()
list(APPEND CMAKE_PREFIX_PATH "${prefix}")
