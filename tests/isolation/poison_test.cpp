// tests/isolation/poison_test.cpp - a frame is taken out for good, wherever it is.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/poison.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct fixture {
    small_zone zone{frame_range{frame{0}, frame_count{4 * small_block}}};

    // The frame is out and stays out, whatever is allocated and freed.
    void check_gone(frame f) {
        CHECK(zone.state_of(f).state == frame_state::poisoned);
        CHECK(zone.poison(f) == status::poisoned);
        CHECK(zone.try_free(nobody, f) == status::free_of_poisoned);
        CHECK(zone.stats().poisoned.raw() == 1);
        for (int i = 0; i != 2; ++i) {
            const auto all = take_all(zone, order{0}, migrate_type::movable, mine);
            CHECK(all.size() == 4 * small_block - 1);
            CHECK(count_in(all, {f, frame_count{1}}) == 0);
            free_all(zone, all, order{0}, mine);
        }
        REQUIRE(zone.drain() == status::ok);
        CHECK(zone.stats().free.raw() == 4 * small_block - 1);
        CHECK(zone.allocate_exact(f) == status::poisoned);
        CHECK(agrees(zone));
    }
};

} // namespace

TEST_CASE("a free frame inside a free block is poisoned, which splits the block", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.poison(frame{77}) == status::ok);
    CHECK_FALSE(on.zone.allocate(nobody, order{8}));
    CHECK(on.zone.stats().free.raw() == 4 * small_block - 1);
    on.check_gone(frame{77});
}

TEST_CASE("a cached frame is taken out of the cache", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.allocate_exact(frame{77}) == status::ok);
    on.zone.free(mine, frame{77});
    REQUIRE(on.zone.state_of(frame{77}).state == frame_state::cached);
    REQUIRE(on.zone.poison(frame{77}) == status::ok);
    on.check_gone(frame{77});
}

TEST_CASE("a frame in two caches, freed by two threads in one instant, is out after the first copy",
          "[isolation]") {
    fixture on;
    const frame f = *on.zone.allocate(mine);
    auto& core = on.zone.internals();
    for (const std::uint32_t s : {0u, 1u}) { // both saw an allocated head
        core.states().set_head(core.geometry().index_of(f), order{0});
        REQUIRE(on.zone.try_free(slot_index{s}, f) == status::ok);
    }
    misuse_record::reset();
    CHECK(on.zone.poison(f) == status::ok);
    CHECK(misuse_record::count.load() == 1);
    CHECK(misuse_record::last.what == status::double_free);
    CHECK(misuse_record::last.found.state == frame_state::poisoned);
    on.check_gone(f);
}

TEST_CASE("a frame in a cached run is taken out of it, the rest of the run comes back", "[isolation]") {
    fixture on;
    const frame run = *on.zone.allocate(mine, order{6});
    on.zone.free(mine, run, order{6});
    REQUIRE(on.zone.state_of(run).state == frame_state::cached);
    REQUIRE(on.zone.poison(run + frame_count{9}) == status::ok);
    on.check_gone(run + frame_count{9});
}

TEST_CASE("a frame in use is poisoned when it is freed, alone or in a larger run", "[isolation]") {
    const unsigned k = GENERATE(0u, 1u, 3u, 6u, 7u);
    const bool bulk = GENERATE(false, true);
    fixture on;
    const frame run{128};
    REQUIRE(on.zone.allocate_exact(run, order{k}) == status::ok);
    const frame bad = run + frame_count{order{k}.frames().raw() / 2};
    REQUIRE(on.zone.poison(bad) == status::deferred);
    CHECK(on.zone.state_of(bad).poison_pending);
    CHECK(on.zone.poison(bad) == status::poisoned);
    CHECK(on.zone.stats().poisoned.raw() == 0);
    if (bulk)
        on.zone.free_bulk(std::vector<frame>{run}, order{k});
    else
        on.zone.free(mine, run, order{k});
    on.check_gone(bad);
}

TEST_CASE("of frames that are freed together only the condemned one stays out", "[isolation]") {
    fixture on;
    const auto all = occupy(on.zone, block(on.zone, 1));
    REQUIRE(on.zone.poison(all[20]) == status::deferred);
    on.zone.free_bulk(all);
    CHECK(on.zone.stats().free.raw() == 4 * small_block - 1);
    on.check_gone(all[20]);
}

TEST_CASE("a condemned frame between frames that are freed together stays its owner's", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{2 * small_block}}};
    const auto all = occupy(zone, block(zone, 0));
    REQUIRE(zone.poison(frame{1}) == status::deferred);
    const frame around[] = {frame{0}, frame{2}};
    zone.free_bulk(around);
    CHECK(zone.state_of(frame{0}).state == frame_state::free);
    CHECK(zone.state_of(frame{1}).state == frame_state::allocated);
    CHECK(zone.state_of(frame{1}).poison_pending);
    zone.free(nobody, frame{1});
    CHECK(zone.state_of(frame{1}).state == frame_state::poisoned);
    CHECK(agrees(zone));
}

