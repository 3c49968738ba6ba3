// tests/zone/options_test.cpp - holes, odd ends, and the limit of poisoned frames.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/options.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("frames in holes never exist: no way of allocating returns one", "[zone]") {
    // In no order: one frame, across blocks, a whole block, the last frames.
    const frame_range holes[] = {{frame{300}, frame_count{1}},
                                 {frame{100}, frame_count{50}},
                                 {frame{192}, frame_count{64}},
                                 {frame{505}, frame_count{5}}};
    small_zone zone{{.frames = {frame{0}, frame_count{510}}, .holes = holes}};
    REQUIRE(zone.error() == status::ok);
    constexpr std::uint64_t present = 510 - 120;
    CHECK(zone.stats().managed.raw() == present);
    CHECK(zone.stats().free.raw() == present);
    for (const frame_range hole : holes)
        for (const frame f : hole) {
            CHECK(zone.state_of(f).state == frame_state::absent);
            CHECK(zone.allocate_exact(f) == status::absent);
            CHECK(zone.try_free(f) == status::free_of_absent);
            CHECK(zone.poison(f) == status::absent);
        }
    CHECK(zone.allocate_exact(frame{288}, order{4}) == status::absent);
    CHECK(zone.isolate(block(zone, 3)).error() == status::absent);
    for (const unsigned k : {0u, 1u, 2u, 5u}) {
        const auto all = take_all(zone, order{k}, migrate_type::movable, mine);
        for (const frame f : all)
            for (const frame_range hole : holes)
                REQUIRE_FALSE(hole.overlaps({f, order{k}.frames()}));
        if (k == 0) CHECK(all.size() == present);
        free_all(zone, all, order{k}, mine);
    }
    REQUIRE(zone.drain() == status::ok);
    CHECK(zone.stats().free.raw() == present);
    CHECK(agrees(zone));
}

TEST_CASE("holes outside the zone, empty ones and overlapping ones are refused", "[zone]") {
    const frame_range all{frame{64}, frame_count{640}};
    const auto with = [&](std::initializer_list<frame_range> holes) {
        return small_zone{{.frames = all, .holes = {holes.begin(), holes.size()}}}.error();
    };
    CHECK(with({{frame{63}, frame_count{2}}}) == status::invalid_range);
    CHECK(with({{frame{700}, frame_count{5}}}) == status::invalid_range);
    CHECK(with({{frame{100}, frame_count{0}}}) == status::invalid_range);
    CHECK(with({{frame{100}, frame_count{10}}, {frame{109}, frame_count{2}}}) == status::invalid_range);
    CHECK(with({{frame{109}, frame_count{2}}, {frame{100}, frame_count{10}}}) == status::invalid_range);
    CHECK(with({{frame{100}, frame_count{9}}, {frame{109}, frame_count{2}}}) == status::ok);
}

TEST_CASE("a zone starts and ends where it is told", "[zone]") {
    const std::uint32_t first = GENERATE(0u, 1u, 63u, 64u, 1000u, 40'000u);
    const std::uint32_t count = GENERATE(1u, 63u, 64u, 65u, 1000u);
    small_zone zone{frame_range{frame{first}, frame_count{count}}};
    REQUIRE(zone.error() == status::ok);
    CHECK(zone.stats().free.raw() == count);
    const auto all = take_all(zone, order{0}, migrate_type::movable, mine);
    CHECK(all.size() == count);
    CHECK(count_in(all, zone.frames()) == count);
    CHECK(zone.try_free(frame{first + count}) == status::foreign_frame);
    if (first != 0) CHECK(zone.try_free(frame{first - 1}) != status::ok);
    free_all(zone, all, order{0}, mine);
    CHECK(agrees(zone));
}
