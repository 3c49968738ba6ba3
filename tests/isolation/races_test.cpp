// tests/isolation/races_test.cpp - the races of pageblock isolation, forced step by step.
// SPDX-License-Identifier: BSL-1.0
//
// Each race runs twice over the same steps: with the protection taken out by a policy of this file, where the
// damage must show, and as shipped, where it must not.
#include "cordon/isolation/isolated_range.hpp"

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using shipped_gate = membarrier_gate<std_atomics, fence_barrier, default_clock, hooked_backoff>;

struct shipped : small_policy {
    static constexpr cached_order cached_orders[] = {{0, 64}};
    using atomics = hooked_atomics;
    using gate = hooked_gate<shipped_gate>;
    using zone_lock = hooked_lock<spin_lock<>>;
    using tracer = hooked_tracer;
};
struct no_grace_period : shipped {
    using gate = gate_without_wait<shipped_gate>;
};
struct drain_skips_empty : shipped {
    using gate = gate_that_skips<shipped_gate>;
};
// Owners are not asked: each drain closes their gates, as one with work to do does.
struct closed_gates : shipped {
    struct gate : hooked_gate<shipped_gate> {
        void ask(slot& s) { claim(s, gate_claim::draining); }
        [[nodiscard]] static bool take_over(slot&, std::uint64_t) { return true; }
    };
};
struct no_zone_lock : shipped {
    using zone_lock = hooked_lock<null_lock>;
};

constexpr slot_index owner{0};
constexpr unsigned movable_bin = magazine_bins<shipped>::of(order{0}, migrate_type::movable);

// Eight blocks; the race is about the first one.
template <class Policy>
struct stage {
    basic_zone<Policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    frame_range sealed = block(zone, 0);
    std::optional<isolated_range<Policy>> range;
    status outcome = status::ok;
    other_thread isolator;

    [[nodiscard]] const void* traits_of_sealed() { return &zone.internals().blocks().raw_parts().traits[0]; }
    void isolate(const isolate_options& options = {}) {
        auto made = zone.isolate(sealed, options);
        outcome = made.error();
        if (made) range.emplace(std::move(*made));
    }
    // Returns: how many frames of the sealed block an exhausted zone has handed out.
    [[nodiscard]] std::size_t handed_out() {
        std::vector<frame> all = take_all(zone, order{0}, migrate_type::movable, owner);
        const std::size_t n = count_in(all, sealed);
        return n;
    }
};

// Race 2, late movable, through the cache: the free has read "movable" inside its gate, the block is sealed and
// the caches are drained, the free pushes.
template <class Policy>
void free_into_cache_while_sealing(stage<Policy>& on, const isolate_options& options = {}) {
    const frame f = *on.zone.allocate(owner);
    REQUIRE(on.sealed.contains(f));
    hooks::byte_read.arm(on.traits_of_sealed(), [&] { on.isolator.run([&] { on.isolate(options); }); });
    on.zone.free(owner, f);
    on.isolator.join();
    REQUIRE(hooks::byte_read.fired());
    REQUIRE(on.outcome == status::ok);
}

// Race 2, late movable, through the map: the free has read "movable" and not yet acted on it.
template <class Policy>
void free_into_map_while_sealing(stage<Policy>& on) {
    const std::vector<frame> all = occupy(on.zone, on.sealed);
    REQUIRE(all.size() == small_block);
    hooks::byte_read.arm(on.traits_of_sealed(), [&] { on.isolator.run([&] { on.isolate(); }); });
    on.zone.free(nobody, all[7]);
    on.isolator.join();
    REQUIRE(hooks::byte_read.fired());
    REQUIRE(on.outcome == status::ok);
}

// Race 1, late isolate: the free has read "isolated", the isolation is undone, the free acts on what it read.
template <class Policy>
void free_into_map_while_opening(stage<Policy>& on) {
    const std::vector<frame> all = occupy(on.zone, on.sealed);
    REQUIRE(all.size() == small_block);
    on.isolate();
    REQUIRE(on.outcome == status::ok);
    hooks::byte_read.arm(on.traits_of_sealed(), [&] { on.isolator.run([&] { on.range->undo(); }); });
    on.zone.free(nobody, all[7]);
    on.isolator.join();
    REQUIRE(hooks::byte_read.fired());
}

