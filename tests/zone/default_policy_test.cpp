// tests/zone/default_policy_test.cpp - what misuse comes to by default: a sentence and an end.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/default_policy.hpp"

#include "cordon/zone.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <string>
#include <unistd.h>

using namespace cordon;
using testing::in_child;

TEST_CASE("a wrong free reports the frame and aborts", "[zone]") {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const int outcome = in_child([&] {
        ::signal(SIGABRT, SIG_DFL); // not the test framework's handler
        ::dup2(pipe_ends[1], STDERR_FILENO);
        zone victims{frame_range{frame{0}, frame_count{2048}}};
        const frame f = *victims.allocate(order{3});
        victims.free(f + frame_count{1});
        return 0;
    });
    ::close(pipe_ends[1]);
    char text[1024];
    const ssize_t n = ::read(pipe_ends[0], text, sizeof text);
    ::close(pipe_ends[0]);
    CHECK(outcome == 128 + SIGABRT);
    REQUIRE(n > 0);
    const std::string said{text, static_cast<std::size_t>(n)};
    INFO(said);
    CHECK(said.find("cordon: free_of_tail: free(frame ") != std::string::npos);
    CHECK(said.find("tail, order 3, head frame ") != std::string::npos);
}

TEST_CASE("try_free tells and does not abort", "[zone]") {
    zone victims{frame_range{frame{0}, frame_count{2048}}};
    CHECK(victims.try_free(frame{5}) == status::double_free);
    CHECK(victims.try_free(frame{4096}) == status::foreign_frame);
}
