// tests/faults/time_outs_test.cpp - deadlines: none left, passed long ago, a lock held by others, an owner that stays.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cordon.hpp"

#include "faults/zone_picture.hpp"
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/lrus.hpp"
#include "support/stepped_clock.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

constexpr slot_index other{1};

template <class Gate>
struct timed_policy : small_policy {
    using atomics = hooked_atomics;
    using clock = stepped_clock;
    using gate = Gate;
    using thread_slots = chosen_slots;
};
template <class Atomics>
using expedited = membarrier_gate<Atomics, default_barrier, stepped_clock, default_backoff>;
template <class Atomics>
using locking = lock_gate<Atomics, stepped_clock, default_backoff>;

struct verb {
    const char* name;
    std::function<status(deadline)> call;
};

template <class Zone>
std::vector<verb> verbs(Zone& z) {
    constexpr auto fails = [](const busy_frame&) { return migrate_outcome::failed; };
    const auto isolate = [&z](isolation_level level) {
        return [&z, level](deadline d) {
            return z.isolate(block(z, 2), {.level = level, .deadline = d}).error();
        };
    };
    return {
        {"drain", [&z](deadline d) { return z.drain(d); }},
        {"drain of a range", [&z](deadline d) { return z.drain(block(z, 0), d); }},
        {"disable_caches", [&z](deadline d) { return z.disable_caches(d).error(); }},
        {"isolate", isolate(isolation_level::targeted)},
        {"isolate, exclusive", isolate(isolation_level::exclusive)},
        {"allocate_contiguous",
         [&z](deadline d) {
             const auto got =
                 z.allocate_contiguous(frame_count{70}, frame_count{1}, no_migrator{}, {.deadline = d});
             if (got)
                 for (const frame f : *got)
                     z.free(slot_index::none(), f);
             return got.error();
         }},
        {"compact", [&z, fails](deadline d) { return z.compact(fails, {.deadline = d}).outcome; }},
    };
}
template <class Lru>
std::vector<verb> lru_verbs(Lru& tracker) {
    return {
        {"drain", [&](deadline d) { return tracker.drain(d); }},
        {"disable_batches", [&](deadline d) { return tracker.disable_batches(d).error(); }},
    };
}

// No time, time that has passed, and a moment.
const deadline too_short[] = {deadline::immediate(), -5s, 2ms};

// Effects: calls them with each of the deadlines. Returns: the first that does not time out, or leaves what it should not.
std::string all_time_out(const std::vector<verb>& all, const std::function<bool()>& unchanged) {
    for (const verb& v : all)
        for (const deadline d : too_short) {
            const std::uint64_t start = stepped_clock::time;
            if (const status said = v.call(d); said != status::timed_out)
                return std::string{v.name} + " says " + std::string{name(said)};
            if (stepped_clock::time - start > 5'000'000'000) return std::string{v.name} + " takes its time";
            if (!unchanged()) return std::string{v.name} + " has changed something";
        }
    return "";
}
std::string all_work(const std::vector<verb>& all) {
    for (const verb& v : all)
        for (const deadline d : {deadline::immediate(), deadline{-5s}, deadline{10s}})
            if (const status said = v.call(d); said != status::ok)
                return std::string{v.name} + " says " + std::string{name(said)};
    return "";
}

// A thread that holds the lock from its making on.
template <class Lock>
class holder {
public:
    explicit holder(Lock& lock)
        : thread_([this, &lock] {
              lock.lock();
              holds_ = true;
              while (!done_)
                  std::this_thread::yield();
              lock.unlock();
          }) {
        while (!holds_)
            std::this_thread::yield();
    }
    ~holder() { release(); }
    void release() {
        done_ = true;
        if (thread_.joinable()) thread_.join();
    }

private:
    std::atomic<bool> holds_{false}, done_{false};
    std::thread thread_;
};

// A zone with cached and allocated frames of two slots.
template <class Policy>
struct fixture {
    basic_zone<Policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    std::vector<frame> held;
    fixture() {
        chosen_slots::mine = mine;
        std::vector<frame> cached;
        for (const slot_index s : {mine, other})
            for (unsigned i = 0; i != 12; ++i)
                (i % 3 == 0 ? held : cached).push_back(*zone.allocate(s));
        for (const frame f : cached)
            zone.free(other, f);
    }
};

} // namespace

