// tests/zone/zone_core_test.cpp - where an allocation looks, exact and bulk calls, misuse.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/zone_core.hpp"

#include "support/catch.hpp"
#include "support/counting_atomics.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr slot_index other{1};

frame_range frames(std::uint32_t blocks) {
    return {frame{0}, frame_count{blocks * small_block}};
}

std::uint64_t free_of(const small_zone& zone, migrate_type type) {
    return zone.stats().free_of_type[static_cast<unsigned>(type)].raw();
}

struct unchecked_policy : small_policy {
    static constexpr check_level checks = check_level::none;
};

struct counting_policy : small_policy {
    using atomics = counting_atomics;
};

// A lock that a signal finds held by its own thread, each time it is taken.
struct CORDON_CAPABILITY("lock") interrupted_lock {
    static inline void (*handler)() = nullptr;
    static inline unsigned waits_for_itself = 0;
    bool is_held = false;

    void lock() CORDON_ACQUIRE() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        waits_for_itself += is_held; // for ever
        is_held = true;
        if (const auto interrupt = std::exchange(handler, nullptr); interrupt != nullptr) {
            interrupt();
            handler = interrupt;
        }
    }
    bool try_lock() CORDON_TRY_ACQUIRE(true) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        return !std::exchange(is_held, true);
    }
    void unlock() CORDON_RELEASE() CORDON_NO_THREAD_SAFETY_ANALYSIS { is_held = false; }
};
struct interrupted_policy : small_policy {
    using zone_lock = interrupted_lock;
    using isolation_lock = interrupted_lock;
};

// Under pressure: gives back one of the frames it holds.
struct reserve {
    small_zone* zone = nullptr;
    std::vector<frame> held;
    unsigned calls = 0;
    order asked{};
    migrate_type type = migrate_type::movable;

    static bool give(void* context, order k, migrate_type t) {
        auto& self = *static_cast<reserve*>(context);
        ++self.calls;
        self.asked = k;
        self.type = t;
        if (self.held.empty()) return false;
        self.zone->free(self.held.back());
        self.held.pop_back();
        return true;
    }
};

} // namespace

TEST_CASE("an allocation looks into its own cache first", "[zone]") {
    small_zone zone{frames(4)};
    const frame f = *zone.allocate(mine);
    zone.free(mine, f);
    const std::uint64_t refills = zone.stats().refills;
    CHECK(*zone.allocate(mine) == f);
    CHECK(zone.stats().refills == refills);
}

TEST_CASE("an allocation that its cache cannot serve takes a batch from the zone", "[zone]") {
    small_zone zone{frames(4)};
    const auto all = take_all(zone, order{0}, migrate_type::movable, mine);
    CHECK(all.size() == 4 * small_block);
    CHECK(zone.stats().refills < 30);
}

TEST_CASE("an allocation finds what the caches of others hold", "[zone]") {
    small_zone zone{frames(4)};
    free_all(zone, take_all(zone), order{0}, other);
    REQUIRE(zone.stats().cached.raw() != 0);
    CHECK(take_all(zone, order{0}, migrate_type::movable, mine).size() == 4 * small_block);
    CHECK(zone.stats().cached.raw() == 0);
}

TEST_CASE("cached frames of order 0 merge into what a larger request needs", "[zone]") {
    small_zone zone{frames(4)};
    free_all(zone, take_all(zone), order{0}, mine);
    CHECK(take_all(zone, order{8}, migrate_type::movable, mine).size() == 1);
}

TEST_CASE("without a barrier an allocation still gets what its own cache holds", "[zone]") {
    basic_zone<refusable_policy> zone{frames(4)};
    free_all(zone, take_all(zone), order{0}, mine);
    REQUIRE(zone.stats().cached.raw() != 0);
    refusable_barrier::at_issue.store(true);
    const result<frame> all = zone.allocate(mine, order{8});
    refusable_barrier::at_issue.store(false);
    CHECK(all);
}

