// tests/local/gate_contract.hpp - check_gate: what every gate that separates threads must do.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/local/drain_gate.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"

#include <atomic>
#include <cstdint>
#include <thread>

namespace cordon::testing {

// An owner and a drainer count in the same plain words, each in its own section. Lost counts, or a section in a
// section, show that they were not apart; so does ThreadSanitizer.
template <class Gate>
void check_gate_apart() {
    Gate gate;
    gate.start();
    typename Gate::slot slot{};
    if (gate.needs_lock()) gate.claim(slot, gate_claim::locked);
    const unsigned drains = scaled(3000u);
    std::uint64_t contents = 0;
    std::uint64_t pushed = 0;
    std::atomic<bool> started{false};
    std::atomic<bool> stop{false};
    std::atomic<bool> someone_inside{false};
    std::atomic<unsigned> together{0};
    const auto section = [&](auto work) {
        if (someone_inside.exchange(true, std::memory_order_relaxed)) together.fetch_add(1);
        work();
        someone_inside.store(false, std::memory_order_relaxed);
    };

    std::thread owner{[&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const auto work = [&] { ++contents, ++pushed; };
            started.store(true, std::memory_order_relaxed);
            if (gate.try_enter(slot)) {
                section(work);
                gate.leave(slot);
            } else if (gate.enter_slow(slot)) {
                section(work);
                gate.leave_slow(slot);
            }
        }
    }};
    while (!started.load(std::memory_order_relaxed))
        std::this_thread::yield();
    std::uint64_t drained = 0;
    for (unsigned i = 0; i != drains; ++i) {
        gate.claim(slot, gate_claim::draining);
        const bool ordered = gate.barrier();
        if (ordered && gate.wait(slot, UINT64_MAX)) {
            section([&] {
                drained += contents;
                contents = 0;
            });
            gate.done(slot);
        }
        gate.release(slot, gate_claim::draining);
        if (i % 16 == 0) std::this_thread::yield();
    }
    stop.store(true);
    owner.join();
    CHECK(together.load() == 0);
    CHECK(drained + contents == pushed);
}

template <class Gate>
void check_gate() {
    check_gate_apart<Gate>();

    Gate gate;
    gate.start();
    typename Gate::slot slot{};
    const auto enter = [&] { return gate.try_enter(slot) || gate.enter_slow(slot); };
    if (gate.needs_lock()) gate.claim(slot, gate_claim::locked);

    // Re-entry by the same thread is noticed and refused, by both ways in.
    REQUIRE_FALSE(gate.is_entered(slot));
    REQUIRE(gate.is_outside(slot));
    REQUIRE(enter());
    CHECK(gate.is_entered(slot));
    CHECK_FALSE(gate.is_outside(slot));
    CHECK_FALSE(gate.try_enter(slot));
    CHECK_FALSE(gate.enter_slow(slot));
    gate.leave_slow(slot);
    CHECK(gate.is_outside(slot));

    // Beside he is as entered to a handler on his thread, which leaves that as it was; no drainer waits for him.
    gate.go_beside(slot);
    CHECK(gate.is_entered(slot));
    CHECK_FALSE(enter());
    CHECK(gate.is_entered(slot));
    CHECK(gate.is_outside(slot));
    gate.claim(slot, gate_claim::draining);
    REQUIRE(gate.barrier());
    REQUIRE(gate.wait(slot, 0));
    gate.done(slot);
    gate.release(slot, gate_claim::draining);
    gate.come_back(slot);
    CHECK_FALSE(gate.is_entered(slot));

    // A claim keeps the owner out; each reason must go before he may come in again.
    gate.claim(slot, gate_claim::disabled);
    gate.claim(slot, gate_claim::draining);
    CHECK_FALSE(enter());
    CHECK(gate.is_outside(slot));
    gate.release(slot, gate_claim::draining);
    CHECK_FALSE(enter());
    gate.release(slot, gate_claim::disabled);
    REQUIRE(enter());

    // A drainer that cannot wait any longer leaves the owner alone.
    gate.claim(slot, gate_claim::draining);
    REQUIRE(gate.barrier());
    CHECK_FALSE(gate.wait(slot, 0));
    gate.release(slot, gate_claim::draining);
    gate.leave_slow(slot);

    // Of work that he is asked for either the owner or the drainer takes all; then nobody waits, and the gate opens.
    // A handler on the thread of an owner inside takes none.
    REQUIRE(enter());
    gate.ask(slot);
    CHECK_FALSE(gate.help(slot));
    CHECK(gate.is_entered(slot));
    gate.leave_slow(slot);
    const bool helps = gate.help(slot);
    if (helps) gate.helped(slot);
    CHECK_FALSE(gate.is_entered(slot));
    CHECK(gate.take_over(slot, UINT64_MAX) != helps);
    CHECK(gate.wait_helped(slot, 0));
    if (!helps) gate.release(slot, gate_claim::draining);
    REQUIRE(enter());
    gate.leave_slow(slot);
    gate.claim(slot, gate_claim::disabled);
    gate.helped(slot); // opens nothing but what help() closed
    CHECK_FALSE(enter());
    gate.release(slot, gate_claim::disabled);

    // An owner that died inside can be forgotten.
    REQUIRE(enter());
    gate.abandon(slot);
    REQUIRE(gate.is_outside(slot));
    REQUIRE(gate.wait(slot, UINT64_MAX));
    gate.done(slot);
    REQUIRE(enter());
    gate.leave_slow(slot);
}

} // namespace cordon::testing
