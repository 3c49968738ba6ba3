// tests/isolation/lru_migrator_test.cpp - frames leave a block with their age and group; nothing is lost on the way.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/lru_migrator.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/stepped_clock.hpp"
#include "support/zones.hpp"

#include "cordon/lru/policies/any_policy.hpp"
#include "cordon/lru/policies/two_list.hpp"

#include <array>
#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t blocks = 8;
using exact_clock = replacement::clock<3>; // an age byte with four values

// A zone of eight blocks, an LRU of two groups over it, and the embedder's record: frame -> page.
template <class R = exact_clock, class Zone = small_zone>
struct fixture {
    Zone zone{frame_range{frame{0}, frame_count{blocks * small_block}}};
    small_lru<R> tracker{zone.frames(), 2};
    group_id second = *tracker.create_group();
    std::map<std::uint32_t, unsigned> pages;

    frame put(std::uint32_t f, group_id g = root_group, unsigned touches = 0) {
        REQUIRE(zone.allocate_exact(frame{f}) == status::ok);
        pages.emplace(f, f);
        REQUIRE(tracker.add(frame{f}, g) == status::ok);
        for (; touches != 0; --touches)
            tracker.touch(frame{f});
        return frame{f};
    }
    void put_all(frame_range range) {
        for (const frame f : range)
            put(f.raw());
    }
    migrate_outcome move(const busy_frame& from, frame to) {
        const auto at = pages.find(from.head().raw());
        REQUIRE(at != pages.end());
        pages.emplace(to.raw(), at->second);
        pages.erase(at);
        return migrate_outcome::moved;
    }
    auto mover() {
        return [this](const busy_frame& from, frame to) { return move(from, to); };
    }
    void drop(frame f) {
        REQUIRE(pages.erase(f.raw()) == 1);
        zone.free(nobody, f);
    }
    typename Zone::isolated_range seal(std::uint32_t b) {
        auto made = zone.isolate(block(zone, b));
        REQUIRE(made);
        return std::move(*made);
    }
    // Returns: whether record, zone and LRU agree about every frame, and no frame is claimed any more.
    [[nodiscard]] bool matches() {
        for (const frame f : zone.frames()) {
            const bool is_page = pages.contains(f.raw());
            const lru_place place = tracker.state_of(f).place;
            if ((zone.state_of(f).state == frame_state::allocated) != is_page) return false;
            if ((place != lru_place::untracked) != is_page || place == lru_place::isolated) return false;
        }
        return agrees(zone) && bool{tracker.validate(true)};
    }
    [[nodiscard]] std::size_t pages_in(frame_range range) const {
        std::size_t n = 0;
        for (const auto& [f, page] : pages)
            n += range.contains(frame{f});
        return n;
    }
};

constexpr auto agree = [](frame) { return verdict::reclaim; };

} // namespace

TEMPLATE_TEST_CASE("a moved frame keeps its age, its group and its list", "[isolation]", exact_clock,
                   replacement::lru, replacement::two_list,
                   (replacement::any_policy<replacement::two_list, exact_clock>)) {
    fixture<TestType> on;
    std::map<unsigned, lru_state> before;
    for (std::uint32_t n = 0; n != 12; ++n)
        on.put(small_block + 5 * n, n % 3 == 0 ? on.second : root_group, n % 4);
    on.tracker.age(on.second);
    // A scan moves some to other lists, if there are others.
    for (const frame f : coldest(on.tracker, 1))
        REQUIRE(on.tracker.putback(f) == status::ok);
    for (const auto& [f, page] : on.pages)
        before.emplace(page, on.tracker.state_of(frame{f}));
    auto range = on.seal(1);
    const migrate_report report = range.migrate(lru_migrator{on.tracker, on.mover()});
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 12);
    CHECK(range.all_free());
    CHECK(on.pages.size() == 12);
    for (const auto& [f, page] : on.pages) {
        const lru_state now = on.tracker.state_of(frame{f}), was = before.at(page);
        CHECK(now.age == was.age);
        CHECK(now.cold == was.cold);
        CHECK(now.group == was.group);
        CHECK(now.list == was.list);
        CHECK(now.place == lru_place::listed);
        CHECK_FALSE(block(on.zone, 1).contains(frame{f}));
    }
    CHECK(on.tracker.stats().evicted + on.tracker.stats(on.second).evicted == 0);
    CHECK(on.matches());
}

