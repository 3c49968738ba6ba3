// tests/lru/scan_test.cpp - isolating the coldest frames, and reclaim.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/scan.hpp"

#include "lru/race_stage.hpp"
#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

template <class R>
void fill(small_lru<R>& tracker, frame_range range) {
    chosen_slots::mine = slot_index::none();
    for (const frame f : range)
        REQUIRE(tracker.add(f) == status::ok);
}
std::vector<frame> all_of(frame_range range) {
    return {range.begin(), range.end()};
}

struct fake_clock {
    static inline std::uint64_t time = 1'000'000;
    [[nodiscard]] static std::uint64_t now() noexcept { return time; }
};
struct fake_clock_policy : small_lru_policy {
    using clock = fake_clock;
};

} // namespace

TEMPLATE_TEST_CASE("Reclaim shows the coldest frames first, and no more than the budget", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(200)};
    fill(tracker, some_frames(200));
    std::vector<frame> shown;
    const scan_result done = tracker.reclaim(root_group, frame_count{70}, [&](frame f) {
        shown.push_back(f);
        CHECK(tracker.state_of(f).place == lru_place::isolated);
        return verdict::reclaim;
    });
    CHECK(shown == all_of(some_frames(70)));
    CHECK(done.isolated.raw() == 70);
    CHECK(done.reclaimed.raw() == 70);
    CHECK(tracker.stats().listed.raw() == 130);
    CHECK(tracker.stats().evicted == 70);
    CHECK(tracker.validate(true));
    CHECK(tracker.reclaim(root_group, frame_count{1000}, [](frame) { return verdict::reclaim; })
              .reclaimed.raw() == 130);
    CHECK(tracker.reclaim(root_group, frame_count{1000}, [](frame) { return verdict::reclaim; }) ==
          scan_result{});
}

TEST_CASE("Each verdict does what it says", "[lru]") {
    small_lru<linked_clock> tracker{some_frames(8), 2};
    const group_id other = *tracker.create_group();
    fill(tracker, some_frames(6));
    std::vector<std::pair<frame, lru_token>> released;
    const scan_result done = tracker.reclaim(
        root_group, frame_count{6},
        [&](frame f) -> reclaim_answer {
            switch (f.raw()) {
            case 1000: return verdict::keep;
            case 1001: return verdict::rotate;
            case 1002: return verdict::reclaim;
            case 1003: return verdict::pin;
            case 1004: return reclaim_answer::move_to(other);
            default: return reclaim_answer::move_to(group_id{7}); // there is none
            }
        },
        [&](frame f, lru_token token) {
            CHECK(tracker.state_of(f).place == lru_place::untracked);
            released.emplace_back(f, token);
        });
    CHECK(done.isolated.raw() == 6);
    for (const frame_count n :
         {done.kept, done.rotated, done.reclaimed, done.pinned, done.moved, done.refused})
        CHECK(n.raw() == 1);
    REQUIRE(released.size() == 1);
    CHECK(released[0].first == frame{1002});
    CHECK(released[0].second);
    CHECK(on_list(tracker) == std::vector{frame{1000}, frame{1001}, frame{1005}});
    CHECK(tracker.state_of(frame{1001}).cold == 0);
    CHECK(tracker.state_of(frame{1000}).cold != 0);
    CHECK(tracker.state_of(frame{1003}).place == lru_place::unevictable);
    CHECK(tracker.state_of(frame{1003}).pins == 1);
    CHECK(on_list(tracker, other) == std::vector{frame{1004}});
    CHECK(tracker.unpin(frame{1003}) == status::ok);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("A callback that throws leaves no frame claimed", "[lru]", ring_fifo, linked_fifo) {
    small_lru<TestType> tracker{some_frames(64)};
    fill(tracker, some_frames(64));
    int left = 5;
    CHECK_THROWS_AS(tracker.reclaim(root_group, frame_count{40},
                                    [&](frame) {
                                        if (left-- == 0) throw std::runtime_error("no");
                                        return verdict::reclaim;
                                    }),
                    std::runtime_error);
    std::vector<frame> wanted = all_of(some_frames(64));
    wanted.erase(wanted.begin(), wanted.begin() + 5);
    CHECK(on_list(tracker) == wanted); // also in the order they had
    CHECK_THROWS_AS(tracker.reclaim(
                        root_group, frame_count{40}, [](frame) { return verdict::reclaim; },
                        [](frame, lru_token) { throw std::runtime_error("no"); }),
                    std::runtime_error);
    CHECK(tracker.stats().listed.raw() == 58);
    CHECK(tracker.validate(true));
}

TEST_CASE("Callbacks may call the LRU, also to add, to drain and to reclaim", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 2};
    fill(tracker, some_frames(32));
    chosen_slots::mine = slot_index{1};
    bool first = true;
    std::uint64_t inner = 0;
    tracker.reclaim(
        root_group, frame_count{4},
        [&](frame f) -> reclaim_answer {
            if (!std::exchange(first, false)) return verdict::keep;
            CHECK(tracker.add(frame{1040}) == status::ok);
            CHECK(tracker.drain() == status::ok);
            CHECK(tracker.create_group());
            CHECK(tracker.isolate(frame{1020}) == status::ok);
            CHECK(tracker.putback(frame{1020}) == status::ok);
            CHECK(tracker.isolate(f) == status::busy);
            inner = tracker.reclaim(root_group, frame_count{8}, [](frame) { return verdict::reclaim; })
                        .reclaimed.raw();
            return verdict::reclaim;
        },
        [&](frame f, lru_token token) { CHECK(tracker.add(f, root_group, token) == status::ok); });
    chosen_slots::mine = slot_index::none();
    CHECK(inner == 8);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
    CHECK(tracker.stats().listed.raw() == 25);
}

