// tests/isolation/lru_pressure_test.cpp - lru_pressure: an allocation that finds nothing reclaims.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/lru_migrator.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/zones.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using exact_clock = replacement::clock<3>; // an age byte with four values
constexpr auto agree = [](frame) { return verdict::reclaim; };

} // namespace

TEST_CASE("an allocation that finds nothing reclaims the coldest frames", "[isolation]") {
    small_lru<exact_clock> tracker{frame_range{frame{0}, frame_count{2 * small_block}}};
    std::optional<small_zone> zone;
    std::set<std::uint32_t> pages;
    unsigned evicted = 0;
    const auto decide = [&](frame f) { return f.raw() % 2 == 0 ? verdict::keep : verdict::reclaim; };
    const auto release = [&](frame f, lru_token) {
        ++evicted;
        pages.erase(f.raw());
        zone->free(nobody, f);
    };
    lru_pressure relief{tracker, decide, release, frame_count{8}};
    zone.emplace(zone_options{.frames = tracker.frames(), .pressure = relief.callback()});
    for (unsigned n = 0; n != 3 * small_block; ++n) {
        const result<frame> f = zone->allocate(nobody);
        if (!f) break;
        CHECK(pages.insert(f->raw()).second);
        REQUIRE(tracker.add(*f) == status::ok);
    }
    // Even frames are kept; odd ones come and go.
    CHECK(evicted >= small_block);
    CHECK(pages.size() <= 2 * small_block);
    CHECK(tracker.validate(true));
    std::vector<frame> odd;
    for (const std::uint32_t f : pages)
        if (f % 2 != 0) odd.push_back(frame{f});
    for (const frame f : odd)
        CHECK(tracker.pin(f) == status::ok);
    while (const result<frame> f = zone->allocate(nobody))
        ;
    CHECK(zone->allocate(nobody).error() == status::no_memory);
}

TEST_CASE("an allocation of a larger order reclaims as many frames as it has", "[isolation]") {
    small_lru<exact_clock> tracker{frame_range{frame{0}, frame_count{2 * small_block}}};
    std::optional<small_zone> zone;
    unsigned evicted = 0;
    const auto release = [&](frame f, lru_token) {
        ++evicted;
        zone->free(nobody, f);
    };
    lru_pressure relief{tracker, agree, release, frame_count{4}};
    zone.emplace(zone_options{.frames = tracker.frames(), .pressure = relief.callback()});
    for (const frame f : occupy(*zone, zone->frames()))
        REQUIRE(tracker.add(f) == status::ok);
    REQUIRE(zone->allocate(nobody, order{4}));
    CHECK(evicted == 16); // the coldest, which lie together here
    REQUIRE(zone->allocate(nobody, order{0}));
    CHECK(evicted == 20);
}

TEST_CASE("an allocation that finds nothing asks which group to reclaim from, until one gives frames",
          "[isolation]") {
    small_lru<exact_clock> tracker{frame_range{frame{0}, frame_count{2 * small_block}}, 3};
    const group_id pinned = *tracker.create_group(), empty = *tracker.create_group();
    std::optional<small_zone> zone;
    std::vector<unsigned> asked;
    unsigned evicted = 0;
    const auto release = [&](frame f, lru_token) {
        ++evicted;
        zone->free(nobody, f);
    };
    const auto choose = [&](unsigned attempt) -> result<group_id> {
        asked.push_back(attempt);
        const group_id candidates[] = {empty, pinned, root_group};
        if (attempt == std::size(candidates)) return status::absent;
        return candidates[attempt];
    };
    lru_pressure relief{tracker, agree, release, frame_count{4}, choose};
    zone.emplace(zone_options{.frames = tracker.frames(), .pressure = relief.callback()});
    for (const frame f : occupy(*zone, zone->frames())) {
        REQUIRE(tracker.add(f, f.raw() < small_block ? pinned : root_group) == status::ok);
        if (f.raw() < small_block) CHECK(tracker.pin(f) == status::ok);
    }
    while (zone->allocate(nobody)) {
    }
    CHECK(evicted == small_block);
    const unsigned given = small_block / 4;
    REQUIRE(asked.size() == 3 * given + 4);
    for (std::size_t n = 0; n != asked.size(); ++n)
        CHECK(asked[n] == (n < 3 * given ? n % 3 : n - 3 * given));

    // The choice of one group.
    lru_pressure of_one{tracker, agree, release, frame_count{4}, pinned};
    CHECK_FALSE(of_one.callback().call(of_one.callback().context, order{0}, migrate_type::movable));
    CHECK(tracker.unpin(frame{0}) == status::ok);
    CHECK(of_one.callback().call(of_one.callback().context, order{0}, migrate_type::movable));
    CHECK(evicted == small_block + 1);
}