TEMPLATE_TEST_CASE("a deadline that has passed is no hindrance where there is nothing to wait for",
                   "[faults]", timed_policy<expedited<hooked_atomics>>,
                   timed_policy<locking<hooked_atomics>>) {
    fixture<TestType> on;
    CHECK(all_work(verbs(on.zone)) == "");
    CHECK(on.zone.validate({.quiesce = true}));
    CHECK(on.zone.exact_stats()->allocated.raw() == on.held.size());

    lru<ring_fifo, TestType> tracker{some_frames(64, 0)};
    for (const frame f : some_frames(10, 0))
        REQUIRE(tracker.add(other, f) == status::ok);
    CHECK(all_work(lru_verbs(tracker)) == "");
    CHECK(on_list(tracker).size() == 10);
}

TEMPLATE_TEST_CASE("another isolator holds the lock: all that waits for it times out, and changes nothing",
                   "[faults]", timed_policy<expedited<hooked_atomics>>,
                   timed_policy<locking<hooked_atomics>>) {
    fixture<TestType> on;
    const zone_picture before = picture_of(on.zone);
    {
        holder isolator{on.zone.internals().isolation_lock()};
        CHECK(all_time_out(verbs(on.zone), [&] { return picture_of(on.zone).same(before); }) == "");
    }
    CHECK(all_work(verbs(on.zone)) == "");
    CHECK(on.zone.validate({.quiesce = true}));

    lru<ring_fifo, TestType> tracker{some_frames(64, 0)};
    for (const frame f : some_frames(10, 0))
        REQUIRE(tracker.add(other, f) == status::ok);
    {
        holder drainer{tracker.internals().control_lock()};
        CHECK(all_time_out(lru_verbs(tracker), [&] { return on_list(tracker).empty(); }) == "");
    }
    CHECK(all_work(lru_verbs(tracker)) == "");
    CHECK(on_list(tracker).size() == 10);
}

TEMPLATE_TEST_CASE(
    "an owner stays inside his gate: all that waits for him times out; his frame is where he puts it",
    "[faults]", timed_policy<expedited<hooked_atomics>>, timed_policy<locking<hooked_atomics>>) {
    fixture<TestType> on;
    const frame on_its_way = on.held.back();
    std::atomic<bool> inside{false}, leave{false};
    // He has read the block's traits, and has the frame in his hands.
    const auto& traits = on.zone.internals().parts().buddy_parts.traits[on_its_way.raw() / small_block];
    hooks::byte_read.arm(&traits, [&] {
        inside = true;
        while (!leave)
            std::this_thread::yield();
    });
    std::thread owner{[&] { on.zone.free(other, on_its_way); }};
    while (!inside)
        std::this_thread::yield();
    const zone_picture before = picture_of(on.zone);
    CHECK(all_time_out(verbs(on.zone), [&] { return picture_of(on.zone).drained(before); }) == "");
    CHECK(on.zone.validate());
    // The others go on meanwhile.
    const auto f = on.zone.allocate(mine);
    REQUIRE(f);
    on.zone.free(mine, *f);
    leave = true;
    owner.join();
    hooks::byte_read.disarm();
    on.held.pop_back();
    CHECK(on.zone.state_of(on_its_way).state == frame_state::cached);
    CHECK(all_work(verbs(on.zone)) == "");
    CHECK(on.zone.validate({.quiesce = true}));
    CHECK(on.zone.exact_stats()->allocated.raw() == on.held.size());
}
