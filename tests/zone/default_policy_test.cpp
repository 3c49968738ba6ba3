// tests/zone/default_policy_test.cpp - what misuse comes to by default: a sentence and an end.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/default_policy.hpp"

#include "cordon/zone.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <string>

using namespace cordon;

TEST_CASE("a wrong free reports the frame and aborts", "[zone]") {
    const auto [said, outcome] = testing::last_words_of([] {
        zone victims{frame_range{frame{0}, frame_count{2048}}};
        const frame f = *victims.allocate(order{3});
        victims.free(f + frame_count{1});
        return 0;
    });
    INFO(said);
    CHECK(outcome == 128 + SIGABRT);
    CHECK(said.find("cordon: free_of_tail: free(frame ") != std::string::npos);
    CHECK(said.find("tail, order 3, head frame ") != std::string::npos);
}

TEST_CASE("try_free tells and does not abort", "[zone]") {
    zone victims{frame_range{frame{0}, frame_count{2048}}};
    CHECK(victims.try_free(frame{5}) == status::double_free);
    CHECK(victims.try_free(frame{4096}) == status::foreign_frame);
}
