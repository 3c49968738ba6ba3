// tests/platform/fatal_test.cpp - the last words are said, if anybody listens, and the program ends.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/fatal.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"

#include <csignal>

using namespace cordon;
using testing::in_child;
using testing::last_words_of;

TEST_CASE("the last words are one line on standard error", "[platform]") {
    const auto heard = last_words_of([]() -> int { fatal("frame 7 is lost"); });
    CHECK(heard.outcome == 128 + SIGABRT);
    CHECK(heard.text == "frame 7 is lost\n");
}

TEST_CASE("a program whose last words cannot be written ends all the same", "[platform]") {
    const int outcome = in_child([]() -> int {
        std::signal(SIGABRT, SIG_DFL);
        ::close(STDERR_FILENO);
        fatal("nobody hears this");
    });
    CHECK(outcome == 128 + SIGABRT);
}
