// tests/isolation/invariants_test.cpp - the invariants of isolation, each a test.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/protocol.hpp"

#include "cordon/sync/lock_rank.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "support/busy_traffic.hpp"
#include "support/catch.hpp"
#include "support/oracle.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

constexpr slot_index first_slot{0};
constexpr std::uint32_t blocks = 16;

struct busy_policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 64}, {1, 32}, {6, 4}};
    using misuse_handler = misuse_record;
};
using busy_zone = basic_zone<busy_policy>;

// Full checks: both locks know their rank, and a wrong order is counted.
struct count_wrong_order {
    static inline std::atomic<unsigned> count{0};
    void operator()(lock_rank, lock_rank) const { count.fetch_add(1); }
};
struct ranked_policy : busy_policy {
    static constexpr check_level checks = check_level::full;
    using zone_lock =
        observed_lock<spin_lock<atomics, backoff>, rank_checker<lock_rank::zone_lock, count_wrong_order>>;
    using isolation_lock = observed_lock<spin_lock<atomics, backoff>,
                                         rank_checker<lock_rank::isolation_lock, count_wrong_order>>;
};

frame_range frames(std::uint32_t n = blocks) {
    return {frame{0}, frame_count{n * small_block}};
}

std::vector<std::byte> metadata_of(const small_zone& zone) {
    const auto memory = zone.internals().metadata_memory();
    return {memory.begin(), memory.end()};
}

// A zone with a history: runs of several orders and types, some freed again. Returns: the ones that live.
std::vector<live_run> make_history(small_zone& zone, rng& random, unsigned steps = 400) {
    std::vector<live_run> live;
    for (unsigned i = 0; i != steps; ++i) {
        if (live.empty() || random.below(100) < 60) {
            const order k{static_cast<unsigned>(random.below(4))};
            const auto type = random.below(8) == 0 ? migrate_type::reclaimable : migrate_type::movable;
            const slot_index slot = random.below(2) == 0 ? first_slot : nobody;
            if (const auto f = zone.allocate(slot, k, type)) live.push_back({*f, k});
        } else {
            const std::size_t at = random.below(live.size());
            zone.free(first_slot, live[at].head, live[at].size);
            live[at] = live.back();
            live.pop_back();
        }
    }
    return live;
}

// A source that stops in the middle of a refill.
struct stopping_source {
    std::atomic<bool>& inside;
    std::atomic<bool>& leave;
    [[nodiscard]] static block_traits traits(block_index) { return {}; }
    [[nodiscard]] static bool activate(slot_index) { return true; }
    template <class Out>
    std::uint32_t take_batch(migrate_type, order, std::uint32_t, Out) {
        inside.store(true);
        while (!leave.load())
            std::this_thread::yield();
        return 0;
    }
    static void give_batch(order, std::span<const std::uint32_t>) {}
};

} // namespace

TEST_CASE("invariant 2: isolate and undo without traffic leave every counter and set bit-identical",
          "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    small_zone zone{frames()};
    rng random{seed()};
    make_history(zone, random);
    REQUIRE(zone.drain() == status::ok);
    // The caches' figures of refills and spills, and the marks that a drain of everything halves, are no part of
    // the zone's state; they are settled by now.
    { const auto settle = zone.isolate(block(zone, 3), {.level = level}); }
    const std::vector<std::byte> before = metadata_of(zone);
    for (std::uint32_t first = 0; first != blocks; ++first)
        for (std::uint32_t n = 1; first + n <= blocks; n += 3) {
            auto range = zone.isolate(block(zone, first, n), {.level = level});
            REQUIRE(range);
            REQUIRE(agrees(zone));
            REQUIRE(range->undo() == status::ok);
        }
    CHECK(metadata_of(zone) == before);
}

