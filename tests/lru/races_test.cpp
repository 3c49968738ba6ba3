// tests/lru/races_test.cpp - the races of claims, pins, moves and merges, forced step by step.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru.hpp"
#include "cordon/lru/policies/two_list.hpp"

#include "lru/race_stage.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <mutex>
#include <type_traits>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEMPLATE_TEST_CASE("Of two isolators that read the same word one wins", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    status inner = status::ok;
    before_change.arm(on.word(a), [&] { inner = on.tracker.isolate(a); });
    CHECK(on.tracker.isolate(a) == status::busy);
    CHECK(inner == status::ok);
    CHECK(on.tracker.putback(a) == status::ok);
    on.check_whole();
}

TEMPLATE_TEST_CASE("Of two that put one frame back one is told so", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.isolate(a) == status::ok);
    word_read.arm(on.word(a), [&] { on.outcome = on.tracker.putback(a); });
    CHECK(on.tracker.putback(a) == status::not_isolated);
    CHECK(on.outcome == status::ok);
    CHECK(on_list(on.tracker) == std::vector{b, c, a});
    on.check_whole();
}

TEMPLATE_TEST_CASE("A scan passes over a frame that is claimed and still linked", "[lru]", ring_fifo,
                   linked_fifo) {
    stage<TestType> on;
    std::vector<frame> found;
    after_change.arm(on.word(a), [&] { found = coldest(on.tracker, 3); });
    CHECK(on.tracker.isolate(a) == status::ok);
    CHECK(found == std::vector{b, c});
    on.check_whole();
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{a});
    on.check_whole();
}

TEMPLATE_TEST_CASE("A frame that is pinned just before a scan claims it is culled instead", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    before_change.arm(on.word(a), [&] { CHECK(on.tracker.pin(a) == status::ok); });
    CHECK(coldest(on.tracker, 3) == std::vector{b, c});
    CHECK(on.where(a) == lru_place::unevictable);
    CHECK(on.tracker.unpin(a) == status::ok);
    CHECK(on.where(a) == lru_place::listed);
    on.check_whole();
}

TEMPLATE_TEST_CASE("A frame that loses its last pin while a scan culls it is not stranded", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.pin(a) == status::ok);
    SECTION("before the scan marks it") {
        before_change.arm(on.word(a), [&] { CHECK(on.tracker.unpin(a) == status::ok); });
        CHECK(coldest(on.tracker, 3).size() == 3);
        CHECK(on.tracker.putback(a) == status::ok);
    }
    SECTION("after it, with the frame still linked") {
        after_change.arm(on.word(a), [&] { on.second.run([&] { on.outcome = on.tracker.unpin(a); }); });
        CHECK(coldest(on.tracker, 3).size() >= 2);
        on.second.join();
        CHECK(on.outcome == status::ok);
        CHECK(on.second.had_to_wait());
    }
    CHECK(on.where(a) == lru_place::listed);
    on.check_whole();
}

TEMPLATE_TEST_CASE("A pin that comes while a frame is put back does not strand it", "[lru]", ring_fifo,
                   linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.isolate(a) == status::ok);
    // Linked, and the flag not yet set.
    before_change.arm(
        on.word(a), [&] { CHECK(on.tracker.pin(a) == status::ok); }, 0);
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on.where(a) == lru_place::listed);
    CHECK(on.tracker.state_of(a).pins == 1);
    CHECK(on.tracker.isolate(a) == status::busy);
    CHECK(coldest(on.tracker, 3) == std::vector{b, c});
    CHECK(on.where(a) == lru_place::unevictable);
    CHECK(on.tracker.unpin(a) == status::ok);
    CHECK(on.where(a) == lru_place::listed);
    on.check_whole();
}

