// tests/cache/thread_cache_test.cpp - a thread's cache over a source that is not a buddy.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cache/thread_cache.hpp"

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct fake_policy : small_policy {
    using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
};
// It does not fail at the start, so that the gate is never in lock mode.
struct fence_that_may_fail : fence_barrier {
    static inline bool fails = false;
    [[nodiscard]] bool issue() const noexcept { return fence_barrier::issue() && !fails; }
};
struct hooked_policy : small_policy {
    using gate = hooked_gate<membarrier_gate<atomics, fence_that_may_fail, clock, hooked_backoff>>;
};
using caches_type = thread_caches<fake_policy>;
using filter = caches_type::filter;
using bins = caches_type::bins;

// Frames 0, 1, 2, ...; what comes back is kept in the order it came.
struct fake_source {
    std::uint32_t next = 0;
    std::uint32_t left = 10'000;
    unsigned batches = 0;
    unsigned activated = 0;
    bool may_activate = true;
    block_traits all_traits;
    std::vector<std::uint32_t> back;

    [[nodiscard]] block_traits traits(block_index) const { return all_traits; }
    [[nodiscard]] bool activate(slot_index) { return ++activated, may_activate; }
    template <class Out>
    std::uint32_t take_batch(migrate_type, order k, std::uint32_t n, Out out) {
        ++batches;
        const std::uint32_t take = n < left ? n : left;
        left -= take;
        for (std::uint32_t i = 0; i != take; ++i, next += static_cast<std::uint32_t>(k.frames().raw()))
            out(frame_index{next});
        return take;
    }
    void give_batch(order, std::span<const caches_type::entry> entries) {
        ++batches;
        back.insert(back.end(), entries.begin(), entries.end());
    }
};
static_assert(frame_source<fake_source, caches_type::entry>);

struct fixture {
    std::unique_ptr<caches_type::slot[]> memory{new caches_type::slot[caches_type::slot_count]()};
    caches_type caches;
    fake_source source;
    slot_index mine{1};
    unsigned bin = bins::of(order{0}, migrate_type::movable);

    fixture() { caches.start(memory.get()); }
    std::uint32_t count(unsigned b) const { return caches.racy_count(mine, b); }
    bool take(frame_index& out) {
        return caches.pop(mine, bin, out) || caches.pop_slow(mine, bin, out, source);
    }
    bool give(std::uint32_t i) {
        return caches.push(mine, order{0}, frame_index{i}, source) ||
               caches.push_slow(mine, order{0}, frame_index{i}, source);
    }
    status drain(filter runs, std::uint64_t until = UINT64_MAX) {
        return caches.drain(2, runs, gate_claim::draining, until, source, [] {});
    }
};

// An owner stops in the middle of the work that a drainer asked him for.
struct owner_at_work {
    struct stopping_source : fake_source {
        std::atomic<bool> is_at_work{false};
        std::atomic<bool> may_go_on{false};
        void give_batch(order k, std::span<const caches_type::entry> entries) {
            is_at_work.store(true);
            while (!may_go_on.load())
                std::this_thread::yield();
            fake_source::give_batch(k, entries);
        }
    };
    using asking_caches = thread_caches<hooked_policy>;
    std::unique_ptr<asking_caches::slot[]> memory{new asking_caches::slot[asking_caches::slot_count]()};
    asking_caches caches;
    stopping_source source;
    fake_source drains;
    slot_index mine{1};
    unsigned bin = bins::of(order{0}, migrate_type::movable);
    std::thread owner;

    // Effects: the owner holds frame 7; while the next drain has not yet issued its barrier he starts to work.
    owner_at_work() {
        caches.start(memory.get());
        REQUIRE(caches.push_slow(mine, order{0}, frame_index{7}, source));
        hooks::barrier.arm(nullptr, [&] {
            owner = std::thread{[&] {
                frame_index out;
                if (!caches.pop(mine, bin, out)) (void)caches.pop_slow(mine, bin, out, source);
            }};
            while (!source.is_at_work.load())
                std::this_thread::yield();
        });
    }
    status drain(std::uint64_t until) {
        return caches.drain(2, asking_caches::filter{}, gate_claim::draining, until, drains,
                            asking_caches::no_work{});
    }
    void end_work() { source.may_go_on.store(true); }
};

} // namespace