TEST_CASE("invariant 5: each block is in the one set of its type, and in none while it is isolated",
          "[isolation]") {
    small_zone zone{frames()};
    rng random{seed()};
    const auto live = make_history(zone, random);
    REQUIRE(agrees(zone)); // counts blocks that are misplaced
    auto range = zone.isolate(block(zone, 1, 4));
    REQUIRE(range);
    REQUIRE(agrees(zone));
    for (const live_run run : live)
        zone.free(first_slot, run.head, run.size);
    REQUIRE(agrees(zone));
    REQUIRE(range->undo() == status::ok);
    CHECK(agrees(zone));
}

TEST_CASE("invariant 6: no free run crosses the edge of a sealed range; undo merges again", "[isolation]") {
    small_zone zone{frames(8)};
    auto range = zone.isolate(block(zone, 2));
    REQUIRE(range);
    // Blocks 0, 1 | 2 | 3 | 4 to 7: of order 8 (four blocks) one is left, of order 7 two more.
    const auto fours = take_all(zone, order{8});
    CHECK(fours == std::vector<frame>{frame{4 * small_block}});
    const auto twos = take_all(zone, order{7});
    CHECK(twos == std::vector<frame>{frame{0}});
    const auto ones = take_all(zone, order{6});
    CHECK(ones == std::vector<frame>{frame{3 * small_block}});
    free_all(zone, fours, order{8});
    free_all(zone, twos, order{7});
    free_all(zone, ones, order{6});
    REQUIRE(range->undo() == status::ok);
    CHECK(take_all(zone, order{8}).size() == 2);
}

TEST_CASE("invariant 7: frames do not merge over an isolated, an offline or a cached neighbour",
          "[isolation]") {
    small_zone zone{frames(4)};
    SECTION("isolated") {
        auto range = zone.isolate(block(zone, 1));
        REQUIRE(range);
        CHECK(zone.allocate(nobody, order{7})->raw() == 2 * small_block);
        CHECK_FALSE(zone.allocate(nobody, order{7}));
    }
    SECTION("offline") {
        REQUIRE(zone.isolate(block(zone, 1))->offline() == status::ok);
        CHECK(zone.allocate(nobody, order{7})->raw() == 2 * small_block);
        CHECK_FALSE(zone.allocate(nobody, order{7}));
    }
    SECTION("cached") {
        const auto all = take_all(zone);
        for (const frame f : all)
            if (f != frame{5}) zone.free(nobody, f);
        zone.free(first_slot, frame{5});
        REQUIRE(zone.state_of(frame{5}).state == frame_state::cached);
        CHECK(census_of(zone).misplaced_blocks == 0);
        CHECK(zone.internals().with_zone_lock([&](auto proof) {
            return zone.internals().blocks().largest_free_order(proof, block_index{0});
        }) == 5);
    }
}

TEST_CASE("invariant 9: between isolate and undo no way of allocating returns a frame of the range",
          "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    small_zone zone{frames()};
    rng random{seed()};
    const auto live = make_history(zone, random, 100);
    const frame_range sealed = block(zone, 2, 5);
    auto range = zone.isolate(sealed, {.level = level});
    REQUIRE(range);

    for (const live_run run : live) // frees into the range, which must not come out again
        zone.free(first_slot, run.head, run.size);
    for (const frame f : sealed)
        CHECK(zone.allocate_exact(f) == status::busy);
    CHECK(zone.allocate_exact(sealed.first(), order{6}) == status::busy);
    CHECK_FALSE(zone.allocate_contiguous(frame_count{15 * small_block}));

    std::vector<frame> got;
    if (const auto run = zone.allocate_contiguous(frame_count{2 * small_block}))
        for (const frame f : *run)
            got.push_back(f);
    frame bulk[64];
    const std::size_t n = zone.allocate_bulk(bulk);
    got.insert(got.end(), bulk, bulk + n);
    for (const unsigned k : {6u, 1u, 0u})
        for (const auto type :
             {migrate_type::reclaimable, migrate_type::lent, migrate_type::unmovable, migrate_type::movable})
            for (const frame f : take_all(zone, order{k}, type, first_slot))
                for (std::uint32_t i = 0; i != order{k}.frames().raw(); ++i)
                    got.push_back(f + frame_count{i});
    CHECK(got.size() == (blocks - 5) * small_block);
    CHECK(count_in(got, sealed) == 0);
    CHECK(range->all_free());
}