// 66eca1021a42: a refill has drawn frames of the block, the cache's count still reads 0.
template <class Policy>
frame refill_while_sealing(stage<Policy>& on) {
    hooks::no_frames = [&] { return on.zone.internals().caches().racy_count(owner, 0) == 0; };
    hooks::traced_event(trace_event::refill).arm(nullptr, [&] { on.isolator.run([&] { on.isolate(); }); });
    const frame f = *on.zone.allocate(owner);
    on.isolator.join();
    REQUIRE(on.sealed.contains(f));
    REQUIRE(on.outcome == status::ok);
    return f;
}

template <class Policy>
void drain_waits_for_the_refill(stage<Policy>& on) {
    const frame f = refill_while_sealing(on);
    CHECK(on.isolator.had_to_wait());
    CHECK(cached_in(on.zone, on.sealed) == 0);
    CHECK(on.range->busy().raw() == 1);
    on.zone.free(owner, f);
    CHECK(on.range->all_free());
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

// 7b086755fb8c: the owner finds its cache closed and frees past it. `remember`: with the type of before.
template <class Policy>
void free_past_the_cache_while_sealing(stage<Policy>& on, bool remember) {
    const frame f = *on.zone.allocate(owner);
    REQUIRE(on.sealed.contains(f));
    REQUIRE(on.zone.drain() == status::ok);
    hooks::barrier.arm(nullptr, [&] {
        // The isolator has set the bit and the claims. The owner runs now.
        const auto* traits = static_cast<const hooked_atomics::watched_byte*>(on.traits_of_sealed());
        if (remember) hooked_atomics::remembered = traits;
        on.zone.free(owner, f);
        hooked_atomics::remembered = nullptr;
    });
    on.isolate();
    REQUIRE(hooks::barrier.fired());
    REQUIRE(on.outcome == status::ok);
}

} // namespace

TEST_CASE("late movable, cached: without a grace period a sealed block's frame is handed out",
          "[isolation]") {
    stage<no_grace_period> on;
    free_into_cache_while_sealing(on);
    CHECK_FALSE(on.isolator.had_to_wait());
    CHECK(cached_in(on.zone, on.sealed) == 1);
    CHECK(on.range->busy().raw() == 1);
    CHECK(on.handed_out() == 1);
}

TEST_CASE("late movable, cached: the isolator waits for the free and takes the frame out", "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    stage<shipped> on;
    free_into_cache_while_sealing(on, {.level = level});
    CHECK(on.isolator.had_to_wait());
    CHECK(cached_in(on.zone, on.sealed) == 0);
    CHECK(on.range->all_free());
    CHECK(on.zone.stats().isolated_free.raw() == small_block);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

TEST_CASE("late movable, cached: with a deadline the isolator gives up and nothing has changed",
          "[isolation]") {
    const auto level = GENERATE(isolation_level::targeted, isolation_level::exclusive);
    stage<shipped> on;
    const frame f = *on.zone.allocate(owner);
    hooks::byte_read.arm(on.traits_of_sealed(),
                         [&] { on.isolate({.level = level, .deadline = std::chrono::milliseconds{2}}); });
    on.zone.free(owner, f);
    CHECK(on.outcome == status::timed_out);
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == small_block);
}

TEST_CASE("late movable, uncached: without the zone lock a sealed block's frame is handed out",
          "[isolation]") {
    stage<no_zone_lock> on;
    free_into_map_while_sealing(on);
    CHECK_FALSE(agrees(on.zone));
    CHECK(on.handed_out() == 1);
}

