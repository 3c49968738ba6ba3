// tests/lru/batches_test.cpp - adding through batches, stealing from them, draining and disabling them.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/batches.hpp"

#include "cordon/local/lock_gate.hpp"

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/lrus.hpp"
#include "support/zones.hpp"

#include <chrono>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// The calling thread has this slot for as long as it lives.
struct as_slot {
    explicit as_slot(std::uint32_t n) { chosen_slots::mine = slot_index{n}; }
    ~as_slot() { chosen_slots::mine = slot_index::none(); }
};

struct refusable_lru_policy : small_lru_policy {
    using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
};
struct hooked_lru_policy : small_lru_policy {
    using gate = hooked_gate<membarrier_gate<atomics, fence_barrier, clock, backoff>>;
};
struct locked_lru_policy : small_lru_policy {
    using gate = lock_gate<atomics, clock, backoff>;
};

} // namespace

TEST_CASE("Adds wait in a batch of 31 and reach the list in their order", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    const as_slot me{1};
    std::vector<frame> added;
    for (const frame f : some_frames(32)) {
        REQUIRE(tracker.add(f) == status::ok);
        added.push_back(f);
        CHECK(tracker.state_of(f).place == lru_place::batched);
        CHECK(on_list(tracker).size() == (added.size() == 32 ? 31 : 0));
    }
    CHECK(tracker.drain() == status::ok);
    CHECK(on_list(tracker) == added);
    CHECK(tracker.stats().added == 32);
}

TEST_CASE("A frame in another thread's batch is stolen by its word alone", "[lru]") {
    small_lru<linked_fifo> tracker{some_frames(64), 2};
    const group_id other = *tracker.create_group();
    {
        const as_slot owner{0};
        for (const frame f : some_frames(4))
            REQUIRE(tracker.add(f) == status::ok);
    }
    const as_slot thief{1};
    CHECK(tracker.isolate(frame{1000}) == status::ok);
    CHECK(tracker.move_group(frame{1001}, other) == status::ok);
    CHECK(tracker.forget(frame{1002}) == status::ok);
    CHECK(tracker.add(frame{1002}, other) == status::ok); // in a second batch, with the entry in the first
    CHECK(tracker.drain() == status::ok);
    CHECK(on_list(tracker) == std::vector{frame{1003}});
    CHECK(on_list(tracker, other) == std::vector{frame{1001}, frame{1002}});
    CHECK(tracker.putback(frame{1000}) == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("What is claimed out of a batch is counted as stolen", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(8)};
    chosen_slots::mine = slot_index{0};
    for (const frame f : some_frames(4))
        REQUIRE(tracker.add(f) == status::ok);
    CHECK(tracker.stats().stolen == 0);
    REQUIRE(tracker.isolate(frame{1001}) == status::ok);
    REQUIRE(tracker.isolate(frame{1002}) == status::ok);
    CHECK(tracker.stats().stolen == 2);
    REQUIRE(tracker.drain() == status::ok);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    CHECK(tracker.stats().stolen == 2);
}

TEST_CASE("A frame that is pinned in a batch is on no list until it is unpinned", "[lru]") {
    small_lru<linked_fifo> tracker{some_frames(64)};
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    REQUIRE(tracker.pin(frame{1000}) == status::ok);
    CHECK(tracker.isolate(frame{1000}) == status::busy);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::unevictable);
    CHECK(tracker.unpin(frame{1000}) == status::ok);
    CHECK(on_list(tracker) == std::vector{frame{1000}});
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    REQUIRE(tracker.pin(frame{1001}) == status::ok);
    REQUIRE(tracker.unpin(frame{1001}) == status::ok); // still in the batch
    CHECK(tracker.drain() == status::ok);
    CHECK(on_list(tracker).size() == 2);
}

TEST_CASE("An owner who comes by while his batch is asked for empties it himself, and goes on with it",
          "[lru]") {
    lru<ring_fifo, hooked_lru_policy> tracker{some_frames(64)};
    const as_slot owner{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    hooks::barrier.arm(nullptr, [&] {
        CHECK(tracker.add(frame{1001}) == status::ok);
        CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
    });
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::batched);
    CHECK(tracker.drain() == status::ok);
    CHECK(on_list(tracker) == std::vector{frame{1000}, frame{1001}});
}

