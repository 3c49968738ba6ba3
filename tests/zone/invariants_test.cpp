// tests/zone/invariants_test.cpp - the invariants of accounting, placement and lifecycle, each a test.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/zone_core.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <map>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr std::uint32_t blocks = 16;

frame_range frames(std::uint32_t n = blocks) {
    return {frame{0}, frame_count{n * small_block}};
}

struct unchecked_policy : small_policy {
    static constexpr check_level checks = check_level::none;
};

struct run {
    frame head;
    order size;
};

// A zone and what its one user holds.
struct world {
    small_zone zone{frames()};
    rng random{seed()};
    std::vector<run> live;
    std::uint64_t held = 0;

    void allocate(order k, migrate_type type, slot_index slot) {
        if (const auto f = zone.allocate(slot, k, type)) {
            live.push_back({*f, k});
            held += k.frames().raw();
        }
    }
    void free(slot_index slot) {
        const std::size_t at = random.below(live.size());
        zone.free(slot, live[at].head, live[at].size);
        held -= live[at].size.frames().raw();
        live[at] = live.back();
        live.pop_back();
    }
    void step() {
        const slot_index slot =
            random.below(3) == 0 ? nobody : slot_index{static_cast<std::uint32_t>(random.below(4))};
        if (live.empty() || random.below(100) < 55)
            allocate(order{static_cast<unsigned>(random.below(10) == 0 ? random.below(8) : random.below(3))},
                     static_cast<migrate_type>(random.below(4)), slot);
        else
            free(slot);
    }
    [[nodiscard]] std::uint64_t free_frames() const { return zone.stats().free.raw(); }
};

} // namespace

