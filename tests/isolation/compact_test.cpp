// tests/isolation/compact_test.cpp - compaction makes nearly as many whole blocks as there can be, and knows when to stop.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/compact.hpp"

#include "cordon/sync/observed_lock.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "support/stepped_clock.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr std::uint32_t blocks = 64;

// Frames of order 0 and the embedder's record of them: frame -> what is in it.
struct fixture {
    small_zone zone{frame_range{frame{0}, frame_count{blocks * small_block}}};
    std::map<std::uint32_t, std::uint64_t> live;
    std::uint64_t contents = 0; // the sum of what is in all frames

    // Effects: all frames are allocated, then freed at random until `percent` of them are left.
    void churn(unsigned percent) {
        rng random{seed()};
        for (const frame f : occupy(zone, zone.frames()))
            live.emplace(f.raw(), f.raw() * 7919u + 1);
        while (live.size() > blocks * small_block * percent / 100) {
            auto victim = live.lower_bound(static_cast<std::uint32_t>(random.below(blocks * small_block)));
            if (victim == live.end()) victim = live.begin();
            zone.free(slot_index::none(), frame{victim->first});
            live.erase(victim);
        }
        contents = sum();
    }
    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t all = 0;
        for (const auto& [f, content] : live)
            all += content;
        return all;
    }
    migrate_outcome move(const busy_frame& from, frame to) {
        const auto at = live.find(from.head().raw());
        REQUIRE(at != live.end());
        REQUIRE(live.emplace(to.raw(), at->second).second);
        live.erase(at);
        return migrate_outcome::moved;
    }
    auto mover() {
        return [this](const busy_frame& from, frame to) { return move(from, to); };
    }
    // Returns: blocks without a frame in use. Requires: the record and the zone agree.
    std::uint64_t whole_blocks() {
        REQUIRE(agrees(zone));
        REQUIRE(zone.exact_stats()->allocated.raw() == live.size());
        std::vector<bool> used(blocks);
        for (const auto& [f, content] : live) {
            REQUIRE(zone.state_of(frame{f}).state == frame_state::allocated);
            used[f / small_block] = true;
        }
        return static_cast<std::uint64_t>(std::count(used.begin(), used.end(), false));
    }
    [[nodiscard]] std::uint64_t most_whole_blocks() const {
        return blocks - (live.size() + small_block - 1) / small_block;
    }
};

// Each wait for the isolation lock takes long.
struct long_wait {
    static constexpr bool wants_contention = false;
    static void before_lock() {}
    static void acquired(bool) { stepped_clock::time += 400'000'000; }
    static void released() {}
};
struct waiting_policy : stepped_policy {
    using isolation_lock = observed_lock<spin_lock<atomics, backoff>, long_wait>;
};

} // namespace

TEST_CASE("compaction after churn yields at least 90 % of the whole blocks that there can be",
          "[isolation]") {
    CAPTURE(seed());
    for (const unsigned percent : {1u, 10u, 25u, 50u, 75u, 90u, 99u}) {
        CAPTURE(percent);
        fixture on;
        on.churn(percent);
        const std::uint64_t before = on.whole_blocks();
        const compact_report report = on.zone.compact(on.mover());
        CHECK(report.outcome == status::ok);
        CHECK(on.sum() == on.contents);
        const std::uint64_t after = on.whole_blocks();
        CHECK(after >= before);
        CHECK(after * 10 >= on.most_whole_blocks() * 9);
        CHECK(report.failed.raw() == 0);
        // A second call finds nothing that pays.
        CHECK(on.zone.compact(on.mover(), {}).moved.raw() <= small_block);
    }
}

TEST_CASE("what moves leave in the caches of their thread is room, too", "[isolation]") {
    constexpr std::uint32_t block = 512;
    // More than are found in one search: the second one sees caches that are not empty.
    constexpr std::uint32_t whole = 36;
    zone z{frame_range{frame{0}, frame_count{64 * block}}};
    rng random{seed()};
    CAPTURE(seed());
    std::vector<frame> live = occupy(z, z.frames());
    for (std::size_t n = live.size(); n != live.size() - whole * block - 8; --n) {
        std::swap(live[n - 1], live[random.below(n)]);
        z.free(slot_index::none(), live[n - 1]);
    }
    const auto move = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    const compact_report report = z.compact(move);
    CHECK(report.outcome == status::ok);
    CHECK(report.deferred);
    CHECK(report.emptied == whole);
    std::vector<frame> blocks_left(64);
    CHECK(z.allocate_bulk(blocks_left, order{9}) == whole);
}