TEMPLATE_TEST_CASE("While batches are disabled every add is listed at once; tokens nest", "[lru]",
                   small_lru_policy, locked_lru_policy) {
    lru<ring_fifo, TestType> tracker{some_frames(64)};
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    auto first = tracker.disable_batches();
    REQUIRE(first);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
    auto second = tracker.disable_batches();
    REQUIRE(second);
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::listed);
    first->enable();
    REQUIRE(tracker.add(frame{1002}) == status::ok);
    CHECK(tracker.state_of(frame{1002}).place == lru_place::listed);
    chosen_slots::mine = slot_index{2}; // a thread that comes while they are disabled
    REQUIRE(tracker.add(frame{1003}) == status::ok);
    CHECK(tracker.state_of(frame{1003}).place == lru_place::listed);
    CHECK(tracker.drain() == status::ok);
    REQUIRE(tracker.add(frame{1004}) == status::ok);
    CHECK(tracker.state_of(frame{1004}).place == lru_place::listed);
    second->enable();
    REQUIRE(tracker.add(frame{1005}) == status::ok);
    CHECK(tracker.state_of(frame{1005}).place == lru_place::batched);
}

TEST_CASE("A token of disabled batches that is moved to itself still disables them", "[lru]") {
    lru<ring_fifo> tracker{some_frames(64)};
    auto token = *tracker.disable_batches();
    auto& same = token;
    token = std::move(same);
    CHECK(bool{token});
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
    token = {};
    CHECK_FALSE(bool{token});
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::batched);
}

TEST_CASE("A refused barrier leaves batches open and frames where they are", "[lru]") {
    lru<ring_fifo, refusable_lru_policy> tracker{some_frames(64), 2};
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    refusable_barrier::at_issue = true;
    CHECK(tracker.drain() == status::barrier_refused);
    CHECK(tracker.disable_batches().error() == status::barrier_refused);
    const group_id g = *tracker.create_group();
    CHECK(tracker.remove_group(g) == status::barrier_refused);
    refusable_barrier::at_issue = false;
    CHECK(tracker.state_of(frame{1000}).place == lru_place::batched);
    REQUIRE(tracker.add(frame{1001}, g) == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::batched);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("Without a barrier batches work behind locks", "[lru]") {
    refusable_barrier::at_start = true;
    lru<ring_fifo, refusable_lru_policy> tracker{some_frames(64)};
    refusable_barrier::at_start = false;
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::batched);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
    const auto token = tracker.disable_batches();
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::listed);
}

TEST_CASE("A thread that ends takes no frame along", "[lru]") {
    lru<ring_fifo> tracker{some_frames(64)};
    for (const std::uint32_t n : {1u, 31u}) { // 31: the batch is full
        std::thread{[&] {
            for (const frame f : some_frames(n)) {
                CHECK(tracker.add(f) == status::ok);
                CHECK(tracker.state_of(f).place == lru_place::batched);
            }
        }}.join();
        for (const frame f : some_frames(n)) {
            CHECK(tracker.state_of(f).place == lru_place::listed);
            CHECK(tracker.forget(f) == status::ok);
        }
    }
}

TEST_CASE("An add from inside the thread's own batch is refused, not waited for", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    auto& gate_slot = tracker.internals().parts().batches[1].gate;
    small_lru_policy::gate gate;
    gate.start();
    REQUIRE((gate.try_enter(gate_slot) || gate.enter_slow(gate_slot))); // what a signal handler finds
    CHECK(tracker.add(frame{1001}) == status::re_entered);
    CHECK(tracker.drain() == status::re_entered);
    CHECK(tracker.disable_batches().error() == status::re_entered);
    CHECK(tracker.create_group().error() == status::re_entered);
    CHECK(tracker.remove_group(group_id{1}) == status::re_entered);
    gate.leave_slow(gate_slot);
    CHECK(tracker.add(frame{1001}) == status::ok);
}

TEST_CASE("A drain gives up at its deadline when a thread stays inside its batch", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    {
        const as_slot owner{1};
        REQUIRE(tracker.add(frame{1000}) == status::ok);
    }
    auto& gate_slot = tracker.internals().parts().batches[1].gate;
    small_lru_policy::gate gate;
    gate.start();
    REQUIRE((gate.try_enter(gate_slot) || gate.enter_slow(gate_slot)));
    CHECK(tracker.drain(std::chrono::milliseconds{1}) == status::timed_out);
    gate.leave_slow(gate_slot);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
}

TEST_CASE("A thread that waits for the control lock gives up at its deadline", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64)};
    tracker.internals().control_lock().lock();
    CHECK(tracker.drain(std::chrono::milliseconds{1}) == status::timed_out);
    CHECK(tracker.disable_batches(std::chrono::milliseconds{1}).error() == status::timed_out);
    tracker.internals().control_lock().unlock();
    CHECK(tracker.drain(std::chrono::milliseconds{1}) == status::ok);
}