TEST_CASE("an allocation takes blocks of other types when its own are used up, whole ones first", "[zone]") {
    small_zone zone{frames(4)};
    const frame kept = *zone.allocate(nobody, order{0}, migrate_type::unmovable);
    REQUIRE(zone.state_of(kept).type == migrate_type::unmovable);
    // 3 blocks whole and 63 frames of the unmovable block: all of it serves movable requests in the end.
    const auto all = take_all(zone);
    CHECK(all.size() == 4 * small_block - 1);
    CHECK(std::all_of(all.begin(), all.begin() + 3 * small_block,
                      [&](frame f) { return zone.state_of(f).type == migrate_type::movable; }));
    CHECK(zone.state_of(all.back()).type ==
          migrate_type::unmovable); // movable frames do not take the block over
    CHECK(agrees(zone));
}

TEST_CASE("a request that moves less takes over a block that is at least half free", "[zone]") {
    small_zone zone{frames(1)};
    const auto use = [&](std::uint32_t n) {
        std::vector<frame> some(n);
        REQUIRE(zone.allocate_bulk(some) == n);
    };
    SECTION("half free") {
        use(small_block / 2);
        REQUIRE(zone.allocate(nobody, order{0}, migrate_type::unmovable));
        CHECK(free_of(zone, migrate_type::unmovable) == small_block / 2 - 1);
        CHECK(free_of(zone, migrate_type::movable) == 0);
    }
    SECTION("less than half free") {
        use(small_block / 2 + 1);
        REQUIRE(zone.allocate(nobody, order{0}, migrate_type::unmovable));
        CHECK(free_of(zone, migrate_type::unmovable) == 0);
        CHECK(free_of(zone, migrate_type::movable) == small_block / 2 - 2);
    }
    CHECK(agrees(zone));
}

TEST_CASE("an allocation that found nothing asks the embedder, and looks again as long as that helps",
          "[zone]") {
    reserve spare;
    small_zone zone{{.frames = frames(1), .pressure = {&reserve::give, &spare}}};
    spare.zone = &zone;
    spare.held.resize(10);
    REQUIRE(zone.allocate_bulk(spare.held) == 10);
    const auto all = take_all(zone, order{0}, migrate_type::reclaimable, mine);
    CHECK(all.size() == small_block);
    CHECK(spare.calls == 11);
    CHECK(spare.asked == order{0});
    CHECK(spare.type == migrate_type::reclaimable);
    CHECK(zone.allocate().error() == status::no_memory);
    CHECK(agrees(zone));
}

TEST_CASE("lent blocks serve movable requests last, others never, and lent requests first", "[zone]") {
    small_zone zone{frames(3)};
    REQUIRE(zone.set_migrate_type(block(zone, 1), migrate_type::lent) == status::ok);
    SECTION("unmovable and reclaimable requests do not see them") {
        const auto type = GENERATE(migrate_type::unmovable, migrate_type::reclaimable);
        const auto all = take_all(zone, order{0}, type, mine);
        CHECK(all.size() == 2 * small_block);
        CHECK(count_in(all, block(zone, 1)) == 0);
        CHECK_FALSE(zone.allocate(nobody, order{6}, type));
    }
    SECTION("movable requests take them when the ordinary ones are used up") {
        const auto all = take_all(zone, order{0}, migrate_type::movable, mine);
        REQUIRE(all.size() == 3 * small_block);
        CHECK(count_in({all.begin(), all.begin() + 2 * small_block}, block(zone, 1)) == 0);
        CHECK(zone.state_of(block(zone, 1).first()).type == migrate_type::lent);
    }
    SECTION("lent requests take them first, then ordinary ones") {
        const auto all = take_all(zone, order{0}, migrate_type::lent, nobody);
        REQUIRE(all.size() == 3 * small_block);
        CHECK(count_in({all.begin(), all.begin() + small_block}, block(zone, 1)) == small_block);
    }
    SECTION("frames of both pools make one large run when nothing else is left") {
        CHECK(zone.allocate(nobody, order{7})->raw() == 0);
    }
    CHECK(agrees(zone));
}

