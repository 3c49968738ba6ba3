// tests/local/drain_gate_test.cpp - null_gate: the gate of a program with one thread.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/local/drain_gate.hpp"

#include "support/catch.hpp"

#include <type_traits>

using namespace cordon;

TEST_CASE("null_gate is open until it is claimed, and waits for nobody", "[local]") {
    STATIC_REQUIRE(drain_gate<null_gate>);
    STATIC_REQUIRE(std::is_empty_v<null_gate>);
    null_gate gate;
    null_gate::slot slot{};
    gate.start();
    CHECK_FALSE(gate.needs_lock());
    CHECK(gate.try_enter(slot));
    gate.leave(slot);
    gate.claim(slot, gate_claim::disabled);
    gate.claim(slot, gate_claim::draining);
    CHECK_FALSE(gate.try_enter(slot));
    CHECK_FALSE(gate.enter_slow(slot));
    gate.release(slot, gate_claim::draining);
    CHECK_FALSE(gate.try_enter(slot));
    gate.release(slot, gate_claim::disabled);
    CHECK(gate.try_enter(slot));
    CHECK(gate.is_outside(slot));
    CHECK_FALSE(gate.is_entered(slot));
    CHECK(gate.barrier());
    CHECK(gate.wait(slot, 0));
    gate.claim(slot, gate_claim::disabled);
    gate.abandon(slot); // there was never an owner inside
    CHECK_FALSE(gate.try_enter(slot));
}

TEST_CASE("null_gate asks nothing of the owner, who is the drainer", "[local]") {
    null_gate gate;
    null_gate::slot slot{};
    gate.ask(slot);
    CHECK_FALSE(gate.help(slot));
    CHECK(gate.try_enter(slot));
    CHECK(gate.take_over(slot, UINT64_MAX));
    CHECK_FALSE(gate.try_enter(slot));
    CHECK(gate.wait_helped(slot, 0));
    gate.helped(slot); // opens nothing: there was no help
    CHECK_FALSE(gate.try_enter(slot));
    gate.release(slot, gate_claim::draining);
    CHECK(gate.try_enter(slot));
}

TEST_CASE("the reasons of a claim are bits of their own", "[local]") {
    constexpr auto bit = [](gate_claim c) { return static_cast<std::uint32_t>(c); };
    STATIC_REQUIRE((bit(gate_claim::draining) & bit(gate_claim::disabled)) == 0);
    STATIC_REQUIRE((bit(gate_claim::locked) & (bit(gate_claim::draining) | bit(gate_claim::disabled))) == 0);
}
