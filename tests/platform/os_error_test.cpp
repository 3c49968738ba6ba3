// tests/platform/os_error_test.cpp - the text of a failed call.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/os_error.hpp"

#include "support/catch.hpp"

#include <cerrno>

using namespace cordon;

TEST_CASE("an os_error prints the call, the system's text and errno", "[platform]") {
    text_buffer<128> text;
    text << os_error{"mmap", ENOMEM};
    CHECK(text.view() == "mmap: Cannot allocate memory (errno 12)");
    text.clear();
    text << os_error{"fallocate", 99999};
    CHECK(text.view().starts_with("fallocate: "));
    CHECK(text.view().ends_with("(errno 99999)"));
}

TEST_CASE("a default os_error is no error", "[platform]") {
    CHECK_FALSE(os_error{});
    CHECK(os_error{"mmap", 0});
    text_buffer<32> text;
    text << os_error{};
    CHECK(text.view() == "no error");
}

TEST_CASE("both forms of strerror_r are read right", "[platform]") {
    const char* const buffer = "text in the buffer";
    CHECK(detail::error_text("text returned", buffer) == std::string_view{"text returned"});
    CHECK(detail::error_text(0, buffer) == std::string_view{buffer});
    CHECK(detail::error_text(EINVAL, buffer) == std::string_view{"unknown error"});
}