TEST_CASE("a frame of an isolated block is poisoned there and stays out of the block", "[isolation]") {
    fixture on;
    {
        const auto range = on.zone.isolate(block(on.zone, 1));
        REQUIRE(range);
        REQUIRE(on.zone.poison(frame{70}) == status::ok);
        CHECK(on.zone.stats().isolated_free.raw() == small_block - 1);
        CHECK(range->all_free());
        CHECK(agrees(on.zone));
    }
    on.check_gone(frame{70});
}

TEST_CASE("a frame in use in an isolated block is poisoned when it is freed", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.allocate_exact(frame{70}) == status::ok);
    {
        const auto range = on.zone.isolate(block(on.zone, 1));
        REQUIRE(on.zone.poison(frame{70}) == status::deferred);
        CHECK(range->busy().raw() == 1);
        on.zone.free(nobody, frame{70});
        CHECK(range->all_free());
    }
    on.check_gone(frame{70});
}

TEST_CASE("a frame of an offline block is poisoned and does not come online", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.isolate(block(on.zone, 1))->offline() == status::ok);
    REQUIRE(on.zone.poison(frame{70}) == status::ok);
    CHECK(on.zone.stats().offline.raw() == small_block - 1);
    REQUIRE(on.zone.online(block(on.zone, 1)) == status::ok);
    on.check_gone(frame{70});
}

TEST_CASE("poison migrates: a sealed block with a condemned frame can be emptied", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.allocate_exact(frame{70}) == status::ok);
    REQUIRE(on.zone.poison(frame{70}) == status::deferred);
    auto range = on.zone.isolate(block(on.zone, 1));
    REQUIRE(range);
    frame moved_to;
    const auto report = range->migrate([&](const busy_frame& from, frame to) {
        CHECK(from.found.poison_pending);
        moved_to = to;
        return migrate_outcome::moved;
    });
    CHECK(report.outcome == status::ok);
    range->undo();
    on.zone.free(nobody, moved_to);
    on.check_gone(frame{70});
}

TEST_CASE("what does not exist cannot be poisoned, and the table has an end", "[isolation]") {
    const frame_range holes[] = {{frame{3}, frame_count{2}}};
    small_zone zone{{.frames = {frame{0}, frame_count{4 * small_block}}, .holes = holes, .max_poisoned = 3}};
    CHECK(zone.poison(frame{3}) == status::absent);
    CHECK(zone.poison(frame{4 * small_block}) == status::foreign_frame);
    REQUIRE(zone.allocate_exact(frame{20}) == status::ok);
    CHECK(zone.poison(frame{10}) == status::ok);
    CHECK(zone.poison(frame{20}) == status::deferred);
    CHECK(zone.poison(frame{30}) == status::ok);
    CHECK(zone.poison(frame{40}) == status::no_memory);
    zone.free(nobody, frame{20});
    CHECK(zone.poison(frame{40}) == status::no_memory);
    CHECK(zone.stats().poisoned.raw() == 3);
    CHECK(agrees(zone));
}

TEST_CASE("every frame of a block can be poisoned", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{2 * small_block}}};
    for (const frame f : block(zone, 0))
        REQUIRE(zone.poison(f) == status::ok);
    CHECK(agrees(zone));
    CHECK(take_all(zone).size() == small_block);
    auto range = zone.isolate(block(zone, 0));
    REQUIRE(range);
    CHECK(range->all_free());
    CHECK(range->offline() == status::ok);
    CHECK(zone.online(block(zone, 0)) == status::ok);
    CHECK(agrees(zone));
}

TEST_CASE("a poison that the barrier refuses leaves no trace: the block is cached again", "[isolation]") {
    basic_zone<refusable_policy> zone{frame_range{frame{0}, frame_count{4 * small_block}}};
    const auto held = *zone.allocate(mine);
    refusable_barrier::at_issue = true;
    const status refused = zone.poison(held);
    refusable_barrier::at_issue = false;
    CHECK(refused == status::barrier_refused);
    CHECK_FALSE(zone.state_of(held).poison_pending);
    const auto cached_before = zone.stats().cached;
    zone.free(mine, held);
    CHECK(zone.stats().cached == cached_before + frame_count{1});
    CHECK(zone.poison(held) == status::ok);
}

TEST_CASE("a refused poison forgets its frame only: the others of the block stay condemned or out",
          "[isolation]") {
    basic_zone<refusable_policy> zone{frame_range{frame{0}, frame_count{4 * small_block}}};
    const auto all = occupy(zone, block(zone, 0));
    REQUIRE(zone.poison(all[0]) == status::deferred);
    const auto refused = [&](frame f) {
        refusable_barrier::at_issue = true;
        const status outcome = zone.poison(f);
        refusable_barrier::at_issue = false;
        return outcome;
    };
    CHECK(refused(all[1]) == status::barrier_refused);
    CHECK(zone.state_of(all[0]).poison_pending); // one is condemned
    zone.free(nobody, all[0]);
    CHECK(zone.state_of(all[0]).state == frame_state::poisoned);
    CHECK(refused(all[1]) == status::barrier_refused);
    CHECK(zone.state_of(all[0]).state == frame_state::poisoned); // one is out
    CHECK_FALSE(zone.state_of(all[1]).poison_pending);
    zone.free(nobody, all[1]);
    CHECK(zone.state_of(all[1]).state == frame_state::free);
    CHECK(agrees(zone));
}