TEST_CASE("A batch takes no frame for a group that there is not", "[lru]") {
    small_lru<ring_fifo> tracker{some_frames(64), 2};
    const as_slot me{1};
    REQUIRE(tracker.add(frame{1000}) == status::ok); // the batch is in use
    CHECK(tracker.add(frame{1001}, group_id{1}) == status::invalid_argument);
    CHECK(tracker.add(frame{1001}, group_id{2}) == status::invalid_argument);
    const group_id g = *tracker.create_group();
    tracker.internals().set_route(g, {group_route::kind::closing, g}); // as remove_group begins
    CHECK(tracker.add(frame{1001}, g) == status::invalid_argument);
    tracker.internals().set_route(g, {group_route::kind::live, g});
    CHECK(tracker.add(frame{1001}, g) == status::ok);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("Without the barrier a scan does with what is listed, and no merged id is used again", "[lru]") {
    lru<ring_fifo, refusable_lru_policy> tracker{some_frames(64), 2};
    {
        const as_slot other{2};
        REQUIRE(tracker.add(frame{1000}) == status::ok);
    }
    const group_id g = *tracker.create_group();
    REQUIRE(tracker.merge_groups(g, root_group) == status::ok);
    refusable_barrier::at_issue = true;
    CHECK(coldest(tracker, 1).empty());
    CHECK(tracker.create_group().error() == status::no_memory);
    refusable_barrier::at_issue = false;
    CHECK(coldest(tracker, 1) == std::vector{frame{1000}});
    CHECK(tracker.create_group());
}

TEST_CASE("Threads that never added, and those of an LRU that could not be made, leave nothing behind",
          "[lru]") {
    const slot_index own = default_policy::thread_slots::current();
    lru<ring_fifo> tracker{some_frames(64)};
    lru<ring_fifo> none{frame_range{}};
    std::thread{[&] { CHECK(default_policy::thread_slots::current() != own); }}.join();
    CHECK(tracker.add(frame{1000}) == status::ok);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.validate(true));
    CHECK(none.add(frame{1000}) == status::foreign_frame);
}

namespace {

// A token with which a frame of the root group goes to the main queue.
template <class P>
lru_token known_token(lru<replacement::s3_fifo<>, P>& tracker) {
    for (const frame f : some_frames(10))
        REQUIRE(tracker.add(f) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    return *tracker.evicted(coldest(tracker, 1).front());
}
using queues = replacement::s3_fifo<>;

} // namespace

TEST_CASE("A frame that is pinned in a batch goes where its token says, when it is unpinned", "[lru]") {
    small_lru<queues> tracker{some_frames(64)};
    const as_slot me{1};
    const lru_token token = known_token(tracker);
    REQUIRE(tracker.add(frame{1000}, root_group, token) == status::ok);
    REQUIRE(tracker.pin(frame{1000}) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::unevictable);
    CHECK(tracker.stats().added == 11);
    CHECK(tracker.stats().activated == 1);
    REQUIRE(tracker.unpin(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
    CHECK(tracker.state_of(frame{1000}).list == queues::main);
    CHECK(tracker.validate(true));
}

TEST_CASE("A frame that is stolen from a batch is new, whatever list its number was on before", "[lru]") {
    small_lru<queues> tracker{some_frames(64)};
    const as_slot me{1};
    const lru_token token = known_token(tracker);
    REQUIRE(tracker.add(frame{1000}, root_group, token) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    REQUIRE(tracker.state_of(frame{1000}).list == queues::main);
    REQUIRE(tracker.forget(frame{1000}) == status::ok);
    REQUIRE(tracker.add(frame{1000}) == status::ok);
    REQUIRE(tracker.isolate(frame{1000}) == status::ok);
    REQUIRE(tracker.putback(frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).list == queues::small);
    CHECK(tracker.validate(true));
}

TEST_CASE("Of a frame that has left its batch and is in it again the last entry counts", "[lru]") {
    small_lru<queues> tracker{some_frames(64)};
    const as_slot me{1};
    const lru_token token = known_token(tracker);
    REQUIRE(tracker.add(frame{1000}, root_group, token) == status::ok);
    REQUIRE(tracker.forget(frame{1000}) == status::ok);
    REQUIRE(tracker.add(frame{1000}) == status::ok); // something new
    REQUIRE(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).list == queues::small);
    CHECK(tracker.stats().refaulted == 0);
    CHECK(tracker.stats().added == 11);
    CHECK(tracker.validate(true));
}

TEST_CASE("A frame in a batch keeps its age when its group is merged", "[lru]") {
    small_lru<replacement::generations<>> tracker{some_frames(64), 2};
    const as_slot me{1};
    const group_id g = *tracker.create_group();
    for (int n = 0; n != 5; ++n)
        REQUIRE(tracker.age(root_group) == status::ok);
    REQUIRE(tracker.add(frame{1000}, g) == status::ok);
    REQUIRE(tracker.merge_groups(g, root_group) == status::ok);
    CHECK(tracker.state_of(frame{1000}).cold == 0);
    REQUIRE(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).group == root_group);
    CHECK(tracker.state_of(frame{1000}).cold == 0);
}