TEST_CASE("a frame that is not moved is back as it was", "[isolation]") {
    fixture<exact_clock, basic_zone<stepped_policy>> on;
    const frame f = on.put(small_block + 7, on.second, 2);
    const lru_state before = on.tracker.state_of(f);
    auto range = on.seal(1);
    unsigned asked = 0;
    const auto check = [&](const migrate_report& report, status outcome) {
        CHECK(report.outcome == outcome);
        CHECK(report.moved.raw() == 0);
        const lru_state after = on.tracker.state_of(f);
        CHECK(after.place == lru_place::listed);
        CHECK(after.age == before.age);
        CHECK(after.group == before.group);
        CHECK(on.matches());
    };
    SECTION("because the copy failed") {
        const auto fail = [&](const busy_frame&, frame) { return migrate_outcome::failed; };
        check(range.migrate(lru_migrator{on.tracker, fail}), status::migration_failed);
    }
    SECTION("because it was told to try again, until the deadline") {
        const auto later = [&](const busy_frame&, frame) { return ++asked, migrate_outcome::retry; };
        check(range.migrate(lru_migrator{on.tracker, later}, in_a_second), status::timed_out);
        CHECK(asked > 1);
    }
    SECTION("because the copy threw") {
        const auto throwing = [&](const busy_frame&, frame) -> migrate_outcome {
            throw std::runtime_error{"disk full"};
        };
        CHECK_THROWS_AS(range.migrate(lru_migrator{on.tracker, throwing}), std::runtime_error);
        check(migrate_report{}, status::ok);
        CHECK(range.migrate(lru_migrator{on.tracker, on.mover()}).outcome == status::ok);
    }
}

TEST_CASE("a frame that copy has freed is not tracked any more", "[isolation]") {
    fixture on;
    on.put(small_block + 1);
    on.put(small_block + 2);
    auto range = on.seal(1);
    const auto drop = [&](const busy_frame& from, frame) {
        on.drop(from.head());
        return migrate_outcome::freed;
    };
    CHECK(range.migrate(lru_migrator{on.tracker, drop}).freed.raw() == 2);
    CHECK(on.pages.empty());
    CHECK(on.matches());
}

TEST_CASE("a stray pin of the new frame delays the way back, and nothing is lost", "[isolation]") {
    fixture on;
    const frame f = on.put(small_block + 7, on.second, 2);
    auto range = on.seal(1);
    std::thread stray; // believes that the new frame is still the page's that it was
    const auto pin_for_a_moment = [&](frame to) {
        REQUIRE(on.tracker.pin(to) == status::ok);
        stray = std::thread{[&on, to] {
            std::this_thread::sleep_for(20ms);
            (void)on.tracker.unpin(to);
        }};
    };
    SECTION("to where it was") {
        const auto fail = [&](const busy_frame&, frame to) {
            pin_for_a_moment(to);
            return migrate_outcome::failed;
        };
        CHECK(range.migrate(lru_migrator{on.tracker, fail}).outcome == status::migration_failed);
        CHECK(on.tracker.state_of(f).place == lru_place::listed);
        CHECK(on.tracker.state_of(f).group == on.second);
    }
    SECTION("to nowhere") {
        const auto drop = [&](const busy_frame& from, frame to) {
            pin_for_a_moment(to);
            on.drop(from.head());
            return migrate_outcome::freed;
        };
        CHECK(range.migrate(lru_migrator{on.tracker, drop}).outcome == status::ok);
        CHECK(on.pages.empty());
    }
    stray.join();
    CHECK(on.matches());
}

TEST_CASE("an old frame that was added while it moved stays as it was added", "[isolation]") {
    fixture on;
    const frame f = on.put(small_block + 7, on.second);
    auto range = on.seal(1);
    const auto add = [&](const busy_frame& from, frame) {
        REQUIRE(on.tracker.add(from.head()) == status::ok);
        return migrate_outcome::failed;
    };
    CHECK(range.migrate(lru_migrator{on.tracker, add}).outcome == status::migration_failed);
    CHECK(on.tracker.state_of(f).group == root_group);
    CHECK(on.matches());
}

