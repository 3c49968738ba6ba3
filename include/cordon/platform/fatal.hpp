// cordon/platform/fatal.hpp - fatal: the last words of a program that must not go on.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace cordon::inline v0 {

// Effects: writes the message and a new line to standard error, without buffers or allocation, and aborts.
[[noreturn]] inline void fatal(std::string_view message) noexcept {
    std::size_t written = 0;
    while (written < message.size()) {
        const auto left = static_cast<unsigned>(message.size() - written); // what Windows counts in
        const auto n = ::write(STDERR_FILENO, message.data() + written, left);
        if (n <= 0) break;
        written += static_cast<std::size_t>(n);
    }
    [[maybe_unused]] const auto end_of_line = ::write(STDERR_FILENO, "\n", 1);
    std::abort();
}

} // namespace cordon::inline v0
