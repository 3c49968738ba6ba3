// tests/lru/core_test.cpp - making an LRU, touching, tokens, and forks.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/core.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/counting_atomics.hpp"
#include "support/lrus.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct counting_policy : single_threaded_policy {
    using atomics = counting_atomics;
};

struct no_memory_policy : default_policy {
    using metadata_memory = no_memory_source;
};

struct aligned_delete {
    void operator()(std::byte* memory) const {
        ::operator delete (memory, std::align_val_t{cache_line_bytes});
    }
};
using area = std::unique_ptr<std::byte, aligned_delete>;

} // namespace

TEST_CASE("A touch is one load of the byte and at most one store", "[lru]") {
    lru<replacement::clock<2>, counting_policy> tracker{some_frames(8)};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    unsigned stores[4];
    for (unsigned& n : stores) {
        counting_atomics::loads = counting_atomics::stores = 0;
        tracker.touch(frame{1000});
        CHECK(counting_atomics::loads == 1);
        n = counting_atomics::stores;
    }
    CHECK(stores[0] == 1);
    CHECK(stores[1] == 1);
    CHECK(stores[2] == 0); // as warm as can be
    CHECK(stores[3] == 0);
}

TEST_CASE("Who knows the group of a frame touches it as who does not, by the group's own clock", "[lru]") {
    small_lru<replacement::lru> tracker{some_frames(4), 2};
    const group_id other = *tracker.create_group();
    for (const frame f : {frame{1000}, frame{1001}, frame{1002}})
        REQUIRE(tracker.add(f, other) == status::ok);
    for (unsigned n = 0; n != 3; ++n)
        tracker.age(other);
    tracker.touch(frame{1000});
    tracker.touch(frame{1001}, other);
    tracker.touch(frame{5000}, other); // not of the range
    CHECK(tracker.state_of(frame{1000}).cold == 0);
    CHECK(tracker.state_of(frame{1001}).cold == 0);
    CHECK(tracker.state_of(frame{1002}).cold == 3);
}

TEST_CASE("A touch is by the clock of its group, wherever the range starts, and at any tick", "[lru]") {
    const std::uint32_t first = GENERATE(0u, 1u, 1000u);
    const std::uint32_t groups = GENERATE(1u, 2u);
    small_lru<replacement::lru> tracker{some_frames(600, first), groups};
    const frame last{first + 599};
    REQUIRE(tracker.add(frame{first}) == status::ok);
    REQUIRE(tracker.add(last) == status::ok);
    tracker.touch(last);
    REQUIRE(tracker.state_of(last).cold == 0); // before the first tick, too
    for (unsigned n = 0; n != 300; ++n) {
        REQUIRE(tracker.age(root_group) == status::ok);
        REQUIRE(tracker.state_of(last).cold == 1);
        tracker.touch(frame{first});
        tracker.touch(last);
        REQUIRE(tracker.state_of(frame{first}).cold == 0);
        REQUIRE(tracker.state_of(last).cold == 0);
    }
}

