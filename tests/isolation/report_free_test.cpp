// tests/isolation/report_free_test.cpp - free page reporting: invariant 29 of the field's list, case by case.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/report_free.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct fixture {
    small_zone zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    std::vector<bool> told = std::vector<bool>(8);

    // Returns: frames accepted; `told` says which blocks were.
    std::uint64_t report(frame_count most = frame_count{UINT32_MAX}) {
        told.assign(8, false);
        const frame_count accepted = zone.report_free(
            [&](frame_range run) {
                for (std::uint32_t b = 0; b != run.count().raw() / small_block; ++b)
                    told[run.first().raw() / small_block + b] = true;
                return true;
            },
            most);
        CHECK(agrees(zone));
        return accepted.raw();
    }
    // After everything was reported: use(zone) uses something of block 2 and gives it back; only that block is news.
    void check_news_after(const std::function<void(small_zone&)>& use, std::vector<bool> news = {0, 0, 1}) {
        news.resize(8);
        REQUIRE(zone.drain() == status::ok);
        report();
        REQUIRE(report() == 0);
        use(zone);
        REQUIRE(zone.drain() == status::ok);
        report();
        CHECK(told == news);
        CHECK(report() == 0);
    }
};

} // namespace

TEST_CASE("invariant 29: each whole free block is reported once", "[isolation]") {
    fixture on;
    REQUIRE(on.zone.allocate_exact(frame{3 * small_block + 7}) == status::ok);
    CHECK(on.report() == 7 * small_block);
    CHECK(on.told == std::vector<bool>{1, 1, 1, 0, 1, 1, 1, 1});
    CHECK(on.report() == 0);
    CHECK(on.zone.state_of(frame{0}).block_reported);
    CHECK_FALSE(on.zone.state_of(frame{3 * small_block}).block_reported);
    CHECK(on.zone.stats().free.raw() == 8 * small_block - 1);
}

TEST_CASE("invariant 29: the mark goes when a frame of the block is taken, whatever way", "[isolation]") {
    fixture on;
    const frame inside{2 * small_block + 5};
    const frame_range block_2 = block(on.zone, 2);
    SECTION("exactly") {
        on.check_news_after([&](small_zone& z) {
            REQUIRE(z.allocate_exact(inside) == status::ok);
            z.free(nobody, inside);
        });
    }
    SECTION("as a whole block") {
        on.check_news_after([&](small_zone& z) {
            REQUIRE(z.allocate_exact(block_2.first(), order{6}) == status::ok);
            z.free(nobody, block_2.first(), order{6});
        });
    }
    SECTION("by a batch of single frames") {
        const auto rest =
            occupy(on.zone, {frame{0}, frame_count{2 * small_block}}); // block 2 is the lowest free one
        REQUIRE(rest.size() == 2 * small_block);
        on.check_news_after([&](small_zone& z) {
            const result<frame> f = z.allocate(mine, order{0});
            REQUIRE((f && block_2.contains(*f)));
            z.free(mine, *f);
        });
    }
    SECTION("by a batch of whole blocks") {
        const auto rest = occupy(on.zone, {frame{0}, frame_count{2 * small_block}});
        on.check_news_after([&](small_zone& z) {
            const result<frame> f = z.allocate(nobody, order{6});
            REQUIRE((f && *f == block_2.first()));
            z.free(nobody, *f, order{6});
        });
    }
    SECTION("as a part of a run of several blocks") {
        on.check_news_after(
            [&](small_zone& z) {
                REQUIRE(z.allocate_exact(block_2.first(), order{7}) == status::ok);
                z.free(nobody, block_2.first(), order{7});
            },
            {0, 0, 1, 1});
    }
    SECTION("by a claim of an isolated range") {
        on.check_news_after([&](small_zone& z) {
            auto range = z.isolate(block_2);
            REQUIRE(range);
            REQUIRE(range->claim({inside, frame_count{1}}));
            z.free(nobody, inside);
        });
    }
    SECTION("by going offline and online") {
        on.check_news_after([&](small_zone& z) {
            auto range = z.isolate(block_2);
            REQUIRE((range && range->offline() == status::ok));
            REQUIRE(z.online(block_2) == status::ok);
        });
    }
}

TEST_CASE("invariant 29: isolating and undoing leaves the mark, poisoning a frame ends it for good",
          "[isolation]") {
    fixture on;
    on.report();
    { const auto range = on.zone.isolate(block(on.zone, 2)); }
    CHECK(on.report() == 0);
    REQUIRE(on.zone.poison(frame{2 * small_block}) == status::ok);
    CHECK_FALSE(on.zone.state_of(frame{2 * small_block + 1}).block_reported);
    CHECK(on.report() == 0); // not whole any more
}

TEST_CASE("invariant 29: a run of reported and new blocks is reported for what is new", "[isolation]") {
    fixture on;
    const auto held = occupy(on.zone, {frame{0}, frame_count{4 * small_block}});
    CHECK(on.report() == 4 * small_block);
    free_all(on.zone, held);
    CHECK(on.report() == 4 * small_block);
    CHECK(on.told == std::vector<bool>{1, 1, 1, 1, 0, 0, 0, 0});
}

