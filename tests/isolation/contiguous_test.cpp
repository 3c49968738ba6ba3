// tests/isolation/contiguous_test.cpp - frames in a row, made free by moving what is in the way.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/contiguous.hpp"

#include "cordon/sync/observed_lock.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

frame_range frames(std::uint32_t blocks = 8) {
    return {frame{0}, frame_count{blocks * small_block}};
}

// Says when the isolation lock is asked for, once.
struct before_isolation {
    static constexpr bool wants_contention = false;
    static inline std::function<void()> act;
    static void before_lock() {
        if (act) std::exchange(act, nullptr)();
    }
    static void acquired(bool) {}
    static void released() {}
};
struct watched_policy : small_policy {
    using isolation_lock = observed_lock<spin_lock<atomics, backoff>, before_isolation>;
};

// An embedder with frames of order 0 in every block.
struct scattered {
    small_zone zone{frames()};
    std::vector<frame> held;

    explicit scattered(std::uint32_t every) {
        for (std::uint32_t f = 0; f < 8 * small_block; f += every) {
            REQUIRE(zone.allocate_exact(frame{f}) == status::ok);
            held.push_back(frame{f});
        }
    }
    auto mover() {
        return [this](const busy_frame& from, frame to) {
            *std::find(held.begin(), held.end(), from.head()) = to;
            return migrate_outcome::moved;
        };
    }
    [[nodiscard]] bool whole(std::uint64_t claimed) {
        for (const frame f : held)
            if (zone.state_of(f).state != frame_state::allocated) return false;
        return zone.exact_stats()->allocated.raw() == held.size() + claimed && agrees(zone) &&
               zone.stats().isolated_free.raw() == 0;
    }
};

} // namespace

TEST_CASE("a place that is free already is taken without a migrator", "[isolation]") {
    small_zone zone{frames()};
    const auto all = occupy(zone, block(zone, 0, 3));
    const frame_range got = *zone.allocate_contiguous(frame_count{100});
    CHECK(got == frame_range{block(zone, 3).first(), frame_count{100}});
    CHECK(zone.stats().allocated.raw() == all.size() + 100);
    for (const frame f : got)
        zone.free(nobody, f);
    CHECK(agrees(zone));
}

TEST_CASE("what was allocated in a row is freed at once, or in parts", "[isolation]") {
    small_zone zone{frames()};
    const frame_range got = *zone.allocate_contiguous(frame_count{100});
    const frame middle = got.first() + frame_count{60};
    zone.free_contiguous({got.first(), frame_count{60}});
    CHECK(zone.stats().allocated.raw() == 40);
    CHECK(zone.state_of(middle).state == frame_state::allocated);
    zone.free_contiguous({middle, frame_count{40}});
    zone.free_contiguous({});
    CHECK(zone.stats().allocated.raw() == 0);
    CHECK(agrees(zone));
}

TEST_CASE("frames in the way are moved, those beside the wanted range stay", "[isolation]") {
    scattered on{16};
    const auto got = on.zone.allocate_contiguous(frame_count{150}, frame_count{1}, on.mover());
    REQUIRE(got);
    CHECK(got->count().raw() == 150);
    CHECK(count_in(on.held, *got) == 0);
    CHECK(on.whole(150));
    // The last block is only partly wanted: what lies behind the range is where it was.
    const std::uint64_t end = got->end_raw();
    CHECK(std::count(on.held.begin(), on.held.end(),
                     frame{static_cast<std::uint32_t>((end + 15) / 16 * 16)}) == 1);
}

TEST_CASE("the range starts at a multiple of the alignment", "[isolation]") {
    for (const std::uint32_t align : {1u, 2u, 64u, 128u, 256u}) {
        scattered on{32};
        // The cheapest place of all is no multiple of more than a block.
        std::erase_if(on.held, [&](frame f) {
            if (!block(on.zone, 1).contains(f)) return false;
            on.zone.free(nobody, f);
            return true;
        });
        const auto got = on.zone.allocate_contiguous(frame_count{64}, frame_count{align}, on.mover());
        REQUIRE(got);
        CHECK((got->first() == block(on.zone, 1).first()) == (align <= small_block));
        CHECK(got->first().raw() % align == 0);
        CHECK(on.whole(64));
    }
}

