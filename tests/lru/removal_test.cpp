// tests/lru/removal_test.cpp - the races of a group's removal, forced step by step.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/groups.hpp"

#include "lru/race_stage.hpp"
#include "support/catch.hpp"

#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("A group is not removed while a frame of it takes another's stead", "[lru]") {
    stage<ring_fifo> on;
    auto& tracker = on.tracker;
    REQUIRE(tracker.move_group(c, on.other) == status::ok);
    REQUIRE(tracker.forget(a) == status::ok);
    REQUIRE(tracker.isolate(c) == status::ok);
    // The walk over the frames has passed `a`, and is not at `c` yet.
    word_read.arm(on.word(b), [&] { on.second.run([&] { on.outcome = tracker.transfer(c, a); }); });
    CHECK(tracker.remove_group(on.other) == status::busy);
    CHECK(word_read.fired());
    on.second.join();
    CHECK(on.outcome == status::ok);
    CHECK(tracker.putback(a) == status::ok);
    CHECK(on_list(tracker, on.other) == std::vector{a});
    on.check_whole();
}

TEMPLATE_TEST_CASE("A group that is removed before its lock is taken has no frames and no ticks", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    word_read.arm(&on.tracker.internals().parts().routes[on.other.raw()],
                  [&] { CHECK(on.tracker.remove_group(on.other) == status::ok); });
    SECTION("for a scan") {
        CHECK(coldest(on.tracker, 3, on.other).empty());
    }
    SECTION("for a tick") {
        CHECK(on.tracker.age(on.other) == status::invalid_argument);
    }
    SECTION("for who asks for figures") {
        CHECK(on.tracker.stats(on.other) == lru_stats{});
    }
    SECTION("for who asks for misses") {
        CHECK(on.tracker.miss_curve(on.other).misses == 0);
    }
    CHECK(word_read.fired());
    CHECK(on.tracker.stats().ticks == 0);
    CHECK(on_list(on.tracker) == std::vector{a, b, c});
    on.check_whole();
}

namespace {
// Keeps what it looks at until behind the look at which its hook fires.
struct waits_for_a_hook : replacement_base {
    static constexpr unsigned passes = 200;
    static inline hook looked;
    static inline bool takes_first = false;
    template <class V>
    decision examine(V&, frame_index, unsigned list) const {
        const bool was_fired = looked.fired();
        looked(nullptr);
        return was_fired || std::exchange(takes_first, false) ? decision::evict() : decision::keep(list);
    }
};
} // namespace

TEST_CASE("A group that is removed in the midst of a scan ends it", "[lru]") {
    stage<waits_for_a_hook> on;
    auto& tracker = on.tracker;
    REQUIRE(tracker.move_group(c, on.other) == status::ok);
    const auto remove = [&] {
        CHECK(tracker.forget(c) == status::ok);
        CHECK(tracker.remove_group(on.other) == status::ok);
    };
    const void* const route = &tracker.internals().parts().routes[on.other.raw()];
    // The last look of the first hold; then the lock is given back and the group is looked up.
    waits_for_a_hook::looked.arm(
        nullptr, [&] { word_read.arm(route, remove); }, 255);
    CHECK(coldest(tracker, 1, on.other).empty());
    CHECK(word_read.fired());
    CHECK(on_list(tracker) == std::vector{a, b});
    on.check_whole();
}

TEST_CASE("A scan by an id that is given back in its midst gives what it has claimed", "[lru]") {
    stage<waits_for_a_hook> on;
    auto& tracker = on.tracker;
    const group_id merged = *tracker.create_group();
    REQUIRE(tracker.create_group());
    for (const group_id g : {on.other, merged})
        REQUIRE(tracker.merge_groups(g, root_group) == status::ok);
    const void* const route = &tracker.internals().parts().routes[merged.raw()];
    const auto give_back = [&] { CHECK(*tracker.create_group() == on.other); }; // and `merged` is free
    waits_for_a_hook::takes_first = true;
    waits_for_a_hook::looked.arm(
        nullptr, [&] { word_read.arm(route, give_back); }, 255);
    CHECK(coldest(tracker, 2, merged) == std::vector{a});
    CHECK(word_read.fired());
    CHECK(tracker.putback(a) == status::ok);
    on.check_whole();
}
