// tests/lru/groups_test.cpp - making, merging, removing and ageing groups.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/groups.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

template <class R>
void fill(small_lru<R>& tracker, frame_range range, group_id g) {
    chosen_slots::mine = slot_index::none();
    for (const frame f : range)
        REQUIRE(tracker.add(f, g) == status::ok);
}

constexpr frame_range low{frame{1000}, frame_count{8}};
constexpr frame_range high{frame{1008}, frame_count{8}};

} // namespace

TEST_CASE("There are as many groups as the options allow, and a removed one makes room", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 3};
    const group_id a = *tracker.create_group(), b = *tracker.create_group();
    CHECK(a != b);
    CHECK(tracker.create_group().error() == status::no_memory);
    CHECK(tracker.remove_group(root_group) == status::invalid_argument);
    CHECK(tracker.remove_group(group_id{3}) == status::invalid_argument);
    CHECK(tracker.remove_group(a) == status::ok);
    CHECK(tracker.remove_group(a) == status::invalid_argument);
    CHECK(tracker.add(frame{1000}, a) == status::invalid_argument);
    CHECK(*tracker.create_group() == a);
    CHECK(tracker.add(frame{1000}, a) == status::ok);
}

TEMPLATE_TEST_CASE("A group that is gone is refused by every verb, and no frame changes", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 3};
    const group_id gone = *tracker.create_group();
    fill(tracker, low, gone);
    frame out[8];
    REQUIRE(tracker.isolate_coldest(gone, out) == 8);
    const lru_token token = *tracker.evicted(out[0]);
    for (const frame f : std::span{out}.subspan(1))
        REQUIRE(tracker.evicted(f));
    REQUIRE(tracker.remove_group(gone) == status::ok);
    fill(tracker, high, root_group);

    for (const group_id g : {gone, group_id{3}, group_id{group_id::limit - 1}}) {
        CHECK(tracker.add(frame{1000}, g) == status::invalid_argument);
        CHECK(tracker.add(std::span<const frame>{out}, g) == 0);
        CHECK(tracker.move_group(frame{1008}, g) == status::invalid_argument);
        REQUIRE(tracker.isolate(frame{1008}) == status::ok);
        CHECK(tracker.putback_to(frame{1008}, g) == status::invalid_argument);
        REQUIRE(tracker.putback(frame{1008}) == status::ok);
        CHECK(tracker.isolate_coldest(g, out) == 0);
        const auto never = [](frame) {
            FAIL("there is nothing to decide");
            return verdict::keep;
        };
        CHECK(tracker.reclaim(g, frame_count{8}, never) == scan_result{});
        CHECK(tracker.age(g) == status::invalid_argument);
        CHECK(tracker.merge_groups(g, root_group) == status::invalid_argument);
        CHECK(tracker.merge_groups(root_group, g) == status::invalid_argument);
        CHECK(tracker.remove_group(g) == status::invalid_argument);
        CHECK(tracker.stats(g).added == 0);
        CHECK(tracker.age_histogram(g).total() == 0);
        CHECK(tracker.cold_frames(g, 0, out) == 0);
        CHECK(tracker.miss_curve(g).misses == 0);
    }
    CHECK_FALSE(tracker.refault(token).activate);
    CHECK(tracker.reclaim(root_group, frame_count{1}, [&](frame) { return reclaim_answer::move_to(gone); })
              .refused.raw() == 1);
    CHECK(tracker.stats().listed.raw() == 8);
    CHECK(tracker.validate(true));
}

