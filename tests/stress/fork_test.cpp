// tests/stress/fork_test.cpp - forks under traffic.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru.hpp"
#include "cordon/sync/lock_rank.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/zone.hpp"

#include "platform/child.hpp"
#include "stress/user.hpp"
#include "support/catch.hpp"
#include "support/hooks.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <span>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("a thousand forks under traffic: each child has a whole zone", "[stress]") {
    misuse_record::reset();
    stress_zone zone{frames(64)};
    ownership_oracle oracle{zone.frames().count()};
    const sealed_now sealed;
    std::atomic<bool> stop{false};
    std::vector<std::thread> users;
    for (unsigned t = 0; t != 3; ++t)
        users.emplace_back([&, t] {
            user<stress_zone> me{zone, oracle, sealed, t + 1};
            while (!stop.load(std::memory_order_relaxed))
                me.step(200);
            me.give_all();
        });

    // What each thread may have between the zone and the oracle at the moment of the fork: a batch, or one run.
    constexpr std::uint64_t in_flight = 3 * small_block;
    const auto child = [&]() -> int {
        ::alarm(60);
        if (!zone.validate()) return 1;
        const auto stats = zone.exact_stats();
        if (!stats) return 2;
        const std::uint64_t held = oracle.held();
        if (stats->allocated.raw() + in_flight < held || stats->allocated.raw() > held + in_flight) return 3;
        if ((stats->free + stats->cached + stats->allocated) != stats->managed) return 4;
        // All that is free can be had, by this thread, once; and given back.
        const std::vector<frame> rest =
            take_all(zone, order{0}, migrate_type::movable, stress_policy::thread_slots::current());
        if (rest.size() != (stats->free + stats->cached).raw()) return 5;
        for (const frame f : rest)
            oracle.take(f, order{0}, 1000);
        for (const frame f : rest)
            zone.free(f);
        if (!zone.isolate(block(zone, 3, 5))) return 7;
        if (zone.drain() != status::ok || zone.stats().free.raw() != rest.size()) return 8;
        return zone.validate() ? 0 : 9;
    };
    unsigned failed = 0;
    int last = 0;
    const unsigned forks = scaled(1000u);
    for (unsigned i = 0; i != forks && failed == 0; ++i) {
        const std::uint64_t mistakes = oracle.mistakes();
        last = in_child([&] {
            const int outcome = child();
            return outcome != 0 ? outcome : oracle.mistakes() > mistakes + in_flight ? 10 : 0;
        });
        failed += last != 0;
    }
    stop.store(true);
    for (auto& thread : users)
        thread.join();
    INFO("the last child returned " << last);
    CHECK(failed == 0);
    CHECK(oracle.mistakes() == 0);
    CHECK(misuse_record::count.load() == 0);
    CHECK(zone.exact_stats()->allocated.raw() == 0);
    CHECK(agrees(zone));
}

namespace {

struct wrong_order {
    static inline std::atomic<unsigned> count{0};
    void operator()(lock_rank, lock_rank) const { count.fetch_add(1); }
};
struct ranked_policy : default_policy {
    using zone_lock =
        observed_lock<default_policy::zone_lock, rank_checker<lock_rank::zone_lock, wrong_order>>;
    using isolation_lock =
        observed_lock<default_policy::isolation_lock, rank_checker<lock_rank::isolation_lock, wrong_order>>;
};

} // namespace

TEST_CASE("a fork takes the locks of several zones and trackers, which no lock order forbids", "[stress]") {
    const auto use = [](auto& zone, auto& tracker) {
        zone.free(*zone.allocate());
        return tracker.drain() == status::ok && zone.drain() == status::ok;
    };
    basic_zone<ranked_policy> first{frames(4)};
    lru<replacement::fifo, ranked_policy> tracker{frames(4), 2};
    basic_zone<ranked_policy> second{frames(4)};
    REQUIRE(tracker.add(frames(4).first()) == status::ok);
    CHECK(in_child([&] {
              if (!use(first, tracker) || !use(second, tracker)) return 1;
              return wrong_order::count.load() == 0 ? 0 : 2;
          }) == 0);
    CHECK(use(first, tracker));
    CHECK(use(second, tracker));
    CHECK(wrong_order::count.load() == 0);
}

TEST_CASE("a fork child does not answer for a thread of its parent that has ended", "[stress]") {
    std::thread ended{[] {}};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    CHECK(in_child([] { return 0; }) == 0); // ThreadSanitizer has a word in this
    ended.join();
}

namespace {

struct stopped_policy : stress_policy {
    using zone_lock = hooked_lock<spin_lock<>>;
};

} // namespace

