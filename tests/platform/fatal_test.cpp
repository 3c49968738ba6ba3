// tests/platform/fatal_test.cpp - the last words are said, if anybody listens, and the program ends.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/fatal.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <string_view>

using namespace cordon;
using testing::in_child;
using testing::own_words;

TEST_CASE("the last words are one line on standard error", "[platform]") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int outcome = in_child([&]() -> int {
        std::signal(SIGABRT, SIG_DFL); // not the test framework's handler
        ::dup2(ends[1], STDERR_FILENO);
        fatal("frame 7 is lost");
    });
    ::close(ends[1]);
    char text[64];
    const ssize_t size = ::read(ends[0], text, sizeof text);
    ::close(ends[0]);
    CHECK(outcome == 128 + SIGABRT);
    REQUIRE(size > 0);
    CHECK(own_words({text, static_cast<std::size_t>(size)}) == "frame 7 is lost\n");
}

TEST_CASE("a program whose last words cannot be written ends all the same", "[platform]") {
    const int outcome = in_child([]() -> int {
        std::signal(SIGABRT, SIG_DFL);
        ::close(STDERR_FILENO);
        fatal("nobody hears this");
    });
    CHECK(outcome == 128 + SIGABRT);
}