TEST_CASE("A group with a frame anywhere is not removed", "[lru]") {
    small_lru<linked_fifo> tracker{some_frames(64), 3};
    chosen_slots::mine = slot_index{0};
    const group_id g = *tracker.create_group();
    REQUIRE(tracker.add(frame{1000}, g) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::batched);
    CHECK(tracker.remove_group(g) == status::busy);
    REQUIRE(tracker.isolate(frame{1000}) == status::ok);
    CHECK(tracker.remove_group(g) == status::busy);
    REQUIRE(tracker.pin(frame{1000}) == status::ok);
    REQUIRE(tracker.putback(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::unevictable);
    CHECK(tracker.remove_group(g) == status::busy);
    REQUIRE(tracker.unpin(frame{1000}) == status::ok);
    REQUIRE(tracker.forget(frame{1000}) == status::ok);
    CHECK(tracker.remove_group(g) == status::ok);
    chosen_slots::mine = slot_index::none();
}

TEMPLATE_TEST_CASE("A merge moves every frame at once; the old id leads to the new group", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 4};
    const group_id a = *tracker.create_group(), b = *tracker.create_group();
    fill(tracker, low, a);
    fill(tracker, high, b);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    CHECK(tracker.merge_groups(a, a) == status::invalid_argument);
    CHECK(tracker.merge_groups(root_group, a) == status::invalid_argument);
    CHECK(tracker.merge_groups(a, group_id{3}) == status::invalid_argument);
    CHECK(tracker.merge_groups(a, b) == status::ok);
    CHECK(tracker.merge_groups(b, a) == status::invalid_argument); // a means b by now
    for (const frame f : low)
        CHECK(tracker.state_of(f).group == b);
    CHECK(tracker.putback(frame{1003}) == status::ok);
    CHECK(tracker.add(frame{1020}, a) == status::ok);
    CHECK(tracker.state_of(frame{1020}).group == b);
    CHECK(on_list(tracker, b).size() == 17);
    CHECK(tracker.merge_groups(b, root_group) == status::ok);
    CHECK(tracker.state_of(frame{1020}).group == root_group);
    CHECK(on_list(tracker).size() == 17);
    CHECK(coldest(tracker, 17, a).size() == 17);
    CHECK(tracker.validate(true));
}

TEST_CASE("An entry that a frame left behind never makes it a victim of its old group", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 3};
    const group_id a = *tracker.create_group(), b = *tracker.create_group();
    fill(tracker, {frame{1000}, frame_count{2}}, a);
    for (int round = 0; round != 8; ++round) // so often that tags come round
        REQUIRE(tracker.move_group(frame{1000}, round % 2 == 0 ? b : root_group) == status::ok);
    CHECK(coldest(tracker, 2, a) == std::vector{frame{1001}});
    CHECK(coldest(tracker, 1, b).empty());
    CHECK(coldest(tracker, 1) == std::vector{frame{1000}});
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("A long list merges like a short one", "[lru]", ring_fifo, linked_fifo) {
    small_lru<TestType> tracker{some_frames(8000), 3};
    const group_id a = *tracker.create_group();
    chosen_slots::mine = slot_index::none();
    std::vector<frame> wanted;
    for (const frame f : some_frames(8000)) {
        REQUIRE(tracker.add(f, f.raw() < 5000 ? root_group : a) == status::ok);
        wanted.push_back(f);
    }
    CHECK(tracker.merge_groups(a, root_group) == status::ok);
    CHECK(on_list(tracker) == wanted);
    CHECK(coldest(tracker, 8000) == wanted);
    CHECK(tracker.validate(true));
}

TEST_CASE("A group that is merged into new ones for ever takes no more of a ring's pool than there is",
          "[lru]") {
    // Each new group has one frame, and the long list comes behind it.
    constexpr std::uint32_t many = 4000;
    small_lru<ring_fifo> tracker{some_frames(many), 4};
    group_id all = *tracker.create_group();
    fill(tracker, {frame{1000}, frame_count{many / 2}}, all);
    const auto& core = tracker.internals();
    const std::uint64_t cells = std::remove_cvref_t<decltype(core.lists())>::cells(many, 4);
    for (std::uint32_t f = 1000 + many / 2; f != 1000 + many; ++f) {
        const group_id next = *tracker.create_group();
        REQUIRE(tracker.add(frame{f}, next) == status::ok);
        REQUIRE(tracker.merge_groups(all, next) == status::ok);
        all = next;
        REQUIRE(core.parts().head->pool.used.load(std::memory_order_relaxed) < cells);
    }
    CHECK(tracker.stats(all).listed == frame_count{many});
    CHECK(static_cast<bool>(tracker.validate(true)));
}