TEST_CASE("compaction takes the cheapest blocks first and stays within its budget", "[isolation]") {
    fixture on;
    on.churn(50);
    // Three blocks that cost 3, 2 and 1 frames.
    for (std::uint32_t b = 0; b != 3; ++b) {
        const std::uint32_t first = b * small_block;
        for (auto at = on.live.lower_bound(first); at != on.live.end() && at->first < first + small_block;
             at = on.live.erase(at))
            on.zone.free(slot_index::none(), frame{at->first});
        for (std::uint32_t f = first; f != first + 3 - b; ++f) {
            on.live.emplace(f, 1);
            REQUIRE(on.zone.allocate_exact(frame{f}) == status::ok);
        }
    }
    CHECK(on.zone.compact(on.mover(), frame_count{0}).moved.raw() == 0);
    const compact_report report = on.zone.compact(on.mover(), frame_count{5});
    CHECK(report.emptied == 2);
    CHECK(report.moved.raw() == 3);
    CHECK_FALSE(report.deferred);
    CHECK(on.zone.state_of(frame{0}).state == frame_state::allocated);
    CHECK(on.zone.state_of(frame{small_block}).state == frame_state::free);
    CHECK(on.zone.state_of(frame{2 * small_block}).state == frame_state::free);
    on.whole_blocks();
}

TEST_CASE("no frame is moved twice among blocks that are equally full", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{blocks * small_block}}};
    for (std::uint32_t b = 0; b != blocks; ++b)
        REQUIRE(zone.allocate_exact(frame{b * small_block}) == status::ok);
    const compact_report report =
        zone.compact([](const busy_frame&, frame) { return migrate_outcome::moved; });
    CHECK(report.emptied == blocks - 1);
    CHECK(report.moved.raw() == blocks - 1);
    CHECK(agrees(zone));
}

TEST_CASE("a budget is spent although what compaction takes into its cache makes a block dearer",
          "[isolation]") {
    constexpr std::uint32_t block = 512;
    zone z{frame_range{frame{0}, frame_count{64 * block}}};
    for (std::uint32_t b = 0; b != 64; ++b)
        REQUIRE(z.allocate_exact(frame{b * block}) == status::ok);
    const auto move = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    const compact_report report = z.compact(move, frame_count{16});
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 16);
    CHECK(report.emptied == 16);
    CHECK(agrees(z));
}

TEST_CASE("a block that the moves have made too dear is passed over for one that is not", "[isolation]") {
    constexpr std::uint32_t block = 512;
    zone z{frame_range{frame{0}, frame_count{4 * block}}};
    // The frame of block 0 moves to block 1, which has no longer free run, along with what the cache takes there.
    for (const std::uint32_t f : {0u, block, block + 256, 2 * block, 2 * block + 1, 2 * block + 2})
        REQUIRE(z.allocate_exact(frame{f}) == status::ok);
    const auto move = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    const compact_report report = z.compact(move, frame_count{1 + 3});
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 4);
    CHECK(report.emptied == 2);
    CHECK(z.state_of(frame{block}).state == frame_state::allocated);
    CHECK(agrees(z));
}

TEST_CASE("compaction counts what it has moved into a block since that was ranked", "[isolation]") {
    fixture on;
    const auto use = [&](std::uint32_t b, std::uint32_t count, std::uint32_t step) {
        for (std::uint32_t i = 0; i != count; ++i) {
            const std::uint32_t f = b * small_block + i * step;
            on.live.emplace(f, f);
            REQUIRE(on.zone.allocate_exact(frame{f}) == status::ok);
        }
    };
    // The frames of the first go between those of the second, which has no longer free run; the others have the room.
    use(0, 10, 1);
    use(1, 32, 2);
    use(2, 40, 1);
    use(3, 40, 1);
    const frame_count budget{10 + 39};
    const compact_report report = on.zone.compact(on.mover(), budget);
    CHECK(on.zone.state_of(frame{small_block + 1}).state == frame_state::allocated);
    CHECK(report.moved.raw() == 10);
    CHECK(report.emptied == 1);
    CHECK_FALSE(report.deferred);
}

