// tests/local/membarrier_gate_test.cpp - the gate that owners pass without a read-modify-write.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/local/membarrier_gate.hpp"

#include "cordon/platform/default.hpp"
#include "local/gate_contract.hpp"
#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/skip.hpp"
#include "support/zones.hpp"

using namespace cordon;
using namespace cordon::testing;

namespace {

using gate_type = membarrier_gate<std_atomics, refusable_barrier, default_clock, default_backoff>;
static_assert(drain_gate<gate_type>);

// Sets what the barrier refuses, for a scope.
struct refusal {
    refusal(bool start, bool issue) {
        refusable_barrier::at_start.store(start);
        refusable_barrier::at_issue.store(issue);
    }
    ~refusal() {
        refusable_barrier::at_start.store(false);
        refusable_barrier::at_issue.store(false);
    }
    refusal(const refusal&) = delete;
    refusal& operator=(const refusal&) = delete;
};

// Another's step comes between the load of a word and its exchange.
hook before_exchange;
struct atomics_between : std_atomics {
    struct word : std_atomics::atomic<std::uint32_t> {
        bool compare_exchange(std::uint32_t& expected, std::uint32_t desired, std::memory_order order) {
            before_exchange(this);
            return std_atomics::atomic<std::uint32_t>::compare_exchange(expected, desired, order);
        }
    };
    template <class T>
    using atomic = std::conditional_t<std::is_same_v<T, std::uint32_t>, word, std_atomics::atomic<T>>;
};

using refusable_zone = basic_zone<refusable_policy>;
frame_range frames() {
    return {frame{0}, frame_count{8 * small_block}};
}

} // namespace

TEST_CASE("membarrier_gate keeps owner and drainer apart", "[local]") {
    if (!refusable_barrier::is_real()) return skip("this system has no membarrier");
    check_gate<gate_type>();
}

TEST_CASE("membarrier_gate in lock mode keeps owner and drainer apart", "[local]") {
    const refusal at_start{true, false};
    check_gate<gate_type>();
}

TEST_CASE("the mode of membarrier_gate is chosen at the start", "[local]") {
    gate_type gate;
    gate.start();
    CHECK_FALSE(gate.needs_lock());
    const refusal at_start{true, false};
    CHECK_FALSE(gate.needs_lock());
    gate_type late;
    late.start();
    CHECK(late.needs_lock());
    CHECK(late.barrier()); // nothing to order
}

TEST_CASE("a refused barrier is told, and the gate stays what it is", "[local]") {
    gate_type gate;
    gate.start();
    const refusal at_issue{false, true};
    CHECK_FALSE(gate.barrier());
    CHECK_FALSE(gate.needs_lock());
}

TEST_CASE("the waiting drainer gives up at its deadline", "[local]") {
    gate_type gate;
    gate.start();
    gate_type::slot slot{};
    REQUIRE(gate.try_enter(slot));
    gate.claim(slot, gate_claim::draining);
    REQUIRE(gate.barrier());
    CHECK_FALSE(gate.wait(slot, default_clock::now() + 1'000'000));
    gate.leave(slot);
    CHECK(gate.wait(slot, default_clock::now()));
    gate.done(slot);
}

TEST_CASE("a drainer takes over what it asked for though another claims the slot at that instant",
          "[local]") {
    using gate_between = membarrier_gate<atomics_between, refusable_barrier, default_clock, default_backoff>;
    gate_between gate;
    gate.start();
    gate_between::slot slot{};
    gate.ask(slot);
    before_exchange.arm(&slot.claimed, [&] { gate.claim(slot, gate_claim::disabled); });
    CHECK(gate.take_over(slot, UINT64_MAX));
    CHECK(before_exchange.fired());
    gate.release(slot, gate_claim::disabled);
    CHECK_FALSE(gate.try_enter(slot)); // the drainer's claim stands
    gate.release(slot, gate_claim::draining);
    CHECK(gate.try_enter(slot));
}