TEST_CASE("the place with the fewest frames in use is chosen, lent blocks first", "[isolation]") {
    scattered on{16};
    const auto free_in = [&](std::uint32_t b) {
        std::erase_if(on.held, [&](frame f) {
            if (!block(on.zone, b).contains(f) || f.raw() % 32 == 0) return false;
            on.zone.free(nobody, f);
            return true;
        });
    };
    free_in(5);
    SECTION("fewest") {
        CHECK(on.zone.allocate_contiguous(frame_count{60}, frame_count{1}, on.mover())->first() ==
              block(on.zone, 5).first() + frame_count{1}); // its first frame is in use
    }
    SECTION("lent") {
        REQUIRE(on.zone.set_migrate_type(block(on.zone, 6), migrate_type::lent) == status::ok);
        CHECK(on.zone.allocate_contiguous(frame_count{60}, frame_count{1}, on.mover())->first() ==
              block(on.zone, 6).first() + frame_count{1});
    }
    CHECK(on.whole(60));
}

TEST_CASE("a place that is free comes before lent ones with a few frames in use", "[isolation]") {
    constexpr std::uint32_t lent = contiguous_search<small_policy>::max_attempts + 1;
    small_zone zone{frames(lent + 1)};
    REQUIRE(zone.set_migrate_type(block(zone, 0, lent), migrate_type::lent) == status::ok);
    for (std::uint32_t b = 0; b != lent; ++b)
        REQUIRE(zone.allocate_exact(frame{b * small_block}) == status::ok);
    SECTION("another block") {
        const auto got = zone.allocate_contiguous(frame_count{small_block});
        REQUIRE(got);
        CHECK(*got == block(zone, lent));
    }
    SECTION("another part of the block") {
        const auto held = occupy(zone, block(zone, lent));
        const auto got = zone.allocate_contiguous(frame_count{small_block / 2});
        REQUIRE(got);
        CHECK(*got == frame_range{frame{1}, frame_count{small_block / 2}});
    }
    CHECK(agrees(zone));
}

TEST_CASE("a place whose frames cannot be moved is given up for another", "[isolation]") {
    scattered on{64}; // one frame a block, at its start
    unsigned refused = 0;
    const auto got =
        on.zone.allocate_contiguous(frame_count{64}, frame_count{1}, [&](const busy_frame& from, frame to) {
            if (from.head().raw() < 3 * small_block) return ++refused, migrate_outcome::failed;
            return on.mover()(from, to);
        });
    REQUIRE(got);
    CHECK(got->first().raw() >= 3 * small_block);
    CHECK(refused == 3);
    CHECK(on.whole(64));
}

TEST_CASE("when no place will do, the last trouble is told and nothing has changed", "[isolation]") {
    scattered on{64};
    busy_frame blocker;
    const zone_stats before = on.zone.stats();
    CHECK(on.zone.allocate_contiguous(frame_count{64}, frame_count{1}, no_migrator{}, {.blocker = &blocker})
              .error() == status::migration_failed);
    CHECK(blocker);
    CHECK(on.zone.stats().free == before.free);
    CHECK(on.whole(0));
    REQUIRE(on.zone.set_migrate_type(frames(), migrate_type::unmovable) == status::ok);
    CHECK(on.zone.allocate_contiguous(frame_count{64}, frame_count{1}, on.mover()).error() ==
          status::no_memory);
    CHECK(on.zone.allocate_contiguous(frame_count{9 * small_block}).error() == status::no_memory);
    CHECK(on.whole(0));
}

