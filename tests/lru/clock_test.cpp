// tests/lru/clock_test.cpp - FIFO with more chances for frames that are touched.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/clock.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("A frame has as many more rounds as it was touched, up to K", "[lru]") {
    small_lru<replacement::clock<3>> tracker{some_frames(8)};
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(4))
        REQUIRE(tracker.add(f) == status::ok);
    for (int n = 0; n != 9; ++n)
        tracker.touch(frame{1000});
    tracker.touch(frame{1001});
    tracker.touch(frame{1001});
    tracker.touch(frame{1002});
    CHECK(coldest(tracker, 4) == std::vector{frame{1003}, frame{1002}, frame{1001}, frame{1000}});
    CHECK(tracker.stats().scanned == 4 + 3 + 2 + 1);
}

TEST_CASE("Coldness falls with each touch to 0", "[lru]") {
    using two = replacement::clock<2>;
    CHECK(two::coldness(two::fresh(0), 0) == 2);
    CHECK(two::coldness(two::touched(0, 0), 0) == 1);
    CHECK(two::coldness(two::touched(2, 0), 0) == 0);
    CHECK(two::cold(0) == 0);
}
