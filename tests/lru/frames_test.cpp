// tests/lru/frames_test.cpp - one frame: claim, put back, pin, move, evict.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/frames.hpp"

#include "cordon/lru/policies/two_list.hpp"
#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr frame f{1007};
constexpr frame stranger{7};

template <class R>
struct stage {
    small_lru<R> tracker{some_frames(64), 4};
    stage() { chosen_slots::mine = slot_index::none(); }
    [[nodiscard]] lru_place where(frame g) { return tracker.state_of(g).place; }
    [[nodiscard]] bool whole() { return bool{tracker.validate(true)}; }
};

} // namespace

TEMPLATE_TEST_CASE("A frame is added once, isolated once and put back once", "[lru]", ring_fifo,
                   linked_fifo) {
    stage<TestType> on;
    CHECK(on.tracker.isolate(f) == status::absent);
    CHECK(on.tracker.add(f) == status::ok);
    CHECK(on.tracker.add(f) == status::busy);
    CHECK(on.where(f) == lru_place::listed);
    CHECK(on.tracker.putback(f) == status::not_isolated);
    CHECK(on.tracker.isolate(f) == status::ok);
    CHECK(on.where(f) == lru_place::isolated);
    CHECK(on_list(on.tracker).empty());
    CHECK(on.tracker.isolate(f) == status::busy);
    CHECK(on.tracker.putback(f) == status::ok);
    CHECK(on.tracker.putback(f) == status::not_isolated);
    CHECK(on_list(on.tracker) == std::vector{f});
    CHECK(on.whole());
}

TEMPLATE_TEST_CASE("A frame that left and was added again is on the list once, where it was added", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame other{1008};
    REQUIRE(on.tracker.add(f) == status::ok);
    REQUIRE(on.tracker.forget(f) == status::ok);
    REQUIRE(on.tracker.add(other) == status::ok);
    REQUIRE(on.tracker.add(f) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{other, f});
    CHECK(coldest(on.tracker, 1) == std::vector{other});
}

TEST_CASE("A frame that is not of the range is refused by every verb", "[lru]") {
    stage<ring_fifo> on;
    auto& t = on.tracker;
    CHECK(t.add(stranger) == status::foreign_frame);
    CHECK(t.isolate(stranger) == status::foreign_frame);
    CHECK(t.putback(stranger) == status::foreign_frame);
    CHECK(t.putback_to(stranger, root_group) == status::foreign_frame);
    CHECK(t.pin(stranger) == status::foreign_frame);
    CHECK(t.unpin(stranger) == status::foreign_frame);
    CHECK(t.move_group(stranger, root_group) == status::foreign_frame);
    CHECK(t.evicted(stranger).error() == status::foreign_frame);
    CHECK(t.forget(stranger) == status::foreign_frame);
    CHECK(t.state_of(stranger).place == lru_place::untracked);
    t.touch(stranger); // ignored
}

TEMPLATE_TEST_CASE("Frames go back to the end that is asked for", "[lru]", ring_fifo, linked_fifo) {
    stage<TestType> on;
    const frame a{1001}, b{1002}, c{1003};
    for (const frame one : {a, b, c})
        CHECK(on.tracker.add(one) == status::ok);
    CHECK(on.tracker.isolate(b) == status::ok);
    CHECK(on.tracker.putback(b, putback_at::tail) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{b, a, c});
    CHECK(on.tracker.isolate(b) == status::ok);
    CHECK(on.tracker.putback(b, putback_at::head) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{a, c, b});
    CHECK(on.whole());
}

TEMPLATE_TEST_CASE("A pinned frame cannot be isolated or forgotten, and stays where it is", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.add(f) == status::ok);
    CHECK(on.tracker.pin(f) == status::ok);
    CHECK(on.tracker.pin(f) == status::ok);
    CHECK(on.where(f) == lru_place::listed);
    CHECK(on.tracker.isolate(f) == status::busy);
    CHECK(on.tracker.forget(f) == status::busy);
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on.tracker.isolate(f) == status::busy);
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on.tracker.unpin(f) == status::invalid_argument);
    CHECK(on.tracker.isolate(f) == status::ok);
}

