// lru/lirs_test.cpp - replacement::lirs: short gaps make hot, and a loop larger than memory keeps most of its frames.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/lirs.hpp"

#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/replacement/belady.hpp"
#include "support/replacement/clock.hpp"
#include "support/replacement/coldest.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/pool.hpp"
#include "support/seed.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::replacement::lirs;
using cordon::testing::replacement::numbers;
using cordon::testing::replacement::tracked;
namespace reference = cordon::testing::replacement;

// Whose hot frames stay, as in one arm of adaptive.
struct keeper : lirs {
    using lirs::lirs;
    template <class V>
    cordon::list_place insert(V& v, cordon::frame_index i, const cordon::arrival& a) const {
        v.state().keeps_hot = true;
        return lirs::insert(v, i, a);
    }
};

} // namespace

TEST_CASE("lirs keeps most of a loop that does not fit, where lru keeps nothing", "[lru]") {
    const reference::trace loop = reference::loop_trace(30'000, 120);
    reference::pool<lirs> pool{100};
    const std::uint64_t misses = reference::misses(pool, loop);
    CHECK(misses <= 30'000 * (120 - 85) / 120); // at least 85 of 100 stay
    CHECK(pool.errors() == 0);
    CHECK(reference::misses(reference::lru{100}, loop) == 30'000);
}

TEST_CASE("what comes back does not drive out hot frames that are to stay", "[lru]") {
    const reference::trace zigzag = reference::zigzag_trace(100'000, 2000);
    const auto hits = [&](auto&& pool) { return zigzag.size() - reference::misses(pool, zigzag); };
    CHECK(hits(reference::pool<keeper>{1200, keeper{0.01}}) > 58'000); // of 60'000 that can be
    CHECK(hits(reference::pool<lirs>{1200, lirs{0.01}}) < 30'000);     // the turns look like the best pages
}

TEST_CASE("lirs with all frames cold is a clock", "[lru]") {
    // A frame that is hot for a moment is seldom touched in it: so many traces.
    for (std::uint64_t n = 0; n != 40; ++n) {
        const reference::trace t = reference::zipf_trace(20'000, 500, 0.8, cordon::testing::seed() + n);
        reference::pool<lirs> pool{100, lirs{1.0}};
        reference::clock clock{100};
        for (const reference::request r : t)
            REQUIRE(pool.access(r) == clock.access(r));
    }
}

TEST_CASE("the first frames are hot as far as their share goes", "[lru]") {
    tracked<lirs> t{100};
    CHECK(t.coldest(10).size() == 10);
    std::uint32_t hot = 0;
    for (std::uint32_t i = 0; i != 100; ++i) {
        const cordon::lru_state s = t.state_of(frame{i});
        hot += s.place == cordon::lru_place::listed && s.list == lirs::hot_list;
    }
    CHECK(hot >= 80);
}

TEST_CASE("a gap shorter than the oldest hot frame is old makes hot, a longer one does not", "[lru]") {
    tracked<lirs> t{64};
    for (int n = 0; n != 5; ++n)
        CHECK(t.age(cordon::root_group) == status::ok);
    CHECK(t.coldest(16).size() == 16); // not all of these were cold: hot ones were cooled, at an age of five
    t.use(63);
    const cordon::lru_token token = t.evict(63);
    CHECK(t.refault(token).activate);
    for (int n = 0; n != 40; ++n)
        CHECK(t.age(cordon::root_group) == status::ok);
    CHECK_FALSE(t.refault(token).activate);
}

TEST_CASE("the byte of lirs is the tick of the last use, and whether that was a touch", "[lru]") {
    const auto clock = [](unsigned ticks) {
        std::uint8_t now = 0;
        while (ticks-- != 0)
            now = lirs::next_tick(now);
        return now;
    };
    CHECK(lirs::coldness(lirs::fresh(clock(122)), clock(133)) == 11); // it has come round
    const std::uint8_t touched = lirs::touched(lirs::fresh(clock(122)), clock(133));
    CHECK(lirs::is_touched(touched));
    CHECK_FALSE(lirs::is_touched(lirs::fresh(clock(5))));
    CHECK_FALSE(lirs::is_touched(lirs::untouched(touched)));
    CHECK(lirs::coldness(touched, clock(133 + 85)) == 85);
    CHECK(lirs::coldness(lirs::untouched(touched), clock(133 + 85)) == 85);
    CHECK(lirs::touched(touched, clock(133)) == touched); // no store
    CHECK(lirs::coldness(lirs::cold(clock(77)), clock(77)) == 63);
}

TEST_CASE("lirs looks at hot frames when there are too many of them or no cold one", "[lru]") {
    cordon::testing::fake_view<lirs> v;
    CHECK(lirs{}.next(v) == lirs::lists);
    v.sizes[lirs::hot_list] = 100;
    CHECK(lirs{}.next(v) == lirs::hot_list);
    v.sizes[lirs::hot_list] = 90;
    v.sizes[lirs::cold_list] = 10;
    CHECK(lirs{}.next(v) == lirs::cold_list);
    v.sizes[lirs::hot_list] = 95;
    v.sizes[lirs::cold_list] = 5;
    CHECK(lirs{}.next(v) == lirs::hot_list);
    // Full as its share goes, a newcomer starts cold.
    v.sizes[lirs::hot_list] = 90;
    v.sizes[lirs::cold_list] = 10;
    CHECK(lirs{}.insert(v, cordon::frame_index{0}, {}).list == lirs::cold_list);
    v.sizes[lirs::hot_list] = 50;
    CHECK(lirs{}.insert(v, cordon::frame_index{0}, {}).list == lirs::hot_list);
}

TEST_CASE("a cold frame whose gap was long becomes hot where hot ones are missing, and nowhere else",
          "[lru]") {
    cordon::testing::fake_view<lirs> v;
    v.group_state.has_cooled = true; // just now: no gap is short
    const auto list_of_a_touched_one = [&](std::uint32_t hot, std::uint32_t cold) {
        v.sizes[lirs::hot_list] = hot;
        v.sizes[lirs::cold_list] = cold;
        v.ages[0] = lirs::touched(lirs::fresh(v.clock()), v.clock());
        return lirs{}.examine(v, cordon::frame_index{0}, lirs::cold_list).list();
    };
    CHECK(list_of_a_touched_one(50, 50) == lirs::hot_list);
    CHECK(list_of_a_touched_one(90, 10) == lirs::cold_list);
}

TEST_CASE("a hot frame put back at the tail is the next cold one, otherwise it stays hot", "[lru]") {
    cordon::testing::fake_view<lirs> v;
    v.lists[7] = lirs::hot_list;
    const auto putback = [&](cordon::putback_at at) { return lirs{}.putback(v, cordon::frame_index{7}, at); };
    CHECK(putback(cordon::putback_at::tail).list == lirs::cold_list);
    CHECK(putback(cordon::putback_at::tail).end == cordon::list_end::oldest);
    CHECK(putback(cordon::putback_at::automatic).list == lirs::hot_list);
}