TEMPLATE_TEST_CASE("An unpin that comes while a frame is put back as unevictable does not strand it", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.isolate(a) == status::ok);
    REQUIRE(on.tracker.pin(a) == status::ok);
    // The pin has been seen, the frame is about to become unevictable: the order that strands in the seed patch.
    before_change.arm(on.word(a), [&] { CHECK(on.tracker.unpin(a) == status::ok); });
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on.where(a) == lru_place::listed);
    on.check_whole();
    REQUIRE(on.tracker.isolate(a) == status::ok);
    REQUIRE(on.tracker.pin(a) == status::ok);
    after_change.arm(on.word(a), [&] { CHECK(on.tracker.unpin(a) == status::ok); });
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on.where(a) == lru_place::listed);
    on.check_whole();
}

TEMPLATE_TEST_CASE("A frame in a batch is stolen while its owner flushes", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame d{1003}, e{1004};
    chosen_slots::mine = slot_index{0};
    REQUIRE(on.tracker.add(d) == status::ok);
    REQUIRE(on.tracker.add(e) == status::ok);
    SECTION("and isolated") {
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.isolate(d) == status::ok); });
        CHECK(on.tracker.drain() == status::ok);
        CHECK(on.where(d) == lru_place::isolated);
        CHECK(on.tracker.putback(d) == status::ok);
    }
    SECTION("and put back, in another group") {
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.move_group(d, on.other) == status::ok); });
        CHECK(on.tracker.drain() == status::ok);
        CHECK(on_list(on.tracker, on.other) == std::vector{d});
    }
    SECTION("and pinned") {
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.pin(d) == status::ok); });
        CHECK(on.tracker.drain() == status::ok);
        CHECK(on.where(d) == lru_place::unevictable);
        CHECK(on.tracker.unpin(d) == status::ok);
    }
    chosen_slots::mine = slot_index::none();
    CHECK(on.where(d) == lru_place::listed);
    CHECK(on.where(e) == lru_place::listed);
    on.check_whole();
}

TEMPLATE_TEST_CASE("A group is merged while a frame of it is claimed and still linked", "[lru]", ring_fifo,
                   linked_fifo) {
    stage<TestType> on;
    const frame d{1003};
    REQUIRE(on.tracker.add(d, on.other) == status::ok);
    after_change.arm(on.word(d), [&] { CHECK(on.tracker.merge_groups(on.other, root_group) == status::ok); });
    CHECK(on.tracker.isolate(d) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{a, b, c});
    on.check_whole();
    CHECK(on.tracker.putback(d) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{a, b, c, d});
    on.check_whole();
}

TEMPLATE_TEST_CASE("A group is merged before its lock is taken", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame d{1003}, e{1004};
    REQUIRE(on.tracker.add(d, on.other) == status::ok);
    REQUIRE(on.tracker.add(e, on.other) == status::ok);
    const auto merge_behind_the_route = [&] {
        word_read.arm(&on.tracker.internals().parts().routes[on.other.raw()],
                      [&] { CHECK(on.tracker.merge_groups(on.other, root_group) == status::ok); });
    };
    SECTION("by a claimant") {
        if constexpr (TestType::kind == list_kind::linked) merge_behind_the_route();
        CHECK(on.tracker.isolate(d) == status::ok);
        if constexpr (TestType::kind == list_kind::ring) merge_behind_the_route();
        CHECK(on.tracker.putback(d) == status::ok);
        CHECK(on_list(on.tracker).size() == 5);
    }
    SECTION("by a scan") {
        merge_behind_the_route();
        CHECK(coldest(on.tracker, 1, on.other).size() == 1);
        CHECK(on_list(on.tracker).size() == 4);
    }
    CHECK(word_read.fired());
    on.check_whole();
}