TEMPLATE_TEST_CASE("A touch of what is no frame of the range changes nothing of any frame", "[lru]",
                   replacement::lru, (replacement::clock<2, list_kind::ring>),
                   (replacement::clock<1, list_kind::hand>)) {
    const std::uint32_t first = GENERATE(0u, 1000u);
    const std::uint32_t count = GENERATE(1u, 255u, 256u, 257u, 600u);
    const lru_options options{.frames = some_frames(count, first)};
    const std::size_t bytes = lru<TestType>::metadata_bytes(options);
    const area memory{static_cast<std::byte*>(::operator new (bytes, std::align_val_t{cache_line_bytes}))};
    std::fill_n(memory.get(), bytes, std::byte{0});
    auto tracker = lru<TestType>::place({memory.get(), bytes}, options);
    REQUIRE(tracker.error() == status::ok);
    for (const frame f : options.frames)
        REQUIRE(tracker.add(f) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    for (unsigned ticks = 0; ticks != 130; ++ticks) { // the byte of the last is 4 away from the largest
        tracker.age(root_group);
        const auto& parts = tracker.internals().parts();
        const auto at_of = [&](const auto* cell) {
            return reinterpret_cast<const std::byte*>(cell) - memory.get();
        };
        const std::ptrdiff_t behind = at_of(parts.ages + count), words = at_of(parts.words);
        const std::vector<std::byte> before(memory.get(), memory.get() + bytes);
        for (std::uint32_t n = 0; n != 3000; ++n)
            if (!options.frames.contains(frame{n})) tracker.touch(frame{n});
        tracker.touch(frame{UINT32_MAX - 1});
        tracker.touch(frame::none());
        REQUIRE(std::equal(before.begin(), before.begin() + behind, memory.get()));
        REQUIRE(std::equal(before.begin() + words, before.end(), memory.get() + words));
    }
}

TEST_CASE("A bitmap touches the frames of its bits, and none outside of the range", "[lru]") {
    small_lru<replacement::clock<1>> tracker{some_frames(130)};
    for (const frame f : some_frames(130))
        REQUIRE(tracker.add(f) == status::ok);
    const std::uint64_t bits[] = {1ull << 0 | 1ull << 63, 1ull << 5, ~0ull};
    tracker.touch(frame{1000}, std::span<const std::uint64_t>{bits});
    tracker.touch(frame{1070}, std::uint64_t{2});
    for (const frame f : some_frames(130)) {
        const std::uint32_t n = f.raw() - 1000;
        const bool touched = n == 0 || n == 63 || n == 69 || n == 71 || n >= 128;
        CHECK((tracker.state_of(f).cold == 0) == touched);
    }
}

TEST_CASE("A bitmap ends where the numbers of frames do", "[lru]") {
    small_lru<replacement::clock<1>> low{some_frames(130, 0)}, high{some_frames(100, UINT32_MAX - 100)};
    for (const frame f : low.frames())
        REQUIRE(low.add(f) == status::ok);
    for (const frame f : high.frames())
        REQUIRE(high.add(f) == status::ok);
    const std::uint64_t all[] = {~0ull, ~0ull, ~0ull, ~0ull};
    const auto touched = [](auto& tracker) { return tracker.age_histogram().by_age[0]; };
    for (const std::uint32_t below_end : {0u, 1u, 62u, 63u, 64u, 65u, 130u, 200u}) {
        const frame first{UINT32_MAX - below_end};
        low.touch(first, all[0]);
        low.touch(first, std::span<const std::uint64_t>{all});
        CHECK(touched(low) == 0); // no frame is the one behind the last
        high.touch(first, all[0]);
        if (below_end < 100) CHECK(touched(high) == below_end);
    }
    high.touch(frame{UINT32_MAX - 130}, std::span<const std::uint64_t>{all});
    CHECK(touched(high) == 100);
}

TEST_CASE("A touch before the batch is flushed keeps its effect", "[lru]") {
    small_lru<replacement::clock<1>> tracker{some_frames(8)};
    chosen_slots::mine = slot_index{0};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    tracker.touch(frame{1000});
    CHECK(coldest(tracker, 1) == std::vector{frame{1001}});
    chosen_slots::mine = slot_index::none();
}

TEST_CASE("A frame that is added again starts cold, whatever it was before", "[lru]") {
    small_lru<replacement::clock<1>> tracker{some_frames(8)};
    tracker.touch(frame{1000}); // not tracked yet
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 1);
}

TEST_CASE("A token tells how long ago its content left, and in which group", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 2};
    const group_id other = *tracker.create_group();
    for (const frame f : some_frames(40))
        REQUIRE(tracker.add(f) == status::ok);
    std::vector<lru_token> tokens;
    for (const frame f : coldest(tracker, 30))
        tokens.push_back(*tracker.evicted(f));
    // 10 frames are left; 30 have gone since the first, 0 since the last.
    CHECK(tracker.refault(tokens[0]).distance == 30);
    CHECK(!tracker.refault(tokens[0]).activate);
    CHECK(tracker.refault(tokens[29]).distance == 1);
    CHECK(tracker.refault(tokens[29]).activate);
    CHECK(tracker.refault(lru_token{}).distance == 0);
    CHECK(tracker.add(frame{1000}, root_group, tokens[29]) == status::ok);
    CHECK(tracker.add(frame{1001}, other, tokens[28]) == status::ok);
    CHECK(tracker.stats().refaulted == 1);
    CHECK(tracker.stats().activated == 1);
    CHECK(tracker.stats(other).refaulted == 0); // another group's token says nothing here
}