TEST_CASE("a pinned frame is asked for again, or ends the call", "[isolation]") {
    fixture<exact_clock, basic_zone<stepped_policy>> on;
    const frame f = on.put(small_block + 3);
    on.put(small_block + 4);
    auto range = on.seal(1);
    REQUIRE(on.tracker.pin(f) == status::ok);
    SECTION("by default until the deadline; then it is moved when the pin is gone") {
        const migrate_report report = range.migrate(lru_migrator{on.tracker, on.mover()}, in_a_second);
        CHECK(report.outcome == status::timed_out);
        CHECK(report.moved.raw() == 1);
        CHECK(report.blocker.head() == f);
    }
    SECTION("if it is asked to fail, at once") {
        const migrate_report report =
            range.migrate(lru_migrator{on.tracker, on.mover(), migrate_outcome::failed});
        CHECK(report.outcome == status::migration_failed);
        CHECK(report.moved.raw() == 1);
        CHECK(report.blocker.head() == f);
    }
    REQUIRE(on.tracker.unpin(f) == status::ok);
    CHECK(range.migrate(lru_migrator{on.tracker, on.mover()}).outcome == status::ok);
    CHECK(on.matches());
}

TEST_CASE("a frame that is claimed or not tracked yet is asked for again", "[isolation]") {
    fixture on;
    auto range = on.seal(1);
    SECTION("claimed") {
        auto open = std::move(range);
        REQUIRE(open.undo() == status::ok);
        const frame f = on.put(small_block + 3);
        range = on.seal(1);
        REQUIRE(on.tracker.isolate(f) == status::ok);
        CHECK(range.migrate(lru_migrator{on.tracker, on.mover()}, 1ms).outcome == status::timed_out);
        REQUIRE(on.tracker.putback(f) == status::ok);
    }
    SECTION("not tracked") {
        REQUIRE(range.undo() == status::ok);
        const frame f{small_block + 3};
        REQUIRE(on.zone.allocate_exact(f) == status::ok);
        on.pages.emplace(f.raw(), 1);
        range = on.seal(1);
        CHECK(range.migrate(lru_migrator{on.tracker, on.mover()}, 1ms).outcome == status::timed_out);
        REQUIRE(on.tracker.add(f) == status::ok);
    }
    CHECK(range.migrate(lru_migrator{on.tracker, on.mover()}).outcome == status::ok);
    CHECK(on.matches());
}

TEST_CASE("a frame that the LRU cannot track fails", "[isolation]") {
    fixture on;
    small_lru<exact_clock> other{frame_range{frame{0}, frame_count{small_block + 4}}};
    REQUIRE(on.zone.allocate_exact(frame{small_block + 9}) == status::ok);
    auto range = on.seal(1);
    SECTION("the old one") {}
    SECTION("or the new one") {
        const std::vector<frame> low = occupy(on.zone, block(on.zone, 0));
        REQUIRE(range.undo() == status::ok);
        on.zone.free(nobody, frame{small_block + 9});
        REQUIRE(on.zone.allocate_exact(frame{small_block}) == status::ok);
        REQUIRE(other.add(frame{small_block}) == status::ok);
        range = on.seal(1);
    }
    const auto never = [](const busy_frame&, frame) {
        FAIL("asked");
        return migrate_outcome::failed;
    };
    CHECK(range.migrate(lru_migrator{other, never}).outcome == status::migration_failed);
}

TEST_CASE("while a frame is moved nobody can pin it or claim it", "[isolation]") {
    fixture on;
    const frame f = on.put(small_block + 3);
    auto range = on.seal(1);
    const auto copy = [&](const busy_frame& from, frame to) {
        CHECK(on.tracker.pin(f) == status::absent);
        CHECK(on.tracker.isolate(f) == status::absent);
        CHECK(on.tracker.isolate(to) == status::busy);
        const migrate_outcome moved = on.move(from, to);
        CHECK(on.tracker.pin(to) == status::ok); // by somebody who has found the new frame already
        return moved;
    };
    CHECK(range.migrate(lru_migrator{on.tracker, copy}).outcome == status::ok);
    const frame now{on.pages.begin()->first};
    CHECK(on.tracker.state_of(now).place == lru_place::unevictable);
    CHECK(on.tracker.unpin(now) == status::ok);
    CHECK(on.matches());
}

