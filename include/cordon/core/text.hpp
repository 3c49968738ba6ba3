// cordon/core/text.hpp - text without allocation and without stdio: sinks, numbers, print forms of the types.
// SPDX-License-Identifier: BSL-1.0
//
// A sink is anything with `write(const char*, std::ptrdiff_t)`: std::ostream is one, text_buffer below is another. All
// printing of the library goes to a sink with <<, so a message can be built where no memory can be had.
#pragma once

#include "cordon/core/types.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace cordon::inline v0 {

template <class S>
concept text_sink = requires(S& sink, const char* text, std::ptrdiff_t n) {
    sink.write(text, n);
};

// A fixed number of characters; what does not fit is cut.
template <std::size_t Capacity>
class text_buffer {
public:
    void write(const char* text, std::ptrdiff_t n) {
        for (std::ptrdiff_t i = 0; i != n && size_ != Capacity; ++i)
            text_[size_++] = text[i];
    }
    [[nodiscard]] std::string_view view() const { return {text_, size_}; }
    void clear() { size_ = 0; }

private:
    char text_[Capacity];
    std::size_t size_ = 0;
};

template <text_sink S>
S& print(S& sink, std::string_view text) {
    sink.write(text.data(), static_cast<std::ptrdiff_t>(text.size()));
    return sink;
}

// The length is counted here: std::string_view would call strlen, which a freestanding program may lack.
template <text_sink S>
S& print(S& sink, const char* text) {
    std::ptrdiff_t length = 0;
    while (text[length] != '\0')
        ++length;
    sink.write(text, length);
    return sink;
}

template <text_sink S>
S& print_decimal(S& sink, std::uint64_t value) {
    char digits[20];
    std::size_t n = sizeof digits;
    do
        digits[--n] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    return print(sink, {digits + n, sizeof digits - n});
}
// Prints "1 slot" or "2 slots".
template <text_sink S>
S& print_count(S& sink, std::uint64_t n, std::string_view one, std::string_view many) {
    return print(print(print_decimal(sink, n), " "), n == 1 ? one : many);
}

template <text_sink S>
S& operator<<(S& sink, frame f) {
    return f.is_none() ? print(sink, "no frame") : print_decimal(print(sink, "frame "), f.raw());
}
template <text_sink S>
S& operator<<(S& sink, order k) {
    return print_decimal(print(sink, "order "), k.raw());
}
template <text_sink S>
S& operator<<(S& sink, frame_count n) {
    return print_count(sink, n.raw(), "frame", "frames");
}
template <text_sink S>
S& operator<<(S& sink, frame_range r) {
    print_decimal(print(sink, "frames ["), r.first().raw());
    return print(print_decimal(print(sink, ", "), r.end_raw()), ")");
}
template <text_sink S>
S& operator<<(S& sink, block_index b) {
    return print_decimal(print(sink, "block "), b.raw());
}
template <text_sink S>
S& operator<<(S& sink, slot_index s) {
    return s.is_none() ? print(sink, "no slot") : print_decimal(print(sink, "slot "), s.raw());
}

// Any enumeration of the library that has a name() for its values: status, frame_state, migrate_type, ...
template <class E>
concept named_enumeration = std::is_enum_v<E> && requires(E value) {
    { name(value) } -> std::convertible_to<std::string_view>;
};
template <text_sink S, named_enumeration E>
S& operator<<(S& sink, E value) {
    return print(sink, name(value));
}

} // namespace cordon::inline v0
