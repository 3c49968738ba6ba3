// explorer/lock_gate_test.cpp - gates that are locks: drains and seals against owners, and the mutants die.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

#include "cordon/local/lock_gate.hpp"

using namespace cordon;
using namespace cordon::explorer;

namespace {

using a_lock = lock_gate<atomics, model_clock, await_backoff>;
using locked = with_gate<a_lock>;

// A system that has no heavy barrier when the zone is made: every slot is claimed as `locked`.
struct absent_barrier {
    [[nodiscard]] bool enable() const noexcept { return false; }
    [[nodiscard]] bool issue() const noexcept {
        fail("a barrier that there is not");
        return false;
    }
};
using without_barrier = with_gate<gate_with<absent_barrier>>;

// ---- mutants ----

template <class Gate>
struct unlocked_drainer : Gate {
    [[nodiscard]] static bool wait(typename Gate::slot&, std::uint64_t) { return true; }
    static void done(typename Gate::slot&) {}
};
struct unlocked_owner : a_lock {
    [[nodiscard]] static bool try_enter(slot& s) {
        if (is_entered(s)) return false;
        s.busy.store(1, std::memory_order_relaxed);
        return s.claimed.load(std::memory_order_relaxed) == 0;
    }
    static void leave(slot& s) { s.busy.store(0, std::memory_order_release); }
    [[nodiscard]] static bool enter_slow(slot& s) { return try_enter(s); }
    static void leave_slow(slot& s) { leave(s); }
};
// The claim is read before the lock is taken.
struct early_check : a_lock {
    [[nodiscard]] static bool enter_slow(slot& s) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (is_entered(s) || s.claimed.load(std::memory_order_relaxed) != 0) return false;
        s.busy.store(1, std::memory_order_relaxed);
        s.lock.lock();
        return true;
    }
};

} // namespace

TEST_CASE("a lock in each cache: a drain and an owner are never in it together", "[explorer]") {
    comes_to<drain<1, 2, 1, locked>>("lock gate, S1 1x2x1", 3, 3'900);
    comes_to<drain<1, 3, 1, locked>>("lock gate, S1 1x3x1", 6, 220'000);
    comes_to<drain<2, 1, 1, locked>>("lock gate, S1 2x1x1", 4, 13'000);
    comes_to<drain<1, 1, 2, locked>>("lock gate, S2 1x1x2", 3, 1'100);
    comes_to<drain<1, 2, 1, locked>>("lock gate, S1 1x2x1, PSO", 3, 3'900, in(memory_model::pso));
}
TEST_CASE("a lock in each cache: no free puts a frame of a sealed range where it can be handed out",
          "[explorer]") {
    comes_to<seal_against_frees<targeted, 1, true, locked>>("lock gate, S3 targeted", 2, 1'700);
    comes_to<seal_against_frees<exclusive, 1, false, locked>>("lock gate, S3 exclusive", 2, 130);
    comes_to<seal_and_undo<targeted, 2, locked>>("lock gate, S4 targeted", 6, 9'800);
    comes_to<seal_against_refill<targeted, locked>>("lock gate, S5 targeted", 4, 13'000);
}
TEST_CASE("a lock in each cache: while caches are disabled nobody touches one", "[explorer]") {
    comes_to<quiesce<false, locked>>("lock gate, S8 disable", 6, 320'000);
    comes_to<quiesce<false, without_barrier>>("fallback, S8 disable", 6, 3'700);
}
TEST_CASE("no heavy barrier from the start: the gate falls back to its lock", "[explorer]") {
    comes_to<drain<1, 2, 1, without_barrier>>("fallback, S1 1x2x1", 3, 290);
    comes_to<drain<1, 1, 2, without_barrier>>("fallback, S2 1x1x2", 3, 350);
    comes_to<seal_against_frees<targeted, 1, true, without_barrier>>("fallback, S3 targeted", 2, 420);
    comes_to<seal_and_undo<targeted, 2, without_barrier>>("fallback, S4 targeted", 6, 790);
    comes_to<seal_against_refill<targeted, without_barrier>>("fallback, S5 targeted", 4, 850);
}
TEST_CASE("each side of the lock is needed, and each of its orders", "[explorer]") {
    dies<drain<1, 2, 1, with_gate<unlocked_drainer<a_lock>>>>("lock gate, unlocked drainer");
    dies<drain<1, 2, 1, with_gate<unlocked_owner>>>("lock gate, unlocked owner");
    dies<quiesce<false, with_gate<early_check>>>("lock gate, claim read early");
    dies<drain<1, 2, 1, locked>>("lock gate, relaxed unlock", weakened("gate_lock", false, true));
    dies<drain<1, 2, 1, locked>>("lock gate, relaxed lock", weakened("gate_lock", true, false));
    dies<drain<1, 2, 1, without_barrier>>("fallback, relaxed unlock", weakened("gate_lock", false, true));
}