TEST_CASE("why a run cannot be had is told by its blocks, not by each of its frames", "[zone]") {
    const frame_range hole[] = {{frame{11 * small_block + 5}, frame_count{1}}};
    basic_zone<counting_policy> zone{zone_options{.frames = frames(12), .holes = hole}};
    REQUIRE(zone.allocate_exact(frame{7 * small_block + 60}) == status::ok);
    counting_atomics::loads = 0;
    CHECK(zone.allocate_exact(frame{4 * small_block}, order{8}) == status::busy);
    CHECK(counting_atomics::loads < small_block);
    CHECK(zone.allocate_exact(frame{8 * small_block}, order{8}) == status::absent); // in its last block
    REQUIRE(zone.isolate(block(zone, 6))->offline() == status::ok);
    CHECK(zone.allocate_exact(frame{4 * small_block}, order{8}) == status::offline);
    REQUIRE(zone.poison(frame{5 * small_block + 1}) == status::ok);
    CHECK(zone.allocate_exact(frame{4 * small_block}, order{8}) ==
          status::poisoned); // before the offline one
    CHECK(zone.allocate_exact(frame{7 * small_block}, order{6}) == status::busy);
}

TEST_CASE("allocate_exact takes one run, out of a cache if it must", "[zone]") {
    small_zone zone{frames(4)};
    free_all(zone, take_all(zone), order{0}, mine);
    const frame cached{*zone.allocate(mine)};
    zone.free(mine, cached);
    REQUIRE(zone.state_of(cached).state == frame_state::cached);
    CHECK(zone.allocate_exact(cached) == status::ok);
    CHECK(zone.state_of(cached).state == frame_state::allocated);
    CHECK(zone.allocate_exact(cached) == status::busy);
    CHECK(zone.allocate_exact(frame{128}, order{7}) == (cached.raw() >= 128 ? status::busy : status::ok));
    CHECK(zone.allocate_exact(frame{3}, order{1}) == status::invalid_range); // not aligned
    CHECK(zone.allocate_exact(frame{4 * small_block}) == status::invalid_range);
    CHECK(zone.allocate_exact(frame{3 * small_block}, order{7}) == status::invalid_range);
    CHECK(zone.allocate_exact(frame{0}, order{9}) == status::invalid_order);
    CHECK(agrees(zone));
}

TEST_CASE("bulk calls fill what they can and give all of it back", "[zone]") {
    small_zone zone{frames(20)};
    const order k{GENERATE(0u, 1u, 3u, 6u)};
    const auto runs = static_cast<std::size_t>(zone.frames().count().raw() >> k.raw());
    std::vector<frame> some(runs + 5);
    REQUIRE(zone.allocate_bulk(some, k) == runs);
    CHECK(zone.stats().free.raw() == 0);
    some.resize(runs);
    std::vector<frame> sorted = some;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    zone.free_bulk(some, k);
    CHECK(zone.stats().free == zone.frames().count());
    CHECK(agrees(zone));
    CHECK(zone.allocate_bulk({}) == 0);
    zone.free_bulk({});
}

TEST_CASE("a bulk allocation also finds what the caches of others hold", "[zone]") {
    small_zone zone{frames(2)};
    free_all(zone, take_all(zone), order{0}, other);
    std::vector<frame> some(2 * small_block);
    CHECK(zone.allocate_bulk(some) == 2 * small_block);
}

