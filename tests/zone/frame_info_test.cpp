// tests/zone/frame_info_test.cpp - the sentences that describe a frame and a wrong free.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/frame_info.hpp"

#include "support/catch.hpp"

#include <string>

using namespace cordon;

namespace {

template <class T>
std::string text(const T& value) {
    text_buffer<512> buffer;
    buffer << value;
    return std::string{buffer.view()};
}

} // namespace

TEST_CASE("a frame's description says what matters in its state", "[zone]") {
    CHECK(text(frame_info{.number = frame{7}}) == "frame 7: foreign");
    CHECK(text(frame_info{.number = frame{7}, .state = frame_state::absent}) == "frame 7: absent");
    CHECK(text(frame_info{.number = frame{7}, .state = frame_state::free, .type = migrate_type::lent}) ==
          "frame 7: free, lent block");
    CHECK(text(frame_info{.number = frame{7}, .state = frame_state::free, .block_reported = true}) ==
          "frame 7: free, movable block, reported");
    CHECK(text(frame_info{.number = frame{42},
                          .state = frame_state::tail,
                          .head = frame{40},
                          .size = order{3},
                          .block_isolated = true,
                          .poison_pending = true,
                          .owner = owner_tag{7}}) ==
          "frame 42: tail, order 3, head frame 40, movable block, isolated, poison pending, owner 7");
    CHECK(text(frame_info{.number = frame{40},
                          .state = frame_state::allocated,
                          .head = frame{40},
                          .type = migrate_type::unmovable}) ==
          "frame 40: allocated, order 0, unmovable block");
    CHECK(text(frame_info{.number = frame{40}, .state = frame_state::isolated, .block_isolated = true}) ==
          "frame 40: isolated, movable block");
    CHECK(text(frame_info{.number = frame{40}, .state = frame_state::offline, .block_offline = true}) ==
          "frame 40: offline, movable block");
    CHECK(text(frame_info{.number = frame{40}, .state = frame_state::poisoned, .block_offline = true}) ==
          "frame 40: poisoned, movable block, offline");
}

TEST_CASE("a misuse report says what was called, what was expected, and what was found", "[zone]") {
    const misuse_report report{
        status::double_free, order{2}, {.number = frame{42}, .state = frame_state::free}};
    CHECK(text(report) ==
          "cordon: double_free: free(frame 42, order 2), expected an allocated head of that order; "
          "found frame 42: free, movable block");
}

TEST_CASE("a misuse report says what a zone did not outlive", "[zone]") {
    misuse_report report{
        .what = status::outlives_zone, .isolated = {frame{512}, frame_count{1024}}, .isolator = owner_tag{9}};
    CHECK(text(report) ==
          "cordon: outlives_zone: an isolated_range, frames [512, 1536), isolated by owner 9");
    report.isolator = owner_tag::none;
    CHECK(text(report) == "cordon: outlives_zone: an isolated_range, frames [512, 1536)");
    report.isolated = {};
    CHECK(text(report) == "cordon: outlives_zone: a token of disable_caches()");
}

TEST_CASE("each state has a name of its own", "[zone]") {
    for (unsigned i = 0; i <= static_cast<unsigned>(frame_state::poisoned); ++i)
        for (unsigned j = 0; j != i; ++j)
            CHECK(std::string{name(static_cast<frame_state>(i))} != name(static_cast<frame_state>(j)));
    CHECK(name(static_cast<frame_state>(99)) == "unknown state");
}
