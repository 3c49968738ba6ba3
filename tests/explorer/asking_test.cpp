// explorer/asking_test.cpp - drains that ask owners to do their work (local/drain_gate.hpp): S1 to S5, S9 to S11.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

namespace {

// ---- mutants ----

// Drainer and owner both take the work.
struct gate_that_takes_over_always : shipped_gate {
    [[nodiscard]] bool take_over(gate_slot& s, std::uint64_t until_ns) {
        (void)shipped_gate::take_over(s, until_ns);
        claim(s, gate_claim::draining);
        return true;
    }
    [[nodiscard]] static bool wait(gate_slot&, std::uint64_t) { return true; }
};

// The drainer does not wait for an owner who is at it.
struct gate_that_waits_for_no_helper : shipped_gate {
    [[nodiscard]] static bool wait_helped(gate_slot&, std::uint64_t) { return true; }
};

} // namespace

TEST_CASE("S1, S2: owners that are asked, and drains", "[explorer]") {
    holds<drain<1, 3, 1, asking_policy>>("asking, S1 1x3x1", 130'000);
    holds<drain<2, 1, 1, asking_policy>>("asking, S1 2x1x1", 240'000);
    holds<drain<1, 3, 1, asking_policy>>("asking, S1 1x3x1, PSO", 130'000, in(memory_model::pso));
    holds<drain<1, 2, 2, asking_policy>>("asking, S2 1x2x2, random", 1, at_random(300'000));
    holds<drain<2, 2, 2, asking_policy>>("asking, S2 2x2x2, random", 1, at_random(300'000));
}
TEST_CASE("S3, S4, S5: a seal that asks", "[explorer]") {
    comes_to<seal_against_frees<targeted, 1, true, asking_policy>>("asking, S3", 2, 14'000);
    comes_to<seal_against_frees<targeted, 2, false, asking_policy>>("asking, S3 two frees", 2, 57'000);
    comes_to<seal_and_undo<targeted, 2, asking_policy>>("asking, S4", 6, 23'000);
    holds<seal_and_undo<targeted, 4, asking_policy>>("asking, S4, four operations, random", 1,
                                                     at_random(300'000));
    comes_to<seal_against_refill<targeted, asking_policy>>("asking, S5", 4, 37'000);
}
TEST_CASE("S9: an owner that was asked stops for ever", "[explorer]") {
    holds<death<1, 1, 1, asking_policy>>("asking, S9 1x1, random", 1, at_random(300'000, 0, with_a_death()));
    holds<death<1, 2, 1, asking_policy>>("asking, S9 1x2, random", 1, at_random(300'000, 0, with_a_death()));
}
TEST_CASE("S10: a signal handler where its thread helps", "[explorer]") {
    holds<signals<1, asking_policy>>("asking, S10", 1, at_random(300'000, 3, with_a_signal()));
}
TEST_CASE("S11: asked, and then the barrier is refused", "[explorer]") {
    holds<refusal<asking_policy>>("asking, S11, random", 1, at_random(300'000, 0, with_refusals()));
}
TEST_CASE("each step and each order of asking is needed", "[explorer]") {
    using small = drain<1, 2, 1, asking_policy>;
    dies<small>("asking, busy=0 relaxed", weakened("busy", false, true));
    dies<small>("asking, claimed read relaxed", weakened("claimed", true, false));
    dies<small>("asking, claimed written relaxed", weakened("claimed", false, true));
    dies<drain<1, 2, 1, with_gate<membarrier_gate<atomics, missing_barrier, model_clock, await_backoff>>>>(
        "asking, no heavy barrier");
    dies<drain<1, 3, 1, with_gate<gate_that_takes_over_always>>>("two do the work");
    dies<seal_against_frees<targeted, 2, false, with_gate<gate_that_waits_for_no_helper>>>(
        "a helper is not waited for");
}
TEST_CASE("owners that are asked, every schedule", "[.nightly][nightly]") {
    holds<drain<1, 4, 1, asking_policy>>("asking, S1 1x4x1", 2'900'000);
    holds<drain<1, 2, 2, asking_policy>>("asking, S2 1x2x2", 1'800'000);
    holds<seal_and_undo<targeted, 4, asking_policy>>("asking, S4, four operations", 6'900'000);
    holds<refusal<asking_policy>>("asking, S11", 180'000, with_refusals());
}