TEST_CASE("a drainer that the owner overtakes has nothing to take over", "[local]") {
    using gate_between = membarrier_gate<atomics_between, refusable_barrier, default_clock, default_backoff>;
    gate_between gate;
    gate.start();
    gate_between::slot slot{};
    gate.ask(slot);
    bool helps = false;
    before_exchange.arm(&slot.claimed, [&] { helps = gate.help(slot); });
    CHECK_FALSE(gate.take_over(slot, UINT64_MAX));
    REQUIRE(helps);
    CHECK_FALSE(gate.wait_helped(slot, 0));
    gate.helped(slot);
    CHECK(gate.wait_helped(slot, 0));
    CHECK(gate.try_enter(slot));
}

TEST_CASE("an owner whom the drainer forestalls leaves the work to him", "[local]") {
    using gate_between = membarrier_gate<atomics_between, refusable_barrier, default_clock, default_backoff>;
    gate_between gate;
    gate.start();
    gate_between::slot slot{};
    gate.ask(slot);
    bool taken = false;
    before_exchange.arm(&slot.claimed, [&] { taken = gate.take_over(slot, 0); });
    CHECK_FALSE(gate.help(slot));
    REQUIRE(taken);
    CHECK(gate.is_outside(slot)); // the drainer does not wait for him
    gate.release(slot, gate_claim::draining);
    CHECK(gate.try_enter(slot));
}

TEST_CASE("a zone whose barrier is refused at the start works in lock mode", "[local]") {
    const refusal at_start{true, false};
    misuse_record::reset();
    refusable_zone zone{frames()};
    REQUIRE(zone.internals().caches().needs_lock());
    const frame f = *zone.allocate(mine);
    zone.free(mine, f);
    CHECK(zone.stats().cached.raw() != 0);
    CHECK(zone.try_free(mine, f) == status::free_of_cached);
    {
        auto range = zone.isolate(block(zone, 0));
        REQUIRE(range);
        CHECK(range->all_free());
        CHECK(cached_in(zone, block(zone, 0)) == 0);
    }
    { const auto closed = zone.disable_caches(); }
    CHECK(zone.drain() == status::ok);
    CHECK(zone.stats().free == zone.frames().count());
    CHECK(take_all(zone, order{0}, migrate_type::movable, mine).size() == zone.frames().count().raw());
    CHECK(agrees(zone));
}

TEST_CASE("a barrier that is refused later makes a drain fail, and nothing has changed", "[local]") {
    misuse_record::reset();
    refusable_zone zone{frames()};
    const frame kept = *zone.allocate(mine);
    const frame freed = *zone.allocate(mine);
    zone.free(mine, freed);
    const zone_stats before = zone.stats();
    REQUIRE(before.cached.raw() != 0);
    {
        const refusal at_issue{false, true};
        CHECK(zone.drain() == status::barrier_refused);
        CHECK(zone.drain(block(zone, 0)) == status::barrier_refused);
        CHECK(zone.isolate(block(zone, 0)).error() == status::barrier_refused);
        CHECK(zone.isolate(block(zone, 0), {.level = isolation_level::exclusive}).error() ==
              status::barrier_refused);
        CHECK(zone.disable_caches().error() == status::barrier_refused);
        CHECK(zone.exact_stats().error() == status::barrier_refused);
        CHECK(zone.allocate_exact(freed) == status::barrier_refused);
        CHECK(zone.allocate_contiguous(frame_count{3 * small_block}).error() == status::barrier_refused);
        CHECK(zone.poison(freed) == status::barrier_refused);
        zone_stats now = zone.stats();
        now.refills = before.refills;
        now.spills = before.spills;
        CHECK(now == before);
        CHECK(zone.state_of(kept).state == frame_state::allocated);
        CHECK(zone.state_of(freed).state == frame_state::cached);
        CHECK_FALSE(zone.state_of(freed).poison_pending);
        CHECK_FALSE(zone.state_of(kept).block_isolated);
        // Owners do not notice; what other threads have cached is out of reach.
        CHECK(zone.allocate(mine));
        const auto rest = take_all(zone, order{0}, migrate_type::movable, slot_index{1});
        CHECK(zone.stats().cached.raw() != 0);
        free_all(zone, rest);
    }
    CHECK(zone.drain() == status::ok);
    CHECK(zone.isolate(block(zone, 0)));
    CHECK(agrees(zone));
}