TEST_CASE("A frame that the callback pins is not reclaimed", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(8)};
    fill(tracker, some_frames(1));
    const scan_result done = tracker.reclaim(root_group, frame_count{1}, [&](frame f) {
        CHECK(tracker.pin(f) == status::ok);
        return verdict::reclaim;
    });
    CHECK(done.refused.raw() == 1);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::unevictable);
    CHECK(tracker.unpin(frame{1000}) == status::ok);
    CHECK(tracker.validate(true));
}

TEMPLATE_TEST_CASE("A scan finds one frame behind many that have left", "[lru]", ring_fifo, linked_fifo) {
    small_lru<TestType> tracker{some_frames(64)};
    fill(tracker, some_frames(12));
    for (const frame f : some_frames(12))
        REQUIRE(tracker.forget(f) == status::ok);
    fill(tracker, {frame{1020}, frame_count{1}});
    CHECK(coldest(tracker, 1) == std::vector{frame{1020}});
}

TEST_CASE("A scan finds what other threads have only just added", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    chosen_slots::mine = slot_index{2};
    for (const frame f : some_frames(10))
        REQUIRE(tracker.add(f) == status::ok);
    chosen_slots::mine = slot_index{0};
    CHECK(coldest(tracker, 64) == all_of(some_frames(10)));
    chosen_slots::mine = slot_index::none();
}

TEST_CASE("A frame younger than the TTL is not reclaimed, whatever the policy says", "[lru]") {
    using tracker_type = lru<replacement::lru, fake_clock_policy>;
    CHECK(lru<ring_fifo>{lru_options{.frames = some_frames(8), .min_ttl_ns = 1}}.error() ==
          status::unsupported);
    tracker_type tracker{lru_options{.frames = some_frames(200), .min_ttl_ns = 1000}, replacement::lru{1}};
    chosen_slots::mine = slot_index::none();
    std::vector<std::uint64_t> touched(200);
    std::uint32_t next = 0, reclaimed = 0;
    for (int round = 0; round != 400; ++round) {
        fake_clock::time += 37 * (static_cast<unsigned>(round) % 7 + 1);
        const frame f{1000 + next};
        if (tracker.state_of(f).place == lru_place::untracked) {
            REQUIRE(tracker.add(f) == status::ok);
            touched[next] = fake_clock::time;
        }
        const std::uint32_t again = (next * 7 + 3) % 200;
        if (tracker.state_of(frame{1000 + again}).place != lru_place::untracked &&
            tracker.state_of(frame{1000 + again}).cold != 0) {
            tracker.touch(frame{1000 + again});
            touched[again] = fake_clock::time;
        }
        next = (next + 1) % 200;
        if (round % 3 == 0) REQUIRE(tracker.age(root_group) == status::ok);
        for (const frame gone : coldest(tracker, 4)) {
            CHECK(fake_clock::time - touched[gone.raw() - 1000] >= 1000);
            REQUIRE(tracker.evicted(gone));
            ++reclaimed;
        }
    }
    CHECK(reclaimed > 50);
    CHECK(tracker.validate(true));
}