TEST_CASE("a bulk allocation that an exception leaves has taken nothing", "[zone]") {
    struct overloaded {};
    const pressure_callback throwing{[](void*, order, migrate_type) -> bool { throw overloaded{}; }};
    small_zone zone{{.frames = frames(20), .pressure = throwing}};
    const order k{GENERATE(0u, 1u, 3u, 6u, 8u)};
    const std::vector<frame> held = occupy(zone, {frame{0}, frame_count{3}});
    std::vector<frame> some(20 * small_block + 1); // more than there are
    CHECK_THROWS_AS(zone.allocate_bulk(some, k), overloaded);
    CHECK(zone.stats().allocated.raw() == held.size());
    CHECK(zone.stats().free == zone.frames().count() - frame_count{held.size()});
    CHECK(agrees(zone));
    free_all(zone, held);
    CHECK(zone.allocate_bulk(std::span{some}.first(20 * small_block)) == 20 * small_block);
}

TEST_CASE("a wrong free is refused, reported, and changes nothing", "[zone]") {
    const frame_range holes[] = {{frame{0}, frame_count{small_block}}};
    small_zone zone{{.frames = frames(8), .holes = holes}};
    const frame head = *zone.allocate(nobody, order{2});
    const frame cached = *zone.allocate(mine);
    zone.free(mine, cached);
    const frame freed = *zone.allocate(nobody, order{3});
    zone.free(nobody, freed, order{3});
    zone.set_owner(head, owner_tag{42});
    auto isolated = zone.isolate(block(zone, 5));
    REQUIRE(isolated);
    REQUIRE(zone.isolate(block(zone, 6))->offline() == status::ok);
    const frame bad = block(zone, 4).first();
    REQUIRE(zone.poison(bad) == status::ok);

    struct wrong {
        frame f;
        order k;
        status what;
        frame_state state;
    };
    const wrong calls[] = {
        {freed, order{3}, status::double_free, frame_state::free},
        {cached, order{0}, status::free_of_cached, frame_state::cached},
        {head + frame_count{1}, order{0}, status::free_of_tail, frame_state::tail},
        {head, order{1}, status::wrong_order, frame_state::allocated},
        {head, order{9}, status::invalid_order, frame_state::allocated},
        {block(zone, 5).first(), order{0}, status::free_of_isolated, frame_state::isolated},
        {block(zone, 6).first(), order{0}, status::free_of_offline, frame_state::offline},
        {bad, order{0}, status::free_of_poisoned, frame_state::poisoned},
        {frame{small_block - 1}, order{0}, status::free_of_absent, frame_state::absent},
        {frame{8 * small_block}, order{0}, status::foreign_frame, frame_state::foreign},
        {frame::none(), order{0}, status::foreign_frame, frame_state::foreign},
    };
    const zone_stats before = zone.stats();
    for (const wrong& call : calls)
        for (const slot_index slot : {mine, nobody}) {
            INFO(name(call.what) << ", frame " << call.f.raw());
            misuse_record::reset();
            CHECK(zone.try_free(slot, call.f, call.k) == call.what);
            CHECK(misuse_record::count.load() == 0);
            zone.free(slot, call.f, call.k);
            REQUIRE(misuse_record::count.load() == 1);
            CHECK(misuse_record::last.what == call.what);
            CHECK(misuse_record::last.given == call.k);
            CHECK(misuse_record::last.found.number == call.f);
            CHECK(misuse_record::last.found.state == call.state);
            zone.free_bulk(std::vector<frame>{call.f}, call.k);
            CHECK(misuse_record::count.load() == 2);
            CHECK(zone.stats() == before);
        }
    zone.free(head, order{0});
    CHECK(misuse_record::last.found.owner == owner_tag{42});
    CHECK(misuse_record::last.found.size == order{2});
    CHECK(agrees(zone));
}

TEST_CASE("two copies of one free in one batch are found when they reach the map", "[zone]") {
    // What two threads do that free one frame at the same instant: both see an allocated head.
    small_zone zone{frames(2)};
    const frame f = *zone.allocate(nobody);
    zone.free(nobody, f);
    auto& core = zone.internals();
    misuse_record::reset();
    core.states().set_head(core.geometry().index_of(f), order{0});
    zone.free_bulk(std::vector<frame>{f});
    CHECK(misuse_record::count.load() == 1);
    CHECK(misuse_record::last.what == status::double_free);
    CHECK(zone.stats().free.raw() == 2 * small_block);
    CHECK(agrees(zone));
}