TEST_CASE("The ghost table remembers by key what the embedder has no slot for", "[lru]") {
    small_lru<ring_fifo> tracker{lru_options{.frames = some_frames(64), .ghost_entries = 256}};
    for (const frame f : some_frames(8))
        REQUIRE(tracker.add(f) == status::ok);
    lru_token given;
    for (const frame f : coldest(tracker, 8))
        given = *tracker.evicted(f, f.raw() * 1000u);
    CHECK(tracker.refault_of(1007 * 1000u) == given);
    CHECK(!tracker.refault_of(1007 * 1000u)); // once
    CHECK(tracker.refault_of(1000 * 1000u));
    CHECK(!tracker.refault_of(12345));
    small_lru<ring_fifo> without{some_frames(64)};
    CHECK(!without.refault_of(1));
    REQUIRE(without.add(frame{1000}) == status::ok);
    CHECK(without.evicted(frame{1000}, 1).error() == status::not_isolated);
    REQUIRE(without.isolate(frame{1000}) == status::ok);
    CHECK(without.evicted(frame{1000}, 1));
    CHECK(!without.refault_of(1));
}

TEST_CASE("The ghost table remembers what a reclaim hands out", "[lru]") {
    small_lru<ring_fifo> tracker{lru_options{.frames = some_frames(64), .ghost_entries = 256}};
    for (const frame f : some_frames(8))
        REQUIRE(tracker.add(f) == status::ok);
    std::vector<lru_token> given;
    const auto release = [&](frame f, lru_token token) {
        tracker.remember(f.raw() * 1000u, token);
        given.push_back(token);
    };
    REQUIRE(tracker
                .reclaim(
                    root_group, frame_count{8}, [](frame) { return verdict::reclaim; }, release)
                .reclaimed == frame_count{8});
    for (std::uint32_t n = 0; n != 8; ++n)
        CHECK(tracker.refault_of((1000 + n) * 1000u) == given[n]);
    CHECK(!tracker.refault_of(1000 * 1000u)); // once
}