TEST_CASE("A frame that is young in its group is young where it moves or is merged to", "[lru]") {
    lru<replacement::lru, fake_clock_policy> tracker{
        lru_options{.frames = some_frames(8), .groups = 3, .min_ttl_ns = 1000}, replacement::lru{1}};
    chosen_slots::mine = slot_index::none();
    const group_id from = *tracker.create_group(), way = *tracker.create_group();
    const auto ticks = [&](group_id g, int n, std::uint64_t apart) {
        for (; n != 0; --n) {
            fake_clock::time += apart;
            REQUIRE(tracker.age(g) == status::ok);
        }
    };
    const int first_ticks = GENERATE(0, 1, 3, 10, 100);
    ticks(root_group, first_ticks, 10'000);
    ticks(way, 50, 10'000);
    ticks(from, 1, 10'000);
    REQUIRE(tracker.add(frame{1000}, from) == status::ok);
    ticks(from, 5, 10); // it is 50 ns old
    switch (GENERATE(0, 1, 2, 3)) {
    case 0: REQUIRE(tracker.move_group(frame{1000}, root_group) == status::ok); break;
    case 1: REQUIRE(tracker.merge_groups(from, root_group) == status::ok); break;
    case 2: // bears the id of a group that is no more
        REQUIRE(tracker.merge_groups(from, way) == status::ok);
        REQUIRE(tracker.move_group(frame{1000}, root_group) == status::ok);
        break;
    default:
        REQUIRE(tracker.move_group(frame{1000}, from) == status::ok);
        CHECK(tracker.state_of(frame{1000}).cold == 5); // as it was
        REQUIRE(tracker.merge_groups(from, way) == status::ok);
        REQUIRE(tracker.merge_groups(way, root_group) == status::ok);
    }
    CHECK(coldest(tracker, 1).empty());
    ticks(root_group, 1, 10);
    CHECK(coldest(tracker, 1).empty());
    fake_clock::time += 2000;
    CHECK(coldest(tracker, 1) == std::vector{frame{1000}});
}

TEST_CASE("A frame with as many pins as there can be is not pinned once more", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(8)};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    const scan_result done = tracker.reclaim(root_group, frame_count{1}, [&](frame f) {
        while (tracker.pin(f) == status::ok)
            ;
        return verdict::pin;
    });
    CHECK(done.refused.raw() == 1);
    CHECK(done.pinned.raw() == 0);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::unevictable);
}

TEMPLATE_TEST_CASE("An LRU of one frame reclaims it again and again", "[lru]", ring_fifo, linked_fifo,
                   replacement::clock<1>, (replacement::clock<1, list_kind::hand>), replacement::lru,
                   replacement::two_list, replacement::generations<>, replacement::s3_fifo<>,
                   replacement::sieve, replacement::lirs, replacement::adaptive) {
    small_lru<TestType> tracker{some_frames(1)};
    const frame only{1000};
    lru_token token;
    for (unsigned round = 0; round != 300; ++round) {
        REQUIRE(tracker.add(only, root_group, token, 7) == status::ok);
        CHECK(tracker.add(only) == status::busy);
        if (round % 2 != 0) tracker.touch(only);
        const scan_result all = tracker.reclaim(
            root_group, frame_count{2}, [](frame) { return verdict::reclaim; },
            [&](frame f, lru_token given) {
                CHECK(f == only);
                token = given;
            });
        REQUIRE(all.reclaimed.raw() == 1);
        CHECK(tracker.state_of(only).place == lru_place::untracked);
        CHECK(coldest(tracker, 1).empty());
    }
    CHECK(tracker.validate(true));
}

TEST_CASE("Frames grow old however many ticks there are in the time for which they are kept", "[lru]") {
    lru<replacement::lru, fake_clock_policy> tracker{
        lru_options{.frames = some_frames(8), .min_ttl_ns = 1000}, replacement::lru{1}};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    for (int tick = 0; tick != 40; ++tick) {
        fake_clock::time += 50;
        REQUIRE(tracker.age(root_group) == status::ok);
        if (tick == 19) CHECK(coldest(tracker, 1).empty()); // the first tick was 950 ns ago
    }
    CHECK(coldest(tracker, 1) == std::vector{frame{1000}});
}

TEST_CASE("A scan that leaves a ring to what claims have left behind throws that out", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(400)};
    fill(tracker, some_frames(400));
    for (const frame f : some_frames(99, 1301)) // less than a third
        REQUIRE(tracker.isolate(f) == status::ok);
    CHECK(tracker.internals().entries(root_group) == 400);
    CHECK(coldest(tracker, 301).size() == 301);
    CHECK(tracker.internals().entries(root_group) == 0);
    CHECK(tracker.validate(true));
}