TEST_CASE("invariant 10: a free into an isolated block stays there and counts as isolated only",
          "[isolation]") {
    small_zone zone{frames()};
    const auto all = occupy(zone, block(zone, 4));
    const frame big{8};
    REQUIRE(zone.allocate_exact(big, order{2}) == status::ok);
    auto range = zone.isolate(frame_range{frame{0}, frame_count{5 * small_block}});
    REQUIRE(range);
    const zone_stats before = zone.stats();
    std::uint64_t freed = 0;
    const auto check = [&] {
        CHECK(zone.stats().free == before.free);
        CHECK(zone.stats().isolated_free.raw() == before.isolated_free.raw() + freed);
        CHECK(agrees(zone));
    };
    zone.free(first_slot, all[0]); // through the gate
    ++freed;
    check();
    zone.free(nobody, all[9]); // past the cache
    ++freed;
    check();
    zone.free_bulk(std::vector<frame>{all[20], all[21], all[40]});
    freed += 3;
    check();
    zone.free(nobody, big, order{2});
    freed += 4;
    check();
}

TEST_CASE("invariant 11: no cache holds a frame of a sealed range at any time", "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    busy_zone zone{frames(64)};
    traffic<busy_zone> users{zone, 2};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> found{0};
    std::atomic<std::uint64_t> samples{0};
    std::thread sampler{[&] {
        while (!stop.load()) {
            const auto before = users.sealed().look();
            const std::uint32_t first = static_cast<std::uint32_t>(before.word) & 0xffff;
            const std::uint32_t count = static_cast<std::uint32_t>(before.word >> 16) & 0xffff;
            if (count == 0) continue;
            const std::size_t n = cached_in(zone, block(zone, first, count));
            if (users.sealed().look() == before) {
                found.fetch_add(n);
                samples.fetch_add(1);
            }
        }
    }};
    rng random{seed()};
    for (unsigned i = 0; i < scaled(300u) || samples.load() < 20; ++i) {
        const auto first = static_cast<std::uint32_t>(random.below(56));
        auto range = zone.isolate(block(zone, first, 8), {.level = level});
        if (!range) continue;
        users.sealed().seal(first, 8);
        for (const std::uint64_t seen = samples.load(); samples.load() == seen && i % 16 == 0;)
            std::this_thread::yield();
        users.sealed().open();
    }
    stop.store(true);
    sampler.join();
    users.stop();
    CHECK(found.load() == 0);
    CHECK(users.leaks() == 0);
    CHECK(users.oracle().mistakes() == 0);
    CHECK(agrees(zone));
}

TEST_CASE("invariant 12: a drain includes an exiting thread, a new slot, and waits for a descheduled owner",
          "[isolation]") {
    busy_zone zone{frames()};
    SECTION("threads that come and go while their blocks are sealed leave nothing behind") {
        std::atomic<bool> stop{false};
        std::atomic<unsigned> came{0};
        std::uint64_t wrong = 0;
        std::thread starter{[&] {
            while (!stop.load())
                std::thread{[&] {
                    const auto f = zone.allocate();
                    if (f) zone.free(*f);
                    came.fetch_add(1);
                }}.join();
        }};
        for (unsigned i = 0; i < scaled(300u) || came.load() < 20; ++i) {
            std::this_thread::yield(); // threads that exit want the isolation lock as well
            const auto range = zone.isolate(block(zone, i % 4, 4));
            if (!range) continue;
            wrong += cached_in(zone, range->range());
        }
        stop.store(true);
        starter.join();
        CHECK(wrong == 0);
        CHECK(zone.stats().free.raw() + zone.stats().cached.raw() == blocks * small_block);
        CHECK(agrees(zone));
    }
    SECTION("an owner inside his gate is waited for, as long as the deadline allows") {
        auto& core = zone.internals();
        REQUIRE(zone.allocate());
        const slot_index own = busy_policy::thread_slots::current();
        std::atomic<bool> inside{false};
        std::atomic<bool> leave{false};
        std::thread owner{[&] {
            stopping_source source{inside, leave};
            frame_index out;
            // The magazine of type reclaimable was never used, so it is empty.
            (void)core.caches().pop_slow(
                own, magazine_bins<busy_policy>::of(order{0}, migrate_type::reclaimable), out, source);
        }};
        while (!inside.load())
            std::this_thread::yield();
        // By threads of their own: this one's slot is the one that is inside.
        status hasty = status::ok;
        status patient = status::ok;
        std::thread{[&] { hasty = zone.isolate(block(zone, 0, 2), {.deadline = 2ms}).error(); }}.join();
        CHECK(hasty == status::timed_out);
        CHECK(zone.drain() == status::re_entered);
        CHECK(agrees(zone));
        std::thread isolator{[&] { patient = zone.isolate(block(zone, 0, 2), {.deadline = 1h}).error(); }};
        std::this_thread::sleep_for(2ms);
        leave.store(true);
        isolator.join();
        owner.join();
        CHECK(patient == status::ok);
    }
}