TEST_CASE("The ghost table knows a merged group by either id", "[lru]") {
    small_lru<ring_fifo> tracker{lru_options{.frames = some_frames(64), .groups = 3, .ghost_entries = 256}};
    const group_id from = *tracker.create_group(), into = *tracker.create_group();
    const auto evict = [&](frame f, std::uint64_t key) {
        REQUIRE(tracker.isolate(f) == status::ok);
        return *tracker.evicted(f, key);
    };
    for (const frame f : some_frames(2))
        REQUIRE(tracker.add(f, from) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    const lru_token before = evict(frame{1000}, 1);
    REQUIRE(tracker.merge_groups(from, into) == status::ok);
    const lru_token behind = evict(frame{1001}, 2);
    CHECK(tracker.refault_of(1, from) == before);
    CHECK(tracker.refault_of(2, from) == behind);
    CHECK(!tracker.refault_of(2, into)); // once
    CHECK(!tracker.refault_of(2, group_id{3}));
}

TEST_CASE("An LRU that cannot be made says why and refuses everything", "[lru]") {
    const auto refuses = [](auto& tracker) {
        CHECK(tracker.add(frame{1000}) != status::ok);
        CHECK(tracker.isolate(frame{1000}) != status::ok);
        CHECK(tracker.drain() == tracker.error());
        CHECK(tracker.create_group().error() == tracker.error());
        CHECK(tracker.merge_groups(group_id{1}, root_group) == tracker.error());
        CHECK(tracker.age(root_group) == tracker.error());
        CHECK(coldest(tracker, 3).empty());
        CHECK(!tracker.refault(lru_token{1}).activate);
        CHECK(tracker.refault(lru_token{root_group, 1}).distance == 0);
        CHECK(tracker.remove_group(group_id{1}) == tracker.error());
        CHECK(tracker.disable_batches().error() == tracker.error());
        tracker.touch(frame{1000});
        tracker.age();
        CHECK(tracker.stats().listed.raw() == 0);
        CHECK(tracker.validate());
    };
    lru<> empty{frame_range{}};
    CHECK(empty.error() == status::invalid_range);
    refuses(empty);
    lru<> beyond_the_last_number{frame_range{frame{UINT32_MAX - 5}, frame_count{10}}};
    CHECK(beyond_the_last_number.error() == status::invalid_range);
    CHECK(in_child([&] { return empty.add(frame{1000}) == status::ok ? 1 : 0; }) == 0); // a fork passes it by
    lru<> no_groups{some_frames(8), 0};
    CHECK(no_groups.error() == status::invalid_argument);
    refuses(no_groups);
    lru<> too_many_for_a_ring{frame_range{frame{0}, frame_count{1u << 30}}};
    CHECK(too_many_for_a_ring.error() == status::invalid_range);
    lru<replacement::clock<1>, no_memory_policy> no_memory{some_frames(8)};
    CHECK(no_memory.error() == status::no_metadata);
    refuses(no_memory);
}

TEST_CASE("An LRU works in memory of the embedder, all of which it has asked for", "[lru]") {
    const lru_options options{.frames = some_frames(1000), .groups = 3, .ghost_entries = 100};
    const std::size_t bytes = lru<>::metadata_bytes(options);
    CHECK(lru<>::metadata_bytes(lru_options{}) == 0);
    const area memory{
        static_cast<std::byte*>(::operator new (bytes + 64, std::align_val_t{cache_line_bytes}))};
    for (std::size_t n = 0; n != bytes + 64; ++n)
        memory.get()[n] = n < bytes ? std::byte{0} : std::byte{0x5a};
    {
        auto tracker = lru<replacement::clock<1>, no_memory_policy>::place({memory.get(), bytes}, options);
        REQUIRE(tracker.error() == status::ok);
        for (const frame f : some_frames(1000))
            REQUIRE(tracker.add(f) == status::ok);
        CHECK(coldest(tracker, 2000).size() == 1000);
        CHECK(lru<>::place({memory.get(), bytes - 1}, options).error() == status::no_metadata);
        CHECK(lru<>::place({memory.get() + 1, bytes}, options).error() == status::no_metadata);
        CHECK(lru<>::place({}, options).error() == status::no_metadata);
    }
    for (std::size_t n = bytes; n != bytes + 64; ++n)
        REQUIRE(memory.get()[n] == std::byte{0x5a});
}

TEST_CASE("A refault is as far away as it is behind the 2^32nd eviction, too", "[lru]") {
    using hand_clock = replacement::clock<1, list_kind::hand>;
    small_lru<hand_clock> tracker{frame_range{frame{0}, frame_count{std::uint64_t{1} << 31}}};
    if (tracker.error() == status::no_metadata) return; // a machine of 32 bits
    auto& core = tracker.internals();
    auto& evicted = core.group_of(root_group).count.evicted;
    const lru_core<hand_clock, small_lru_policy>::view seen{core, root_group};
    constexpr std::uint64_t step = 1 << 14; // of a token, with so many frames
    evicted.store((std::uint64_t{1} << 32) - step, std::memory_order_relaxed);
    const std::uint32_t then = seen.payload();
    evicted.store((std::uint64_t{1} << 32) + step, std::memory_order_relaxed);
    CHECK(seen.distance(then) == 2 * step);
}

TEST_CASE("The metadata of an LRU is as small as it says", "[lru]") {
    const auto per_frame = [](auto bytes_of) {
        const std::uint32_t many = 1u << 24, few = 1u << 23;
        const lru_options large{.frames = some_frames(many)}, small{.frames = some_frames(few)};
        return static_cast<double>(bytes_of(large) - bytes_of(small)) / (many - few);
    };
    CHECK(per_frame([](const lru_options& o) { return lru<replacement::lru>::metadata_bytes(o); }) <= 13.001);
    CHECK(per_frame([](const lru_options& o) { return lru<ring_fifo>::metadata_bytes(o); }) <= 12.2);
    using hand_clock = replacement::clock<1, list_kind::hand>;
    CHECK(per_frame([](const lru_options& o) { return lru<hand_clock>::metadata_bytes(o); }) <= 5.001);
}

TEST_CASE("A forked child has whole lists and working batches", "[lru]") {
    lru<linked_fifo> tracker{some_frames(64)};
    for (const frame f : some_frames(40))
        REQUIRE(tracker.add(f) == status::ok);
    std::atomic<bool> stop{false};
    std::thread busy{[&] {
        while (!stop) {
            if (tracker.isolate(frame{1001}) == status::ok) (void)tracker.putback(frame{1001});
            if (tracker.forget(frame{1050}) != status::busy) (void)tracker.add(frame{1050});
        }
    }};
    for (int round = 0; round != 20; ++round)
        CHECK(in_child([&] {
                  if (!tracker.validate()) return 1;
                  if (tracker.add(frame{1060}) != status::ok) return 2;
                  if (tracker.drain() != status::ok) return 3;
                  if (coldest(tracker, 64).size() < 39) return 4;
                  return tracker.create_group() ? 5 : 0;
              }) == 0);
    stop = true;
    busy.join();
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("A fork waits for who works on a group", "[lru]") {
    lru<linked_fifo> tracker{some_frames(8), 3};
    const group_id last = *tracker.create_group();
    std::atomic<bool> holds{false}, has_left{false};
    std::thread other{[&] {
        std::remove_reference_t<decltype(tracker.internals())>::section hold{tracker.internals()};
        hold.enter(last);
        holds = true;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        has_left = true;
    }};
    while (!holds)
        std::this_thread::yield();
    CHECK(in_child([&] {
              if (!has_left) return 1;
              return tracker.add(frame{1001}, last) == status::ok && tracker.validate() ? 0 : 2;
          }) == 0);
    other.join();
    CHECK(tracker.add(frame{1002}) == status::ok);
}

TEST_CASE("Nobody begins to work on a group while the process forks", "[lru]") {
    lru<linked_fifo> tracker{some_frames(8)};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    std::atomic<bool> is_isolated{false};
    tracker.internals().stop();
    std::thread other{[&] { is_isolated = tracker.isolate(frame{1000}) == status::ok; }};
    while (tracker.state_of(frame{1000}).place != lru_place::isolated)
        std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    CHECK_FALSE(is_isolated); // claimed, but still linked
    CHECK(tracker.internals().lists().size(tracker.internals().group_of(root_group).lists[0]) == 1);
    tracker.internals().start();
    other.join();
    CHECK(is_isolated);
    CHECK(on_list(tracker).empty());
}

TEST_CASE("A fork that the barrier cannot prepare frees the batches of threads that are gone", "[lru]") {
    struct refusable_lru_policy : default_policy {
        using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
    };
    lru<linked_fifo, refusable_lru_policy> tracker{some_frames(64), 3};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    auto& batch = tracker.internals().parts().batches[default_policy::thread_slots::current().raw()];
    refusable_lru_policy::gate gate;
    gate.start();
    REQUIRE(
        gate.try_enter(batch.gate)); // its owner is inside when the process forks, and is not in the child
    refusable_barrier::at_issue = true;
    const int outcome = in_child([&] {
        refusable_barrier::at_issue = false;
        if (tracker.add(frame{1001}) != status::ok) return 1;
        if (tracker.drain() != status::ok) return 2;
        return tracker.state_of(frame{1001}).place == lru_place::listed ? 0 : 3;
    });
    refusable_barrier::at_issue = false;
    gate.leave(batch.gate);
    CHECK(outcome == 0);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("A forked child goes on with the locks of a parent that has no barrier, though it could have one",
          "[lru]") {
    struct refusable_lru_policy : default_policy {
        using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
    };
    refusable_barrier::at_start = true;
    lru<linked_fifo, refusable_lru_policy> tracker{some_frames(64), 3};
    refusable_barrier::at_start = false;
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    refusable_barrier::at_issue = true; // what would have to be asked for is refused
    CHECK(in_child([&] { return tracker.drain() == status::ok ? 0 : 1; }) == 0);
    CHECK(tracker.drain() == status::ok);
    refusable_barrier::at_issue = false;
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
}

TEST_CASE("In a large LRU tokens count evictions in steps", "[lru]") {
    lru<ring_fifo> tracker{frame_range{frame{0}, frame_count{1u << 20}}}; // 22 bits for 19: steps of 8
    const auto evict = [&](std::uint32_t f) {
        REQUIRE(tracker.isolate(frame{f}) == status::ok);
        return *tracker.evicted(frame{f});
    };
    for (std::uint32_t f = 0; f != 40; ++f)
        REQUIRE(tracker.add(frame{f}) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    const lru_token first = evict(0);
    for (std::uint32_t f = 1; f != 21; ++f)
        (void)evict(f);
    CHECK(tracker.refault(first).distance == 16);
    CHECK(tracker.refault(lru_token{group_id{3}, first.payload()}).distance == 0); // there is no such group
    CHECK(tracker.refault(first).activate);
}