TEMPLATE_TEST_CASE("The id of a merged group comes back when no claimed frame bears it", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 2};
    const group_id a = *tracker.create_group();
    fill(tracker, low, a);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    REQUIRE(tracker.merge_groups(a, root_group) == status::ok);
    CHECK(tracker.create_group().error() == status::no_memory);
    REQUIRE(tracker.putback(frame{1003}) == status::ok);
    CHECK(*tracker.create_group() == a);
    CHECK(on_list(tracker, a).empty());
    for (const frame f : low)
        CHECK(tracker.state_of(f).group == root_group);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("The ages of frames that are merged or move keep their meaning when clocks differ",
                   "[lru]", replacement::lru, replacement::lirs, replacement::generations<>,
                   replacement::adaptive) {
    small_lru<TestType> tracker{some_frames(64), 2};
    const group_id a = *tracker.create_group();
    for (int k = 0; k != 100; ++k)
        REQUIRE(tracker.age(root_group) == status::ok);
    fill(tracker, low, a);
    for (int k = 0; k != 3; ++k)
        REQUIRE(tracker.age(a) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 3);
    for (const group_id to : {root_group, a}) {
        REQUIRE(tracker.move_group(frame{1000}, to) == status::ok);
        CHECK(tracker.state_of(frame{1000}).cold == 3);
        REQUIRE(tracker.move_group(frame{1002}, to) == status::ok);
        tracker.touch(frame{1002});
        CHECK(tracker.state_of(frame{1002}).cold == 0);
    }
    REQUIRE(tracker.merge_groups(a, root_group) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 3);
    REQUIRE(tracker.age(root_group) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 4);
    REQUIRE(tracker.isolate(frame{1000}) == status::ok);
    REQUIRE(tracker.putback(frame{1000}) == status::ok); // takes the new id
    CHECK(tracker.state_of(frame{1000}).cold == 4);
    tracker.touch(frame{1001}); // still bears the old one
    CHECK(tracker.state_of(frame{1001}).cold == 0);
}

TEST_CASE("Old ages do not come round with the clock", "[lru]") {
    small_lru<replacement::lru> tracker{some_frames(64)};
    fill(tracker, low, root_group);
    std::uint8_t coldest_seen = 0;
    for (int k = 0; k != 1000; ++k) {
        REQUIRE(tracker.age(root_group) == status::ok);
        const std::uint8_t cold = tracker.state_of(frame{1000}).cold;
        CHECK(cold >= (k < 100 ? k : 100));
        coldest_seen = std::max(coldest_seen, cold);
    }
    CHECK(coldest_seen < 255);
    tracker.touch(frame{1000});
    CHECK(tracker.state_of(frame{1000}).cold == 0);
}

TEMPLATE_TEST_CASE("Old ages do not come round in the group that they are merged or move into", "[lru]",
                   replacement::lru, replacement::lirs, replacement::generations<>,
                   (replacement::any_policy<replacement::lirs, replacement::fifo>)) {
    small_lru<TestType> tracker{some_frames(64), 3};
    const group_id from = *tracker.create_group(), into = *tracker.create_group();
    const bool is_merged = GENERATE(false, true);
    fill(tracker, low, from);
    for (int k = 0; k != 127; ++k) // long since its ages were clamped
        REQUIRE(tracker.age(from) == status::ok);
    for (int k = 0; k != 64; ++k) // just clamped
        REQUIRE(tracker.age(into) == status::ok);
    const status joined =
        is_merged ? tracker.merge_groups(from, into) : tracker.move_group(frame{1000}, into);
    REQUIRE(joined == status::ok);
    for (int k = 0; k != 63; ++k) {
        REQUIRE(tracker.age(into) == status::ok);
        CHECK(tracker.state_of(frame{1000}).cold >= 60);
    }
}

