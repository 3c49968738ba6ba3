// tests/isolation/isolated_range_test.cpp - what the owner of a sealed range can do with it.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/isolated_range.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

using range_type = small_zone::isolated_range;

frame_range frames(std::uint32_t blocks = 8) {
    return {frame{0}, frame_count{blocks * small_block}};
}

// How often each event was heard of.
struct counting_tracer {
    static inline unsigned heard[static_cast<unsigned>(trace_event::no_memory) + 1];
    static void on(trace_event event, frame, frame_count) { ++heard[static_cast<unsigned>(event)]; }
};
struct traced_policy : small_policy {
    using tracer = counting_tracer;
};

// The frames that each event was last about.
struct recording_tracer {
    static inline frame_range heard[static_cast<unsigned>(trace_event::no_memory) + 1];
    static void on(trace_event event, frame first, frame_count count) {
        heard[static_cast<unsigned>(event)] = {first, count};
    }
    static frame_range last(trace_event event) { return heard[static_cast<unsigned>(event)]; }
};
struct recorded_policy : small_policy {
    using tracer = recording_tracer;
};

// Calls somebody at the first drain: the blocks are sealed, and the isolator still holds the isolation lock.
struct drain_tracer {
    static inline std::function<void()> drains;
    static void on(trace_event event, frame, frame_count) {
        if (event != trace_event::drain) return;
        if (const auto tell = std::exchange(drains, nullptr)) tell();
    }
};
struct drain_policy : small_policy {
    using tracer = drain_tracer;
};

} // namespace

TEST_CASE("a sealed range is found isolated, and open again when its owner dies", "[isolation]") {
    small_zone zone{frames()};
    {
        const auto range = zone.isolate(block(zone, 2, 3));
        REQUIRE(range);
        CHECK(range->range() == block(zone, 2, 3));
        CHECK(range->all_free());
        CHECK(zone.state_of(block(zone, 2).first()).state == frame_state::isolated);
        CHECK(zone.state_of(block(zone, 2).first()).block_isolated);
        CHECK(zone.stats().isolated_free.raw() == 3 * small_block);
    }
    CHECK(zone.state_of(block(zone, 2).first()).state == frame_state::free);
    CHECK(zone.stats().isolated_free.raw() == 0);
    CHECK(agrees(zone));
}

TEST_CASE("each level empties the caches of the range; targeted leaves the rest, exclusive none",
          "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    small_zone zone{frames(4)};
    for (const std::uint32_t f : {0u, 1u, 100u, 101u})
        REQUIRE(zone.allocate_exact(frame{f}) == status::ok);
    for (const std::uint32_t f : {0u, 1u, 100u, 101u})
        zone.free(mine, frame{f});
    REQUIRE(zone.stats().cached.raw() == 4);
    {
        const auto range = zone.isolate(block(zone, 0), {.level = level});
        REQUIRE(range);
        CHECK(cached_in(zone, block(zone, 0)) == 0);
        const bool exclusive = level == isolation_level::exclusive;
        CHECK(zone.stats().cached.raw() == (exclusive ? 0 : 2));
        const frame f = *zone.allocate(mine);
        zone.free(mine, f);
        CHECK((zone.stats().cached.raw() == 0) == exclusive);
    }
    zone.free(mine, *zone.allocate(mine));
    CHECK(zone.stats().cached.raw() != 0);
}