TEST_CASE("of several wrong frees in one batch each is told, and the right ones beside them come back",
          "[zone]") {
    // Without states nobody knows before the map.
    basic_zone<unchecked_policy> zone{frames(16)};
    const auto told = [&](order k, std::initializer_list<frame> freed) {
        misuse_record::reset();
        zone.free_bulk(freed, k);
        CHECK(misuse_record::last.what == status::double_free);
        CHECK(misuse_record::last.given == k);
        CHECK(zone.stats().allocated.raw() == 0);
        return misuse_record::count.load();
    };
    const frame a{3};
    const frame b{5};
    const frame c{2 * small_block};
    for (const frame f : {a, b, c})
        REQUIRE(zone.allocate_exact(f) == status::ok);
    CHECK(told(order{0}, {a, a, b, a, b, c, c}) == 4);
    CHECK(misuse_record::last.found.number == c);
    REQUIRE(zone.allocate_exact(frame{0}, order{8}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{4 * small_block}, order{8}) == status::ok);
    CHECK(told(order{8}, {frame{0}, frame{0}, frame{4 * small_block}, frame{0}}) == 2);
    CHECK(agrees(zone));
}

TEST_CASE(
    "a bulk call of large runs holds the zone lock for as many blocks at a time as of small ones for runs",
    "[zone]") {
    constexpr std::size_t runs = 300;
    small_zone zone{frames(4 * runs)};
    std::vector<frame> out(runs);
    REQUIRE(zone.allocate_bulk(out, order{8}) == runs); // of 4 blocks each
    CHECK(zone.stats().refills == 3);
    zone.free_bulk(out, order{8});
    CHECK(zone.stats().spills == 3);
    REQUIRE(zone.allocate_bulk(out, order{6}) == runs);
    CHECK(zone.stats().refills == 4);
    CHECK(agrees(zone));
}

TEST_CASE("a frame that is allocated anew has no owner yet, however it is allocated", "[zone]") {
    small_zone zone{frames(1)};
    const frame f{0};
    const auto owned_and_freed = [&] {
        CHECK(zone.state_of(f).owner == owner_tag::none);
        zone.set_owner(f, owner_tag{7});
        CHECK(zone.state_of(f).owner == owner_tag{7});
        zone.free(nobody, f);
    };
    REQUIRE(*zone.allocate(nobody) == f);
    owned_and_freed();
    REQUIRE(*zone.allocate(nobody) == f);
    owned_and_freed();
    REQUIRE(zone.allocate_exact(f) == status::ok);
    owned_and_freed();
    frame some[1];
    REQUIRE(zone.allocate_bulk(some) == 1);
    owned_and_freed();
    REQUIRE(zone.allocate_contiguous(frame_count{1})->first() == f);
    owned_and_freed();
}

TEST_CASE("a signal handler that interrupts an allocation waits for no lock of its thread, also where it "
          "finds nothing",
          "[zone]") {
    using zone_type = basic_zone<interrupted_policy>;
    zone_type zone{frames(2)};
    static zone_type* interrupted;
    static unsigned handled;
    interrupted = &zone;
    handled = 0;
    interrupted_lock::waits_for_itself = 0;
    std::vector<frame> held;
    while (const auto f = zone.allocate(other))
        held.push_back(*f);
    interrupted_lock::handler = [] {
        ++handled;
        if (const auto f = interrupted->allocate(mine)) CHECK(interrupted->try_free(mine, *f) == status::ok);
    };
    CHECK(zone.allocate(mine).error() == status::no_memory);
    zone.free(other, held.back()); // now it is in the cache of another
    CHECK(zone.allocate(mine));
    interrupted_lock::handler = nullptr;
    CHECK(handled > 4);
    CHECK(interrupted_lock::waits_for_itself == 0);
}

