// cordon/platform/os_error.hpp - os_error: which system call failed, and with which errno.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/text.hpp"

#include <cstring>

namespace cordon::inline v0 {

struct os_error {
    const char* call = nullptr; // a string of static lifetime
    int code = 0;               // errno

    [[nodiscard]] constexpr explicit operator bool() const { return call != nullptr; }
    bool operator==(const os_error&) const = default;
};

namespace detail {

// strerror_r returns the text (GNU) or a success code (POSIX); overloading tells which one this system has.
inline const char* error_text(const char* text, const char*) {
    return text;
}
inline const char* error_text(int failed, const char* buffer) {
    return failed == 0 ? buffer : "unknown error";
}

} // namespace detail

// Prints "mmap: Cannot allocate memory (errno 12)".
template <text_sink S>
S& operator<<(S& sink, const os_error& error) {
    if (!error) return print(sink, "no error");
    char buffer[128];
    print(print(sink, error.call), ": ");
    print(sink, detail::error_text(::strerror_r(error.code, buffer, sizeof buffer), buffer));
    return print(print_decimal(print(sink, " (errno "), static_cast<unsigned>(error.code)), ")");
}

} // namespace cordon::inline v0
