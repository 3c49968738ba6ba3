// tests/lru/survey_test.cpp - ages, places, figures, and whether the lists are whole.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/survey.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/replacement/belady.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/pool.hpp"
#include "support/seed.hpp"

#include "cordon/sync/lock_counter.hpp"
#include "cordon/sync/observed_lock.hpp"

#include <atomic>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

namespace reference = cordon::testing::replacement;
using exact_lru = cordon::replacement::lru;

// Says that somebody is about to wait, so that the holder can let go.
struct watched_counter : lock_counter<default_policy::clock> {
    mutable std::atomic<bool> watched = false;
    mutable std::atomic<unsigned> waiters = 0;
    void before_lock() {
        if (watched) ++waiters;
    }
};
struct counted_policy : small_lru_policy {
    using group_lock = observed_lock<spin_lock<>, watched_counter>;
};

template <class T>
std::string text(const T& value) {
    text_buffer<200> out;
    out << value;
    return std::string{out.view()};
}
template <class R>
void fill(small_lru<R>& tracker) {
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(8))
        REQUIRE(tracker.add(f) == status::ok);
}

} // namespace

TEST_CASE("The histogram has every tracked frame of the group once", "[lru]") {
    small_lru<exact_lru> tracker{some_frames(64), 2};
    fill(tracker);
    REQUIRE(tracker.add(frame{1020}, *tracker.create_group()) == status::ok);
    REQUIRE(tracker.age(root_group) == status::ok);
    REQUIRE(tracker.age(root_group) == status::ok);
    tracker.touch(frame{1000});
    tracker.touch(frame{1001});
    REQUIRE(tracker.isolate(frame{1002}) == status::ok);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    REQUIRE(tracker.pin(frame{1003}) == status::ok);
    REQUIRE(tracker.putback(frame{1003}) == status::ok);
    const age_histogram all = tracker.age_histogram();
    CHECK(all.total() == 8);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::listed)] == 6);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::isolated)] == 1);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::unevictable)] == 1);
    CHECK(all.by_age[0] == 2);
    CHECK(all.by_age[2] == 6);
    CHECK(tracker.working_set(root_group, 0).raw() == 2);
    CHECK(tracker.working_set(root_group, 1).raw() == 2);
    CHECK(tracker.working_set(root_group, 2).raw() == 8);
    CHECK(tracker.age_histogram(group_id{1}).total() == 1);
    CHECK(tracker.age_histogram(group_id{7}).total() == 0);
    CHECK(tracker.stats(group_id{7}).added == 0);
    CHECK(tracker.stats().ticks == 2);
}

TEST_CASE("The cold frames of a group are found by number; what is young, claimed or pinned is left out",
          "[lru]") {
    small_lru<exact_lru> tracker{some_frames(64), 2};
    fill(tracker);
    REQUIRE(tracker.add(frame{1020}, *tracker.create_group()) == status::ok);
    for (int n = 0; n != 3; ++n)
        REQUIRE(tracker.age(root_group) == status::ok);
    tracker.touch(frame{1001});
    REQUIRE(tracker.isolate(frame{1002}) == status::ok);
    REQUIRE(tracker.pin(frame{1003}) == status::ok);
    std::vector<frame> out(8);
    const auto cold = [&](std::uint8_t at_least, frame from) {
        return std::vector<frame>(out.data(),
                                  out.data() + tracker.cold_frames(root_group, at_least, out, from));
    };
    CHECK(cold(3, frame{1000}) ==
          std::vector{frame{1000}, frame{1004}, frame{1005}, frame{1006}, frame{1007}});
    CHECK(cold(3, frame{1006}) == std::vector{frame{1006}, frame{1007}});
    CHECK(cold(0, frame{1000}).size() == 6);
    CHECK(cold(4, frame{1000}).empty());
    CHECK(cold(0, frame{1064}).empty());
    CHECK(cold(0, frame{3}).size() == 6); // from below the range
    CHECK(tracker.cold_frames(root_group, 3, std::span{out}.first(2)) == 2);
    CHECK(out[1] == frame{1004});
    CHECK(tracker.cold_frames(group_id{1}, 0, out) == 1);
    CHECK(tracker.cold_frames(group_id{7}, 0, out) == 0);
}

TEST_CASE("A group that there is no more has no curve of misses", "[lru]") {
    small_lru<exact_lru> tracker{some_frames(4096), 2};
    const group_id g = *tracker.create_group();
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(4096)) // behind the groups lies what is known of these
        REQUIRE(tracker.add(f, f == frame{1020} ? g : root_group) == status::ok);
    CHECK(tracker.miss_curve(g).misses == 1);
    REQUIRE(tracker.forget(frame{1020}) == status::ok);
    REQUIRE(tracker.remove_group(g) == status::ok);
    CHECK(tracker.miss_curve(g).misses == 0);
    CHECK(tracker.miss_curve(group_id{7}).misses == 0);
}

TEST_CASE("The curve of misses bounds those of a larger lru, and is near them up to twice the size",
          "[lru]") {
    constexpr std::uint64_t capacity = 200;
    const reference::trace t = reference::zipf_trace(30'000, 2'000, 0.8, seed());
    reference::pool<exact_lru> small{capacity};
    const std::uint64_t misses_of_small = reference::misses(small, t);
    REQUIRE(small.tracker().drain() == status::ok); // the last one added
    const miss_curve curve = small.tracker().miss_curve();
    CHECK(curve.misses == misses_of_small);
    CHECK(curve.with_more(frame_count{0}) == misses_of_small);
    std::uint64_t before = misses_of_small;
    for (const std::uint64_t extra : {1u, 3u, 15u, 63u, 127u, 255u, 1023u}) {
        const std::uint64_t told = curve.with_more(frame_count{extra});
        const std::uint64_t larger = reference::misses(reference::lru{capacity + extra}, t);
        INFO(extra << " frames more: " << larger << " misses, told " << told);
        CHECK(larger <= told);
        CHECK(told <= before);
        if (extra <= capacity)
            CHECK(told - larger <= misses_of_small / 33); // further up it counts pages twice
        before = told;
    }
    CHECK(before < misses_of_small / 2);
}