TEMPLATE_TEST_CASE("A group is merged while a scan looks at it", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame d{1003}, e{1004};
    REQUIRE(on.tracker.add(d, on.other) == status::ok);
    REQUIRE(on.tracker.add(e, on.other) == status::ok);
    before_change.arm(on.word(d), [&] {
        on.second.run([&] { on.outcome = on.tracker.merge_groups(on.other, root_group); });
    });
    CHECK(coldest(on.tracker, 1, on.other) == std::vector{d});
    on.second.join();
    CHECK(on.outcome == status::ok);
    CHECK(on.second.had_to_wait());
    CHECK(on_list(on.tracker) == std::vector{a, b, c, e});
    CHECK(on.tracker.putback(d) == status::ok);
    on.check_whole();
}

TEST_CASE("A frame that moves before its group is locked is found in the new one", "[lru]") {
    stage<replacement::lru> on;
    // The touch has read the group and not yet locked it.
    word_read.arm(
        on.word(a), [&] { CHECK(on.tracker.move_group(a, on.other) == status::ok); }, 1);
    REQUIRE(on.tracker.add(frame{1003}, on.other) == status::ok);
    on.tracker.touch(a);
    CHECK(word_read.fired());
    CHECK(on_list(on.tracker) == std::vector{b, c});
    CHECK(on_list(on.tracker, on.other) == std::vector{frame{1003}, a});
    on.check_whole();
}

TEMPLATE_TEST_CASE("The last owner and an isolator: one of them has the frame, never both", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    status inner = status::ok;
    SECTION("the isolator is faster") {
        before_change.arm(on.word(a), [&] { inner = on.tracker.isolate(a); });
        CHECK(on.tracker.forget(a) == status::busy);
        CHECK(inner == status::ok);
        CHECK(on.tracker.putback(a) == status::ok);
    }
    SECTION("the owner is faster") {
        before_change.arm(on.word(a), [&] { inner = on.tracker.forget(a); });
        CHECK(on.tracker.isolate(a) == status::absent);
        CHECK(inner == status::ok);
        CHECK(on_list(on.tracker) == std::vector{b, c});
    }
    SECTION("the owner is faster, and the frame is used anew") {
        before_change.arm(on.word(a), [&] {
            CHECK(on.tracker.forget(a) == status::ok);
            CHECK(on.tracker.add(a, on.other) == status::ok);
        });
        CHECK(on.tracker.isolate(a) == status::ok);
        CHECK(on_list(on.tracker, on.other).empty());
        CHECK(on.tracker.putback(a) == status::ok);
        CHECK(on_list(on.tracker, on.other) == std::vector{a});
    }
    SECTION("the frame is pinned while its owner gives it up") {
        after_change.arm(on.word(a), [&] { CHECK(on.tracker.pin(a) == status::ok); });
        CHECK(on.tracker.forget(a) == status::busy);
        CHECK(on.tracker.unpin(a) == status::ok);
    }
    on.check_whole();
}

TEST_CASE("A move waits for the scan that has culled the frame and not yet unlinked it", "[lru]") {
    stage<linked_fifo> on;
    REQUIRE(on.tracker.pin(a) == status::ok);
    after_change.arm(on.word(a),
                     [&] { on.second.run([&] { on.outcome = on.tracker.move_group(a, on.other); }); });
    CHECK(coldest(on.tracker, 1) == std::vector{b});
    on.second.join();
    CHECK(on.outcome == status::ok);
    CHECK(on.second.had_to_wait());
    CHECK(on.tracker.state_of(a).group == on.other);
    CHECK(on.tracker.unpin(a) == status::ok);
    CHECK(on_list(on.tracker, on.other) == std::vector{a});
    on.check_whole();
}