TEST_CASE("next_busy walks over the allocations in the way, with their heads and sizes", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{small_block + 5}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{small_block + 8}, order{3}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{2 * small_block}, order{7}) == status::ok); // blocks 2 and 3
    zone.set_owner(frame{small_block + 5}, owner_tag{9});

    const auto range = zone.isolate(block(zone, 1, 2));
    REQUIRE(range);
    CHECK(range->busy().raw() == 1 + 8 + small_block);
    CHECK_FALSE(range->all_free());
    busy_frame at = range->next_busy();
    CHECK(at.head() == frame{small_block + 5});
    CHECK(at.size() == order{0});
    CHECK(at.found.owner == owner_tag{9});
    at = range->next_busy(at.found.number + frame_count{1});
    CHECK(at.head() == frame{small_block + 8});
    CHECK(at.size() == order{3});
    at = range->next_busy(frame{small_block + 11}); // from its middle
    CHECK(at.head() == frame{small_block + 8});
    CHECK(at.found.state == frame_state::tail);
    at = range->next_busy(frame{small_block + 16});
    CHECK(at.head() == frame{2 * small_block});
    CHECK(at.size() == order{7});
    CHECK_FALSE(range->next_busy(frame{3 * small_block}));

    const auto second_half = zone.isolate(block(zone, 3));
    REQUIRE(second_half);
    CHECK(second_half->next_busy().head() == frame{2 * small_block}); // its head lies before the range
}

TEST_CASE("claim makes the range the caller's, frame by frame", "[isolation]") {
    small_zone zone{frames()};
    const frame_range wanted = block(zone, 2, 2);
    auto range = zone.isolate(wanted);
    REQUIRE(range);
    SECTION("all of it") {
        REQUIRE(*range->claim() == wanted);
        CHECK(zone.stats().allocated == wanted.count());
    }
    SECTION("a part; the rest is open again") {
        const frame_range part{wanted.first() + frame_count{3}, frame_count{70}};
        REQUIRE(*range->claim(part) == part);
        CHECK(zone.stats().allocated == part.count());
        CHECK(zone.state_of(wanted.first()).state == frame_state::free);
        for (const frame f : part)
            zone.free(nobody, f);
    }
    CHECK_FALSE(*range);
    CHECK(zone.stats().isolated_free.raw() == 0);
    for (const frame f : wanted)
        (void)zone.try_free(nobody, f);
    CHECK(zone.stats().free == zone.frames().count());
    CHECK(agrees(zone));
}

TEST_CASE("a tracer hears of each isolation twice, whoever isolates: how it begins and how it ends",
          "[isolation]") {
    basic_zone<traced_policy> zone{frames()};
    const auto heard = [](trace_event event) {
        return std::exchange(counting_tracer::heard[static_cast<unsigned>(event)], 0u);
    };
    const auto heard_of = [&](trace_event end, unsigned times) {
        CHECK(heard(trace_event::isolate) == times);
        CHECK(heard(end) == times);
        for (const trace_event other : {trace_event::undo, trace_event::claim, trace_event::offline})
            CHECK(heard(other) == 0);
    };
    CHECK(zone.isolate(block(zone, 0)));
    heard_of(trace_event::undo, 1);
    CHECK(zone.isolate(block(zone, 1))->claim());
    heard_of(trace_event::claim, 1);
    CHECK(zone.isolate(block(zone, 2))->offline() == status::ok);
    heard_of(trace_event::offline, 1);
    CHECK(zone.allocate_contiguous(frame_count{10}));
    heard_of(trace_event::claim, 1);
    CHECK(zone.compact([](const busy_frame&, frame) { return migrate_outcome::moved; }).emptied == 0);
    heard_of(trace_event::undo, 0);
    CHECK(zone.report_free([](frame_range) { return false; }).raw() == 0);
    heard_of(trace_event::undo, 1);
}