TEST_CASE("invariant 1: the maps say what the counters say, and everything adds up to what is managed",
          "[zone]") {
    world on;
    REQUIRE(on.zone.set_migrate_type(block(on.zone, 14), migrate_type::lent) == status::ok);
    for (unsigned i = 0; i != scaled(20'000u); ++i) {
        on.step();
        if (i % 97 != 0) continue;
        const auto range =
            on.zone.isolate(block(on.zone, static_cast<std::uint32_t>(on.random.below(blocks))));
        REQUIRE(agrees(on.zone));
        const zone_stats now = *on.zone.exact_stats();
        REQUIRE(now.managed == on.zone.frames().count());
        REQUIRE(now.allocated.raw() == on.held);
        REQUIRE(now.free + now.isolated_free + now.cached + now.allocated + now.offline + now.poisoned ==
                now.managed);
        if (range) REQUIRE(now.isolated_free + range->busy() == range->range().count());
    }
}

TEST_CASE("invariant 3: a free adds what was freed to one type, a take subtracts what was taken", "[zone]") {
    world on;
    for (unsigned i = 0; i != scaled(5'000u); ++i) {
        const zone_stats before = on.zone.stats();
        const std::uint64_t held = on.held;
        if (on.live.empty() || on.random.below(2) == 0)
            on.allocate(order{static_cast<unsigned>(on.random.below(9))}, migrate_type::movable, nobody);
        else
            on.free(nobody);
        const zone_stats after = on.zone.stats();
        const auto movable = static_cast<unsigned>(migrate_type::movable);
        REQUIRE(after.free_of_type[movable].raw() + on.held == before.free_of_type[movable].raw() + held);
        REQUIRE(after.free == after.free_of_type[movable]);
    }
}

TEST_CASE("invariant 4: a block that changes its type takes exactly its free frames along", "[zone]") {
    const auto of = [](const zone_stats& s, migrate_type t) {
        return s.free_of_type[static_cast<unsigned>(t)].raw();
    };
    small_zone zone{frames(1)};
    const auto some = occupy(zone, {frame{0}, frame_count{20}});
    const zone_stats before = zone.stats();
    SECTION("stolen") {
        REQUIRE(zone.allocate(nobody, order{0}, migrate_type::reclaimable));
        CHECK(of(zone.stats(), migrate_type::movable) == 0);
        CHECK(of(zone.stats(), migrate_type::reclaimable) == before.free.raw() - 1);
    }
    SECTION("changed by hand") {
        REQUIRE(zone.set_migrate_type(frames(1), migrate_type::lent) == status::ok);
        CHECK(of(zone.stats(), migrate_type::movable) == 0);
        CHECK(of(zone.stats(), migrate_type::lent) == before.free.raw());
    }
    SECTION("not changed: a movable request in an unmovable block") {
        REQUIRE(zone.set_migrate_type(frames(1), migrate_type::unmovable) == status::ok);
        REQUIRE(zone.allocate(nobody));
        CHECK(of(zone.stats(), migrate_type::movable) == 0);
        CHECK(of(zone.stats(), migrate_type::unmovable) == before.free.raw() - 1);
    }
    CHECK(agrees(zone));
}

TEST_CASE("invariant 8: a frame is in exactly one state, and no two runs overlap", "[zone]") {
    world on;
    REQUIRE(on.zone.poison(frame{5 * small_block + 1}) == status::ok);
    REQUIRE(on.zone.isolate(block(on.zone, 6))->offline() == status::ok);
    auto range = on.zone.isolate(block(on.zone, 7));
    for (unsigned round = 0; round != scaled(100u); ++round) {
        for (int i = 0; i != 50; ++i)
            on.step();
        std::map<frame_state, std::uint64_t> states;
        std::vector<bool> in_run(static_cast<std::size_t>(frames().count().raw()));
        for (const run r : on.live)
            for (std::uint32_t i = 0; i != r.size.frames().raw(); ++i) {
                REQUIRE_FALSE(in_run[r.head.raw() + i]);
                in_run[r.head.raw() + i] = true;
                const frame_info info = on.zone.state_of(r.head + frame_count{i});
                REQUIRE(info.state == (i == 0 ? frame_state::allocated : frame_state::tail));
                REQUIRE(info.head == r.head);
                REQUIRE(info.size == r.size);
            }
        for (const frame f : frames())
            ++states[on.zone.state_of(f).state];
        const zone_stats now = *on.zone.exact_stats();
        REQUIRE(states[frame_state::free] == now.free.raw());
        REQUIRE(states[frame_state::cached] == now.cached.raw());
        REQUIRE(states[frame_state::allocated] + states[frame_state::tail] == on.held);
        REQUIRE(states[frame_state::isolated] == small_block);
        REQUIRE(states[frame_state::offline] == small_block);
        REQUIRE(states[frame_state::poisoned] == 1);
    }
}

TEST_CASE("invariant 26: a wrong free is detected, and without checks corrupts no map", "[zone]") {
    SECTION("detected, and harmless") {
        world on;
        for (int i = 0; i != 2000; ++i)
            on.step();
        std::vector<bool> head(static_cast<std::size_t>(frames().count().raw()));
        for (const run r : on.live)
            head[r.head.raw()] = true;
        const zone_stats before = on.zone.stats();
        for (const frame f : frames())
            if (!head[f.raw()])
                for (unsigned k = 0; k != 10; ++k)
                    REQUIRE(on.zone.try_free(mine, f, order{k}) != status::ok);
        for (const run r : on.live)
            for (unsigned k = 0; k != 10; ++k)
                if (order{k} != r.size) REQUIRE(on.zone.try_free(mine, r.head, order{k}) != status::ok);
        CHECK(on.zone.stats() == before);
        CHECK(agrees(on.zone));
    }
    SECTION("without checks: a frame that is free already is found in the map") {
        basic_zone<unchecked_policy> zone{frames()};
        const frame f = *zone.allocate(nobody, order{1});
        zone.free(nobody, f, order{1});
        CHECK(zone.try_free(nobody, f, order{1}) == status::double_free);
        CHECK(zone.try_free(nobody, f + frame_count{1}) == status::double_free);
        CHECK(zone.try_free(nobody, frame{blocks * small_block}) == status::foreign_frame);
        CHECK(zone.stats().free == zone.frames().count());
        CHECK(agrees(zone));
    }
}

TEST_CASE("invariant 27: a poisoned frame never comes back, whatever happens around it", "[zone]") {
    world on;
    std::vector<frame> bad;
    for (unsigned i = 0; i != scaled(3'000u); ++i) {
        on.step();
        if (i % 100 == 0) {
            const frame f{static_cast<std::uint32_t>(on.random.below(frames().count().raw()))};
            const status s = on.zone.poison(f);
            REQUIRE((s == status::ok || s == status::deferred || s == status::poisoned));
            if (s != status::poisoned) bad.push_back(f);
        }
        if (i % 300 == 0) {
            const auto range =
                on.zone.isolate(block(on.zone, static_cast<std::uint32_t>(on.random.below(blocks))));
            REQUIRE(agrees(on.zone));
        }
    }
    while (!on.live.empty())
        on.free(mine);
    REQUIRE(on.zone.drain() == status::ok);
    CHECK(on.zone.stats().poisoned.raw() == bad.size());
    CHECK(on.zone.stats().free.raw() == frames().count().raw() - bad.size());
    const auto all = take_all(on.zone, order{0}, migrate_type::movable, mine);
    CHECK(all.size() == frames().count().raw() - bad.size());
    for (const frame f : bad) {
        CHECK(on.zone.state_of(f).state == frame_state::poisoned);
        CHECK(count_in(all, {f, frame_count{1}}) == 0);
    }
    CHECK(agrees(on.zone));
}

TEST_CASE("invariant 28: an offline range is foreign to every verb, online brings exactly it back",
          "[zone]") {
    world on;
    const frame_range out = block(on.zone, 4, 4);
    REQUIRE(on.zone.isolate(out)->offline() == status::ok);
    for (int i = 0; i != 3000; ++i) {
        on.step();
        REQUIRE_FALSE(
            (!on.live.empty() && out.overlaps({on.live.back().head, on.live.back().size.frames()})));
    }
    CHECK(on.zone.stats().offline == out.count());
    for (const frame f : out) {
        REQUIRE(on.zone.state_of(f).state == frame_state::offline);
        REQUIRE(on.zone.try_free(mine, f) == status::free_of_offline);
    }
    const std::uint64_t before = on.free_frames();
    REQUIRE(on.zone.online(out) == status::ok);
    CHECK(on.free_frames() == before + out.count().raw());
    CHECK(on.zone.online(out) == status::not_offline);
    CHECK(agrees(on.zone));
}

TEST_CASE("invariant 30: a fork child has a whole zone without locks; an exiting thread leaves nothing",
          "[zone]") {
    zone shared{frame_range{frame{0}, frame_count{64 * 512}}};
    SECTION("a thread's cache comes back when it exits, and it can free after that") {
        frame late;
        std::thread{[&] {
            std::vector<frame> some(100);
            for (frame& f : some)
                f = *shared.allocate();
            late = some.back();
            some.pop_back();
            for (const frame f : some)
                shared.free(f);
        }}.join();
        CHECK(shared.stats().cached.raw() == 0);
        CHECK(shared.exact_stats()->allocated.raw() == 1);
        shared.free(late);
        CHECK(shared.exact_stats()->allocated.raw() == 0);
    }
    SECTION("forks while other threads hold locks, stand in their gates, and become active") {
        std::atomic<bool> stop{false};
        std::vector<std::thread> users;
        for (int t = 0; t != 2; ++t)
            users.emplace_back([&] {
                while (!stop.load())
                    std::thread{[&] {
                        for (int i = 0; i != 50; ++i)
                            if (const auto f = shared.allocate(order{static_cast<unsigned>(i % 3)}))
                                shared.free(*f, order{static_cast<unsigned>(i % 3)});
                    }}.join();
            });
        int worst = 0;
        for (unsigned i = 0; i != scaled(100u) && worst == 0; ++i)
            worst = in_child([&] {
                const auto f = shared.allocate();
                if (!f) return 1;
                shared.free(*f);
                if (shared.drain() != status::ok) return 2;
                if (!shared.isolate(block(shared, 0, 64), {.level = isolation_level::exclusive})) return 3;
                const auto stats = shared.exact_stats();
                if (!stats || !shared.validate()) return 4;
                // What the two others had in their hands at that moment, and no more.
                if (stats->allocated.raw() > 2 * 4 || stats->cached.raw() != 0) return 5;
                shared.free(*shared.allocate());
                return shared.stats().cached.raw() != 0 ? 0 : 6;
            });
        stop.store(true);
        for (auto& thread : users)
            thread.join();
        CHECK(worst == 0);
        CHECK(shared.exact_stats()->allocated.raw() == 0);
    }
}