TEST_CASE("a refill draws a batch and pops it in rising order", "[cache]") {
    fixture on;
    frame_index out;
    for (std::uint32_t i = 0; i != 100; ++i) {
        REQUIRE(on.take(out));
        REQUIRE(out.raw() == i);
    }
    CHECK(on.source.batches < 10);
}

TEST_CASE("a refill that gets nothing teaches nothing", "[cache]") {
    // Returns: how large the first batches are, if so many refills in vain come before each.
    const auto batches = [](unsigned in_vain) {
        fixture on;
        std::vector<std::uint32_t> sizes;
        for (frame_index f; sizes.size() != 3;) {
            on.source.left = 0;
            for (unsigned n = 0; n != in_vain; ++n)
                CHECK_FALSE(on.take(f));
            on.source.left = 10'000;
            REQUIRE(on.take(f));
            sizes.push_back(on.count(on.bin) + 1);
            while (on.count(on.bin) != 0)
                REQUIRE(on.take(f));
        }
        return sizes;
    };
    CHECK(batches(0)[0] < batches(0)[1]);
    CHECK(batches(4) == batches(0));
}

TEST_CASE("a refill that gets less than it asked for loses nothing", "[cache]") {
    fixture on;
    on.source.left = 3;
    frame_index out;
    std::vector<std::uint32_t> got;
    while (on.take(out))
        got.push_back(out.raw());
    CHECK(got == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE("what is pushed last is popped first", "[cache]") {
    fixture on;
    REQUIRE(on.give(7));
    REQUIRE(on.give(9));
    frame_index out;
    REQUIRE(on.take(out));
    CHECK(out.raw() == 9);
    REQUIRE(on.take(out));
    CHECK(out.raw() == 7);
}

TEST_CASE("a full magazine spills its oldest batch, keeps the rest, and grows", "[cache]") {
    fixture on;
    for (std::uint32_t i = 0; i != 1000; ++i) {
        REQUIRE(on.give(i));
        REQUIRE(on.count(on.bin) <= bins::capacity(on.bin));
    }
    CHECK(on.source.batches < 45); // at its full size a batch is half of the capacity of 64
    CHECK(std::is_sorted(on.source.back.begin(), on.source.back.end()));
    CHECK(on.source.back.size() + on.count(on.bin) == 1000);
    frame_index out;
    REQUIRE(on.take(out));
    CHECK(out.raw() == 999);
}

namespace {

// Magazines that hold several pageblocks of 64 frames.
struct large_magazine_policy : fake_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr cached_order cached_orders[] = {{0, 256}, {1, 256}};
};
// Returns: the sizes of the batches that come back while the runs are freed.
std::vector<std::size_t> spills(order k, const std::vector<std::uint32_t>& runs) {
    using large_caches = thread_caches<large_magazine_policy>;
    std::unique_ptr<large_caches::slot[]> memory{new large_caches::slot[large_caches::slot_count]()};
    large_caches caches;
    caches.start(memory.get());
    fake_source source;
    std::vector<std::size_t> sizes;
    for (const std::uint32_t run : runs) {
        const std::size_t before = source.back.size();
        REQUIRE((caches.push(slot_index{1}, k, frame_index{run}, source) ||
                 caches.push_slow(slot_index{1}, k, frame_index{run}, source)));
        if (source.back.size() != before) sizes.push_back(source.back.size() - before);
    }
    REQUIRE(source.back.size() <= runs.size());
    REQUIRE(std::equal(source.back.begin(), source.back.end(), runs.begin()));
    return sizes;
}
std::vector<std::uint32_t> in_a_row(std::uint32_t first, std::uint32_t n, std::uint32_t step = 1) {
    std::vector<std::uint32_t> runs;
    for (std::uint32_t i = 0; i != n; ++i)
        runs.push_back(first + i * step);
    return runs;
}

} // namespace

TEST_CASE("frames that were freed in a row are spilled by whole pageblocks", "[cache]") {
    using sizes = std::vector<std::size_t>;
    const auto ends = [](const sizes& some, std::uint32_t first) {
        std::size_t at = first;
        return std::all_of(some.begin(), some.end(), [&](std::size_t n) { return (at += n) % 64 == 0; });
    };
    for (const std::uint32_t first : {0u, 1u, 40u, 63u}) {
        const sizes some = spills(order{0}, in_a_row(first, 2000));
        REQUIRE(some.size() > 10);
        CHECK(std::count(some.begin() + 5, some.end(), 128u) == static_cast<std::ptrdiff_t>(some.size()) - 5);
        CHECK(ends({some.begin() + 3, some.end()},
                   first + static_cast<std::uint32_t>(
                               std::accumulate(some.begin(), some.begin() + 3, std::size_t{0}))));
    }
    // Not in a row: the batch stays as it is. Nor are larger runs cut.
    std::vector<std::uint32_t> falling = in_a_row(5, 2000);
    std::reverse(falling.begin(), falling.end());
    const sizes uncut = spills(order{1}, in_a_row(6, 2000, 2));
    CHECK(spills(order{0}, falling) == uncut);
    CHECK(uncut.back() == 128);
    CHECK(spills(order{0}, in_a_row(7, 2000, 3)) == uncut);
}

TEST_CASE("frames of a block that may not be cached are not pushed", "[cache]") {
    fixture on;
    const bool with_room = GENERATE(false, true); // where push alone would do
    if (with_room) REQUIRE(on.give(4));
    const std::uint32_t before = on.count(on.bin);
    for (const std::uint8_t bit : {block_traits::isolated, block_traits::offline, block_traits::poisoned}) {
        on.source.all_traits = block_traits{}.with(bit);
        CHECK_FALSE(on.give(5));
    }
    on.source.all_traits = block_traits{}.with_type(migrate_type::unmovable);
    CHECK(on.give(5));
    CHECK(on.count(bins::of(order{0}, migrate_type::unmovable)) == 1);
    CHECK(on.count(on.bin) == before);
}

TEST_CASE("a request for movable frames takes cached lent ones when there are no others", "[cache]") {
    fixture on;
    on.source.left = 0;
    on.source.all_traits = block_traits{}.with_type(migrate_type::lent);
    REQUIRE(on.give(5));
    frame_index out;
    CHECK(on.take(out));
    CHECK(out.raw() == 5);
    CHECK_FALSE(on.take(out));
}

TEST_CASE("a slot that may not become active is not used", "[cache]") {
    fixture on;
    on.source.may_activate = false;
    frame_index out;
    CHECK_FALSE(on.give(5));
    CHECK_FALSE(on.take(out));
    CHECK(on.source.activated != 0);
    CHECK(on.count(on.bin) == 0);
    on.source.may_activate = true;
    CHECK(on.give(5));
}

TEST_CASE("no slot is a slot that is always closed", "[cache]") {
    fixture on;
    frame_index out;
    auto& nobodys = on.memory[0];
    nobodys.magazines[on.bin].mark = 4; // it would have room
    CHECK_FALSE(on.caches.push(slot_index::none(), order{0}, frame_index{1}, on.source));
    nobodys.magazines[on.bin].count.store(1, std::memory_order_relaxed);
    CHECK_FALSE(on.caches.pop(slot_index::none(), on.bin, out));
    nobodys.gate.busy.store(
        1, std::memory_order_relaxed); // another thread without a slot looks whether it may enter
    CHECK_FALSE(on.caches.is_entered(slot_index::none()));
}

TEST_CASE("a drain of a range takes the runs that touch it and leaves the others, in order", "[cache]") {
    fixture on;
    for (const std::uint32_t i : {1u, 50u, 2u, 51u, 3u, 99u})
        REQUIRE(on.give(i));
    REQUIRE(on.drain({50, 100}) == status::ok);
    std::set<std::uint32_t> taken(on.source.back.begin(), on.source.back.end());
    CHECK(taken == std::set<std::uint32_t>{50, 51, 99});
    frame_index out;
    for (const std::uint32_t i : {3u, 2u, 1u}) {
        REQUIRE(on.take(out));
        CHECK(out.raw() == i);
    }
}

TEST_CASE("a drain's filter takes a run that has one frame in the range", "[cache]") {
    constexpr auto takes = [](filter runs, std::uint32_t run, order k) {
        return runs.of_order(k).holds(run);
    };
    constexpr filter runs{8, 16};
    STATIC_REQUIRE(takes(runs, 0, order{4}));
    STATIC_REQUIRE(takes(runs, 15, order{0}));
    STATIC_REQUIRE_FALSE(takes(runs, 7, order{0}));
    STATIC_REQUIRE_FALSE(takes(runs, 16, order{0}));
    STATIC_REQUIRE_FALSE(takes(runs, 0, order{3}));
    STATIC_REQUIRE_FALSE(takes(runs, 16, order{3}));
    constexpr filter across{15, 17}; // two frames, of two runs
    STATIC_REQUIRE(takes(across, 8, order{3}));
    STATIC_REQUIRE(takes(across, 16, order{3}));
    STATIC_REQUIRE_FALSE(takes(across, 0, order{3}));
    STATIC_REQUIRE_FALSE(takes(across, 24, order{3}));
    for (unsigned k = 0; k != 10; ++k) {
        CHECK_FALSE(takes(filter::nothing(), 0, order{k}));
        CHECK(takes(filter{}, 0, order{k}));
        CHECK(takes(filter{}, (UINT32_MAX - 1) >> k << k, order{k}));
    }
    STATIC_REQUIRE(filter{}.takes_all());
}

TEST_CASE("a drain's filter up to the last frame of all takes no run before it", "[cache]") {
    constexpr filter last{1ull << 31, 1ull << 32};
    for (const filter runs : {last, filter::of_words(last.first_run(), last.last_run())})
        for (unsigned k = 0; k != 10; ++k) {
            CAPTURE(k);
            const run_window taken = runs.of_order(order{k});
            CHECK(taken.holds(1u << 31));
            CHECK(taken.holds((UINT32_MAX - 1) >> k << k));
            CHECK_FALSE(taken.holds(0));
            CHECK_FALSE(taken.holds((1u << 31) - (1u << k)));
            CHECK_FALSE(taken.holds((1u << 31) - (2u << k)));
        }
}

TEST_CASE("a drain of everything halves what was learned; one of a range leaves it", "[cache]") {
    fixture on;
    for (std::uint32_t i = 0; i != 500; ++i)
        REQUIRE(on.give(i));
    const unsigned mark = on.memory[2].magazines[on.bin].mark;
    REQUIRE(mark == 64);
    REQUIRE(on.drain({490, 495}) == status::ok);
    CHECK(on.memory[2].magazines[on.bin].mark == 64);
    REQUIRE(on.drain({}) == status::ok);
    CHECK(on.count(on.bin) == 0);
    CHECK(on.memory[2].magazines[on.bin].mark == 32);
}

TEST_CASE("work in a drain finds every cache closed", "[cache]") {
    fixture on;
    REQUIRE(on.give(1));
    bool worked = false;
    const status outcome =
        on.caches.drain(2, filter::nothing(), gate_claim::draining, UINT64_MAX, on.source, [&] {
            frame_index out;
            worked = true;
            CHECK_FALSE(on.caches.pop(on.mine, on.bin, out));
            CHECK_FALSE(on.give(2));
            unsigned runs = 0;
            on.caches.for_each(on.mine, [&](frame_index i, order k, migrate_type t) {
                ++runs;
                CHECK(i.raw() == 1);
                CHECK(k == order{0});
                CHECK(t == migrate_type::movable);
            });
            CHECK(runs == 1);
        });
    CHECK(outcome == status::ok);
    CHECK(worked);
    CHECK(on.give(3));
}

TEST_CASE("a drain whose barrier is refused leaves every run where it is", "[cache]") {
    fixture on;
    REQUIRE(on.give(1));
    refusable_barrier::at_issue.store(true);
    bool worked = false;
    const status outcome =
        on.caches.drain(2, filter{}, gate_claim::disabled, UINT64_MAX, on.source, [&] { worked = true; });
    refusable_barrier::at_issue.store(false);
    CHECK(outcome == status::barrier_refused);
    CHECK_FALSE(worked);
    CHECK(on.count(on.bin) == 1);
    CHECK(on.give(2)); // open again
}

TEST_CASE("a drainer that gives up on an owner who does its work leaves him to it", "[cache]") {
    owner_at_work on;
    CHECK(on.drain(default_clock::now() + 1'000'000) == status::timed_out);
    CHECK(on.drains.back.empty());
    on.end_work();
    on.owner.join();
    CHECK(on.source.back == std::vector<std::uint32_t>{7});
    CHECK(on.drain(UINT64_MAX) == status::ok);
}

TEST_CASE("a drainer waits until an owner has done its work", "[cache]") {
    owner_at_work on;
    hooks::gate_wait.arm(nullptr, [&] { on.end_work(); });
    CHECK(on.drain(UINT64_MAX) == status::ok);
    CHECK(hooks::gate_wait.fired());
    CHECK(on.source.back == std::vector<std::uint32_t>{7});
    CHECK(on.drains.back.empty());
    on.owner.join();
}

TEST_CASE("a drain whose barrier is refused does not wait for an owner that does its work", "[cache]") {
    owner_at_work on;
    fence_that_may_fail::fails = true;
    CHECK(on.drain(default_clock::now() + 1'000'000) == status::barrier_refused);
    fence_that_may_fail::fails = false;
    on.end_work();
    on.owner.join();
    CHECK(on.source.back == std::vector<std::uint32_t>{7});
}

TEST_CASE("a long claim stays until it is released", "[cache]") {
    fixture on;
    REQUIRE(on.caches.drain(2, filter{}, gate_claim::disabled, UINT64_MAX, on.source, [] {}) == status::ok);
    CHECK_FALSE(on.give(1));
    REQUIRE(on.drain({}) == status::ok);
    CHECK_FALSE(on.give(1));
    on.caches.release(2, gate_claim::disabled);
    CHECK(on.give(1));
}

TEST_CASE("a drain does not wait for owners that work beside their caches", "[cache]") {
    fixture on;
    REQUIRE(on.give(1));
    const status drained = on.caches.go_past(on.mine, [&] { return on.drain({}); });
    CHECK(drained == status::ok);
    CHECK(on.count(on.bin) == 0);
}

TEST_CASE("an owner hands back all his slot holds", "[cache]") {
    fixture on;
    for (std::uint32_t i = 0; i != 5; ++i)
        REQUIRE(on.give(i));
    CHECK(on.caches.may_hold(2));
    on.caches.hand_back(on.mine, on.source);
    CHECK(on.source.back.size() == 5);
    CHECK_FALSE(on.caches.may_hold(2));
    CHECK_FALSE(on.caches.is_entered(on.mine));
}

TEST_CASE("an owner inside his empty cache may hold frames", "[cache]") {
    fixture on;
    CHECK_FALSE(on.caches.may_hold(2));
    on.memory[1].gate.busy.store(1, std::memory_order_relaxed); // he refills it
    CHECK(on.caches.may_hold(2));
    on.memory[1].gate.busy.store(0, std::memory_order_relaxed);
    CHECK_FALSE(on.caches.may_hold(2));
}

TEST_CASE("handing back happens inside the gate, where a signal handler stays out", "[cache]") {
    struct looking_source : fake_source {
        fixture* on = nullptr;
        bool inside = false;
        void give_batch(order k, std::span<const caches_type::entry> entries) {
            inside = on->caches.is_entered(on->mine);
            fake_source::give_batch(k, entries);
        }
    };
    fixture on;
    REQUIRE(on.give(5));
    looking_source source;
    source.on = &on;
    on.caches.hand_back(on.mine, source);
    CHECK(source.inside);
}

TEST_CASE("an abandoned slot is open and empty; others keep what they have", "[cache]") {
    fixture on;
    REQUIRE(on.give(5));
    // Its owner is gone, in the middle of something.
    on.memory[2].gate.busy.store(1, std::memory_order_relaxed);
    on.memory[3].gate.busy.store(1, std::memory_order_relaxed); // never active
    on.caches.abandon();
    CHECK_FALSE(on.caches.is_entered(on.mine));
    CHECK_FALSE(on.caches.is_entered(slot_index{2}));
    CHECK(on.count(on.bin) == 0);
    CHECK(on.drain({}) == status::ok);
    CHECK(on.give(6));
    on.caches.abandon();
    CHECK(on.count(on.bin) == 1);
    // One that was beside his cache when he vanished left it whole.
    on.memory[2].gate.busy.store(2, std::memory_order_relaxed);
    on.caches.abandon();
    CHECK(on.count(on.bin) == 1);
    CHECK_FALSE(on.caches.is_entered(on.mine));
}