TEST_CASE("a tracer is told which frames a refill, a spill and a drain are about", "[isolation]") {
    constexpr auto last = recording_tracer::last;
    // The first word of the maps begins with frames that there are not.
    basic_zone<recorded_policy> zone{frame_range{frame{3}, frame_count{4 * small_block}}};
    const auto is_cached = [&](frame f) { return zone.state_of(f).state == frame_state::cached; };
    zone.free(mine, *zone.allocate(mine));
    const frame_range first = last(trace_event::refill);
    CHECK(is_cached(first.first()));
    frame held = *zone.allocate(mine);
    while (last(trace_event::refill) == first) // until one that begins in the midst of a word
        held = *zone.allocate(mine);
    zone.free(mine, held);
    CHECK(is_cached(last(trace_event::refill).first()));
    CHECK(last(trace_event::refill).count() == zone.stats().cached);
    std::vector<frame> cached;
    std::ranges::copy_if(zone.frames(), std::back_inserter(cached), is_cached);
    const frame_range second{frame{small_block}, frame_count{small_block}};
    REQUIRE(zone.drain(second) == status::ok);
    CHECK(last(trace_event::drain) == second);
    REQUIRE(zone.drain() == status::ok);
    CHECK(last(trace_event::drain) == zone.frames());
    CHECK(std::ranges::find(cached, last(trace_event::spill).first()) != cached.end());
    CHECK(last(trace_event::spill).count() == last(trace_event::refill).count());
    zone.free(mine, *zone.allocate(mine, order{1}), order{1}); // runs, and one without a cache
    CHECK(is_cached(last(trace_event::refill).first()));
    CHECK(last(trace_event::refill).count() == zone.stats().cached);
    const frame run = *zone.allocate(nobody, order{2});
    CHECK(last(trace_event::refill) == frame_range{run, frame_count{4}});
}

TEST_CASE("claim and offline of a range in use are refused; it stays isolated", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{small_block + 7}) == status::ok);
    auto range = zone.isolate(block(zone, 1, 2));
    REQUIRE(range);
    CHECK(range->claim().error() == status::busy);
    CHECK(range->offline() == status::busy);
    CHECK(range->claim({frame{0}, frame_count{2}}).error() == status::invalid_range);
    CHECK(range->claim({frame{small_block}, frame_count{0}}).error() == status::invalid_range);
    CHECK(*range);
    CHECK(zone.stats().isolated_free.raw() == 2 * small_block - 1);
    zone.free(nobody, frame{small_block + 7});
    CHECK(range->offline() == status::ok);
    CHECK(zone.stats().offline.raw() == 2 * small_block);
    CHECK(agrees(zone));
}

TEST_CASE("a part of a range is claimed if each of its frames is free, whatever its blocks hold beside",
          "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{2 * small_block + 7}) == status::ok);
    auto range = zone.isolate(block(zone, 1, 2));
    REQUIRE(range);
    const frame start{small_block + 60}; // in a block that is all free, up to one in use in the next
    CHECK(range->claim({start, frame_count{12}}).error() == status::busy);
    CHECK(*range->claim({start, frame_count{11}}) == frame_range{start, frame_count{11}});
    CHECK(zone.stats().allocated.raw() == 12);
    CHECK(agrees(zone));
}

TEST_CASE("a range with a poisoned frame goes offline and comes back without it", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.poison(frame{3}) == status::ok);
    auto range = zone.isolate(block(zone, 0, 2));
    REQUIRE(range);
    CHECK(range->all_free());
    CHECK(range->claim().error() == status::poisoned);
    REQUIRE(range->offline() == status::ok);
    CHECK(zone.stats().offline.raw() == 2 * small_block - 1);
    REQUIRE(zone.online(block(zone, 0, 2)) == status::ok);
    CHECK(zone.state_of(frame{3}).state == frame_state::poisoned);
    CHECK(zone.stats().free.raw() == 8 * small_block - 1);
    CHECK(agrees(zone));
}

TEST_CASE("a sealed range has its isolator\'s name from the first moment, and none once its seal has failed",
          "[isolation]") {
    basic_zone<drain_policy> zone{frames()};
    auto& core = zone.internals();
    const auto owner = [&] {
        return core.with_zone_lock([&](auto proof) { return core.sealed(proof).owner_of(block_index{1}); });
    };
    owner_tag during = owner_tag::none;
    drain_tracer::drains = [&] { during = owner(); };
    {
        const auto range = zone.isolate(block(zone, 1), {.owner = owner_tag{9}});
        REQUIRE(range);
        CHECK(during == owner_tag{9});
        CHECK(owner() == owner_tag{9});
    }
    CHECK(owner() == owner_tag::none);

    basic_zone<refusable_policy> refusing{frames()};
    auto& other = refusing.internals();
    sealed_blocks node{{block_index{1}, 1}, owner_tag{9}};
    refusable_barrier::at_issue = true;
    CHECK(isolation_protocol<refusable_policy>{other}.seal(nobody, node, {}) == status::barrier_refused);
    refusable_barrier::at_issue = false;
    CHECK(other.with_zone_lock([&](auto proof) { return other.sealed(proof).owner_of(block_index{1}); }) ==
          owner_tag::none);
}