TEST_CASE("calls with senseless arguments are refused", "[zone]") {
    small_zone zone{frames(4)};
    CHECK(zone.allocate(nobody, order{9}).error() == status::invalid_order);
    CHECK(zone.allocate(mine, order{200}).error() == status::invalid_order);
    frame out[2];
    CHECK(zone.allocate_bulk(out, order{9}) == 0);
    CHECK(zone.drain({frame{0}, frame_count{0}}) == status::invalid_range);
    CHECK(zone.drain({frame{0}, frame_count{5 * small_block}}) == status::invalid_range);
    CHECK(zone.isolate({frame{1}, frame_count{small_block}}).error() == status::invalid_range);
    CHECK(zone.isolate({frame{0}, frame_count{small_block + 1}}).error() == status::invalid_range);
    CHECK(zone.online({frame{0}, frame_count{0}}) == status::invalid_range);
    CHECK(zone.poison(frame{4 * small_block}) == status::foreign_frame);
    CHECK(zone.allocate_contiguous(frame_count{0}).error() == status::invalid_argument);
    CHECK(zone.allocate_contiguous(frame_count{1}, frame_count{3}).error() == status::invalid_argument);
}

TEST_CASE("a zone that could not be made says so at each call", "[zone]") {
    const auto check = [](small_zone& zone, status why) {
        CHECK(zone.error() == why);
        CHECK(zone.allocate(mine).error() == why);
        CHECK(zone.allocate(nobody).error() == why);
        CHECK(zone.allocate_exact(frame{0}) == why);
        CHECK(zone.allocate_contiguous(frame_count{1}).error() == why);
        CHECK(zone.isolate(frames(1)).error() == why);
        CHECK(zone.online(frames(1)) == why);
        CHECK(zone.set_migrate_type(frames(1), migrate_type::lent) == why);
        CHECK(zone.poison(frame{0}) == why);
        CHECK(zone.disable_caches().error() == why);
        CHECK(zone.drain() == why);
        CHECK(zone.drain(frames(1)) == why);
        CHECK(zone.exact_stats().error() == why);
        // Those that return no status do nothing.
        frame out[2];
        CHECK(zone.allocate_bulk(out) == 0);
        CHECK(zone.try_free(mine, frame{0}) == status::foreign_frame);
        CHECK(zone.stats() == zone_stats{});
        CHECK(zone.state_of(frame{0}).state == frame_state::foreign);
    };
    const frame_range holes[] = {{frame{0}, frame_count{10}}, {frame{5}, frame_count{10}}};
    const zone_options bad[] = {
        {.frames = {}},
        {.frames = {frame{UINT32_MAX - 5}, frame_count{10}}},
        {.frames = frames(2), .holes = holes},
    };
    for (const zone_options& options : bad) {
        small_zone zone{options};
        check(zone, status::invalid_range);
    }
    std::byte too_few[cache_line_bytes];
    small_zone homeless = small_zone::place(too_few, {.frames = frames(2)});
    check(homeless, status::no_metadata);
}

TEST_CASE("exact_stats balances to the frame", "[zone]") {
    small_zone zone{frames(8)};
    const auto some = occupy(zone, {frame{10}, frame_count{100}});
    zone.free(mine, some[0]);
    REQUIRE(zone.poison(frame{200}) == status::ok);
    REQUIRE(zone.isolate(block(zone, 6))->offline() == status::ok);
    const auto range = zone.isolate(block(zone, 5));
    const zone_stats now = *zone.exact_stats();
    CHECK(now.managed.raw() == 8 * small_block);
    CHECK(now.allocated.raw() == 99);
    CHECK(now.cached.raw() == 1);
    CHECK(now.poisoned.raw() == 1);
    CHECK(now.offline.raw() == small_block);
    CHECK(now.isolated_free.raw() == small_block);
    CHECK(now.free + now.isolated_free + now.cached + now.allocated + now.offline + now.poisoned ==
          now.managed);
}