TEMPLATE_TEST_CASE("A change of the word between the look and the change is looked at again", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    const auto pins = [&] { before_change.arm(on.word(a), [&] { CHECK(on.tracker.pin(a) == status::ok); }); };
    const frame d{1003};
    SECTION("a pin goes while another comes") {
        REQUIRE(on.tracker.pin(a) == status::ok);
        pins();
        CHECK(on.tracker.unpin(a) == status::ok);
        CHECK(on.tracker.state_of(a).pins == 1);
    }
    SECTION("a pin comes while the frame is evicted") {
        REQUIRE(on.tracker.isolate(a) == status::ok);
        pins();
        CHECK(on.tracker.evicted(a).error() == status::busy);
        CHECK(on.where(a) == lru_place::isolated);
        CHECK(on.tracker.putback(a) == status::ok);
    }
    SECTION("a pin comes while the frame is moved, and moves with it") {
        pins();
        CHECK(on.tracker.move_group(a, on.other) == status::ok);
        CHECK(on.tracker.state_of(a).group == on.other);
        CHECK(on.tracker.state_of(a).pins == 1);
    }
    SECTION("a pin goes while the frame is put back elsewhere, and it is listed there") {
        REQUIRE(on.tracker.isolate(a) == status::ok);
        REQUIRE(on.tracker.pin(a) == status::ok);
        word_read.arm(on.word(a), [&] { CHECK(on.tracker.unpin(a) == status::ok); });
        CHECK(on.tracker.putback_to(a, on.other) == status::ok);
        CHECK(on_list(on.tracker, on.other) == std::vector{a});
    }
    SECTION("two add the same frame") {
        status inner = status::busy;
        before_change.arm(on.word(d), [&] { inner = on.tracker.add(slot_index{2}, d); });
        CHECK(on.tracker.add(slot_index{1}, d) == status::busy);
        CHECK(inner == status::ok);
    }
    SECTION("an unpin comes while a batched frame is culled") {
        REQUIRE(on.tracker.add(slot_index{1}, d) == status::ok);
        REQUIRE(on.tracker.pin(d) == status::ok);
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.unpin(d) == status::ok); });
        CHECK(on.tracker.drain() == status::ok);
        CHECK(on.where(d) == lru_place::listed);
    }
    SECTION("a pin comes while a scan adopts the frame of a merged group") {
        REQUIRE(on.tracker.add(d, on.other) == status::ok);
        REQUIRE(on.tracker.merge_groups(on.other, root_group) == status::ok);
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.pin(d) == status::ok); });
        CHECK(coldest(on.tracker, 4).size() == 3);
        CHECK(on.where(d) == lru_place::unevictable);
        for (const frame f : {a, b, c})
            CHECK(on.tracker.putback(f) == status::ok);
    }
    SECTION("a pin comes while the frame gets the id that its group was merged into") {
        REQUIRE(on.tracker.create_group());
        REQUIRE(on.tracker.create_group());
        REQUIRE(on.tracker.add(d, on.other) == status::ok);
        REQUIRE(on.tracker.merge_groups(on.other, root_group) == status::ok);
        before_change.arm(on.word(d), [&] { CHECK(on.tracker.pin(d) == status::ok); });
        const result<group_id> again = on.tracker.create_group();
        REQUIRE(again);
        CHECK(*again == on.other);
        CHECK(on.tracker.state_of(d).group == root_group);
        CHECK(on.tracker.state_of(d).pins == 1);
    }
    CHECK((before_change.fired() && word_read.fired()));
    on.check_whole();
}

TEST_CASE("A pin that comes while a scan moves a frame to another list is seen by the scan", "[lru]") {
    stage<replacement::two_list> on;
    on.tracker.touch(a);
    on.tracker.touch(a);
    before_change.arm(on.word(a), [&] { CHECK(on.tracker.pin(a) == status::ok); });
    CHECK(coldest(on.tracker, 1) == std::vector{b});
    CHECK(before_change.fired());
    CHECK(on.where(a) == lru_place::unevictable);
    CHECK(on.tracker.unpin(a) == status::ok);
    on.check_whole();
}

