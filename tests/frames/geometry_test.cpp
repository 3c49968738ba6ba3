// tests/frames/geometry_test.cpp - zone_geometry: frames to indices, blocks and regions, at the edges too.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/frames/geometry.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>

using namespace cordon;

namespace {

template <unsigned Pageblock>
struct with {
    static constexpr unsigned pageblock_order = Pageblock;
    static constexpr unsigned max_order = Pageblock + 9;
};
using large = zone_geometry<with<9>>;
using small = zone_geometry<with<6>>;

constexpr frame_range frames(std::uint32_t first, std::uint32_t count) {
    return {frame{first}, frame_count{count}};
}

template <class Geometry>
void check(frame_range zone) {
    const Geometry geo{zone};
    CAPTURE(zone.first().raw(), zone.count().raw());
    const std::uint64_t region_frames = std::uint64_t{Geometry::block_frames} * 512;
    const std::uint64_t base = zone.first().raw() / region_frames * region_frames;
    REQUIRE(geo.frames() == zone);
    REQUIRE(geo.span() == zone.end_raw() - base);
    REQUIRE(geo.blocks() ==
            (geo.span() + std::uint64_t{Geometry::block_frames} - 1) / Geometry::block_frames);
    REQUIRE(geo.regions() == (geo.blocks() + 511) / 512);

    const std::uint64_t first = zone.first().raw();
    for (const std::uint64_t raw : {std::uint64_t{0}, base, first - 1, first, first + 1, first + 1000,
                                    zone.end_raw() - 1, zone.end_raw(), std::uint64_t{UINT32_MAX}}) {
        if (raw > UINT32_MAX) continue;
        const frame f{static_cast<std::uint32_t>(raw)};
        const frame_index i = geo.index_of(f);
        CAPTURE(raw);
        REQUIRE(geo.contains(i) == zone.contains(f));
        REQUIRE(geo.frame_at(i) == f);
        for (const unsigned k : {0u, 1u, 5u, 9u, 18u})
            REQUIRE(geo.contains(i, order{k}) == (zone.contains(f) && raw + (1u << k) <= zone.end_raw()));
        if (!zone.contains(f)) continue;
        const block_index b = Geometry::block_of(i);
        REQUIRE(b.raw() < geo.blocks());
        REQUIRE(Geometry::index_of(b, Geometry::bit_of(i)) == i);
        REQUIRE(geo.frames_of(b).contains(f));
        for (unsigned k = 0; k <= Geometry::max_order; ++k)
            REQUIRE(f.is_aligned(order{k}) == (i.raw() % (1u << k) == 0)); // aligned in both numberings alike
    }
}

} // namespace

TEST_CASE("zones of all sizes and places keep indices, blocks and regions in step", "[frames]") {
    for (const std::uint32_t first :
         {0u, 1u, 63u, 64u, 511u, 512u, 262'143u, 262'144u, 262'145u, 3'000'000'000u})
        for (const std::uint32_t count :
             {1u, 2u, 63u, 64u, 65u, 512u, 513u, 32'768u, 262'144u, 262'145u, 1'000'003u}) {
            check<large>(frames(first, count));
            check<small>(frames(first, count));
        }
}

TEST_CASE("the largest zone ends one below the frame that is none", "[frames]") {
    check<large>(frames(0, UINT32_MAX));
    check<small>(frames(0, UINT32_MAX));
    check<large>(frames(UINT32_MAX - 1, 1));
    const large geo{frames(0, UINT32_MAX)};
    CHECK(geo.span() == UINT32_MAX);
    CHECK(geo.blocks() == 1u << 23);
    CHECK(geo.regions() == 1u << 14);
    CHECK_FALSE(geo.contains(geo.index_of(frame::none())));
}

TEST_CASE("a frame before the first one is not of the zone, although its block is", "[frames]") {
    const large geo{frames(700, 100)};
    CHECK(geo.span() == 800);
    CHECK(geo.blocks() == 2);
    CHECK_FALSE(geo.contains(geo.index_of(frame{699})));
    CHECK_FALSE(geo.contains(geo.index_of(frame{512}), order{9}));
    CHECK(geo.contains(geo.index_of(frame{700})));
}

TEST_CASE("a default geometry contains no frame", "[frames]") {
    const large geo;
    CHECK(geo.blocks() == 0);
    CHECK(geo.span() == 0);
    CHECK_FALSE(geo.contains(frame_index{0}));
    CHECK_FALSE(geo.contains(geo.index_of(frame{42})));
}
