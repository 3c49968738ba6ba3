// tests/isolation/contiguous_test.cpp - frames in a row, made free by moving what is in the way.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/contiguous.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using small_zone = basic_zone<small_policy>;
constexpr slot_index nobody = slot_index::none();
frame_range frames(std::uint32_t blocks = 8) {
    return {frame{0}, frame_count{blocks * small_block}};
}

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
              block(on.zone, 5).first());
    }
    SECTION("lent") {
        REQUIRE(on.zone.set_migrate_type(block(on.zone, 6), migrate_type::lent) == status::ok);
        CHECK(on.zone.allocate_contiguous(frame_count{60}, frame_count{1}, on.mover())->first() ==
              block(on.zone, 6).first());
    }
    CHECK(on.whole(60));
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

TEST_CASE("a contiguous range can be the last frames of a zone", "[isolation]") {
    small_zone zone{frames(2)};
    const auto start = occupy(zone, block(zone, 0));
    const auto got = zone.allocate_contiguous(block(zone, 1).count());
    REQUIRE(got);
    CHECK(*got == block(zone, 1));
}