TEST_CASE("a range is moved with its ownership; the one that is assigned to is undone first", "[isolation]") {
    small_zone zone{frames()};
    range_type a = std::move(*zone.isolate(block(zone, 0), {.owner = owner_tag{1}}));
    range_type b = std::move(*zone.isolate(block(zone, 1), {.owner = owner_tag{2}}));
    REQUIRE(zone.stats().isolated_free.raw() == 2 * small_block);
    a = std::move(b);
    CHECK_FALSE(b);
    CHECK(b.undo() == status::not_isolated);
    CHECK(a.range() == block(zone, 1));
    CHECK(zone.state_of(frame{0}).state == frame_state::free);
    busy_frame blocker;
    CHECK(zone.isolate(block(zone, 1), {.blocker = &blocker}).error() == status::busy);
    CHECK(blocker.isolator == owner_tag{2}); // the list of owners follows the move

    range_type& same = a;
    a = std::move(same);
    CHECK(a);
    range_type c{std::move(a)};
    CHECK(c.undo() == status::ok);
    CHECK(zone.stats().isolated_free.raw() == 0);
    std::vector<range_type> many;
    for (std::uint32_t i = 0; i != 8; ++i)
        many.push_back(std::move(*zone.isolate(block(zone, i), {.owner = owner_tag{10 + i}})));
    for (std::uint32_t i = 0; i != 8; ++i) {
        CHECK(zone.isolate(block(zone, i), {.blocker = &blocker}).error() == status::busy);
        CHECK(blocker.isolator == owner_tag{10 + i});
    }
    many.clear();
    CHECK(agrees(zone));
    CHECK(zone.stats().free == zone.frames().count());
}

TEST_CASE("the range's deadline is that of migrate, unless one is given", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{1}) == status::ok);
    auto range = zone.isolate(block(zone, 0), {.deadline = 20ms});
    REQUIRE(range);
    const auto never_now = [](const busy_frame&) { return migrate_outcome::retry; };
    for (const bool all : {true, false}) {
        const auto start = std::chrono::steady_clock::now();
        const migrate_report report =
            all ? range->migrate(never_now) : range->migrate(block(zone, 0), never_now);
        CHECK(report.outcome == status::timed_out);
        CHECK(std::chrono::steady_clock::now() - start >= 20ms);
        CHECK(report.retries != 0);
        CHECK(report.blocker.head() == frame{1});
    }
    CHECK(range->migrate(never_now, deadline::immediate()).outcome == status::timed_out);
}

TEST_CASE("the first and the last block of a zone can be cut off by its ends", "[isolation]") {
    small_zone zone{{.frames = {frame{100}, frame_count{200}}}};
    CHECK_FALSE(zone.isolate({frame{64}, frame_count{64}}));
    auto first = zone.isolate({frame{100}, frame_count{28}});
    REQUIRE(first);
    CHECK(first->all_free());
    CHECK(first->busy().raw() == 0);
    CHECK(zone.stats().isolated_free.raw() == 28);
    auto last = zone.isolate({frame{256}, frame_count{44}});
    REQUIRE(last);
    CHECK(zone.stats().isolated_free.raw() == 28 + 44);
    CHECK(last->claim()->count().raw() == 44);
    CHECK(first->offline() == status::ok);
    CHECK(agrees(zone));
}

TEST_CASE("a range with a hole is isolated around it, a block that never existed is not", "[isolation]") {
    const frame_range holes[] = {{frame{70}, frame_count{10}}, {frame{128}, frame_count{64}}};
    small_zone zone{{.frames = frames(), .holes = holes}};
    auto range = zone.isolate(block(zone, 1));
    REQUIRE(range);
    CHECK(range->all_free());
    CHECK(zone.stats().isolated_free.raw() == small_block - 10);
    CHECK(range->claim().error() == status::absent);
    CHECK(zone.isolate(block(zone, 2)).error() == status::absent);
    CHECK(zone.isolate(block(zone, 0, 8)).error() == status::busy);
    CHECK(zone.stats().isolated_free.raw() == small_block - 10);
    CHECK(range->undo() == status::ok);
    CHECK(agrees(zone));
}