TEST_CASE("what rests in caches is not moved but drained, before and after", "[isolation]") {
    fixture on;
    const result<frame> f = on.zone.allocate(slot_index{0});
    REQUIRE(f);
    on.zone.free(slot_index{0}, *f);
    REQUIRE(on.zone.stats().cached.raw() != 0);
    CHECK(on.zone.compact(on.mover()).emptied == 0);
    CHECK(on.zone.stats().cached.raw() == 0);

    // Fresh frames come through the calling thread's cache, if it has one.
    struct policy : small_policy {
        using thread_slots = default_slots;
    };
    basic_zone<policy> zone{frame_range{frame{0}, frame_count{4 * small_block}}};
    REQUIRE(zone.allocate_exact(frame{0}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{2 * small_block}) == status::ok);
    const compact_report report =
        zone.compact([](const busy_frame&, frame) { return migrate_outcome::moved; });
    CHECK(report.emptied == 1);
    CHECK(zone.stats().cached.raw() == 0);
}

TEST_CASE("a block whose frames rest in a cache is as cheap as one whose frames are free", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{4 * small_block}}};
    auto cheap = occupy(zone, {frame{0}, frame_count{14}});
    const auto dear = occupy(zone, {frame{small_block}, frame_count{8}});
    const std::vector<frame> in_use{cheap[12], cheap[13]};
    cheap.resize(12);
    free_all(zone, cheap, order{0}, slot_index{0});
    REQUIRE(zone.stats().cached.raw() == 12);
    const compact_report report = zone.compact(
        [](const busy_frame&, frame) { return migrate_outcome::moved; }, frame_count{in_use.size()});
    CHECK(report.emptied == 1);
    CHECK(report.moved.raw() == in_use.size());
    for (const frame f : dear)
        CHECK(zone.state_of(f).state == frame_state::allocated);
}

TEST_CASE("compaction is deferred when the frames of a block fit nowhere but into a whole one",
          "[isolation]") {
    fixture on;
    const auto held =
        occupy(on.zone, {frame{0}, frame_count{small_block / 2}}); // half of one block: nowhere to go
    for (const frame f : held)
        on.live.emplace(f.raw(), 1);
    const compact_report report = on.zone.compact(on.mover());
    CHECK(report.deferred);
    CHECK(report.emptied == 0);
    CHECK(report.moved.raw() == 0);
    text_buffer<128> text;
    text << report;
    CHECK(text.view() == "ok: 0 blocks emptied, 0 frames moved, 0 frames freed, 0 frames failed; deferred");
    CHECK(on.whole_blocks() == blocks - 1);
    // An embedder that evicts needs no room.
    const compact_report evicted = on.zone.compact([&](const busy_frame& from) {
        on.zone.free(slot_index::none(), from.head());
        on.live.erase(from.head().raw());
        return migrate_outcome::freed;
    });
    CHECK(evicted.emptied == 1);
    CHECK(evicted.freed.raw() == small_block / 2);
    text.clear();
    text << evicted;
    CHECK(text.view() == "ok: 1 block emptied, 0 frames moved, 32 frames freed, 0 frames failed");
    CHECK(on.whole_blocks() == blocks);
}

TEST_CASE(
    "frames do not move where blocks of another type have the room, and only a whole one is of their own",
    "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    REQUIRE(zone.set_migrate_type(block(zone, 6), migrate_type::reclaimable) == status::ok);
    const auto cheap = occupy(zone, {block(zone, 6).first(), frame_count{9}});
    const auto dear = occupy(zone, {block(zone, 5).first(), frame_count{10}});
    const auto move = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    compact_report report = zone.compact(move);
    CHECK(report.deferred);
    CHECK(report.emptied == 0);
    CHECK(report.moved.raw() == 0);

    // There is no room for the cheapest, but for others.
    const auto more = occupy(zone, {block(zone, 4).first(), frame_count{12}});
    report = zone.compact(move);
    CHECK(report.deferred);
    CHECK(report.emptied == 1);
    CHECK(report.moved.raw() == 10);
    CHECK(zone.state_of(block(zone, 5).first()).state == frame_state::free);
    CHECK(agrees(zone));
}