TEST_CASE("Old ages do not come round when the clock ticks at evictions alone", "[lru]") {
    small_lru<replacement::lirs> tracker{some_frames(4)};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1003}) == status::ok);
    for (int k = 0; k != 300; ++k) { // a tick each
        REQUIRE(tracker.add(frame{1000}) == status::ok);
        REQUIRE(tracker.isolate(frame{1000}) == status::ok);
        REQUIRE(tracker.evicted(frame{1000}));
        CHECK(tracker.state_of(frame{1003}).cold >= (k < 60 ? k : 60));
    }
}

TEST_CASE("Old ages do not come round while a batch is reclaimed", "[lru]") {
    small_lru<replacement::lirs> tracker{some_frames(64)};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1063}) == status::ok);
    REQUIRE(tracker.pin(frame{1063}) == status::ok);
    for (int k = 0; k != 127; ++k) // long since its ages were clamped
        REQUIRE(tracker.age(root_group) == status::ok);
    for (const frame f : some_frames(32))
        REQUIRE(tracker.add(f) == status::ok);
    const auto agree = [](frame) { return verdict::reclaim; };
    const auto look = [&](frame, lru_token) { CHECK(tracker.state_of(frame{1063}).cold >= 60); };
    CHECK(tracker.reclaim(root_group, frame_count{32}, agree, look).reclaimed.raw() == 32); // a tick each
}

TEST_CASE("A group that there is no room for is refused at once when no id can come back", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    REQUIRE(tracker.add(slot_index{0}, frame{1000}) == status::ok);
    CHECK(tracker.create_group().error() == status::no_memory);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::batched); // no drain
}

TEST_CASE("Groups are many, and each has its own lists", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(5000), group_id::limit};
    chosen_slots::mine = slot_index::none();
    std::vector<group_id> groups{root_group};
    while (const result<group_id> g = tracker.create_group())
        groups.push_back(*g);
    CHECK(groups.size() == group_id::limit);
    for (const frame f : some_frames(5000))
        REQUIRE(tracker.add(f, groups[f.raw() % groups.size()]) == status::ok);
    for (const group_id g : groups)
        for (const frame f : coldest(tracker, 100, g))
            REQUIRE(groups[f.raw() % groups.size()] == g);
    CHECK(small_lru<ring_fifo>{some_frames(8), group_id::limit + 1}.error() == status::invalid_argument);
}

TEMPLATE_TEST_CASE("Groups that are merged in a chain are one, and a merge writes no id but its own", "[lru]",
                   ring_fifo, linked_fifo, replacement::lirs) {
    constexpr std::uint32_t many = 100;
    small_lru<TestType> tracker{some_frames(many), many};
    auto& core = tracker.internals();
    for (std::uint32_t n = 1; n != many; ++n)
        REQUIRE(tracker.create_group()->raw() == n);
    for (std::uint32_t n = 0; n != many; ++n) {
        fill(tracker, {frame{1000 + n}, frame_count{1}}, group_id{n});
        for (std::uint32_t tick = 0; tick != n % 7; ++tick)
            REQUIRE(tracker.age(group_id{n}) == status::ok);
    }
    std::uint32_t untouched = 0;
    for (std::uint32_t n = 1; n + 1 != many; ++n) {
        untouched = core.route_of(group_id{1}).raw();
        REQUIRE(tracker.merge_groups(group_id{n}, group_id{n + 1}) == status::ok);
        CHECK((n == 1 || core.route_of(group_id{1}).raw() == untouched));
    }
    const group_id last{many - 1};
    CHECK(core.root_of(group_id{1}) == last);
    const auto check_ages = [&](std::uint32_t ticks_since) {
        for (std::uint32_t n = 1; n != many; ++n) {
            const lru_state s = tracker.state_of(frame{1000 + n});
            CHECK(s.group == last);
            if (TestType::ages_in_ticks) CHECK(s.cold == n % 7 + ticks_since);
        }
    };
    check_ages(0);
    CHECK(tracker.stats(group_id{1}).listed.raw() == many - 1); // locks the group: the way is shortened
    for (std::uint32_t n = 1; n + 1 != many; ++n)
        CHECK(core.route_of(group_id{n}).to() == last);
    check_ages(0);
    REQUIRE(tracker.age(last) == status::ok);
    check_ages(1);
    CHECK(tracker.validate(true));
    CHECK(tracker.create_group().error() == status::ok); // 98 ids are free again
    check_ages(1);
    for (std::uint32_t n = 2; n + 1 != many; ++n)
        REQUIRE(tracker.create_group());
    CHECK(tracker.create_group().error() == status::no_memory);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("An id that others lead through is given out again, and their frames stay where they are",
                   "[lru]", ring_fifo, linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 3};
    const group_id a = *tracker.create_group(), b = *tracker.create_group();
    fill(tracker, low, a);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok); // keeps `a` from being given out
    REQUIRE(tracker.merge_groups(a, b) == status::ok);
    REQUIRE(tracker.merge_groups(b, root_group) == status::ok);
    CHECK(*tracker.create_group() == b);
    CHECK(tracker.create_group().error() == status::no_memory);
    CHECK(tracker.state_of(frame{1003}).group == root_group);
    CHECK(tracker.putback(frame{1003}) == status::ok);
    CHECK(on_list(tracker).size() == 8);
    CHECK(on_list(tracker, b).empty());
    CHECK(*tracker.create_group() == a);
    CHECK(tracker.validate(true));
}