TEST_CASE("A group that closes while somebody waits for its lock takes no frame", "[lru]") {
    stage<linked_fifo> on;
    auto& core = on.tracker.internals();
    const group_route live = core.route_of(on.other);
    // remove_group begins with this; it is read for the fourth time when the lock is held.
    word_read.arm(
        &core.parts().routes[on.other.raw()],
        [&] {
            core.set_route(on.other, {group_route::kind::closing, on.other});
        },
        2);
    SECTION("that is added") {
        CHECK(on.tracker.add(frame{1003}, on.other) == status::invalid_argument);
        CHECK(on.where(frame{1003}) == lru_place::untracked);
    }
    SECTION("that is put back") {
        REQUIRE(on.tracker.isolate(a) == status::ok);
        CHECK(on.tracker.putback_to(a, on.other) == status::invalid_argument);
        CHECK(on.where(a) == lru_place::isolated);
        CHECK(on.tracker.putback(a) == status::ok);
    }
    CHECK(word_read.fired());
    core.set_route(on.other, live);
    CHECK(on_list(on.tracker, on.other).empty());
    on.check_whole();
}

TEST_CASE("An id is given out again while somebody on his way by it waits for a lock", "[lru]") {
    stage<linked_fifo> on;
    auto& tracker = on.tracker;
    const group_id by = on.other, way = *tracker.create_group();
    REQUIRE(tracker.create_group());
    REQUIRE(tracker.move_group(a, by) == status::ok);
    REQUIRE(tracker.merge_groups(by, way) == status::ok);
    // When he has found `way`, and waits for its lock, it is merged away, and its id is another group's.
    std::unique_lock hold{tracker.internals().group_of(way).lock()};
    hooks::lock_wait.arm(nullptr, [&] {
        hold.unlock();
        CHECK(tracker.merge_groups(way, root_group) == status::ok);
        CHECK(*tracker.create_group() == way);
    });
    CHECK(tracker.isolate(a) == status::ok);
    CHECK(hooks::lock_wait.fired());
    CHECK(tracker.stats(way).listed.raw() == 0);
    CHECK(tracker.putback(a) == status::ok);
    CHECK(on_list(tracker) == std::vector{b, c, a});
    on.check_whole();
}

TEST_CASE("Who is on his way by an id that is given out again begins anew", "[lru]") {
    stage<linked_fifo> on;
    auto& tracker = on.tracker;
    auto& core = tracker.internals();
    const group_id by = on.other, way = *tracker.create_group();
    REQUIRE(tracker.create_group());
    REQUIRE(tracker.move_group(a, by) == status::ok);
    REQUIRE(tracker.isolate(a) == status::ok);
    REQUIRE(tracker.merge_groups(by, way) == status::ok);
    REQUIRE(tracker.merge_groups(way, root_group) == status::ok);
    word_read.arm(
        &core.parts().routes[by.raw()], [&] { CHECK(*tracker.create_group() == way); }, 1);
    CHECK(core.root_of(by) == root_group);
    CHECK(word_read.fired());
    CHECK(tracker.putback(a) == status::ok);
    on.check_whole();
}

TEST_CASE("A claim that is counted where a group was merged away is taken along", "[lru]") {
    stage<ring_fifo> on;
    REQUIRE(on.tracker.move_group(a, on.other) == status::ok);
    REQUIRE(on.tracker.move_group(b, on.other) == status::ok);
    before_change.arm(&on.tracker.internals().group_of(on.other).lists[0].stale,
                      [&] { CHECK(on.tracker.merge_groups(on.other, root_group) == status::ok); });
    CHECK(on.tracker.isolate(a) == status::ok);
    CHECK(before_change.fired());
    CHECK(on.tracker.stats().listed.raw() == 2);
    on.check_whole();
    CHECK(on.tracker.putback(a) == status::ok);
    on.check_whole();
}