TEST_CASE("unmovable blocks are a place as long as they are idle", "[isolation]") {
    small_zone zone{frames(2)};
    REQUIRE(zone.set_migrate_type(frames(2), migrate_type::unmovable) == status::ok);
    REQUIRE(zone.allocate_exact(frame{0}) == status::ok);
    CHECK(zone.allocate_contiguous(frame_count{small_block})->first() == block(zone, 1).first());
    CHECK(zone.allocate_contiguous(frame_count{1}).error() == status::no_memory);
    CHECK(agrees(zone));
}

TEST_CASE("sealed and offline blocks are no place", "[isolation]") {
    small_zone zone{frames(4)};
    const auto sealed = zone.isolate(block(zone, 0));
    REQUIRE(zone.isolate(block(zone, 2))->offline() == status::ok);
    CHECK(zone.allocate_contiguous(frame_count{65}).error() == status::no_memory);
    CHECK(zone.allocate_contiguous(frame_count{64})->first() == block(zone, 1).first());
    CHECK(zone.allocate_contiguous(frame_count{64})->first() == block(zone, 3).first());
    CHECK_FALSE(zone.allocate_contiguous(frame_count{1}));
}

TEST_CASE("a contiguous range can end in the cut-off block of a zone", "[isolation]") {
    small_zone zone{{.frames = {frame{0}, frame_count{100}}}};
    CHECK_FALSE(zone.allocate_contiguous(frame_count{101}));
    const auto start = occupy(zone, block(zone, 0));
    const auto got = zone.allocate_contiguous(frame_count{36});
    REQUIRE(got);
    CHECK(*got == frame_range{frame{64}, frame_count{36}});
}

TEST_CASE("a range of less than a block is found anywhere in a block, without a migrator where it is free",
          "[isolation]") {
    small_zone zone{frames(8)};
    std::vector<frame_range> got;
    while (const auto one = zone.allocate_contiguous(frame_count{10}))
        got.push_back(*one);
    CHECK(got.size() == 8 * (small_block / 10));
    for (const frame f : got[13])
        zone.free(nobody, f);
    CHECK(*zone.allocate_contiguous(frame_count{9}) == frame_range{got[13].first(), frame_count{9}});
    CHECK(agrees(zone));
}

TEST_CASE("a range of less than a block starts at a multiple of the alignment and ends with the zone",
          "[isolation]") {
    small_zone zone{{.frames = {frame{0}, frame_count{small_block + 36}}}};
    const auto held =
        occupy(zone, {frame{0}, frame_count{small_block + 32}}); // the last four frames are free
    std::uint64_t freed = 0;
    const auto evict = [&](const busy_frame& from) {
        zone.free(nobody, from.head());
        ++freed;
        return migrate_outcome::freed;
    };
    // At 96 six frames would not be all of the zone; at 92 four of them are in use, before that more.
    const auto got = zone.allocate_contiguous(frame_count{6}, frame_count{4}, evict);
    REQUIRE(got);
    CHECK(*got == frame_range{frame{92}, frame_count{6}});
    CHECK(freed == 4);
    CHECK(agrees(zone));
}

TEST_CASE("a contiguous range can start with a zone that starts inside a block", "[isolation]") {
    constexpr frame_range all{frame{small_block + 3}, frame_count{3 * small_block}};
    small_zone zone{{.frames = all}};
    const auto got = zone.allocate_contiguous(all.count());
    REQUIRE(got);
    CHECK(*got == all);
    zone.free_bulk(std::vector<frame>(got->begin(), got->end()));
    CHECK(zone.allocate_contiguous(frame_count{5})->first() == all.first());
    CHECK(zone.allocate_contiguous(frame_count{4}, frame_count{4})->first() == frame{small_block + 8});
    CHECK(agrees(zone));

    // What is cut off at its start is sealed as others are while a frame of it is moved.
    small_zone used{{.frames = all}};
    const auto one = occupy(used, {frame{small_block + 6}, frame_count{1}});
    const auto dear = occupy(used, {frame{3 * small_block}, frame_count{small_block - 4}});
    const auto moved = used.allocate_contiguous(frame_count{2 * small_block - 3}, frame_count{1},
                                                [](const busy_frame& from, frame) {
                                                    CHECK(from.found.block_isolated);
                                                    return migrate_outcome::moved;
                                                });
    REQUIRE(moved);
    CHECK(moved->first() == all.first());
    CHECK(agrees(used));
}

