// tests/lru/pinned_frame_test.cpp - pinned_frame: a pin for as long as it lives.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/pinned_frame.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <utility>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("A pinned_frame takes its pin back once, whoever owns it last", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(8)};
    const frame f{1001};
    CHECK(tracker.pinned(f).error() == status::absent);
    REQUIRE(tracker.add(f) == status::ok);
    const auto pins = [&] { return tracker.state_of(f).pins; };
    {
        auto first = tracker.pinned(f);
        REQUIRE(first);
        CHECK(first->get() == f);
        CHECK(pins() == 1);
        auto second = std::move(*first);
        CHECK(pins() == 1);
        CHECK(!*first);
        CHECK(first->get().is_none());
        auto third = tracker.pinned(f);
        CHECK(pins() == 2);
        second = std::move(*third);
        CHECK(pins() == 1);
        CHECK(second);
        auto& itself = second;
        second = std::move(itself);
        CHECK(pins() == 1);
        CHECK(second);
    }
    CHECK(pins() == 0);
    auto again = tracker.pinned(f);
    again->unpin();
    again->unpin();
    CHECK(pins() == 0);
}