// No drain waits for the owner of a slot that is just becoming active, so a fork can catch him inside his gate.
TEST_CASE("a fork child forgets an owner that stood inside a gate", "[stress]") {
    basic_zone<stopped_policy> zone{frames(4)};
    std::atomic<bool> inside{false};
    std::atomic<bool> forked{false};
    std::atomic<std::uint32_t> number{0};
    hooks::lock_wait.arm(nullptr, [&] {
        inside.store(true);
        while (!forked.load())
            std::this_thread::yield();
    });
    std::thread owner;
    zone.internals().with_zone_lock([&](auto) {
        owner = std::thread{[&] {
            number.store(stopped_policy::thread_slots::current().raw());
            zone.free(*zone.allocate()); // its first: the slot becomes active under the zone lock
        }};
        while (!inside.load())
            std::this_thread::yield();
    });
    const slot_index slot{number.load()};
    REQUIRE(zone.internals().caches().is_entered(slot));
    const int outcome = in_child([&] {
        if (zone.internals().caches().is_entered(slot)) return 1;
        const auto f = zone.allocate(slot);
        if (!f) return 2;
        zone.free(slot, *f);
        if (zone.stats().cached.raw() == 0) return 3;
        if (zone.drain() != status::ok) return 4;
        return zone.stats().free == zone.frames().count() ? 0 : 5;
    });
    forked.store(true);
    owner.join();
    hooks::lock_wait.disarm();
    CHECK(outcome == 0);
}

TEST_CASE("a fork child goes on with the locks of a parent that has no barrier, though it could have one",
          "[stress]") {
    struct refusable_policy : default_policy {
        using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
    };
    refusable_barrier::at_start = true;
    basic_zone<refusable_policy> zone{frames(64)};
    refusable_barrier::at_start = false;
    zone.free(*zone.allocate());
    REQUIRE(zone.stats().cached.raw() != 0);
    refusable_barrier::at_issue = true; // what would have to be asked for is refused
    CHECK(in_child([&] {
              if (zone.drain() != status::ok) return 1;
              return zone.stats().free == zone.frames().count() ? 0 : 2;
          }) == 0);
    CHECK(zone.drain() == status::ok);
    refusable_barrier::at_issue = false;
}

namespace {

// Another thread, which has a token on its stack until it may go.
class holder {
public:
    template <class Make>
    explicit holder(Make make)
        : thread_([this, make] {
              auto token = make();
              has_it_.store(static_cast<bool>(token));
              token_ = {reinterpret_cast<unsigned char*>(&token), sizeof token};
              made_.store(true);
              while (!may_go_.load())
                  std::this_thread::yield();
          }) {
        while (!made_.load())
            std::this_thread::yield();
    }
    ~holder() {
        may_go_.store(true);
        thread_.join();
    }
    [[nodiscard]] explicit operator bool() const { return has_it_.load(); }
    // Effects: in a fork child, what was on the other thread's stack is overwritten, as by a new thread that is given it
    // (which ThreadSanitizer does not let a child have).
    void overwrite() const { std::memset(token_.data(), 0xa5, token_.size()); }

private:
    std::atomic<bool> has_it_{false};
    std::atomic<bool> made_{false};
    std::atomic<bool> may_go_{false};
    std::span<unsigned char> token_; // written before made_
    std::thread thread_;
};

} // namespace

TEST_CASE("in a fork child the ranges of other threads stay sealed, the forking thread's are its own",
          "[stress]") {
    stress_zone zone{frames(8)};
    {
        auto own = zone.isolate(block(zone, 1), {.owner = owner_tag{1}});
        const holder other{[&] { return zone.isolate(block(zone, 2), {.owner = owner_tag{2}}); }};
        REQUIRE(own);
        REQUIRE(other);
        CHECK(in_child([&] {
                  other.overwrite();
                  busy_frame blocker;
                  if (zone.isolate(block(zone, 2), {.blocker = &blocker}).error() != status::busy) return 1;
                  if (blocker.isolator != owner_tag::none) return 2; // forgotten
                  if (zone.isolate(block(zone, 1)).error() != status::busy) return 3;
                  if (own->undo() != status::ok) return 4;
                  own = zone.isolate(block(zone, 1, 1), {.owner = owner_tag{3}});
                  if (!own) return 5;
                  if (zone.isolate(block(zone, 1), {.blocker = &blocker}).error() != status::busy) return 6;
                  if (blocker.isolator != owner_tag{3}) return 7;
                  if (own->undo() != status::ok) return 8;
                  if (zone.stats().isolated_free != frame_count{small_block}) return 9;
                  if (take_all(zone).size() != 7 * small_block) return 10;
                  return zone.validate() ? 0 : 11;
              }) == 0);
        busy_frame blocker; // in the parent nothing has changed
        CHECK(zone.isolate(block(zone, 2), {.blocker = &blocker}).error() == status::busy);
        CHECK(blocker.isolator == owner_tag{2});
    }
    CHECK(zone.stats().free == zone.frames().count());
}

TEST_CASE("in a fork child the tokens of other threads keep the caches closed, the forking thread's end",
          "[stress]") {
    stress_zone zone{frames(4)};
    const auto is_cached = [&] {
        zone.free(*zone.allocate());
        return zone.stats().cached.raw() != 0;
    };
    {
        auto own = zone.disable_caches();
        REQUIRE(own);
        CHECK(in_child([&] {
                  if (is_cached()) return 1;
                  own->enable();
                  return is_cached() ? 0 : 2;
              }) == 0);
        const holder other{[&] { return zone.disable_caches(); }};
        REQUIRE(other);
        CHECK(in_child([&] {
                  other.overwrite();
                  own->enable();
                  if (is_cached()) return 1;
                  return zone.validate() ? 0 : 2;
              }) == 0);
    }
    CHECK(is_cached());
}