TEST_CASE("a range that crosses from one region of blocks into the next leaves both and comes back",
          "[isolation]") {
    constexpr std::uint32_t edge = regions::map::size;
    small_zone zone{frames(edge + 8)};
    auto range = zone.isolate(block(zone, edge - 2, 4));
    REQUIRE(range);
    CHECK(agrees(zone));
    CHECK(zone.allocate_exact(frame{edge * small_block - 1}) == status::busy);
    CHECK(zone.allocate_exact(frame{edge * small_block}) == status::busy);
    CHECK(range->undo() == status::ok);
    CHECK(agrees(zone));
    CHECK(zone.allocate_exact(frame{edge * small_block}, order{8}) == status::ok);
}

TEST_CASE("a range without a zone has nothing in the way, and nothing to move", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{small_block}) == status::ok);
    auto range = std::move(*zone.isolate(block(zone, 1)));
    CHECK_FALSE(range.all_free());
    const range_type moved_away{std::move(range)};
    CHECK(moved_away.busy().raw() == 1);
    CHECK(range.busy().raw() == 0);
    CHECK_FALSE(range.all_free());
    CHECK_FALSE(range.next_busy());
    const range_type nothing{std::move(range)};
    CHECK_FALSE(nothing);
    const auto never = [](const busy_frame&) { return migrate_outcome::failed; };
    CHECK(range.migrate(never).outcome == status::not_isolated);
}

TEST_CASE("only a part of the sealed range can be migrated", "[isolation]") {
    small_zone zone{frames()};
    REQUIRE(zone.allocate_exact(frame{small_block}) == status::ok);
    auto range = std::move(*zone.isolate(block(zone, 1)));
    const auto freeing = [&](const busy_frame& from) {
        zone.free(nobody, from.head());
        return migrate_outcome::freed;
    };
    CHECK(range.migrate(frame_range{}, freeing, deadline::never()).outcome == status::invalid_range);
    CHECK(range.migrate(block(zone, 1, 2), freeing, deadline::never()).outcome == status::invalid_range);
    CHECK(range.busy().raw() == 1);
    CHECK(range.migrate(block(zone, 1), freeing, deadline::never()).outcome == status::ok);
    CHECK(range.all_free());
}

TEST_CASE("frames that never existed and broken ones are not in the way", "[isolation]") {
    const frame_range hole[] = {{frame{small_block + 1}, frame_count{2}}};
    small_zone zone{zone_options{.frames = frames(4), .holes = hole}};
    REQUIRE(zone.poison(frame{small_block + 8}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{small_block + 20}) == status::ok);
    auto range = std::move(*zone.isolate(block(zone, 1)));
    std::vector<frame> asked;
    const auto freeing = [&](const busy_frame& from) {
        asked.push_back(from.head());
        zone.free(nobody, from.head());
        return migrate_outcome::freed;
    };
    CHECK(range.migrate(freeing).outcome == status::ok);
    CHECK(asked == std::vector{frame{small_block + 20}});
    CHECK(range.all_free());
}

TEST_CASE("a refused isolation names what is in the way: a head, a frame inside a run, or a cached one",
          "[isolation]") {
    small_zone zone{frames(8)};
    busy_frame blocker;
    isolate_options options;
    options.blocker = &blocker;
    const auto refused = [&](std::uint32_t b) {
        CHECK(zone.isolate(block(zone, b), options).error() == status::unmovable);
        return blocker.found;
    };
    REQUIRE(zone.allocate_exact(frame{2 * small_block}, order{7}) == status::ok); // blocks 2 and 3
    REQUIRE(zone.set_migrate_type(block(zone, 2, 2), migrate_type::unmovable) == status::ok);
    CHECK(refused(2).state == frame_state::allocated);
    CHECK(refused(3).state == frame_state::tail);
    CHECK(blocker.head() == frame{2 * small_block});

    REQUIRE(zone.set_migrate_type(block(zone, 5), migrate_type::unmovable) == status::ok);
    const frame cached{5 * small_block + 9};
    REQUIRE(zone.allocate_exact(cached) == status::ok);
    zone.free(mine, cached);
    CHECK(refused(5).state == frame_state::cached);
    CHECK(blocker.found.number == cached);
}