TEST_CASE("a contiguous range can be the last frames of a zone", "[isolation]") {
    small_zone zone{frames(2)};
    const auto start = occupy(zone, block(zone, 0));
    const auto got = zone.allocate_contiguous(block(zone, 1).count());
    REQUIRE(got);
    CHECK(*got == block(zone, 1));
}

TEST_CASE("a request that makes no sense is told apart from one that cannot be met", "[isolation]") {
    small_zone zone{frames()};
    CHECK(zone.allocate_contiguous(frame_count{0}).error() == status::invalid_argument);
    CHECK(zone.allocate_contiguous(frame_count{4}, frame_count{0}).error() == status::invalid_argument);
    CHECK(zone.allocate_contiguous(frame_count{4}, frame_count{3}).error() == status::invalid_argument);
    CHECK(zone.allocate_contiguous(frame_count{4}, frame_count{std::uint64_t{1} << 33}).error() ==
          status::no_memory);
    CHECK(zone.allocate_contiguous(frame_count{8 * small_block + 1}).error() == status::no_memory);
    small_zone none{frame_range{}};
    CHECK(none.allocate_contiguous(frame_count{1}).error() == none.error());
}

TEST_CASE("a place that somebody else isolates meanwhile is given up for another", "[isolation]") {
    basic_zone<watched_policy> zone{frames()};
    basic_zone<watched_policy>::isolated_range other;
    before_isolation::act = [&] { other = std::move(*zone.isolate(block(zone, 0))); };
    const auto none = [](const busy_frame&, frame) { return migrate_outcome::failed; };
    const auto got = zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, none,
                                              {.deadline = deadline::never()});
    REQUIRE(got);
    CHECK(*got == block(zone, 1));
    CHECK(other.all_free());
    CHECK(agrees(zone));
}

TEST_CASE("places with a frame that never comes free, or that turn out dearer half-way, are left alone",
          "[isolation]") {
    small_zone zone{frames(8)};
    REQUIRE(zone.poison(frame{small_block + 3}) == status::ok); // blocks 0 and 1 are no pair
    const auto dear =
        occupy(zone, {frame{4 * small_block}, frame_count{20}}); // 4 is dear, so 5 is not looked at
    const auto cheap = occupy(zone, {frame{3 * small_block}, frame_count{1}});
    const auto last = occupy(zone, {frame{6 * small_block}, frame_count{2}});
    std::vector<frame> moved;
    const auto moves = [&](const busy_frame& from, frame) {
        moved.push_back(from.head());
        return migrate_outcome::moved;
    };
    const auto got =
        zone.allocate_contiguous(frame_count{2 * small_block}, frame_count{2 * small_block}, moves);
    REQUIRE(got);
    CHECK(*got == block(zone, 2, 2));
    CHECK(moved == cheap);
}