TEMPLATE_TEST_CASE("A scan takes a pinned frame off its list, and the last unpin brings it back", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    REQUIRE(on.tracker.add(f) == status::ok);
    REQUIRE(on.tracker.pin(f) == status::ok);
    REQUIRE(on.tracker.pin(f) == status::ok);
    CHECK(coldest(on.tracker, 4).empty());
    CHECK(on.where(f) == lru_place::unevictable);
    CHECK(on_list(on.tracker).empty());
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on.where(f) == lru_place::unevictable);
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on.where(f) == lru_place::listed);
    CHECK(coldest(on.tracker, 4) == std::vector{f});
    CHECK(on.whole());
}

TEST_CASE("A frame that is pinned while it is isolated goes back as unevictable", "[lru]") {
    stage<linked_fifo> on;
    REQUIRE(on.tracker.add(f) == status::ok);
    REQUIRE(on.tracker.isolate(f) == status::ok);
    CHECK(on.tracker.pin(f) == status::ok);
    CHECK(on.tracker.state_of(f).pins == 1);
    CHECK(on.tracker.evicted(f).error() == status::busy);
    CHECK(on.tracker.putback(f) == status::ok);
    CHECK(on.where(f) == lru_place::unevictable);
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on.where(f) == lru_place::listed);
    CHECK(on.whole());
}

TEST_CASE("The count of pins ends with an error, not with a wrap", "[lru]") {
    stage<ring_fifo> on;
    REQUIRE(on.tracker.add(f) == status::ok);
    std::uint32_t pins = 0;
    while (on.tracker.pin(f) == status::ok)
        ++pins;
    CHECK(pins == state_word::max_references - 1);
    CHECK(on.tracker.pin(f) == status::no_memory);
    // A claimant of a pinned frame still finds a reference to take.
    CHECK(on.tracker.move_group(f, *on.tracker.create_group()) == status::ok);
    CHECK(on.tracker.state_of(f).pins == pins);
    for (; pins != 0; --pins)
        REQUIRE(on.tracker.unpin(f) == status::ok);
    CHECK(on.tracker.unpin(f) == status::invalid_argument);
    CHECK(on.whole());
}

TEST_CASE("An evicted frame leaves a token and can be added again", "[lru]") {
    stage<ring_fifo> on;
    REQUIRE(on.tracker.add(f) == status::ok);
    CHECK(on.tracker.evicted(f).error() == status::not_isolated);
    REQUIRE(on.tracker.isolate(f) == status::ok);
    const result<lru_token> token = on.tracker.evicted(f);
    REQUIRE(token);
    CHECK(*token);
    CHECK(on.where(f) == lru_place::untracked);
    CHECK(on.tracker.evicted(f).error() == status::absent);
    CHECK(on.tracker.add(f, root_group, *token) == status::ok);
    CHECK(on.tracker.stats().refaulted == 1);
    CHECK(on.tracker.stats().evicted == 1);
}

