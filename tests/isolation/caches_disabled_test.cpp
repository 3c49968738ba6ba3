// tests/isolation/caches_disabled_test.cpp - a zone without thread caches for as long as a token lives.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/caches_disabled.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

struct fixture {
    small_zone zone{frame_range{frame{0}, frame_count{4 * small_block}}};
    // Returns: whether a free is kept in the cache.
    bool caches() {
        zone.free(mine, *zone.allocate(mine));
        const bool kept = zone.stats().cached.raw() != 0;
        REQUIRE(zone.drain() == status::ok);
        return kept;
    }
};

} // namespace

TEST_CASE("the first token empties and closes all caches, the last one opens them", "[isolation]") {
    fixture on;
    on.zone.free(mine, *on.zone.allocate(mine));
    REQUIRE(on.zone.stats().cached.raw() != 0);
    auto outer = on.zone.disable_caches();
    REQUIRE(outer);
    CHECK(on.zone.stats().cached.raw() == 0);
    {
        auto inner = on.zone.disable_caches();
        REQUIRE(inner);
        CHECK_FALSE(on.caches());
        inner->enable();
        CHECK_FALSE(on.caches());
        inner->enable(); // spent: nothing
    }
    CHECK_FALSE(on.caches());
    outer->enable();
    CHECK(on.caches());
}

TEST_CASE("a slot that is new while a token lives caches nothing", "[isolation]") {
    fixture on;
    const frame held = *on.zone.allocate(slot_index::none());
    const auto token = on.zone.disable_caches();
    REQUIRE(token);
    on.zone.free(slot_index{1}, held);
    CHECK(on.zone.stats().cached.raw() == 0);
    CHECK(on.zone.state_of(held).state == frame_state::free);
    REQUIRE(on.zone.allocate(slot_index{2}));
    CHECK(on.zone.stats().cached.raw() == 0);
}

TEST_CASE("a token is moved, not copied", "[isolation]") {
    fixture on;
    auto a = std::move(*on.zone.disable_caches());
    auto b = std::move(a);
    CHECK_FALSE(on.caches());
    CHECK(bool{b});
    CHECK_FALSE(bool{a});
    a = std::move(b);
    CHECK_FALSE(on.caches());
    a = std::move(*on.zone.disable_caches()); // the old one is given up
    CHECK_FALSE(on.caches());
    auto& same = a;
    a = std::move(same);
    CHECK_FALSE(on.caches());
    a = {};
    CHECK(on.caches());
    CHECK_FALSE(bool{a});
}

TEST_CASE("exclusive isolation and tokens end in any order", "[isolation]") {
    fixture on;
    auto range = on.zone.isolate(block(on.zone, 0), {.level = isolation_level::exclusive});
    REQUIRE(range);
    auto token = on.zone.disable_caches();
    auto second = on.zone.isolate(block(on.zone, 1), {.level = isolation_level::exclusive});
    REQUIRE(second);
    range->undo();
    CHECK_FALSE(on.caches());
    token->enable();
    CHECK_FALSE(on.caches());
    CHECK(second->offline() == status::ok);
    CHECK(on.caches());
    {
        auto third = on.zone.isolate(block(on.zone, 2), {.level = isolation_level::exclusive});
        CHECK_FALSE(on.caches());
        CHECK(third->claim());
        CHECK(on.caches());
    }
    CHECK(on.caches());
}

TEST_CASE("a refused exclusive isolation leaves the caches open", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.set_migrate_type(block(on.zone, 2), migrate_type::unmovable) == status::ok);
    REQUIRE(on.zone.allocate_exact(block(on.zone, 2).first()) == status::ok);
    CHECK(on.zone.isolate(block(on.zone, 0, 4), {.level = isolation_level::exclusive}).error() ==
          status::unmovable);
    CHECK(on.caches());
}

TEST_CASE("a token is not to be had while another drainer works longer than the deadline", "[isolation]") {
    fixture on;
    status outcome = status::ok;
    {
        const guard section{on.zone.internals().isolation_lock()};
        std::thread{[&] { outcome = on.zone.disable_caches(1ms).error(); }}.join();
        CHECK(outcome == status::timed_out);
        std::thread{[&] { outcome = on.zone.drain(1ms); }}.join();
        CHECK(outcome == status::timed_out);
        std::thread{[&] { outcome = on.zone.isolate(block(on.zone, 0), {.deadline = 1ms}).error(); }}.join();
        CHECK(outcome == status::timed_out);
    }
    CHECK(on.zone.disable_caches(1ms));
    CHECK(on.caches());
}

TEST_CASE("with one thread and no gate a token closes the cache all the same", "[isolation]") {
    basic_zone<single_threaded_policy> zone{frame_range{frame{0}, frame_count{4096}}};
    const auto held = *zone.allocate();
    {
        const auto token = zone.disable_caches();
        REQUIRE(token);
        zone.free(held);
        CHECK(zone.stats().cached == frame_count{0});
    }
    zone.free(*zone.allocate());
    CHECK(zone.stats().cached != frame_count{0});
}

TEST_CASE("a thread that ends while the caches are disabled leaves nothing behind", "[isolation]") {
    zone all{frame_range{frame{0}, frame_count{4096}}};
    caches_disabled<default_policy> token;
    std::thread{[&] {
        all.free(*all.allocate()); // its cache has frames now
        REQUIRE(all.stats().cached.raw() != 0);
        token = std::move(*all.disable_caches());
        CHECK(all.stats().cached.raw() == 0);
    }}.join();
    CHECK(all.stats().cached.raw() == 0);
    CHECK(all.stats().free.raw() == 4096);
    token.enable();
    CHECK(all.validate());
}

TEST_CASE("a thread that ends, and a fork, find a zone that could not be made", "[isolation]") {
    zone none{frame_range{}};
    std::thread{[&] { CHECK(none.allocate().error() == status::invalid_range); }}.join();
    CHECK(in_child([&] { return none.allocate() ? 1 : 0; }) == 0);
}

TEST_CASE("a zone that is destroyed before a token tells so, and the token owns nothing", "[isolation]") {
    misuse_record::reset();
    std::optional<fixture> on{std::in_place};
    auto first = *on->zone.disable_caches();
    auto second = *on->zone.disable_caches();
    first.enable();
    auto moved = std::move(second);
    on.reset();
    CHECK(misuse_record::count == 1);
    CHECK(misuse_record::last.what == status::outlives_zone);
    CHECK(misuse_record::last.isolated.empty());
    CHECK_FALSE(bool{moved});
    const auto again = std::move(moved);
    second.enable();
    moved.enable();
}

TEST_CASE("a token that has lost its zone may be assigned one of another, which it gives up at its end",
          "[isolation]") {
    misuse_record::reset();
    std::optional<fixture> lost{std::in_place};
    fixture on;
    {
        auto token = *lost->zone.disable_caches();
        lost.reset();
        token = *on.zone.disable_caches();
        CHECK_FALSE(on.caches());
    }
    CHECK(on.caches());
    CHECK(misuse_record::count == 1); // of the lost zone
}