TEST_CASE("A frame that takes another's stead while ids are given out again is in a group", "[lru]") {
    stage<ring_fifo> on;
    auto& tracker = on.tracker;
    REQUIRE(tracker.create_group());
    REQUIRE(tracker.create_group());
    REQUIRE(tracker.move_group(c, on.other) == status::ok);
    REQUIRE(tracker.forget(a) == status::ok);
    REQUIRE(tracker.isolate(c) == status::ok);
    REQUIRE(tracker.merge_groups(on.other, root_group) == status::ok);
    // The walk over the frames has passed `a`, and is not at `c` yet.
    word_read.arm(on.word(b), [&] { CHECK(tracker.transfer(c, a) == status::ok); });
    CHECK(*tracker.create_group() == on.other);
    CHECK(word_read.fired());
    CHECK(tracker.state_of(a).group == root_group);
    CHECK(tracker.putback(a) == status::ok);
    CHECK(on_list(tracker) == std::vector{b, a});
    CHECK(on_list(tracker, on.other).empty());
    on.check_whole();
}

TEMPLATE_TEST_CASE("A frame that somebody adds takes nobody's stead", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame d{1003};
    REQUIRE(on.tracker.isolate(a) == status::ok);
    before_change.arm(on.word(d), [&] { CHECK(on.tracker.add(slot_index{0}, d) == status::ok); });
    CHECK(on.tracker.transfer(a, d) == status::busy);
    CHECK(before_change.fired());
    CHECK(on.where(d) == lru_place::batched);
    CHECK(on.where(a) == lru_place::isolated);
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on.tracker.drain() == status::ok);
    CHECK(on_list(on.tracker) == std::vector{b, c, a, d});
    on.check_whole();
}

TEST_CASE("A curve of misses is not read while one is counted", "[lru]") {
    stage<ring_fifo> on;
    REQUIRE(on.tracker.isolate(a) == status::ok);
    const lru_token token = *on.tracker.evicted(a);
    miss_curve curve;
    // Claimed, and about to be listed.
    before_change.arm(
        on.word(a), [&] { on.second.run([&] { curve = on.tracker.miss_curve(); }); }, 1);
    CHECK(on.tracker.add(a, root_group, token) == status::ok);
    on.second.join();
    CHECK(on.second.had_to_wait());
    CHECK(curve.misses == 4);
}

TEST_CASE("A frame whose new group is gone goes back to its old one", "[lru]") {
    stage<linked_fifo> on;
    after_change.arm(on.word(a), [&] { CHECK(on.tracker.remove_group(on.other) == status::ok); });
    CHECK(on.tracker.move_group(a, on.other) == status::invalid_argument);
    CHECK(after_change.fired());
    CHECK(on_list(on.tracker) == std::vector{b, c, a});
    on.check_whole();
}

TEST_CASE("A group that is merged while it is validated is passed over", "[lru]") {
    stage<linked_fifo> on;
    REQUIRE(on.tracker.add(frame{1003}, on.other) == status::ok);
    word_read.arm(&on.tracker.internals().parts().routes[on.other.raw()],
                  [&] { CHECK(on.tracker.merge_groups(on.other, root_group) == status::ok); });
    CHECK(on.tracker.validate());
    CHECK(word_read.fired());
    on.check_whole();
}

TEST_CASE("While a ring loses the entries that claims left behind its length is not negative", "[lru]") {
    stage<ring_fifo> on;
    auto& core = on.tracker.internals();
    for (std::uint32_t n = 3; n != 20; ++n)
        REQUIRE(on.tracker.add(frame{1000 + n}) == status::ok);
    std::vector<frame> some;
    for (std::uint32_t n = 0; n != 15; ++n)
        some.push_back(frame{1000 + n});
    std::uint32_t seen = 1;
    const void* const stale = &core.group_of(root_group).lists[0].stale;
    before_change.arm(stale, [&] { // 15 claims at once, then what they have left is thrown out
        before_change.arm(stale, [&] { seen = core.size(root_group, 0); });
    });
    CHECK(on.tracker.isolate(some, some) == 15);
    CHECK(seen == 0);
    CHECK(core.size(root_group, 0) == 5);
    CHECK(on.tracker.putback(some) == 15);
    on.check_whole();
}

