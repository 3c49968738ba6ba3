// tests/core/text_test.cpp - text: every type prints its unit, to any sink, without allocation.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/text.hpp"

#include "cordon/core/status.hpp"
#include "cordon/frames/migrate_type.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <sstream>
#include <string>

using namespace cordon;

namespace {

template <class T>
std::string text_of(T value) {
    text_buffer<128> buffer;
    buffer << value;
    return std::string{buffer.view()};
}

} // namespace

TEST_CASE("numbers print with their unit", "[core]") {
    CHECK(text_of(frame{42}) == "frame 42");
    CHECK(text_of(frame::none()) == "no frame");
    CHECK(text_of(order{3}) == "order 3");
    CHECK(text_of(frame_count{0}) == "0 frames");
    CHECK(text_of(frame_count{1}) == "1 frame");
    CHECK(text_of(frame_count{2}) == "2 frames");
    CHECK(text_of(frame_range{frame{4}, frame_count{6}}) == "frames [4, 10)");
    CHECK(text_of(block_index{7}) == "block 7");
    CHECK(text_of(slot_index{5}) == "slot 5");
    CHECK(text_of(slot_index::none()) == "no slot");
    CHECK(text_of(status::double_free) == "double_free");
}

TEST_CASE("decimal numbers print from zero to the largest", "[core]") {
    for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, std::uint64_t{99},
                                  std::uint64_t{100}, std::uint64_t{UINT32_MAX}, UINT64_MAX}) {
        text_buffer<32> buffer;
        print_decimal(buffer, n);
        CHECK(std::string{buffer.view()} == std::to_string(n));
    }
}

TEST_CASE("what is counted is named in the singular where it is one", "[core]") {
    const auto printed = [](std::uint64_t n) {
        text_buffer<32> out;
        print_count(out, n, "retry", "retries");
        return std::string{out.view()};
    };
    CHECK(printed(0) == "0 retries");
    CHECK(printed(1) == "1 retry");
    CHECK(printed(2) == "2 retries");
    CHECK(printed(UINT64_MAX) == "18446744073709551615 retries");
}

TEST_CASE("a buffer cuts what does not fit and can be used again", "[core]") {
    text_buffer<5> buffer;
    print(buffer, "123");
    print(buffer, "456");
    CHECK(buffer.view() == "12345");
    print(buffer, "7");
    CHECK(buffer.view() == "12345");
    buffer.clear();
    CHECK(buffer.view().empty());
    print(buffer, "8");
    CHECK(buffer.view() == "8");
}

TEST_CASE("a standard stream is a sink", "[core]") {
    STATIC_REQUIRE(text_sink<std::ostream>);
    std::ostringstream stream;
    static_cast<std::ostream&>(stream) << frame{1} << order{2};
    CHECK(stream.str() == "frame 1order 2");
}

TEST_CASE("an enumeration with names prints as its name, others as before", "[core]") {
    enum class nameless { zero };
    STATIC_REQUIRE(named_enumeration<status>);
    STATIC_REQUIRE(named_enumeration<migrate_type>);
    STATIC_REQUIRE_FALSE(named_enumeration<nameless>);
    STATIC_REQUIRE_FALSE(named_enumeration<frame>);
    std::ostringstream stream;
    stream << status::double_free << ' ' << migrate_type::lent;
    CHECK(stream.str() == "double_free lent");
}