TEST_CASE("A span takes the lock of a group once to isolate, and once for frames in a row to put back",
          "[lru]") {
    chosen_slots::mine = slot_index::none();
    small_lru<linked_fifo, counted_groups<small_lru_policy>> tracker{some_frames(24), 4};
    const std::array<group_id, 2> groups{root_group, *tracker.create_group()};
    std::vector<frame> in;
    for (const frame one : some_frames(24)) {
        in.push_back(one);
        REQUIRE(tracker.add(one, groups[one.raw() / 8 % 2]) ==
                status::ok); // eight of one, eight of the other, eight
    }
    std::vector<frame> out(in.size());
    group_lock_count::taken = group_lock_count::together = 0;
    CHECK(tracker.isolate(in, out) == in.size());
    CHECK(group_lock_count::taken == 2);
    CHECK(tracker.putback(out) == in.size());
    CHECK(group_lock_count::taken == 2 + 3);
    CHECK(group_lock_count::together == 0);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("A span is isolated and put back across groups; what is not free is left out", "[lru]",
                   ring_fifo, linked_fifo) {
    stage<TestType> on;
    std::vector<frame> in;
    std::vector<group_id> groups{root_group, *on.tracker.create_group(), *on.tracker.create_group()};
    for (const frame one : some_frames(64)) {
        in.push_back(one);
        REQUIRE(on.tracker.add(one, groups[one.raw() % 3]) == status::ok);
    }
    REQUIRE(on.tracker.pin(frame{1005}) == status::ok);
    REQUIRE(on.tracker.isolate(frame{1006}) == status::ok);
    std::vector<frame> out(64);
    out.resize(on.tracker.isolate(in, out));
    CHECK(out.size() == 62);
    std::erase(in, frame{1005});
    std::erase(in, frame{1006});
    CHECK(out == in);
    for (const group_id g : groups)
        CHECK(on_list(on.tracker, g).size() == (g == group_id{1005 % 3} ? 1 : 0));
    CHECK(on.tracker.putback(out) == 62);
    CHECK(on.tracker.putback(out) == 0);
    for (const frame one : out)
        CHECK(on.tracker.state_of(one).group == groups[one.raw() % 3]);
    CHECK(on.whole());
}

TEST_CASE("A span is isolated until there is no room for more", "[lru]") {
    stage<ring_fifo> on;
    std::vector<frame> in;
    for (const frame one : some_frames(40)) {
        in.push_back(one);
        REQUIRE(on.tracker.add(one) == status::ok);
    }
    for (const std::size_t room : {0u, 1u, 31u, 33u, 64u}) {
        const std::size_t taken = std::min(room, in.size());
        std::vector<frame> out(room + 1, frame::none()); // one behind it
        CHECK(on.tracker.isolate(in, std::span{out}.first(room)) == taken);
        CHECK(out[taken] == frame::none());
        CHECK(std::equal(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(taken), out.begin()));
        CHECK(on_list(on.tracker, root_group).size() == in.size() - taken);
        CHECK(on.tracker.putback(std::span{out}.first(taken)) == taken);
    }
    CHECK(on.whole());
}

TEST_CASE("A frame moves with its pins, but not out of a claimant's hands", "[lru]") {
    stage<linked_fifo> on;
    const group_id other = *on.tracker.create_group();
    REQUIRE(on.tracker.add(f) == status::ok);
    REQUIRE(on.tracker.isolate(f) == status::ok);
    CHECK(on.tracker.move_group(f, other) == status::busy);
    CHECK(on.tracker.putback_to(f, group_id{3}) == status::invalid_argument);
    CHECK(on.where(f) == lru_place::isolated);
    CHECK(on.tracker.putback_to(f, other) == status::ok);
    CHECK(on_list(on.tracker, other) == std::vector{f});
    REQUIRE(on.tracker.pin(f) == status::ok);
    CHECK(on.tracker.move_group(f, root_group) == status::ok);
    CHECK(on.where(f) == lru_place::unevictable);
    CHECK(on.tracker.state_of(f).group == root_group);
    CHECK(on.tracker.unpin(f) == status::ok);
    CHECK(on_list(on.tracker) == std::vector{f});
    CHECK(on.tracker.move_group(f, group_id{3}) == status::invalid_argument);
    CHECK(on.whole());
}

TEST_CASE("A deactivated frame is reclaimed next; a hint of use protects", "[lru]") {
    stage<replacement::clock<1>> on;
    for (const frame one : some_frames(4))
        REQUIRE(on.tracker.add(one) == status::ok);
    on.tracker.hint(some_frames(2), lru_hint::will_need);
    CHECK(coldest(on.tracker, 1) == std::vector{frame{1002}});
    on.tracker.touch(frame{1003});
    on.tracker.hint({frame{1003}, frame_count{1}}, lru_hint::sequential);
    CHECK(coldest(on.tracker, 1) == std::vector{frame{1003}});
    on.tracker.touch(frame{1001});
    on.tracker.deactivate({frame{1001}, frame_count{1}});
    CHECK(coldest(on.tracker, 1) == std::vector{frame{1001}});
    // A range may reach beyond what is tracked, as far as numbers go: it costs the frames that are.
    on.tracker.hint({frame{0}, frame_count{UINT64_MAX}}, lru_hint::will_need);
    on.tracker.hint({frame{1002}, frame_count{UINT64_MAX}}, lru_hint::once);
    CHECK(on.tracker.validate());
}

TEMPLATE_TEST_CASE("Deactivated frames are reclaimed next, whatever list they are on", "[lru]",
                   replacement::lru, replacement::fifo, replacement::clock<>, replacement::sieve,
                   replacement::two_list, replacement::generations<>, replacement::s3_fifo<>,
                   replacement::lirs, replacement::adaptive) {
    small_lru<TestType> tracker{some_frames(100)};
    chosen_slots::mine = slot_index::none();
    for (const frame one : some_frames(100))
        REQUIRE(tracker.add(one) == status::ok);
    for (int round = 0; round != 2; ++round) {
        for (const frame one : some_frames(60))
            for (int touches = 0; touches != 3; ++touches)
                tracker.touch(one);
        (void)tracker.reclaim(root_group, frame_count{10}, [](frame) { return verdict::keep; });
        REQUIRE(tracker.age(root_group) == status::ok);
    }
    std::vector<frame> cold{frame{1020}, frame{1007}, frame{1003}, frame{1090}};
    for (const frame one : cold)
        tracker.deactivate({one, frame_count{1}});
    std::ranges::reverse(cold);
    CHECK(coldest(tracker, cold.size()) == cold);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("A frame that takes another's stead has its group, its age and its place to go back to",
                   "[lru]", ring_fifo, linked_clock, replacement::adaptive,
                   (replacement::any_policy<replacement::clock<1>, replacement::adaptive>)) {
    stage<TestType> on;
    const frame from{1001}, to{1030};
    const group_id other = *on.tracker.create_group();
    REQUIRE(on.tracker.add(from, other) == status::ok);
    on.tracker.touch(from);
    CHECK(on.tracker.transfer(to, from) == status::absent);
    CHECK(on.tracker.transfer(from, to) == status::not_isolated);
    REQUIRE(on.tracker.isolate(from) == status::ok);
    CHECK(on.tracker.transfer(from, stranger) == status::foreign_frame);
    CHECK(on.tracker.transfer(from, from) == status::busy);
    REQUIRE(on.tracker.pin(from) == status::ok);
    CHECK(on.tracker.transfer(from, to) == status::busy);
    CHECK(on.where(to) == lru_place::untracked);
    REQUIRE(on.tracker.unpin(from) == status::ok);
    CHECK(on.tracker.transfer(from, to) == status::ok);
    CHECK(on.where(from) == lru_place::untracked);
    CHECK(on.where(to) == lru_place::isolated);
    CHECK(on.tracker.state_of(to).cold == 0);
    CHECK(on.tracker.putback(to) == status::ok);
    CHECK(on_list(on.tracker, other) == std::vector{to});
    CHECK(on.whole());
}

TEMPLATE_TEST_CASE("Frames that are not of the range, or not free, are left out of what is done to many",
                   "[lru]", ring_fifo, linked_fifo) {
    small_lru<TestType> tracker{some_frames(8), 2};
    const group_id g = *tracker.create_group();
    const frame foreign{5000}, a{1000}, b{1001}, untracked{1002}, batched{1003};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(a) == status::ok);
    REQUIRE(tracker.add(b, g) == status::ok);
    REQUIRE(tracker.add(slot_index{1}, batched) == status::ok);
    const frame some[] = {foreign, a, untracked, batched, a};
    frame out[5];
    REQUIRE(tracker.isolate(some, out) == 2);
    CHECK((out[0] == a && out[1] == batched));
    CHECK(tracker.putback(some) == 2);
    CHECK(on_list(tracker) == std::vector{a, batched});
    CHECK(tracker.transfer(a, foreign) == status::foreign_frame);
    CHECK(tracker.transfer(foreign, a) == status::foreign_frame);
    tracker.hint({frame{999}, frame_count{10}}, lru_hint::once); // a, b and batched, and nothing else
    CHECK(tracker.state_of(untracked).place == lru_place::untracked);
    CHECK(tracker.validate(true));
}

TEST_CASE("Only an isolated frame is put back into another group, at the end that is asked for", "[lru]") {
    small_lru<linked_fifo> tracker{some_frames(8), 2};
    const group_id g = *tracker.create_group();
    const frame a{1000}, b{1001};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(a) == status::ok);
    REQUIRE(tracker.add(b, g) == status::ok);
    CHECK(tracker.putback_to(a, g) == status::not_isolated);
    CHECK(tracker.putback_to(frame{1002}, g) == status::absent);
    REQUIRE(tracker.isolate(a) == status::ok);
    CHECK(tracker.putback_to(a, g, putback_at::tail) == status::ok);
    CHECK(on_list(tracker, g) == std::vector{a, b});
    CHECK(tracker.validate(true));
}