TEST_CASE("inside his own gate a thread is refused what would wait for him, and gets the rest",
          "[isolation]") {
    busy_zone zone{frames()};
    const frame used = *zone.allocate();
    auto& slot = zone.internals().parts().cache_slots[busy_policy::thread_slots::current().raw() + 1];
    busy_policy::gate gate;
    gate.start();
    REQUIRE((gate.try_enter(slot.gate) || gate.enter_slow(slot.gate))); // what a signal handler finds
    const auto moves = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    CHECK(zone.allocate_exact(used) == status::re_entered);
    CHECK(zone.exact_stats().error() == status::re_entered);
    CHECK(zone.drain() == status::re_entered);
    CHECK(zone.disable_caches().error() == status::re_entered);
    CHECK(zone.isolate(block(zone, 1)).error() == status::re_entered);
    CHECK(zone.set_migrate_type(block(zone, 1), migrate_type::unmovable) == status::re_entered);
    CHECK(zone.poison(used) == status::re_entered);
    CHECK(zone.compact(moves).outcome == status::re_entered);
    CHECK(zone.allocate_contiguous(frame_count{1}).error() == status::re_entered);
    CHECK(zone.allocate_exact(frame{8 * small_block}) == status::ok); // needs no cache
    std::vector<frame> all;
    while (const auto f = zone.allocate())
        all.push_back(*f);
    CHECK(zone.allocate().error() == status::no_memory);
    // It may have interrupted itself with the zone lock held.
    status within = status::ok, given_back = status::ok;
    zone.internals().with_zone_lock([&](auto) {
        within = zone.allocate().error();
        given_back = zone.try_free(all.back());
    });
    CHECK(within == status::re_entered);
    CHECK(given_back == status::re_entered);
    free_all(zone, all);
    gate.leave_slow(slot.gate);
    CHECK(agrees(zone));
    CHECK(zone.exact_stats()->allocated.raw() == 2);
}

TEST_CASE("invariant 13: a free past a closed cache goes where its block's type says", "[isolation]") {
    // Types that share a request: a movable request served by a lent block.
    small_zone zone{frames(4)};
    REQUIRE(zone.set_migrate_type(block(zone, 0), migrate_type::lent) == status::ok);
    REQUIRE(zone.set_migrate_type(block(zone, 1), migrate_type::reclaimable) == status::ok);
    const auto all = take_all(zone, order{0}, migrate_type::movable, first_slot);
    const auto closed = zone.disable_caches();
    REQUIRE(closed);
    for (const frame f : all)
        zone.free(first_slot, f);
    CHECK(agrees(zone));
    CHECK(zone.stats().free_of_type[static_cast<unsigned>(migrate_type::lent)].raw() == small_block);
    CHECK(zone.stats().free.raw() == 4 * small_block);
}