TEST_CASE("invariant 29: nobody is given a frame while its report is in flight", "[isolation]") {
    fixture on;
    unsigned calls = 0;
    const frame_count accepted = on.zone.report_free(
        [&](frame_range run) {
            ++calls;
            CHECK(on.zone.allocate_exact(run.first()) == status::busy);
            const auto all = take_all(on.zone, order{0}, migrate_type::movable, mine);
            CHECK(count_in(all, run) == 0);
            CHECK(all.size() == 8 * small_block - run.count().raw());
            free_all(on.zone, all, order{0}, mine);
            CHECK(on.zone.isolate(run).error() == status::busy);
            CHECK(on.zone.drain() == status::ok);
            return true;
        },
        frame_count{3 * small_block});
    CHECK(calls == 1);
    CHECK(accepted.raw() == 3 * small_block);
    CHECK(agrees(on.zone));
}

TEST_CASE("a report that is declined, or throws, leaves no mark and nothing sealed", "[isolation]") {
    fixture on;
    unsigned declined = 0;
    CHECK(on.zone.report_free([&](frame_range) { return ++declined, false; }).raw() == 0);
    CHECK(declined == 1);
    CHECK(agrees(on.zone));
    const auto thrower = [](frame_range) -> bool { throw std::runtime_error("no"); };
    CHECK_THROWS_AS(on.zone.report_free(thrower), std::runtime_error);
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    CHECK(agrees(on.zone));
    CHECK(on.report() == 8 * small_block);
}

TEST_CASE("a report stops at its budget, which counts whole blocks", "[isolation]") {
    fixture on;
    CHECK(on.report(frame_count{0}) == 0);
    CHECK(on.report(frame_count{small_block - 1}) == 0);
    CHECK(on.report(frame_count{2 * small_block + 1}) == 2 * small_block);
    CHECK(on.report() == 6 * small_block);
}

TEST_CASE("invariant 29: memory that is discarded by reports under traffic keeps what its owners wrote",
          "[isolation]") {
    constexpr std::uint32_t blocks = 64;
    struct policy : small_policy {
        using thread_slots = default_slots;
    };
    basic_zone<policy> zone{frame_range{frame{0}, frame_count{blocks * small_block}}};
    std::vector<std::atomic<std::uint32_t>> memory(blocks * small_block); // a word for each frame
    std::atomic<bool> stop{false};
    std::atomic<unsigned> lost{0};
    const auto use = [&](std::uint32_t who) {
        rng random{seed() + who};
        std::vector<std::uint32_t> held;
        while (!stop.load(std::memory_order_relaxed)) {
            const std::size_t wanted = random.below(std::size_t{blocks * small_block / 2});
            while (held.size() < wanted) {
                const auto f = zone.allocate();
                if (!f) break;
                memory[f->raw()].store(who, std::memory_order_relaxed);
                held.push_back(f->raw());
            }
            while (held.size() > wanted) {
                if (memory[held.back()].load(std::memory_order_relaxed) != who) ++lost;
                zone.free(frame{held.back()});
                held.pop_back();
            }
            if (random.below(8) == 0) (void)zone.drain();
        }
    };
    std::thread first{use, 1};
    std::thread second{use, 2};
    std::uint64_t accepted = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{scaled(1000)};
    const auto at_last = end + std::chrono::minutes{5}; // a busy machine may not let the others run at once
    const auto goes_on = [&] {
        const auto now = std::chrono::steady_clock::now();
        return now < end || (accepted <= blocks * small_block && now < at_last);
    };
    while (goes_on()) {
        const frame_count now = zone.report_free([&](frame_range run) {
            for (const frame f : run)
                memory[f.raw()].store(0, std::memory_order_relaxed);
            return true;
        });
        accepted += now.raw();
        // One who never waits keeps the others out for good where threads take turns, as under valgrind.
        if (now == frame_count{}) std::this_thread::sleep_for(std::chrono::microseconds{100});
    }
    stop = true;
    first.join();
    second.join();
    CAPTURE(seed());
    CHECK(lost == 0);
    CHECK(accepted > blocks * small_block); // some were used and reported again
    CHECK(zone.validate());
}

TEST_CASE("a block that is isolated or offline is not reported", "[isolation]") {
    fixture on;
    const auto sealed = on.zone.isolate(block(on.zone, 1));
    REQUIRE(on.zone.isolate(block(on.zone, 2))->offline() == status::ok);
    CHECK(on.report() == 6 * small_block);
    CHECK(on.told == std::vector<bool>{1, 0, 0, 1, 1, 1, 1, 1});
}

TEST_CASE("a block that loses a frame while its report is in flight is not marked", "[isolation]") {
    fixture on;
    const frame broken{3 * small_block + 9};
    on.zone.report_free([&](frame_range run) {
        if (run.contains(broken)) CHECK(on.zone.poison(broken) == status::ok);
        return true;
    });
    CHECK(on.zone.state_of(frame{2 * small_block}).block_reported);
    CHECK_FALSE(on.zone.state_of(frame{3 * small_block}).block_reported);
    CHECK(agrees(on.zone));
}

TEST_CASE("reporting goes from region to region, and a zone that could not be made has none", "[isolation]") {
    constexpr std::uint32_t many = regions::map::size + 3;
    small_zone large{frame_range{frame{0}, frame_count{many * small_block}}};
    std::uint64_t told = 0;
    const auto count = [&](frame_range run) {
        told += run.count().raw();
        return true;
    };
    CHECK(large.report_free(count).raw() == many * small_block);
    CHECK(told == many * small_block);
    CHECK(agrees(large));
    small_zone none{frame_range{}};
    CHECK(none.report_free(count).raw() == 0);
    CHECK(told == many * small_block);
}