TEST_CASE("A token of a group that this LRU cannot have says nothing", "[lru]") {
    small_lru<replacement::two_list> tracker{some_frames(8), 2};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1000}, root_group, lru_token{group_id{9}, 0}) == status::ok);
    // One that it can have, and has not.
    REQUIRE(tracker.add(frame{1001}, root_group, lru_token{group_id{1}, 0}) == status::ok);
    CHECK(tracker.stats().refaulted == 0);
    CHECK(tracker.stats().added == 2);
}

TEST_CASE("What claims leave behind in a ring is thrown out though no frame comes there any more", "[lru]") {
    stage<ring_fifo> on;
    auto& t = on.tracker;
    const group_id other = *t.create_group();
    const std::vector<frame> all{some_frames(64).begin(), some_frames(64).end()};
    std::vector<frame> out(64);
    const auto entries_left = [&](auto leave) {
        for (const frame one : all)
            REQUIRE(t.add(one) == status::ok);
        leave();
        const std::uint64_t left = t.internals().entries(root_group);
        for (const frame one : all)
            (void)t.forget(one);
        CHECK(on.whole());
        return left;
    };
    // A shorter list than 16 is left alone.
    CHECK(entries_left([&] { CHECK(t.move_group(all, other) == 64); }) < 16);
    CHECK(entries_left([&] {
              CHECK(t.isolate(all, out) == 64);
              for (const frame one : all)
                  CHECK(t.putback_to(one, other) == status::ok);
          }) < 16);
    CHECK(entries_left([&] {
              for (const frame one : all) {
                  CHECK(t.isolate(one) == status::ok);
                  CHECK(t.putback_to(one, other) == status::ok);
              }
          }) < 16);
    CHECK(entries_left([&] {
              for (const frame one : all)
                  CHECK(t.forget(one) == status::ok);
          }) < 16);
}

TEST_CASE("The token of a frame that was claimed before its group was merged tells when it was used",
          "[lru]") {
    stage<replacement::lirs> on;
    const group_id g = *on.tracker.create_group();
    REQUIRE(on.tracker.add(f, g) == status::ok);
    for (int n = 0; n != 5; ++n)
        on.tracker.age(root_group);
    REQUIRE(on.tracker.isolate(f) == status::ok);
    REQUIRE(on.tracker.merge_groups(g, root_group) == status::ok);
    CHECK(on.tracker.state_of(f).cold == 0);
    CHECK(on.tracker.evicted(f)->payload() == 5); // the tick of its group now
    CHECK(on.whole());
}