TEST_CASE("the cheapest block has the fewest frames in use, young ones count more", "[isolation]") {
    fixture on;
    const auto fill = [&](std::uint32_t b, std::uint32_t cold, std::uint32_t young) {
        for (std::uint32_t n = 0; n != cold + young; ++n)
            on.put(b * small_block + n, root_group, n < cold ? 0 : 3);
    };
    fill(0, 10, 0);
    fill(1, 5, 2);
    fill(2, 1, 0);
    fill(3, 6, 0);
    fill(4, 3, 0);
    fill(5, 0, 0);
    fill(6, 2, 0);
    fill(7, 20, 0);
    const auto is = [&](const result<block_cost>& best, std::uint32_t b) {
        return best && best->range == block(on.zone, b);
    };
    const block_choice used{.may_be_empty = false};
    CHECK(is(cheapest_block(on.zone, on.tracker), 5));
    CHECK(is(cheapest_block(on.zone, on.tracker, used), 2));

    // Block 2 is pinned, block 4 has a frame that is not tracked, block 6 is sealed by another.
    REQUIRE(on.tracker.pin(frame{2 * small_block}) == status::ok);
    REQUIRE(on.zone.allocate_exact(frame{4 * small_block + 60}) == status::ok);
    const auto sealed = on.seal(6);
    CHECK(is(cheapest_block(on.zone, on.tracker, used), 3));
    CHECK(cost_of(on.zone, on.tracker, block(on.zone, 1)).young.raw() == 2);
    CHECK(cost_of(on.zone, on.tracker, block(on.zone, 2)).stuck.raw() == 1);

    std::array<block_cost, 16> ranked;
    REQUIRE(cheapest_blocks(on.zone, on.tracker, ranked, used) == 4);
    CHECK(ranked[0].range == block(on.zone, 3)); // 6
    CHECK(ranked[1].range == block(on.zone, 0)); // 10
    CHECK(ranked[2].range == block(on.zone, 1)); // 5 + 2 * 4
    CHECK(ranked[3].range == block(on.zone, 7)); // 20
    REQUIRE(cheapest_blocks(on.zone, on.tracker, std::span{ranked}.first(2), used) == 2);
    CHECK(ranked[1].range == block(on.zone, 0));
    CHECK(is(cheapest_block(on.zone, on.tracker, {.young_factor = 1, .may_be_empty = false}), 3));
    REQUIRE(cheapest_blocks(on.zone, on.tracker, ranked, {.young_factor = 1}) == 5);
    CHECK(ranked[2].range == block(on.zone, 1)); // 7
    // Where young frames are dearer than all that a number can say, their block is the last.
    for (const std::uint64_t dear : {UINT64_MAX, UINT64_MAX / 2}) {
        REQUIRE(cheapest_blocks(on.zone, on.tracker, ranked, {.young_factor = dear, .may_be_empty = false}) ==
                4);
        CHECK(ranked[3].range == block(on.zone, 1));
    }

    // Two at a time: 0 and 1 cost 23; 2, 4 and 6 are out.
    const auto pair = cheapest_block(on.zone, on.tracker, {.blocks = 2});
    REQUIRE(pair);
    CHECK(pair->range == block(on.zone, 0, 2));
    CHECK(pair->used.raw() == 17);
    CHECK(cheapest_block(on.zone, on.tracker, {.within = block(on.zone, 2)}).error() == status::busy);
    CHECK(is(cheapest_block(on.zone, on.tracker, {.within = block(on.zone, 7)}), 7));
}

TEST_CASE("the cost of a range prints what is used, young and stuck", "[isolation]") {
    const block_cost cost{.range = {frame{512}, frame_count{512}},
                          .used = frame_count{1},
                          .young = frame_count{12},
                          .stuck = frame_count{3}};
    text_buffer<80> out;
    out << cost;
    CHECK(std::string{out.view()} == "frames [512, 1024): 1 frame used, 12 young, 3 stuck");
}

TEST_CASE("what rests in a thread cache does not make a block dearer", "[isolation]") {
    fixture on;
    const slot_index slot{1};
    const std::vector<frame> all = take_all(on.zone);
    for (const frame f : all)
        REQUIRE(on.tracker.add(f) == status::ok);
    for (const frame f : std::span{all}.first(10)) {
        REQUIRE(on.tracker.forget(f) == status::ok);
        on.zone.free(slot, f);
    }
    REQUIRE(on.zone.stats().cached.raw() == 10);
    std::array<block_cost, blocks> ranked;
    REQUIRE(cheapest_blocks(on.zone, on.tracker, ranked) == blocks);
    std::uint64_t used = 0;
    for (const block_cost& cost : ranked)
        used += cost.used.raw();
    CHECK(used == all.size() - 10);
}

