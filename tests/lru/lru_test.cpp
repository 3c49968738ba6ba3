// tests/lru/lru_test.cpp - the least recently touched frame goes first.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/lru.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("Without a refresh interval each touch makes a frame the last to go", "[lru]") {
    small_lru<replacement::lru> tracker{some_frames(8)};
    chosen_slots::mine = slot_index{0};
    for (const frame f : some_frames(4))
        REQUIRE(tracker.add(f) == status::ok);
    tracker.touch(frame{1001}); // still in the batch
    tracker.touch(frame{1000});
    REQUIRE(tracker.add(frame{1004}) == status::ok);
    tracker.touch(frame{1002}); // not in the batch, but later than what is
    CHECK(coldest(tracker, 5) ==
          std::vector{frame{1003}, frame{1001}, frame{1000}, frame{1004}, frame{1002}});
    chosen_slots::mine = slot_index::none();
}

TEST_CASE("With a refresh interval a frame moves once in so many ticks", "[lru]") {
    small_lru<replacement::lru> tracker{some_frames(8), 1, replacement::lru{2}};
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(3))
        REQUIRE(tracker.add(f) == status::ok);
    tracker.touch(frame{1000});
    tracker.age();
    tracker.touch(frame{1000});
    CHECK(on_list(tracker).front() == frame{1000});
    tracker.age();
    tracker.touch(frame{1000});
    CHECK(on_list(tracker).back() == frame{1000});
    CHECK(tracker.state_of(frame{1000}).cold == 0);
    CHECK(tracker.state_of(frame{1001}).cold == 2);
}