TEST_CASE("a refused isolation names a frame of the zone, also where the zone cuts its block off",
          "[isolation]") {
    small_zone zone{frame_range{frame{10}, frame_count{small_block}}};
    const frame_range first{frame{10}, frame_count{small_block - 10}};
    const auto held = zone.isolate(first);
    REQUIRE(held);
    busy_frame blocker;
    isolate_options options;
    options.blocker = &blocker;
    CHECK(zone.isolate(first, options).error() == status::busy);
    CHECK(blocker.found.number == frame{10});
    CHECK(blocker.found.state == frame_state::isolated);
}

TEST_CASE("an unmovable block that is idle holds nothing unmovable: it is isolated, and stays what it was",
          "[isolation]") {
    const frame_range hole[] = {{frame{3 * small_block}, frame_count{4}}};
    small_zone zone{zone_options{.frames = frames(4), .holes = hole}};
    const auto unmovable = [&] {
        return zone.stats().free_of_type[static_cast<unsigned>(migrate_type::unmovable)].raw();
    };
    REQUIRE(zone.set_migrate_type(block(zone, 2, 2), migrate_type::unmovable) == status::ok);
    const std::uint64_t all = 2 * small_block - 4;
    CHECK(zone.isolate(block(zone, 0, 4))); // with movable ones, and with one that has a hole
    CHECK(unmovable() == all);
    REQUIRE(zone.isolate(block(zone, 2))->offline() == status::ok);
    CHECK(unmovable() == small_block - 4);
    REQUIRE(zone.online(block(zone, 2)) == status::ok);
    CHECK(unmovable() == all);

    // Its frames in use are unmovable until the last one is free again.
    const frame_range taken{block(zone, 2).first(), frame_count{2}};
    CHECK(*zone.isolate(block(zone, 2))->claim(taken) == taken);
    CHECK(zone.isolate(block(zone, 2)).error() == status::unmovable);
    zone.free(nobody, taken.first());
    CHECK(zone.isolate(block(zone, 2)).error() == status::unmovable);
    zone.free(nobody, taken.first() + frame_count{1});
    CHECK(zone.isolate(block(zone, 2)));
    CHECK(agrees(zone));
}

TEST_CASE("the type of an offline block can be changed, of one that does not exist, or to one, it cannot",
          "[isolation]") {
    const frame_range hole[] = {{frame{3 * small_block}, frame_count{small_block}}};
    small_zone zone{zone_options{.frames = frames(4), .holes = hole}};
    REQUIRE(zone.isolate(block(zone, 1))->offline() == status::ok);
    CHECK(zone.set_migrate_type(block(zone, 1), migrate_type::unmovable) == status::ok);
    CHECK(agrees(zone));
    REQUIRE(zone.online(block(zone, 1)) == status::ok);
    CHECK(zone.stats().free_of_type[static_cast<unsigned>(migrate_type::unmovable)].raw() == small_block);
    CHECK(zone.set_migrate_type(block(zone, 3), migrate_type::unmovable) == status::absent);
    CHECK(zone.set_migrate_type(block(zone, 2, 2), migrate_type::unmovable) == status::absent);
    for (const unsigned none : {migrate_types, 7u, 255u})
        CHECK(zone.set_migrate_type(block(zone, 0), static_cast<migrate_type>(none)) ==
              status::invalid_argument);
    CHECK(zone.stats().free_of_type[static_cast<unsigned>(migrate_type::unmovable)].raw() == small_block);
    CHECK(agrees(zone));
}