TEST_CASE("evict_block evicts the frames of the block and no others", "[isolation]") {
    fixture on;
    on.put_all(block(on.zone, 0, 3));
    std::vector<std::uint32_t> tokens;
    const auto release = [&](frame f, lru_token token) {
        CHECK(block(on.zone, 1).contains(f));
        CHECK(on.tracker.state_of(f).place == lru_place::untracked);
        tokens.push_back(token.raw());
        on.drop(f);
    };
    auto range = evict_block(on.zone, on.tracker, block(on.zone, 1), agree, release);
    REQUIRE(range);
    CHECK(range->all_free());
    CHECK(tokens.size() == small_block);
    CHECK(on.tracker.refault(lru_token{tokens.back()}).activate);
    CHECK(on.pages.size() == 2 * small_block);
    CHECK(on.matches());
    CHECK(range->offline() == status::ok);
    CHECK(on.zone.stats().offline.raw() == small_block);
}

TEST_CASE("evict_block gives up at the deadline and leaves nothing sealed", "[isolation]") {
    fixture<exact_clock, basic_zone<stepped_policy>> on;
    on.put_all(block(on.zone, 1));
    busy_frame blocker;
    const isolate_options brief{.deadline = in_a_second, .blocker = &blocker};
    const auto release = [&](frame f, lru_token) { on.drop(f); };
    SECTION("when a frame is to be kept") {
        const auto keep_one = [](frame f) {
            return f.raw() == small_block + 9 ? verdict::keep : verdict::reclaim;
        };
        CHECK(evict_block(on.zone, on.tracker, block(on.zone, 1), keep_one, release, brief).error() ==
              status::timed_out);
        CHECK(blocker.head() == frame{small_block + 9});
        CHECK(on.pages.size() == 1);
    }
    SECTION("when a frame is pinned while it is decided about") {
        const auto pin = [&](frame f) {
            if (f.raw() == small_block + 9) CHECK(on.tracker.pin(f) == status::ok);
            return verdict::reclaim;
        };
        CHECK(evict_block(on.zone, on.tracker, block(on.zone, 1), pin, release, brief).error() ==
              status::timed_out);
        CHECK(on.pages.size() == 1);
        CHECK(on.tracker.state_of(frame{small_block + 9}).place == lru_place::unevictable);
    }
    SECTION("when decide throws") {
        const auto throwing = [](frame) -> verdict { throw std::runtime_error{"disk full"}; };
        CHECK_THROWS_AS(evict_block(on.zone, on.tracker, block(on.zone, 1), throwing, release),
                        std::runtime_error);
        CHECK(on.pages.size() == small_block);
    }
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    CHECK(on.matches());
}

TEST_CASE("evict_block tells of allocations that are tracked by their heads how large they are",
          "[isolation]") {
    fixture on;
    for (const unsigned k : {0u, 2u, 1u, 3u}) {
        const result<frame> f = on.zone.allocate(nobody, order{k});
        REQUIRE(f);
        REQUIRE(on.tracker.add(*f) == status::ok);
        on.pages.emplace(f->raw(), k);
    }
    const frame_range range = block(on.zone, on.pages.begin()->first / small_block);
    REQUIRE(range.contains(frame{on.pages.rbegin()->first}));
    CHECK(cost_of(on.zone, on.tracker, range).used.raw() == 15);
    CHECK(cost_of(on.zone, on.tracker, range).stuck.raw() == 0);
    const auto decide = [&](const busy_frame& busy) {
        CHECK(on.pages.at(busy.head().raw()) == busy.size().raw());
        return verdict::reclaim;
    };
    const auto release = [&](const busy_frame& busy, lru_token) {
        REQUIRE(on.pages.erase(busy.head().raw()) == 1);
        on.zone.free(nobody, busy.head(), busy.size());
    };
    const auto emptied = evict_block(on.zone, on.tracker, range, decide, release);
    REQUIRE(emptied);
    CHECK(emptied->all_free());
    CHECK(on.matches());
}