TEST_CASE("invariant 14: isolate is all or nothing, and names a frame that really stands in the way",
          "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    small_zone zone{frames()};
    REQUIRE(zone.set_migrate_type(block(zone, 5), migrate_type::unmovable) == status::ok);
    const frame pinned = block(zone, 5).first() + frame_count{17};
    REQUIRE(zone.allocate_exact(pinned) == status::ok);
    zone.set_owner(pinned, owner_tag{77});
    rng random{seed()};
    make_history(zone, random, 60);
    const zone_stats before = zone.stats();
    const census blocks_before = census_of(zone);

    busy_frame blocker;
    const auto range = zone.isolate(block(zone, 2, 8), {.level = level, .blocker = &blocker});
    CHECK(range.error() == status::unmovable);
    REQUIRE(blocker);
    CHECK(blocker.found.type == migrate_type::unmovable);
    CHECK(block(zone, 5).contains(blocker.found.number));
    CHECK(blocker.head() == pinned);
    CHECK(blocker.found.owner == owner_tag{77});
    CHECK(blocker.found.state == frame_state::allocated);

    if (level == isolation_level::targeted) {
        CHECK(zone.stats() == before);
        CHECK(census_of(zone) == blocks_before);
    }
    CHECK(agrees(zone));
    // The caches are open again.
    zone.free(first_slot, *zone.allocate(first_slot));
    zone.free(first_slot, *zone.allocate(first_slot));
    CHECK(zone.stats().cached.raw() != 0);
}

TEST_CASE("invariant 15: a second isolate is busy, a spent range says so", "[isolation]") {
    small_zone zone{frames()};
    auto range = zone.isolate(block(zone, 2, 4), {.owner = owner_tag{5}});
    REQUIRE(range);
    const zone_stats before = zone.stats();
    busy_frame blocker;
    CHECK(zone.isolate(block(zone, 0, 3), {.blocker = &blocker}).error() == status::busy);
    CHECK(blocker.isolator == owner_tag{5});
    CHECK(zone.isolate(block(zone, 2, 4)).error() == status::busy);
    CHECK(zone.stats().isolated_free == before.isolated_free);
    CHECK(zone.stats().free == before.free);

    CHECK(range->undo() == status::ok);
    CHECK(range->undo() == status::not_isolated);
    CHECK(range->offline() == status::not_isolated);
    CHECK(range->claim().error() == status::not_isolated);
    CHECK(range->migrate(no_migrator{}).outcome == status::not_isolated);
    CHECK_FALSE(*range);
    CHECK(agrees(zone));
    CHECK(isolated_range<small_policy>{}.undo() == status::not_isolated);
}

TEST_CASE("invariant 16: undo restores the type; the type of an isolated block cannot be changed",
          "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.set_migrate_type(block(zone, 1), migrate_type::lent) == status::ok);
    REQUIRE(zone.set_migrate_type(block(zone, 2), migrate_type::reclaimable) == status::ok);
    {
        auto range = zone.isolate(block(zone, 0, 4));
        REQUIRE(range);
        CHECK(zone.set_migrate_type(block(zone, 1), migrate_type::movable) == status::busy);
        CHECK(zone.set_migrate_type(block(zone, 0, 6), migrate_type::unmovable) == status::busy);
        CHECK(zone.state_of(block(zone, 1).first()).type == migrate_type::lent);
    }
    CHECK(zone.state_of(block(zone, 0).first()).type == migrate_type::movable);
    CHECK(zone.state_of(block(zone, 1).first()).type == migrate_type::lent);
    CHECK(zone.state_of(block(zone, 2).first()).type == migrate_type::reclaimable);
    CHECK(zone.state_of(block(zone, 4).first()).type == migrate_type::movable);
    CHECK(agrees(zone));
}