TEST_CASE("a zone that is destroyed before a range tells whose it was, and the range owns nothing",
          "[isolation]") {
    misuse_record::reset();
    std::optional<small_zone> zone{std::in_place, frame_range{frame{0}, frame_count{4 * small_block}}};
    auto spent = *zone->isolate({frame{0}, frame_count{small_block}});
    REQUIRE(spent.undo() == status::ok);
    auto range = *zone->isolate({frame{small_block}, frame_count{2 * small_block}}, {.owner = owner_tag{9}});
    zone.reset();
    CHECK(misuse_record::count == 1);
    CHECK(misuse_record::last.what == status::outlives_zone);
    CHECK(misuse_record::last.isolated == frame_range{frame{small_block}, frame_count{2 * small_block}});
    CHECK(misuse_record::last.isolator == owner_tag{9});
    CHECK_FALSE(range);
    CHECK(range.busy().raw() == 0);
    CHECK(range.undo() == status::not_isolated);
    CHECK(range.offline() == status::not_isolated);
    const auto moved = std::move(range);
    CHECK_FALSE(moved);
}

TEST_CASE("who holds a frame holds the one that it was moved to; what was not moved stays whose it was",
          "[isolation]") {
    small_zone zone{frames()};
    const frame old{small_block + 8};
    REQUIRE(zone.allocate_exact(old, order{2}) == status::ok);
    zone.set_owner(old, owner_tag{7});
    frame fresh;
    migrate_outcome answer = migrate_outcome::moved;
    const auto moving = [&](const busy_frame& from, frame to) {
        CHECK(from.found.owner == owner_tag{7});
        CHECK(zone.state_of(to).owner ==
              owner_tag{7}); // before the migrator is asked: it may give it another
        fresh = to;
        return answer;
    };
    SECTION("by migrate") {
        CHECK(zone.isolate(block(zone, 1))->migrate(moving).outcome == status::ok);
        CHECK(zone.state_of(fresh).owner == owner_tag{7});
    }
    SECTION("to somebody else, if the migrator says so") {
        const auto handing_over = [&](const busy_frame& from, frame to) {
            zone.set_owner(to, owner_tag{8});
            return fresh = to, from ? migrate_outcome::moved : migrate_outcome::failed;
        };
        CHECK(zone.isolate(block(zone, 1))->migrate(handing_over).outcome == status::ok);
        CHECK(zone.state_of(fresh).owner == owner_tag{8});
    }
    SECTION("by a contiguous allocation") {
        (void)occupy(zone, {frame{0}, frame_count{small_block - 4}});
        (void)occupy(zone, {frame{2 * small_block}, frame_count{6 * small_block}});
        const frame_count wanted{small_block};
        CHECK(*zone.allocate_contiguous(wanted, wanted, moving) == block(zone, 1));
        CHECK(zone.state_of(fresh).owner == owner_tag{7});
    }
    SECTION("by a compaction") {
        REQUIRE(occupy(zone, {frame{0}, frame_count{small_block - 4}}).size() == small_block - 4);
        CHECK(zone.compact(moving).emptied == 1);
        CHECK(zone.state_of(fresh).owner == owner_tag{7});
    }
    SECTION("nowhere") {
        answer = migrate_outcome::failed;
        auto range = zone.isolate(block(zone, 1));
        CHECK(range->migrate(moving).outcome == status::migration_failed);
        CHECK(zone.state_of(old).owner == owner_tag{7});
        CHECK(zone.state_of(fresh).owner == owner_tag::none);
    }
    CHECK(fresh != frame::none());
    CHECK(agrees(zone));
}

TEST_CASE("a range that ends with its zone is told as it was isolated, without what the zone cuts off",
          "[isolation]") {
    misuse_record::reset();
    constexpr frame_range all{frame{100}, frame_count{50}}; // both ends inside a block
    std::optional<small_zone> zone{std::in_place, all};
    const auto range = *zone->isolate(all);
    zone.reset();
    CHECK(misuse_record::count == 1);
    CHECK(misuse_record::last.isolated == all);
}