TEST_CASE("A scan goes on to another list when the one named only looked longer than it is", "[lru]") {
    stage<replacement::s3_fifo<>> on; // a, b and c are new, so on the small list
    on.tracker.touch(a);
    CHECK(coldest(on.tracker, 1) == std::vector{b}); // a is on the main list now
    REQUIRE(on.tracker.evicted(b));
    std::vector<frame> taken;
    after_change.arm(on.word(c), [&] { taken = coldest(on.tracker, 2); }); // claimed, not counted
    CHECK(on.tracker.isolate(c) == status::ok);
    CHECK(taken == std::vector{a});
    CHECK(on.tracker.putback(c) == status::ok);
    CHECK(on.tracker.putback(a) == status::ok);
    on.check_whole();
}

namespace {
struct stubborn : replacement_base {
    static constexpr unsigned lists = 2;
    template <class V>
    unsigned next(V&) const {
        return 1;
    }
};
} // namespace

TEST_CASE("A policy that names an empty list again and again ends the scan", "[lru]") {
    small_lru<stubborn> tracker{some_frames(8)};
    fill(tracker, some_frames(8)); // on list 0
    CHECK(coldest(tracker, 1).empty());
    CHECK(tracker.validate(true));
}

TEST_CASE("A scan for no frame finds none", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(8)};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    CHECK(tracker.isolate_coldest(root_group, {}) == 0);
    CHECK(tracker.stats().scanned == 0);
}

TEST_CASE("Until a tick is noted every frame is young; one from before the first tick is not", "[lru]") {
    lru<replacement::lru, fake_clock_policy> tracker{
        lru_options{.frames = some_frames(8), .min_ttl_ns = 1000}, replacement::lru{1}};
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(2))
        REQUIRE(tracker.add(f) == status::ok);
    tracker.deactivate({frame{1000}, frame_count{1}}); // as cold as can be
    CHECK(coldest(tracker, 2).empty());
    REQUIRE(tracker.age(root_group) == status::ok);
    CHECK(coldest(tracker, 2) == std::vector{frame{1000}});
}

TEST_CASE("A group that is made anew has none of the ticks of the one before", "[lru]") {
    lru<replacement::lru, fake_clock_policy> tracker{
        lru_options{.frames = some_frames(8), .groups = 2, .min_ttl_ns = 1000}, replacement::lru{1}};
    chosen_slots::mine = slot_index::none();
    const group_id g = *tracker.create_group();
    for (int tick = 0; tick != 64; ++tick)
        REQUIRE(tracker.age(g) == status::ok);
    REQUIRE(tracker.remove_group(g) == status::ok);
    REQUIRE(*tracker.create_group() == g);
    REQUIRE(tracker.add(frame{1000}, g) == status::ok);
    tracker.deactivate({frame{1000}, frame_count{1}}); // as cold as can be: older than the first tick
    REQUIRE(tracker.age(g) == status::ok);
    CHECK(coldest(tracker, 1, g) == std::vector{frame{1000}});
}