TEST_CASE("a block with a frame that breaks when it is freed is not emptied: it never becomes whole",
          "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    for (const std::uint32_t b : {1u, 2u, 3u})
        REQUIRE(zone.allocate_exact(frame{b * small_block}) == status::ok);
    REQUIRE(zone.poison(frame{3 * small_block}) == status::deferred);
    std::vector<frame> asked;
    const compact_report report = zone.compact([&](const busy_frame& from, frame) {
        asked.push_back(from.head());
        return migrate_outcome::moved;
    });
    CHECK(report.emptied == 1);
    CHECK(asked == std::vector<frame>{frame{2 * small_block}});
    CHECK(agrees(zone));
}

TEST_CASE("compaction leaves alone what cannot move, and what is in the way of nobody", "[isolation]") {
    fixture on;
    on.churn(30);
    const std::uint32_t pinned = on.live.begin()->first;
    unsigned asked = 0; // not at all, if its block is one of those that the others are moved into
    const compact_report report = on.zone.compact([&](const busy_frame& from, frame to) {
        if (from.head().raw() != pinned) return on.move(from, to);
        ++asked;
        return migrate_outcome::failed;
    });
    CHECK(report.outcome == status::ok);
    CHECK(asked <= 1);
    CHECK(report.failed.raw() == asked);
    CHECK(on.zone.state_of(frame{pinned}).state == frame_state::allocated);
    CHECK(on.sum() == on.contents);
    CHECK((on.whole_blocks() + 1) * 10 >= on.most_whole_blocks() * 9);

    fixture unmovable;
    REQUIRE(unmovable.zone.set_migrate_type(block(unmovable.zone, 3), migrate_type::unmovable) == status::ok);
    unmovable.live.emplace(3 * small_block, 1);
    unmovable.live.emplace(9 * small_block, 2);
    unmovable.live.emplace(10 * small_block, 3);
    for (const auto& [f, content] : unmovable.live)
        REQUIRE(unmovable.zone.allocate_exact(frame{f}) == status::ok);
    CHECK(unmovable.zone.compact(unmovable.mover()).emptied == 1);
    CHECK(unmovable.live.count(3 * small_block) == 1);
    CHECK(unmovable.whole_blocks() == blocks - 2);
}

TEST_CASE("a migrator that throws ends compaction, and what was moved before stays moved", "[isolation]") {
    fixture on;
    on.churn(40);
    unsigned calls = 0;
    const auto thrower = [&](const busy_frame& from, frame to) {
        if (++calls == 20) throw std::runtime_error("no");
        return on.move(from, to);
    };
    CHECK_THROWS_AS(on.zone.compact(thrower), std::runtime_error);
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    CHECK(on.sum() == on.contents);
    on.whole_blocks();
}

TEST_CASE("compaction of a zone that is empty, full, or not there does nothing", "[isolation]") {
    fixture on;
    CHECK(on.zone.compact(on.mover()).emptied == 0);
    on.churn(100);
    CHECK(on.zone.compact(on.mover()).moved.raw() == 0);
    CHECK(on.whole_blocks() == 0);
    small_zone none{frame_range{}};
    CHECK(none.compact(on.mover()).outcome == none.error());
}

TEST_CASE("a refused barrier stops compaction with a status and nothing changed", "[isolation]") {
    basic_zone<refusable_policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    REQUIRE(zone.allocate(slot_index{0}));
    refusable_barrier::at_issue = true;
    const compact_report report =
        zone.compact([](const busy_frame&, frame) { return migrate_outcome::failed; });
    refusable_barrier::at_issue = false;
    CHECK(report.outcome == status::barrier_refused);
    CHECK(report.moved.raw() == 0);
    CHECK(agrees(zone));
}

TEST_CASE("compaction looks at every region, and lets blocks be that it cannot empty", "[isolation]") {
    constexpr std::uint32_t many = regions::map::size + 4;
    const frame_range hole[] = {{frame{2 * small_block}, frame_count{4}}};
    small_zone zone{zone_options{.frames = {frame{0}, frame_count{many * small_block}}, .holes = hole}};
    const auto use = [&](std::uint32_t b) {
        REQUIRE(zone.allocate_exact(frame{b * small_block + 8}) == status::ok);
    };
    use(1);
    use(2);                      // has a hole: never whole
    use(3);                      // isolated below
    use(4);                      // unmovable below
    use(regions::map::size + 2); // of the second region
    REQUIRE(zone.set_migrate_type(block(zone, 4), migrate_type::unmovable) == status::ok);
    const auto sealed = zone.isolate(block(zone, 3));
    std::vector<frame> from;
    const compact_report report = zone.compact([&](const busy_frame& f, frame) {
        from.push_back(f.head());
        return migrate_outcome::moved;
    });
    CHECK(report.outcome == status::ok);
    CHECK(report.emptied == 1);
    // Into the block of the first region.
    CHECK(from == std::vector<frame>{frame{(regions::map::size + 2) * small_block + 8}});
    CHECK(agrees(zone));
}

