// lru/adaptive_test.cpp - replacement::adaptive: follows the traffic from loops to moving working sets.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/adaptive.hpp"

#include "cordon/lru/policies/any_policy.hpp"
#include "cordon/lru/policies/clock.hpp"
#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/replacement/belady.hpp"
#include "support/replacement/coldest.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/pool.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace {

using cordon::frame;
using cordon::status;
using cordon::replacement::adaptive;
using cordon::replacement::lirs;
using cordon::testing::replacement::numbers;
using cordon::testing::replacement::tracked;
namespace reference = cordon::testing::replacement;

// Returns: hits in 100 accesses.
template <class Cache>
double hits(Cache&& cache, const reference::trace& t) {
    return 100 - 100 * static_cast<double>(reference::misses(cache, t)) / static_cast<double>(t.size());
}
// Renames the pages: key 0 is no key.
reference::trace keyed(reference::trace t) {
    for (reference::request& r : t)
        ++r.id;
    return t;
}

} // namespace

TEST_CASE("adaptive is near the best fixed share on traffic of each kind", "[lru]") {
    const reference::trace loop = keyed(reference::loop_trace(100'000, 1100));
    const reference::trace zigzag = keyed(reference::zigzag_trace(100'000, 2000));
    const reference::trace skewed =
        keyed(reference::zipf_trace(100'000, 10'000, 0.9, cordon::testing::seed()));
    for (const reference::trace& t : {loop, zigzag, skewed}) {
        const double best = std::max(hits(reference::pool<lirs>{1000, lirs{0.01}}, t),
                                     hits(reference::pool<lirs>{1000, lirs{1.0}}, t));
        CHECK(hits(reference::pool<adaptive>{1000}, t) > best - 10);
    }
}

TEST_CASE("adaptive keeps the part of a zigzag that fits, as an exact lru does", "[lru]") {
    const reference::trace zigzag = keyed(reference::zigzag_trace(200'000, 2000));
    for (const std::size_t capacity : {1200u, 1600u})
        CHECK(hits(reference::pool<adaptive>{capacity}, zigzag) > hits(reference::lru{capacity}, zigzag) - 8);
}

TEST_CASE("adaptive judges each group by its own traffic", "[lru]") {
    const reference::trace loop = keyed(reference::loop_trace(60'000, 1100));
    const reference::trace zigzag = keyed(reference::zigzag_trace(60'000, 2000));
    const double loop_alone = hits(reference::pool<adaptive>{1000}, loop);
    const double zigzag_alone = hits(reference::pool<adaptive>{1000}, zigzag);
    reference::pool<adaptive> both{1000, {}, 2};
    std::uint64_t hits_of_loop = 0, hits_of_zigzag = 0;
    for (std::size_t k = 0; k != loop.size(); ++k) {
        hits_of_loop += both.access(loop[k], 0);
        hits_of_zigzag += both.access(zigzag[k], 1);
    }
    CHECK(std::abs(100 * static_cast<double>(hits_of_loop) / 60'000 - loop_alone) < 2);
    CHECK(std::abs(100 * static_cast<double>(hits_of_zigzag) / 60'000 - zigzag_alone) < 2);
    CHECK(both.errors() == 0);
}

TEST_CASE("adaptive learns anew when the traffic changes", "[lru]") {
    reference::pool<adaptive> pool{1000};
    const reference::trace loop = keyed(reference::loop_trace(60'000, 1100));
    const reference::trace zigzag = keyed(reference::zigzag_trace(60'000, 2000));
    for (int round = 0; round != 2; ++round) {
        CHECK(hits(pool, loop) > 60);   // a clock: 0
        CHECK(hits(pool, zigzag) > 40); // lirs: 4
    }
    CHECK(pool.errors() == 0);
    CHECK(static_cast<bool>(pool.tracker().validate(true)));
}

TEST_CASE("without keys adaptive keeps a tenth of the frames cold", "[lru]") {
    tracked<adaptive> keyless{512};
    tracked<lirs> plain{512};
    for (int round = 0; round != 40; ++round) {
        const numbers a = keyless.coldest(100), b = plain.coldest(100);
        REQUIRE(a == b);
        for (const std::uint32_t f : a) {
            (void)keyless.add(frame{f});
            (void)plain.add(frame{f});
            if (f % 3 == 0) keyless.use(f), plain.use(f);
        }
    }
}

TEST_CASE("a small cache of a duel has the misses of the policy itself", "[lru]") {
    using one = cordon::replacement::duel<lirs, 1>;
    std::vector<std::byte> memory(one{64}.bytes());
    one small{64};
    small.attach(memory);
    reference::pool<lirs> pool{64};
    const reference::trace t = keyed(reference::zipf_trace(20'000, 100, 0.7, cordon::testing::seed()));
    std::uint64_t hits_of_pool = 0;
    for (const reference::request r : t) {
        small.access(lirs{}, static_cast<std::uint32_t>(r.id * 0x9e3779b9u), 64);
        hits_of_pool += pool.access(r);
    }
    // Not equal: a page whose set is full is not seen, and a set forgets ghosts.
    CHECK(std::abs(static_cast<double>(small.score(0)) - static_cast<double>(hits_of_pool)) < 600);
}

TEST_CASE("a duel's sample tells which frames hold which pages, and which of them are new", "[lru]") {
    using one = cordon::replacement::duel<lirs, 1>;
    std::vector<std::byte> memory(one{64}.bytes());
    one small{64};
    small.attach(memory);
    small.put(cordon::frame_index{3}, 33);
    const auto told = [&] {
        std::vector<std::pair<std::uint32_t, bool>> pages;
        small.for_each(
            [&](cordon::frame_index, std::uint32_t page, bool is_new) { pages.emplace_back(page, is_new); });
        std::sort(pages.begin(), pages.end());
        return pages;
    };
    CHECK(told() == std::vector<std::pair<std::uint32_t, bool>>{{33, true}});
    small.put(cordon::frame_index{4}, 44);
    small.put(cordon::frame_index{5}, 55);
    small.put(cordon::frame_index{4}, 45); // another page came into the frame
    small.remove(cordon::frame_index{5});
    CHECK(told() == std::vector<std::pair<std::uint32_t, bool>>{{33, false}, {45, true}});
}

TEST_CASE("a duel's sample follows a page to another frame", "[lru]") {
    using one = cordon::replacement::duel<lirs, 1>;
    std::vector<std::byte> memory(one{64}.bytes());
    one small{64};
    small.attach(memory);
    small.put(cordon::frame_index{3}, 33);
    small.rename(cordon::frame_index{3}, cordon::frame_index{5});
    small.put(cordon::frame_index{6}, 66);
    small.rename(cordon::frame_index{4}, cordon::frame_index{6}); // not of the sample: what 6 held is gone
    std::vector<std::pair<std::uint32_t, std::uint32_t>> told;
    small.for_each(
        [&](cordon::frame_index i, std::uint32_t page, bool) { told.emplace_back(i.raw(), page); });
    CHECK(told == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{5, 33}});
}

TEST_CASE("a duel that is thinned has forgotten the other pages, in its caches too", "[lru]") {
    using one = cordon::replacement::duel<lirs, 1>;
    std::vector<std::byte> memory(one{64}.bytes());
    one small{64};
    small.attach(memory);
    const auto page = [](std::uint32_t n) { return n * 0x9e3779b9u | 1; };
    for (std::uint32_t n = 1; n != 50; ++n)
        small.access(lirs{}, page(n), 64);
    small.put(cordon::frame_index{3}, page(3));
    small.put(cordon::frame_index{4}, page(4));
    small.access_later(lirs{}, page(5), 64);
    small.access_later(lirs{}, page(6), 64);
    small.thin([&](std::uint32_t p) { return (p & 2) == 0; });
    small.catch_up(lirs{}, 64);
    std::uint32_t kept = 0;
    for (std::uint32_t n = 1; n != 50; ++n)
        kept += (page(n) & 2) == 0;
    const std::uint32_t late = ((page(5) & 2) == 0) + ((page(6) & 2) == 0);
    CHECK(small.score(0) == late); // what was put off and is kept was a hit, the other was not seen
    for (std::uint32_t n = 1; n != 50; ++n)
        small.access(lirs{}, page(n), 64);
    CHECK(small.score(0) == late + kept);
    small.for_each([&](cordon::frame_index, std::uint32_t p, bool) { CHECK((p & 2) == 0); });
}

TEST_CASE("another arm leads when it is as many hits ahead as a change costs, and not before", "[lru]") {
    using two = cordon::replacement::duel<lirs, 2>;
    std::vector<std::byte> memory(two{64}.bytes());
    two arms{64};
    arms.attach(memory);
    arms.state(0).cold_share = cordon::replacement::share_of(1.0); // a clock: nothing of a loop stays
    arms.state(1).cold_share = cordon::replacement::share_of(0.1);
    std::uint32_t n = 0, lead = 0;
    for (; lead <= 40; ++n) {
        arms.access(lirs{}, (n % 80 + 1) * 0x9e3779b9u, 64);
        REQUIRE(arms.score(0) == 0);
        lead += arms.score(1);
        REQUIRE(arms.leader(0, 40) == (lead > 40 ? 1 : 0));
        REQUIRE(arms.score(1) == 0);
    }
    // The lead is used up; and an arm that is behind has none.
    for (; n != 1000; ++n) {
        arms.access(lirs{}, (n % 80 + 1) * 0x9e3779b9u, 64);
        REQUIRE(arms.leader(1, 0) == 1);
    }
}

TEST_CASE(
    "adaptive follows an arm from the first tick on, also when the group has shrunk since it was sampled",
    "[lru]") {
    cordon::testing::fake_view<adaptive> v;
    v.sizes[lirs::cold_list] = 3;
    v.group_state.shift = 5; // so small a part of three frames is no frame
    for (std::uint32_t n = 1; n != 200; ++n)
        (void)adaptive{}.insert(v, cordon::frame_index{n % 3}, {.known = false, .payload = 0, .key = n});
    CHECK(v.group_state.followed == 0);
    adaptive{}.tick(v);
    CHECK(v.clock_byte == adaptive::next_tick(0));
    CHECK(v.group_state.followed != 0);
}

TEST_CASE("a share that overshoots is the one that is wanted", "[lru]") {
    cordon::testing::fake_view<adaptive> v; // an empty group: one step is all
    v.group_state.followed = 1;             // one in a hundred
    for (const std::uint16_t before : {std::uint16_t{9}, std::uint16_t{65000}}) {
        v.group_state.cold_share = before;
        (void)adaptive{}.insert(v, cordon::frame_index{0}, {.known = false, .payload = 0, .key = 1});
        CHECK(v.group_state.cold_share == cordon::replacement::share_of(0.01));
    }
}

TEST_CASE("a duel with more room than it has pages uses what it has", "[lru]") {
    using one = cordon::replacement::duel<lirs, 1>;
    std::vector<std::byte> memory[2] = {std::vector<std::byte>(one{64}.bytes()),
                                        std::vector<std::byte>(one{64}.bytes())};
    one fits{64}, generous{64};
    fits.attach(memory[0]);
    generous.attach(memory[1]);
    for (std::uint32_t n = 0; n != 1000; ++n) {
        const std::uint32_t page = (n * 7 % 90 + 1) * 0x9e3779b9u;
        fits.access(lirs{}, page, 64);
        generous.access(lirs{}, page, 1000);
    }
    CHECK(generous.score(0) == fits.score(0));
}

TEST_CASE("a sampled frame that has left the group is forgotten at the next tick", "[lru]") {
    cordon::testing::fake_view<adaptive> v;
    v.sizes[lirs::cold_list] = 3;
    for (std::uint32_t n = 0; n != 3; ++n)
        (void)adaptive{}.insert(v, cordon::frame_index{n}, {.known = false, .payload = 0, .key = n + 1});
    const auto sampled = [&] {
        cordon::replacement::duel<lirs, 3> arms{256};
        arms.attach(v.extra());
        std::vector<std::uint32_t> frames;
        arms.for_each([&](cordon::frame_index i, std::uint32_t, bool) { frames.push_back(i.raw()); });
        std::ranges::sort(frames);
        return frames;
    };
    REQUIRE(sampled() == std::vector<std::uint32_t>{0, 1, 2});
    adaptive{}.tick(v);
    CHECK(sampled() == std::vector<std::uint32_t>{0, 1, 2});
    v.left = {1};
    adaptive{}.tick(v);
    CHECK(sampled() == std::vector<std::uint32_t>{0, 2});
}

TEMPLATE_TEST_CASE("a page stays in the sample when another frame takes its frame's stead", "[lru]", adaptive,
                   (cordon::replacement::any_policy<cordon::replacement::clock<1>, adaptive>)) {
    cordon::lru<TestType, cordon::single_threaded_policy> tracker{
        cordon::frame_range{frame{0}, cordon::frame_count{8}}, 1, TestType{adaptive{}}};
    for (std::uint32_t n = 0; n != 3; ++n)
        REQUIRE(tracker.add(frame{n}, cordon::root_group, {}, n + 1) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    const auto sampled = [&] {
        cordon::replacement::duel<lirs, 3> arms{256};
        arms.attach(tracker.internals().parts().extra_of(cordon::root_group));
        std::map<std::uint32_t, std::uint32_t> pages;
        arms.for_each([&](cordon::frame_index i, std::uint32_t page, bool) { pages[i.raw()] = page; });
        return pages;
    };
    auto expected = sampled();
    REQUIRE(expected.size() == 3);
    REQUIRE(tracker.isolate(frame{1}) == status::ok);
    REQUIRE(tracker.transfer(frame{1}, frame{5}) == status::ok);
    REQUIRE(tracker.putback(frame{5}) == status::ok);
    expected[5] = expected.at(1);
    expected.erase(1);
    CHECK(sampled() == expected);
    REQUIRE(tracker.age(cordon::root_group) == status::ok); // what the group does not hold is forgotten
    CHECK(sampled() == expected);
}

TEST_CASE("a frame that comes back without a key is not of the sample any more", "[lru]") {
    cordon::testing::fake_view<adaptive> v;
    v.sizes[lirs::cold_list] = 3;
    for (const std::uint64_t key : {std::uint64_t{1}, std::uint64_t{0}}) // forgotten in between, not evicted
        (void)adaptive{}.insert(v, cordon::frame_index{0}, {.known = false, .payload = 0, .key = key});
    cordon::replacement::duel<lirs, 3> arms{256};
    arms.attach(v.extra());
    arms.for_each([](cordon::frame_index, std::uint32_t, bool) { FAIL("it holds another page"); });
    SUCCEED();
}