TEST_CASE("without states, what is no run of the zone is refused where no cache takes it", "[zone]") {
    basic_zone<unchecked_policy> zone{frame_range{frame{10}, frame_count{2 * small_block}}};
    const frame head{small_block};
    REQUIRE(zone.allocate_exact(head, order{2}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{2 * small_block + 8}, order{1}) == status::ok); // the last two frames
    struct wrong {
        frame f;
        order k;
        status what;
    };
    const wrong calls[] = {
        {frame{9}, order{0}, status::foreign_frame}, // of the first block, before the zone
        {frame{2 * small_block + 10}, order{0}, status::foreign_frame},
        {frame::none(), order{0}, status::foreign_frame},
        {frame{2 * small_block + 8}, order{2}, status::foreign_frame}, // goes on behind the zone
        {head + frame_count{1}, order{1}, status::misaligned_frame},
        {head, order{9}, status::invalid_order},
        {head, order{200}, status::invalid_order},
    };
    const zone_stats before = zone.stats();
    for (const wrong& call : calls) {
        INFO(name(call.what) << ", frame " << call.f.raw() << ", order " << call.k.raw());
        misuse_record::reset();
        zone.free_bulk(std::vector<frame>{call.f}, call.k);
        CHECK(misuse_record::count.load() == 1);
        CHECK(misuse_record::last.what == call.what);
        CHECK(zone.try_free(nobody, call.f, call.k) == call.what);
        CHECK(zone.stats() == before);
    }
    CHECK(agrees(zone));
}

TEST_CASE("without states, runs that were free already are found in the map, the others of a batch come back",
          "[zone]") {
    basic_zone<unchecked_policy> zone{frames(16)};
    misuse_record::reset();
    SECTION("single frames") {
        REQUIRE(zone.allocate_exact(frame{0}) == status::ok);
        REQUIRE(zone.allocate_exact(frame{1}) == status::ok);
        const frame batch[] = {frame{0}, frame{1}, frame{2}};
        zone.free_bulk(batch, order{0});
        CHECK(misuse_record::last.found.number == frame{2});
    }
    SECTION("runs") {
        REQUIRE(zone.allocate_exact(frame{0}, order{1}) == status::ok);
        const frame batch[] = {frame{4}, frame{0}};
        zone.free_bulk(batch, order{1});
        CHECK(misuse_record::last.found.number == frame{4});
    }
    SECTION("one, past the caches") {
        zone.free(nobody, frame{4}, order{3});
        CHECK(misuse_record::last.found.number == frame{4});
    }
    CHECK(misuse_record::count == 1);
    CHECK(misuse_record::last.what == status::double_free);
    CHECK(zone.try_free(nobody, frame{0}, order{9}) == status::invalid_order);
    CHECK(zone.stats().free == zone.frames().count());
    CHECK(agrees(zone));
}

TEST_CASE("a slot that never cached anything finds what the caches of others hold", "[zone]") {
    small_zone zone{frames(4)};
    free_all(zone, take_all(zone), order{0}, mine);
    REQUIRE(zone.stats().cached.raw() != 0);
    CHECK(zone.allocate(slot_index{3}, order{8}));
    CHECK(zone.stats().cached.raw() == 0);
}

TEST_CASE("an owner is remembered for a frame of the zone, and for no other", "[zone]") {
    small_zone zone{frames(4)};
    const frame f = *zone.allocate(nobody);
    zone.set_owner(f, owner_tag{7});
    zone.set_owner(frame{4 * small_block}, owner_tag{9});
    CHECK(zone.state_of(f).owner == owner_tag{7});
    CHECK(zone.state_of(frame{4 * small_block}).owner == owner_tag::none);
    CHECK(agrees(zone));
}