TEST_CASE("A distance that the token does not tell spares no miss", "[lru]") {
    CHECK(miss_curve::power_of(0) == 0);
    CHECK(miss_curve::power_of(1) == 1);
    CHECK(miss_curve::power_of(UINT32_MAX) == 32);
    miss_curve curve;
    curve.misses = 3;
    for (const std::uint64_t distance : {std::uint64_t{5}, std::uint64_t{1} << 33, UINT64_MAX})
        ++curve.by_distance[miss_curve::power_of(distance)];
    CHECK(curve.with_more(frame_count{6}) == 3);
    CHECK(curve.with_more(frame_count{7}) == 2);
    CHECK(curve.with_more(frame_count{UINT64_MAX}) == 2);
}

TEST_CASE("A policy's group lock tells how often it was waited for", "[lru]") {
    small_lru<ring_fifo, counted_policy> tracker{some_frames(8)};
    chosen_slots::mine = slot_index::none();
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    const lock_figures before = tracker.group_lock().observer().snapshot();
    CHECK(before.acquisitions != 0);
    CHECK(before.contended == 0);
    std::atomic<bool> held = false;
    std::thread holder{[&] {
        auto& core = tracker.internals();
        std::remove_reference_t<decltype(core)>::section hold{core};
        hold.enter(root_group);
        held = true;
        while (tracker.group_lock().observer().waiters.load() == 0)
            std::this_thread::yield();
    }};
    while (!held)
        std::this_thread::yield();
    tracker.group_lock().observer().watched = true;
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    holder.join();
    CHECK(tracker.group_lock().observer().snapshot().contended == 1);
}

TEMPLATE_TEST_CASE("A list that lost a frame, or has one too many, is not valid", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 2};
    fill(tracker);
    auto& core = tracker.internals();
    CHECK(tracker.validate(true));
    CHECK(text(tracker.validate(true)) == "8 frames listed, sums: valid");
    CHECK(text(tracker.validate()) == "8 frames listed: valid");
    auto& word = core.word_of(frame_index{3});
    const std::uint32_t right = word.load(std::memory_order_relaxed);
    const auto with_word = [&](state_word w) {
        word.store(w.raw(), std::memory_order_relaxed);
        const lru_validation found = tracker.validate(true);
        word.store(right, std::memory_order_relaxed);
        return found;
    };
    CHECK(!with_word(state_word{right}.with(lru_place::untracked)));
    CHECK(!with_word(state_word{right}.with(lru_place::isolated)));
    CHECK(!with_word(state_word{right}.with(lru_place::unevictable)));
    CHECK(!with_word(state_word{right}.with_mark(3)));
    CHECK(tracker.create_group());
    CHECK(!with_word(state_word{right}.with_group(group_id{1})));
    auto& stranger = core.word_of(frame_index{40});
    stranger.store(state_word{lru_place::listed, root_group, 0}.raw(), std::memory_order_relaxed);
    CHECK(!tracker.validate(true));
    stranger.store(0, std::memory_order_relaxed);
    using lists_type = typename lru_core<TestType, small_lru_policy>::lists_type;
    {
        typename lists_type::turn here{core.lists(), core.list_at(root_group, 0)};
        typename lists_type::entry first;
        REQUIRE(here.oldest(first));
        here.drop(first, true);
    }
    const lru_validation lost = tracker.validate(true);
    CHECK(!lost);
    CHECK(std::string_view{lost.what} == "a listed frame is on no list");
    CHECK(text(lost).ends_with("a listed frame is on no list"));
}

TEST_CASE("Words that contradict themselves, and entries of no frame, are reported", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    fill(tracker);
    auto& core = tracker.internals();
    const auto fault_with = [&](std::uint32_t n, state_word w) {
        auto& word = core.word_of(frame_index{n});
        word.store(w.raw(), std::memory_order_relaxed);
        const lru_validation found = tracker.validate(true);
        word.store(0, std::memory_order_relaxed);
        return std::string{found.what == nullptr ? "none" : found.what};
    };
    CHECK(fault_with(40, state_word{lru_place::isolated, root_group, 0}) == "isolated without a reference");
    CHECK(fault_with(40, state_word{lru_place::isolated, root_group, 1}) == "none");
    CHECK(fault_with(40, state_word{lru_place::unevictable, root_group, 0}) == "unevictable without a pin");

    // Two faults: the first one is told.
    auto& other = core.word_of(frame_index{41});
    other.store(state_word{lru_place::unevictable, root_group, 0}.raw(), std::memory_order_relaxed);
    CHECK(fault_with(40, state_word{lru_place::isolated, root_group, 0}) == "isolated without a reference");
    other.store(0, std::memory_order_relaxed);
    CHECK(tracker.validate(true));

    (void)core.lists().push(core.list_at(root_group, 0), frame_index{1u << 20}, list_end::oldest, 0);
    const lru_validation found = tracker.validate();
    REQUIRE(!found);
    CHECK(std::string_view{found.what} == "an entry of a list is no frame");
}