TEST_CASE("A removal that is refused leaves the group its clock", "[lru]") {
    small_lru<replacement::lirs> tracker{some_frames(64), 2};
    const group_id g = *tracker.create_group();
    for (int tick = 0; tick != 5; ++tick)
        REQUIRE(tracker.age(g) == status::ok);
    fill(tracker, {frame{1000}, frame_count{1}}, g);
    REQUIRE(tracker.isolate(frame{1000}) == status::ok); // on no list, but in the group
    CHECK(tracker.remove_group(g) == status::busy);
    REQUIRE(tracker.putback(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 0);
}

TEST_CASE("A group that others were merged into is removed with their ids", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 4};
    const group_id a = *tracker.create_group(), b = *tracker.create_group(), c = *tracker.create_group();
    REQUIRE(tracker.merge_groups(c, b) == status::ok);
    REQUIRE(tracker.merge_groups(b, a) == status::ok);
    CHECK(tracker.age(b) == status::ok);
    CHECK(tracker.remove_group(a) == status::ok);
    CHECK(tracker.age(b) == status::invalid_argument);
    CHECK(tracker.add(frame{1000}, c) == status::invalid_argument);
    CHECK(*tracker.create_group() == a);
    CHECK(*tracker.create_group() == b);
    CHECK(tracker.add(frame{1000}, c) == status::invalid_argument); // it led by way of b
    CHECK(*tracker.create_group() == c);
    CHECK(tracker.create_group().error() == status::no_memory);
    CHECK(tracker.validate(true));
}

TEST_CASE("A group that is made anew has none of the entries that frames left behind in it", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 2};
    const group_id g = *tracker.create_group();
    fill(tracker, low, g);
    for (const frame f : low)
        REQUIRE(tracker.forget(f) == status::ok);
    REQUIRE(tracker.remove_group(g) == status::ok);
    REQUIRE(*tracker.create_group() == g);
    CHECK(tracker.internals().entries(g) == 0);
    fill(tracker, high, g);
    CHECK(on_list(tracker, g).size() == 8);
    CHECK(tracker.validate(true));
}

TEST_CASE("A long list becomes that of an empty group", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(4000), 2};
    const group_id g = *tracker.create_group();
    fill(tracker, some_frames(4000), g);
    REQUIRE(tracker.merge_groups(g, root_group) == status::ok);
    const auto all = on_list(tracker);
    REQUIRE(all.size() == 4000);
    CHECK(all.front() == frame{1000});
    CHECK(all.back() == frame{4999});
    CHECK(tracker.validate(true));
}