TEST_CASE("late movable, uncached: the free and the seal are one after the other", "[isolation]") {
    stage<shipped> on;
    free_into_map_while_sealing(on);
    CHECK(on.isolator.had_to_wait());
    CHECK(on.zone.stats().isolated_free.raw() == 1);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

TEST_CASE("late isolate: without the zone lock a frame is stranded and the count short", "[isolation]") {
    stage<no_zone_lock> on;
    free_into_map_while_opening(on);
    CHECK(on.zone.stats().isolated_free.raw() == 1); // though nothing is isolated
    CHECK(on.zone.stats().free.raw() == 7 * small_block);
    CHECK_FALSE(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

TEST_CASE("late isolate: the undo waits for the free and finds its frame", "[isolation]") {
    stage<shipped> on;
    free_into_map_while_opening(on);
    CHECK(on.isolator.had_to_wait());
    CHECK(on.zone.stats().isolated_free.raw() == 0);
    CHECK(on.zone.stats().free.raw() == 7 * small_block + 1);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 1);
}

TEST_CASE("refill between drain and seal: draining first leaves a sealed block's frames cached",
          "[isolation]") {
    // The two steps of the protocol in the wrong order.
    stage<shipped> on;
    auto& core = on.zone.internals();
    REQUIRE(on.zone.drain(on.sealed) == status::ok);
    const frame f = *on.zone.allocate(owner); // the refill
    REQUIRE(on.sealed.contains(f));
    core.with_zone_lock([&](auto proof) { core.blocks().seal(proof, block_index{0}, 1); });
    CHECK(cached_in(on.zone, on.sealed) != 0);
    CHECK(on.handed_out() != 0);
}

TEST_CASE("refill between seal and drain: it finds no frame of the sealed block", "[isolation]") {
    stage<shipped> on;
    frame f;
    hooks::traced_event(trace_event::drain).arm(nullptr, [&] { f = *on.zone.allocate(owner); });
    on.isolate();
    REQUIRE(on.outcome == status::ok);
    CHECK_FALSE(on.sealed.contains(f));
    CHECK(cached_in(on.zone, on.sealed) == 0);
    CHECK(on.range->all_free());
    CHECK(on.handed_out() == 0);
}

TEST_CASE("refill before the seal: the drain takes its frames out", "[isolation]") {
    stage<shipped> on;
    const frame f = *on.zone.allocate(owner);
    REQUIRE(cached_in(on.zone, on.sealed) != 0);
    on.isolate();
    CHECK(cached_in(on.zone, on.sealed) == 0);
    CHECK(on.range->busy().raw() == 1);
    CHECK(on.range->next_busy().head() == f);
    CHECK(on.handed_out() == 0);
}

TEST_CASE("drain during a refill: skipping a cache that looks empty leaves sealed frames in it",
          "[isolation]") {
    stage<drain_skips_empty> on;
    refill_while_sealing(on);
    CHECK_FALSE(on.isolator.had_to_wait());
    CHECK(cached_in(on.zone, on.sealed) != 0);
    CHECK(on.handed_out() != 0);
}

TEST_CASE("drain during a refill: a cache that looks empty is waited for", "[isolation]") {
    stage<shipped> on;
    drain_waits_for_the_refill(on);
}

TEST_CASE("drain during a refill: a cache that looks empty is waited for where its gate is closed",
          "[isolation]") {
    stage<closed_gates> on;
    drain_waits_for_the_refill(on);
}

TEST_CASE("an owner who works during the barrier of a seal gives the frames up himself, and goes on",
          "[isolation]") {
    stage<shipped> on;
    const frame f = *on.zone.allocate(owner);
    REQUIRE(cached_in(on.zone, on.sealed) != 0);
    std::uint32_t left = UINT32_MAX;
    bool hits = false;
    hooks::barrier.arm(nullptr, [&] {
        on.zone.free(owner, f); // a frame of the sealed block: to its map
        left = on.zone.internals().caches().racy_count(owner, movable_bin);
        const frame other = *on.zone.allocate(owner); // a refill from elsewhere
        const std::uint64_t refills = on.zone.stats().refills;
        on.zone.free(owner, other);
        hits = on.zone.allocate(owner).value_or(frame::none()) == other && on.zone.stats().refills == refills;
    });
    on.isolate();
    REQUIRE(hooks::barrier.fired());
    REQUIRE(on.outcome == status::ok);
    CHECK(left == 0);
    CHECK(hits);
    CHECK(on.range->all_free());
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

TEST_CASE("an owner who is inside when the drainer comes does the work himself when he is out",
          "[isolation]") {
    stage<shipped> on;
    const frame f = *on.zone.allocate(owner);
    std::thread isolator;
    std::atomic<bool> there{false};
    std::atomic<bool> go_on{false};
    hooks::gate_wait.arm(nullptr, [&] {
        there.store(true);
        while (!go_on.load())
            std::this_thread::yield();
    });
    hooks::byte_read.arm(on.traits_of_sealed(), [&] { // inside, with "movable" in his hands
        isolator = std::thread{[&] { on.isolate(); }};
        while (!there.load())
            std::this_thread::yield();
    });
    on.zone.free(owner, f);
    const auto cached = [&] { return on.zone.internals().caches().racy_count(owner, movable_bin); };
    const std::uint32_t before = cached();
    // The drainer sleeps, and the gate is not closed to him.
    const frame other = *on.zone.allocate(owner);
    CHECK(before != 0);
    CHECK_FALSE(on.sealed.contains(other));
    const std::uint64_t refills = on.zone.stats().refills;
    on.zone.free(owner, other);
    CHECK(on.zone.allocate(owner).value_or(frame::none()) == other);
    CHECK(on.zone.stats().refills == refills);
    go_on.store(true);
    isolator.join();
    hooks::gate_wait.disarm();
    CHECK(on.outcome == status::ok);
    CHECK(on.range->all_free());
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

TEST_CASE("an owner who stops while he gives frames up is waited for", "[isolation]") {
    const auto limit = GENERATE(false, true);
    stage<shipped> on;
    const frame f = *on.zone.allocate(owner);
    REQUIRE(cached_in(on.zone, on.sealed) != 0);
    std::thread helper;
    std::atomic<bool> go_on{false};
    std::atomic<bool> there{false};
    hooks::barrier.arm(nullptr, [&] {
        hooks::traced_event(trace_event::spill).arm(nullptr, [&] {
            there.store(true);
            while (!go_on.load())
                std::this_thread::yield();
        });
        helper = std::thread{[&] { on.zone.free(owner, f); }};
        while (!there.load())
            std::this_thread::yield();
        if (!limit) go_on.store(true);
    });
    on.isolate({.deadline = limit ? deadline{std::chrono::milliseconds{2}} : deadline{}});
    go_on.store(true);
    helper.join();
    CHECK(on.outcome == (limit ? status::timed_out : status::ok));
    CHECK(cached_in(on.zone, on.sealed) == (limit ? 1 : 0));
    CHECK(agrees(on.zone));
    // The gate is as it was: the next drain asks again, and is answered.
    CHECK(on.zone.drain() == status::ok);
    CHECK(agrees(on.zone));
}

TEST_CASE("bypass of a closed cache: with a remembered type a sealed block's frame is handed out",
          "[isolation]") {
    stage<closed_gates> on;
    free_past_the_cache_while_sealing(on, true);
    CHECK_FALSE(agrees(on.zone));
    CHECK(on.handed_out() != 0);
}

TEST_CASE("bypass of a closed cache: the type is read where it is used", "[isolation]") {
    stage<closed_gates> on;
    free_past_the_cache_while_sealing(on, false);
    CHECK(on.range->all_free());
    CHECK(on.zone.stats().isolated_free.raw() == small_block);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}

// A slot that no drain has heard of yet: the owner's first free has read "movable", the isolator finds no slot to
// wait for, the slot becomes active.
TEST_CASE("first free of a slot during a seal: the type is read again once the slot is known",
          "[isolation]") {
    stage<shipped> on;
    const std::vector<frame> all = occupy(on.zone, on.sealed);
    // The hit path reads once, finds no room, and leaves the rest to the slow path, which reads again.
    hooks::byte_read.arm(
        on.traits_of_sealed(), [&] { on.isolator.run([&] { on.isolate(); }); }, 1);
    on.zone.free(owner, all[7]);
    on.isolator.join();
    REQUIRE(hooks::byte_read.fired());
    REQUIRE(on.outcome == status::ok);
    CHECK(cached_in(on.zone, on.sealed) == 0);
    CHECK(on.zone.stats().isolated_free.raw() == 1);
    CHECK(agrees(on.zone));
    CHECK(on.handed_out() == 0);
}