TEST_CASE("invariant 17: while caches are disabled nothing opens one; enabling restores what was learned",
          "[isolation]") {
    small_zone zone{frames()};
    const auto churn = [&](slot_index slot) {
        const auto all = take_all(zone, order{0}, migrate_type::movable, slot);
        free_all(zone, all, order{0}, slot);
    };
    churn(first_slot); // the magazine grows to its capacity
    const std::uint64_t learned = zone.stats().cached.raw();
    REQUIRE(learned != 0);
    {
        auto outer = zone.disable_caches();
        REQUIRE(outer);
        {
            auto inner = zone.disable_caches();
            REQUIRE(inner);
            CHECK(zone.stats().cached.raw() == 0);
            churn(first_slot);
            churn(slot_index{3}); // a new slot
            auto range = zone.isolate(block(zone, 0), {.level = isolation_level::exclusive});
            REQUIRE(range);
            range->undo();
            REQUIRE(zone.drain() == status::ok);
            CHECK(zone.stats().cached.raw() == 0);
        }
        churn(first_slot);
        churn(slot_index{2});
        CHECK(zone.stats().cached.raw() == 0);
    }
    // Half of what was learned survives a drain; one round of traffic fills that.
    std::vector<frame> some(32);
    REQUIRE(zone.allocate_bulk(some) == 32);
    free_all(zone, some, order{0}, first_slot);
    CHECK(zone.stats().cached.raw() >= learned / 2);
    CHECK(agrees(zone));
}

TEST_CASE("invariant 18: isolate under traffic ends, in time or at its deadline, and no lock order is wrong",
          "[isolation]") {
    count_wrong_order::count.store(0);
    basic_zone<ranked_policy> zone{frames(64)};
    traffic<basic_zone<ranked_policy>> users{zone, 3};
    rng random{seed()};
    unsigned sealed = 0;
    unsigned late = 0;
    const auto start = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration longest{};
    for (unsigned i = 0; i != scaled(400u); ++i) {
        const auto first = static_cast<std::uint32_t>(random.below(60));
        const auto level = i % 8 == 0 ? isolation_level::exclusive : isolation_level::targeted;
        const std::chrono::microseconds limit{i % 3 == 0 ? 50 : 1'000'000};
        const auto begin = std::chrono::steady_clock::now();
        const auto range = zone.isolate(block(zone, first, 4), {.level = level, .deadline = limit});
        longest = std::max(longest, std::chrono::steady_clock::now() - begin);
        sealed += bool{range};
        late += range.error() == status::timed_out;
        REQUIRE((range || range.error() == status::timed_out));
        if (i % 5 == 0) REQUIRE((zone.exact_stats() && zone.validate()));
    }
    users.stop();
    INFO("sealed " << sealed << ", timed out " << late << ", all in "
                   << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()
                   << " s");
    CHECK(sealed != 0);
    CHECK(longest < 20s);
    CHECK(users.oracle().mistakes() == 0);
    CHECK(count_wrong_order::count.load() == 0);
    CHECK(agrees(zone));
}

TEST_CASE("invariant 28: offline frames are no memory; online gives back exactly what left", "[isolation]") {
    small_zone zone{frames()};
    const frame_range out = block(zone, 3, 2);
    const zone_stats before = zone.stats();
    REQUIRE(zone.isolate(out)->offline() == status::ok);
    CHECK(zone.stats().offline == out.count());
    CHECK(zone.stats().free == before.free - out.count());
    CHECK(zone.stats().managed == before.managed);
    CHECK(zone.state_of(out.first()).state == frame_state::offline);
    CHECK(zone.try_free(out.first()) == status::free_of_offline);
    CHECK(zone.allocate_exact(out.first()) == status::offline);
    CHECK(zone.isolate(out).error() == status::offline);
    CHECK(take_all(zone).size() == before.free.raw() - out.count().raw());
    CHECK(zone.online(block(zone, 2, 2)) == status::not_offline);
    CHECK(zone.stats().offline == out.count());
    for (int i = 0; i != 2; ++i) {
        CHECK(zone.online(out) == status::ok);
        CHECK(zone.stats().free == out.count());
        CHECK(zone.online(out) == status::not_offline);
        CHECK(zone.isolate(out)->offline() == status::ok);
        CHECK(zone.stats().free.raw() == 0);
    }
    CHECK(agrees(zone));
}
