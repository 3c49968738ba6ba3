// explorer/asking_test.cpp - drains that ask owners to do their work (local/drain_gate.hpp): S1 to S6, S8 to S11.
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
    holds<drain<2, 1, 1, asking_policy>>("asking, S1 2x1x1", 640'000);
    holds<drain<1, 3, 1, asking_policy>>("asking, S1 1x3x1, PSO", 130'000, in(memory_model::pso));
    holds<drain<1, 1, 2, asking_policy>>("asking, S2 1x1x2", 45'000);
    holds<drain<2, 2, 2, asking_policy>>("asking, S2 2x2x2, random", 1, at_random(300'000));
}
TEST_CASE("S3, S4, S5: a seal that asks", "[explorer]") {
    comes_to<seal_against_frees<targeted, 1, true, asking_policy>>("asking, S3", 2, 14'000);
    comes_to<seal_against_frees<targeted, 2, false, asking_policy>>("asking, S3 two frees", 2, 57'000);
    comes_to<seal_and_undo<targeted, 2, asking_policy>>("asking, S4", 6, 23'000);
    comes_to<seal_against_refill<targeted, asking_policy>>("asking, S5", 4, 37'000);
}
TEST_CASE("S6: a thread that was asked ends", "[explorer]") {
    comes_to<thread_exit<1, asking_policy>>("asking, S6", 3, 10'000);
}
TEST_CASE("S8: caches are disabled, or a fork is prepared, while an owner helps", "[explorer]") {
    comes_to<quiesce<false, asking_policy>>("asking, S8 disable", 6, 90'000);
    comes_to<quiesce<true, asking_policy>>("asking, S8 fork", 6, 60'000);
}
// At random a death comes too soon: behind a few steps of an owner each run has had its own.
TEST_CASE("S9: an owner that was asked stops for ever", "[explorer]") {
    comes_to<death<1, 1, 1, 1, asking_policy>>("asking, S9 S1 1x1", 8, 6'500, with_a_death());
    comes_to<death<1, 2, 1, 1, asking_policy>>("asking, S9 S1 1x2", 24, 120'000, with_a_death());
    holds<death<1, 2, 1, 2, asking_policy>>("asking, S9 S1 1x2, twice, random", 1,
                                            at_random(300'000, 0, with_a_death()));
    comes_to<exit_death<asking_policy>>("asking, S9 S6", 11, 8'500, with_a_death());
    comes_to<seal_refused<targeted, owner_work::frees, asking_policy>>("asking, S9 S3", 7, 27'000,
                                                                       with_a_death());
    comes_to<seal_refused<targeted, owner_work::refills, asking_policy>>("asking, S9 S5", 15, 27'000,
                                                                         with_a_death());
}
TEST_CASE("S10: a signal handler where its thread could help", "[explorer]") {
    comes_to<signals<0, asking_policy>>("asking, S10 without a drain", 5, 20, with_a_signal());
}
TEST_CASE("S11: asked, and then the barrier is refused", "[explorer]") {
    comes_to<refusal<asking_policy, 1>>("asking, S11", 12, 43'000, with_refusals());
    holds<refusal<asking_policy>>("asking, S11, random", 1, at_random(300'000, 0, with_refusals()));
    comes_to<seal_refused<targeted, owner_work::frees, asking_policy>>("asking, S11 seal", 7, 8'400,
                                                                       with_refusals());
}
TEST_CASE("two isolators that ask, and late frees before and behind an undo", "[explorer]") {
    comes_to<two_isolators<targeted, targeted, asking_policy>>("asking, two isolators", 9, 215'000);
    comes_to<undo_against_frees<targeted, asking_policy>>("asking, undo", 4, 24);
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