TEST_CASE("compaction that is stopped half-way says why, and what was moved stays moved", "[isolation]") {
    basic_zone<stepped_policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    for (const std::uint32_t b : {1u, 2u, 3u, 4u})
        for (std::uint32_t n = 0; n != b; ++n) // the cheapest block is the first
            REQUIRE(zone.allocate_exact(frame{b * small_block + 2 * n}) == status::ok);
    const frame only{small_block};
    std::vector<frame> asked;
    const auto moves_and = [&](auto what) {
        return [&asked, what](const busy_frame& from, frame) {
            asked.push_back(from.head());
            what();
            return migrate_outcome::moved;
        };
    };
    SECTION("a barrier that is refused from then on") {
        const compact_report report = zone.compact(moves_and([] { refusable_barrier::at_issue = true; }));
        refusable_barrier::at_issue = false;
        CHECK(report.outcome == status::barrier_refused);
        CHECK(report.moved.raw() == 1);
        CHECK(asked == std::vector<frame>{only});
    }
    SECTION("an owner who stays inside his gate") {
        zone.free(slot_index{0}, *zone.allocate(slot_index{0})); // the slot is active
        auto& slot = zone.internals().parts().cache_slots[1];
        stepped_policy::gate gate;
        gate.start();
        bool entered = false;
        const auto enter = [&] { entered = gate.try_enter(slot.gate); };
        const compact_report report = zone.compact(moves_and(enter), {.deadline = in_a_second});
        REQUIRE(entered);
        gate.leave(slot.gate);
        CHECK(report.outcome == status::timed_out);
        CHECK(report.emptied == 1);
        CHECK(asked == std::vector<frame>{only});
    }
    SECTION("a frame that is asked for until the deadline") {
        unsigned calls = 0;
        const auto busy = [&](const busy_frame& from, frame) {
            asked.assign(1, from.head());
            ++calls;
            return migrate_outcome::retry;
        };
        const compact_report report = zone.compact(busy, {.deadline = in_a_second});
        CHECK(report.outcome == status::timed_out);
        CHECK(report.moved.raw() == 0);
        CHECK(calls > 1);
        CHECK(asked == std::vector<frame>{only});
    }
    CHECK(zone.exact_stats()->allocated.raw() == 10);
    CHECK(agrees(zone));
}

TEST_CASE("what compaction has waited for locks is not left to its migrator once more", "[isolation]") {
    basic_zone<waiting_policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    for (const std::uint32_t b : {1u, 2u})
        REQUIRE(zone.allocate_exact(frame{b * small_block}) == status::ok);
    const std::uint64_t start = stepped_clock::time;
    std::uint64_t last = start;
    const auto busy = [&](const busy_frame&, frame) {
        last = stepped_clock::time;
        return migrate_outcome::retry;
    };
    CHECK(zone.compact(busy, {.deadline = in_a_second}).outcome == status::timed_out);
    CHECK(last - start > 800'000'000);
    CHECK(last - start <= 1'000'000'000 + 10'000'000);
    CHECK(agrees(zone));
}

TEST_CASE("compaction passes over a block that somebody else isolates meanwhile", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    for (const std::uint32_t b : {1u, 2u, 3u})
        for (std::uint32_t n = 0; n != b; ++n)
            REQUIRE(zone.allocate_exact(frame{b * small_block + 2 * n}) == status::ok);
    small_zone::isolated_range other;
    const compact_report report = zone.compact([&](const busy_frame&, frame) {
        if (!other) other = std::move(*zone.isolate(block(zone, 2)));
        return migrate_outcome::moved;
    });
    CHECK(report.outcome == status::ok);
    CHECK(report.emptied == 1);
    CHECK(other.busy().raw() == 3); // the moved frame is there, too
    CHECK(agrees(zone));
}
