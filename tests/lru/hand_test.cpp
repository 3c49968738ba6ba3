// tests/lru/hand_test.cpp - one list a group that is the frames themselves and a hand.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/hand.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using hand_clock = replacement::clock<1, list_kind::hand>;

void fill(small_lru<hand_clock>& tracker, frame_range range, group_id g = root_group) {
    chosen_slots::mine = slot_index::none();
    for (const frame f : range)
        REQUIRE(tracker.add(f, g) == status::ok);
}
std::vector<frame> numbered(std::initializer_list<std::uint32_t> numbers) {
    std::vector<frame> all;
    for (const std::uint32_t n : numbers)
        all.push_back(frame{1000 + n});
    return all;
}

} // namespace

TEST_CASE("The hand takes frames in order of number, and passes a touched one once", "[lru]") {
    small_lru<hand_clock> tracker{some_frames(6)};
    fill(tracker, some_frames(6));
    tracker.touch(frame{1001});
    CHECK(coldest(tracker, 2) == numbered({0, 2}));
    REQUIRE(tracker.putback(frame{1000}) == status::ok); // behind the hand: the newest
    CHECK(coldest(tracker, 6) == numbered({3, 4, 5, 0, 1}));
    CHECK(coldest(tracker, 1).empty());
    CHECK(tracker.validate(true));
}

TEST_CASE("The hand goes to a frame that is put back as the oldest", "[lru]") {
    small_lru<hand_clock> tracker{some_frames(6)};
    fill(tracker, some_frames(6));
    tracker.deactivate({frame{1004}, frame_count{1}});
    CHECK(coldest(tracker, 3) == numbered({4, 5, 0}));
}

TEST_CASE("The hand of a group passes the frames of others, and finds those of a merged one", "[lru]") {
    small_lru<hand_clock> tracker{some_frames(6), 3};
    const group_id other = *tracker.create_group();
    for (const frame f : some_frames(6))
        fill(tracker, {f, frame_count{1}}, f.raw() % 2 == 0 ? root_group : other);
    CHECK(coldest(tracker, 2, other) == numbered({1, 3}));
    CHECK(tracker.stats(other).listed.raw() == 1);
    REQUIRE(tracker.putback(frame{1001}) == status::ok);
    REQUIRE(tracker.merge_groups(other, root_group) == status::ok);
    CHECK(tracker.stats(root_group).listed.raw() == 5); // one is claimed
    REQUIRE(tracker.putback(frame{1003}) == status::ok);
    CHECK(coldest(tracker, 9) == numbered({0, 1, 2, 3, 4, 5}));
    CHECK(tracker.validate(true));
}

TEST_CASE("Frames are counted right whatever becomes of them", "[lru]") {
    constexpr std::uint32_t frames = 40;
    small_lru<hand_clock> tracker{some_frames(frames), 3};
    const group_id groups[] = {root_group, *tracker.create_group()};
    chosen_slots::mine = slot_index::none();
    rng random{seed()};
    for (int n = scaled(20'000); n != 0; --n) {
        const frame f{1000 + static_cast<std::uint32_t>(random.below(frames))};
        const group_id g = groups[random.below(2)];
        switch (random.below(8)) {
        case 0: (void)tracker.add(f, g); break;
        case 1: (void)tracker.isolate(f); break;
        case 2: (void)tracker.putback(f, static_cast<putback_at>(random.below(3))); break;
        case 3: (void)tracker.pin(f); break;
        case 4: (void)tracker.unpin(f); break;
        case 5: (void)tracker.move_group(f, g); break;
        case 6: (void)tracker.forget(f); break;
        default: (void)tracker.putback(coldest(tracker, static_cast<std::size_t>(random.below(4)), g)); break;
        }
        std::uint64_t listed[2] = {};
        for (const frame each : some_frames(frames))
            if (const lru_state s = tracker.state_of(each); s.place == lru_place::listed)
                ++listed[s.group == groups[1]];
        REQUIRE(tracker.stats(groups[0]).listed.raw() == listed[0]);
        REQUIRE(tracker.stats(groups[1]).listed.raw() == listed[1]);
    }
    CHECK(tracker.validate(true));
}

TEST_CASE("A frame that takes another's stead is on the list of the hand", "[lru]") {
    small_lru<hand_clock> tracker{some_frames(8), 3};
    const group_id other = *tracker.create_group();
    fill(tracker, some_frames(4), other);
    REQUIRE(tracker.isolate(frame{1001}) == status::ok);
    REQUIRE(tracker.transfer(frame{1001}, frame{1006}) == status::ok);
    REQUIRE(tracker.putback(frame{1006}) == status::ok);
    CHECK(tracker.validate(true));
    CHECK(tracker.stats(other).listed.raw() == 4);
    CHECK(coldest(tracker, 8, other) == numbered({0, 2, 3, 6}));
}

TEST_CASE("Who looks along the hand's list stops where he likes", "[lru]") {
    small_lru<hand_clock> tracker{some_frames(6)};
    fill(tracker, some_frames(6));
    REQUIRE(coldest(tracker, 2) == numbered({0, 1}));
    const auto& core = tracker.internals();
    std::vector<std::uint32_t> seen;
    core.lists().for_each(core.list_at(root_group, 0), [&](auto entry) {
        seen.push_back(entry.frame);
        return seen.size() != 3;
    });
    CHECK(seen == std::vector<std::uint32_t>{2, 3, 4});
}