TEST_CASE("a range of less than a block lies beside frames that never existed, or are broken",
          "[isolation]") {
    const frame_range hole[] = {{frame{10}, frame_count{1}}};
    small_zone zone{zone_options{.frames = frames(1), .holes = hole}};
    REQUIRE(zone.poison(frame{40}) == status::ok);
    const auto take = [&](std::uint32_t count, std::uint32_t alignment = 1) {
        const auto got = zone.allocate_contiguous(frame_count{count}, frame_count{alignment});
        if (got) zone.free_contiguous(*got);
        return got;
    };
    CHECK(*take(10) == frame_range{frame{0}, frame_count{10}});
    CHECK(*take(29) == frame_range{frame{11}, frame_count{29}});
    CHECK(*take(16, 16) == frame_range{frame{16}, frame_count{16}});
    CHECK(take(30).error() == status::no_memory);
    CHECK(take(32, 32).error() == status::no_memory);
    for (const std::uint32_t f : {20u, 21u, 50u, 51u}) // in the way, but not for ever
        REQUIRE(zone.allocate_exact(frame{f}) == status::ok);
    const auto frees = [&](const busy_frame& from) {
        zone.free(nobody, from.head());
        return migrate_outcome::freed;
    };
    const auto emptied = zone.allocate_contiguous(frame_count{20}, frame_count{1}, frees);
    CHECK(emptied.value_or(frame_range{}) == frame_range{frame{11}, frame_count{20}});
    CHECK(agrees(zone));
}

TEST_CASE("a range that ends inside a block needs no frame of the rest of it", "[isolation]") {
    small_zone zone{frames(2)};
    REQUIRE(zone.poison(frame{small_block + 40}) == status::ok);
    CHECK(zone.allocate_contiguous(frame_count{small_block + 41}).error() == status::no_memory);
    const auto got = zone.allocate_contiguous(frame_count{small_block + 40});
    REQUIRE(got);
    CHECK(*got == frame_range{frame{0}, frame_count{small_block + 40}});
    CHECK(agrees(zone));
}

TEST_CASE("what ends the search for a place is told as it is", "[isolation]") {
    basic_zone<refusable_policy> zone{frames(2)};
    const auto held = occupy(zone, {frame{0}, frame_count{1}});
    const auto more = occupy(zone, {frame{small_block}, frame_count{2}});
    const auto retry = [](const busy_frame&, frame) { return migrate_outcome::retry; };
    SECTION("a refused barrier") {
        refusable_barrier::at_issue = true;
        const auto got = zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, retry);
        refusable_barrier::at_issue = false;
        CHECK(got.error() == status::barrier_refused);
    }
    SECTION("an owner who stays inside his gate") {
        zone.free(slot_index{0}, *zone.allocate(slot_index{0}));
        auto& slot = zone.internals().parts().cache_slots[1];
        refusable_policy::gate gate;
        gate.start();
        REQUIRE(gate.try_enter(slot.gate));
        const auto got = zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, retry,
                                                  {.deadline = std::chrono::milliseconds{2}});
        gate.leave(slot.gate);
        CHECK(got.error() == status::timed_out);
    }
    SECTION("a frame that is asked for until the deadline") {
        const auto got = zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, retry,
                                                  {.deadline = std::chrono::milliseconds{2}});
        CHECK(got.error() == status::timed_out);
    }
    SECTION("a frame that breaks while the place is emptied: the next place is tried") {
        const auto breaks = [&](const busy_frame& from, frame) {
            CHECK(zone.poison(from.head() + frame_count{4}) == status::ok);
            return migrate_outcome::moved;
        };
        const auto got = zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, breaks);
        CHECK(got.error() == status::poisoned);
    }
    CHECK(zone.exact_stats()->allocated.raw() == 3);
    CHECK(agrees(zone));
}

TEST_CASE("the search for a place ends after a number of places", "[isolation]") {
    constexpr std::uint32_t places = contiguous_search<small_policy>::max_attempts + 2;
    small_zone zone{frames(places)};
    for (std::uint32_t b = 0; b != places; ++b)
        REQUIRE(zone.allocate_exact(frame{b * small_block}) == status::ok);
    unsigned asked = 0;
    const auto fails = [&](const busy_frame&, frame) {
        ++asked;
        return migrate_outcome::failed;
    };
    CHECK(zone.allocate_contiguous(frame_count{small_block}, frame_count{1}, fails).error() ==
          status::migration_failed);
    CHECK(asked == places - 2);
    CHECK(agrees(zone));
}