TEST_CASE("A claim whose entry is gone before it is counted does not make a ring look stale", "[lru]") {
    stage<ring_fifo> on;
    for (std::uint32_t n = 3; n != 30; ++n)
        REQUIRE(on.tracker.add(frame{1000 + n}) == status::ok);
    after_change.arm(on.word(a), [&] {
        CHECK(coldest(on.tracker, 1) == std::vector{b}); // drops the entry of a
        CHECK(on.tracker.putback(b) == status::ok);
    });
    CHECK(on.tracker.isolate(a) == status::ok);
    CHECK(after_change.fired());
    CHECK(on.tracker.putback(a) == status::ok);
    CHECK(on_list(on.tracker).size() == 30);
    on.check_whole();
}

TEST_CASE("Old ages are clamped by one of two", "[lru]") {
    stage<replacement::lru> on;
    for (int n = 0; n != 63; ++n)
        REQUIRE(on.tracker.age(root_group) == status::ok);
    auto& due = on.tracker.internals().group_of(root_group).clamp_due;
    before_change.arm(&due, [&] { due.store(0, std::memory_order_relaxed); });
    CHECK(on.tracker.age(root_group) == status::ok);
    CHECK(before_change.fired());
    on.check_whole();
}

TEST_CASE("Of two that ask for a key's token one has it", "[lru]") {
    std::vector<watched_atomics::word> cells(16);
    ghost_table<watched_atomics> ghosts{cells.data(), 16};
    const lru_token token{root_group, 77};
    ghosts.remember(5, token);
    const auto kept = std::find_if(cells.begin(), cells.end(), [](const auto& cell) {
        return cell.load(std::memory_order_relaxed) != 0;
    });
    lru_token inner;
    before_change.arm(&*kept, [&] { inner = ghosts.take(5, root_group); });
    CHECK(!ghosts.take(5, root_group));
    CHECK(inner == token);
}

TEST_CASE("A frame that leaves its group while that gets another id is left alone", "[lru]") {
    stage<linked_fifo> on;
    const frame d{1003};
    const group_id third = *on.tracker.create_group();
    REQUIRE(on.tracker.create_group());
    REQUIRE(on.tracker.add(d, on.other) == status::ok);
    REQUIRE(on.tracker.merge_groups(on.other, root_group) == status::ok);
    SECTION("to nobody") {
        word_read.arm(on.word(d), [&] { CHECK(on.tracker.forget(d) == status::ok); });
        CHECK(*on.tracker.create_group() == on.other);
        CHECK(on.where(d) == lru_place::untracked);
    }
    SECTION("to another one") {
        word_read.arm(on.word(d), [&] { CHECK(on.tracker.move_group(d, third) == status::ok); });
        CHECK(*on.tracker.create_group() == on.other);
        CHECK(on_list(on.tracker, third) == std::vector{d});
    }
    CHECK(word_read.fired());
    on.check_whole();
}

TEMPLATE_TEST_CASE("A frame whose last pin goes while its batch is emptied is listed", "[lru]", ring_fifo,
                   linked_fifo) {
    stage<TestType> on;
    const frame d{1010};
    chosen_slots::mine = slot_index{1};
    REQUIRE(on.tracker.add(d) == status::ok);
    REQUIRE(on.tracker.pin(d) == status::ok);
    before_change.arm(on.word(d), [&] { // so the claim begins anew
        CHECK(on.tracker.pin(d) == status::ok);
        after_change.arm(on.word(d), [&] {
            before_change.arm(on.word(d), [&] {
                CHECK(on.tracker.unpin(d) == status::ok);
                CHECK(on.tracker.unpin(d) == status::ok);
            });
        });
    });
    CHECK(on.tracker.drain() == status::ok);
    CHECK(before_change.fired());
    chosen_slots::mine = slot_index::none();
    CHECK(on.where(d) == lru_place::listed);
    CHECK(on_list(on.tracker) == std::vector{a, b, c, d});
    on.check_whole();
}
