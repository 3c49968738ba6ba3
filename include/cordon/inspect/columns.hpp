// cordon/inspect/columns.hpp - numbers and words in columns.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

template <text_sink S>
S& print_spaces(S& sink, std::size_t n) {
    while (n-- != 0)
        print(sink, " ");
    return sink;
}
template <text_sink S>
S& print_left(S& sink, std::string_view text, std::size_t width) {
    print(sink, text);
    return print_spaces(sink, width > text.size() ? width - text.size() : 0);
}
template <text_sink S>
S& print_right(S& sink, std::string_view text, std::size_t width) {
    print_spaces(sink, width > text.size() ? width - text.size() : 0);
    return print(sink, text);
}
template <text_sink S>
S& print_right(S& sink, std::uint64_t value, std::size_t width) {
    text_buffer<20> digits;
    print_decimal(digits, value);
    return print_right(sink, digits.view(), width);
}

} // namespace cordon::inline v0