TEST_CASE("pages are pinned and moved at the same time, and each pin holds", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{blocks * small_block}}};
    small_lru<exact_clock> tracker{zone.frames()};
    constexpr unsigned count = 2 * small_block;
    std::array<std::atomic<std::uint32_t>, count> page_table;        // page -> frame
    std::array<std::atomic<unsigned>, blocks * small_block> content; // frame -> page + 1
    for (unsigned page = 0; page != count; ++page) {
        const frame f = *zone.allocate(nobody);
        page_table[page] = f.raw();
        content[f.raw()] = page + 1;
        REQUIRE(tracker.add(f) == status::ok);
    }
    std::atomic<bool> stop{false};
    std::atomic<unsigned> pins{0}, wrong{0};
    std::thread reader{[&] {
        for (unsigned n = 0; !stop; n = (n + 7) % count) {
            const frame f{page_table[n].load()};
            if (tracker.pin(f) != status::ok) continue;
            if (page_table[n].load() == f.raw()) {
                ++pins;
                for (int looks = 0; looks != 20; ++looks)
                    wrong += content[f.raw()].load() != n + 1;
            }
            if (tracker.unpin(f) != status::ok) ++wrong;
            tracker.touch(f);
        }
    }};
    const auto copy = [&](const busy_frame& from, frame to) {
        const unsigned page = content[from.head().raw()].load() - 1;
        content[to.raw()] = page + 1;
        page_table[page] = to.raw();
        content[from.head().raw()] = 0;
        return migrate_outcome::moved;
    };
    std::uint64_t moved = 0;
    for (unsigned round = 0; round < 400 || (pins < 1000 && round < 100000); ++round) {
        auto range = zone.isolate(block(zone, round % blocks));
        REQUIRE(range);
        const migrate_report report = range->migrate(lru_migrator{tracker, copy});
        REQUIRE(report.outcome == status::ok);
        moved += report.moved.raw();
    }
    stop = true;
    reader.join();
    CHECK(wrong == 0);
    CHECK(moved > count);
    CHECK(pins > 0);
    for (unsigned page = 0; page != count; ++page)
        CHECK(content[page_table[page]] == page + 1);
    CHECK(agrees(zone));
    CHECK(tracker.validate(true));
}

TEST_CASE("a frame that the LRU does not have is not evicted", "[isolation]") {
    fixture<> on;
    small_lru<exact_clock> other{frame_range{frame{0}, frame_count{small_block}}, 1};
    REQUIRE(on.zone.allocate_exact(frame{small_block}) == status::ok);
    const auto release = [&](frame, lru_token) { FAIL("nothing is released"); };
    busy_frame blocker;
    isolate_options options;
    options.blocker = &blocker;
    CHECK(evict_block(on.zone, other, block(on.zone, 1), agree, release, options).error() ==
          status::migration_failed);
    CHECK(blocker.head() == frame{small_block});
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    const auto sealed = on.zone.isolate(block(on.zone, 2));
    CHECK(evict_block(on.zone, other, block(on.zone, 2), agree, release).error() == status::busy);
}

TEST_CASE("only ranges that can be sealed are offered, and senseless questions get none", "[isolation]") {
    fixture<> on;
    REQUIRE(on.zone.set_migrate_type(block(on.zone, 0), migrate_type::unmovable) == status::ok);
    block_cost found[blocks];
    CHECK(cheapest_blocks(on.zone, on.tracker, std::span{found}) == blocks); // it holds nothing yet
    const frame held = block(on.zone, 0).first();
    REQUIRE(on.zone.allocate_exact(held) == status::ok);
    REQUIRE(on.tracker.add(held) == status::ok);
    CHECK(cheapest_blocks(on.zone, on.tracker, std::span{found}) == blocks - 1);
    for (std::size_t n = 0; n != blocks - 1; ++n)
        CHECK(found[n].range != block(on.zone, 0));

    CHECK(cheapest_blocks(on.zone, on.tracker, std::span{found}, {.blocks = 0}) == 0);
    CHECK(cheapest_blocks(on.zone, on.tracker, std::span<block_cost>{}) == 0);
    const frame_range outside{frame{0}, frame_count{(blocks + 1) * small_block}};
    CHECK(cheapest_blocks(on.zone, on.tracker, std::span{found}, {.within = outside}) == 0);
    CHECK(cost_of(on.zone, on.tracker, outside).stuck == outside.count());
    const frame_range empty{frame{0}, frame_count{}};
    CHECK(cost_of(on.zone, on.tracker, empty).used.raw() == 0);

    // A range of three blocks is cut off at the end of what is asked about.
    const auto last =
        cheapest_blocks(on.zone, on.tracker, std::span{found}, {.within = block(on.zone, 3, 5), .blocks = 3});
    REQUIRE(last == 2);
    CHECK(found[1].range == block(on.zone, 6, 2));
}
