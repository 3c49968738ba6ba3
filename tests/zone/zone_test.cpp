// tests/zone/zone_test.cpp - basic_zone: what its members promise and no test of the layers below says, drains above all.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr slot_index other{1};

constexpr frame_range four_blocks{frame{10 * small_block}, frame_count{4 * small_block}};

// Effects: two caches hold frames of two blocks each, and of what else was taken nothing is free.
void fill_caches(small_zone& zone) {
    for (const slot_index slot : {mine, other}) {
        const frame_range own = block(zone, 2 * slot.raw(), 2);
        const std::vector<frame> taken = occupy(zone, own);
        for (std::size_t i = 0; i < taken.size(); i += 4)
            zone.free(slot, taken[i]);
        REQUIRE(cached_in(zone, own) == taken.size() / 4);
    }
}

} // namespace

TEST_CASE("a zone of so many frames starts at frame 0", "[zone]") {
    const small_zone zone{frame_count{100}};
    CHECK(zone.frames() == frame_range{frame{0}, frame_count{100}});
    CHECK(zone.stats().free == frame_count{100});
    CHECK(small_zone{frame_count{}}.error() == status::invalid_range);
}

TEST_CASE("drain gives back what every cache holds", "[zone]") {
    small_zone zone{four_blocks};
    fill_caches(zone);
    const zone_stats before = zone.stats();
    CHECK(zone.drain() == status::ok);
    CHECK(zone.stats().cached.raw() == 0);
    CHECK(zone.stats().free == before.free + before.cached);
    CHECK(agrees(zone));
}

TEST_CASE("drain of a range gives back what is cached there and nothing else", "[zone]") {
    small_zone zone{four_blocks};
    fill_caches(zone);
    const frame_range range = block(zone, 1, 2);
    const std::size_t below = cached_in(zone, block(zone, 0));
    const std::size_t above = cached_in(zone, block(zone, 3));
    CHECK(zone.drain(range) == status::ok);
    CHECK(cached_in(zone, range) == 0);
    CHECK(cached_in(zone, block(zone, 0)) == below);
    CHECK(cached_in(zone, block(zone, 3)) == above);
    CHECK(agrees(zone));
}

TEST_CASE("drain of a range gives back a run that only touches it", "[zone]") {
    small_zone zone{four_blocks};
    const frame head = zone.frames().first() + frame_count{2};
    REQUIRE(zone.allocate_exact(head, order{1}) == status::ok);
    zone.free(mine, head, order{1});
    const auto is_cached = [&] { return zone.state_of(head).state == frame_state::cached; };
    REQUIRE(is_cached());
    CHECK(zone.drain({head + frame_count{2}, frame_count{1}}) == status::ok);
    CHECK(is_cached());
    CHECK(zone.drain({head + frame_count{1}, frame_count{1}}) == status::ok);
    CHECK_FALSE(is_cached());
}

TEST_CASE("drain changes nothing for who holds frames, and the caches go on", "[zone]") {
    small_zone zone{four_blocks};
    const frame held = *zone.allocate(mine);
    REQUIRE(zone.drain() == status::ok);
    CHECK(zone.state_of(held).state == frame_state::allocated);
    zone.free(mine, held);
    CHECK(zone.state_of(held).state == frame_state::cached);
    CHECK(*zone.allocate(mine) == held);
}
