// explorer/gate_test.cpp - drains against owners hold under every schedule, and the mutants die.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

namespace {

// ---- mutants ----

struct gate_without_recheck : never_asking<shipped_gate> {
    [[nodiscard]] bool try_enter(gate_slot& s) {
        if (is_entered(s)) return false;
        s.busy.store(1, std::memory_order_relaxed);
        return true;
    }
};
struct gate_with_late_flag : never_asking<shipped_gate> {
    [[nodiscard]] bool try_enter(gate_slot& s) {
        if (is_entered(s) || s.claimed.load(std::memory_order_acquire) != 0) return false;
        s.busy.store(1, std::memory_order_relaxed);
        return true;
    }
};
struct gate_without_wait : never_asking<shipped_gate> {
    [[nodiscard]] bool wait(gate_slot&, std::uint64_t) { return true; }
};
struct gate_with_early_release : never_asking<shipped_gate> {
    [[nodiscard]] bool wait(gate_slot& s, std::uint64_t until_ns) {
        const bool outside = never_asking::wait(s, until_ns);
        release(s, gate_claim::draining);
        return outside;
    }
};
struct without_zone_lock : explored_policy {
    using zone_lock = null_lock;
};

template <class Policy>
using small_drain = drain<1, 2, 1, Policy>;

} // namespace

TEST_CASE("S1: a drain and an owner are never in the cache together", "[explorer]") {
    holds<drain<1, 3, 1>>("S1 1x3x1", 3'000);
    holds<drain<1, 4, 1>>("S1 1x4x1", 24'000);
    holds<drain<2, 1, 1>>("S1 2x1x1", 3'000);
}
TEST_CASE("S2: two drains and an owner", "[explorer]") {
    holds<drain<1, 2, 2>>("S2 1x2x2", 12'000);
    holds<drain<1, 3, 2>>("S2 1x3x2", 210'000);
    holds<drain<2, 1, 2>>("S2 2x1x2", 70'000);
}
TEST_CASE("S1, S2 where stores pass each other", "[explorer]") {
    holds<drain<1, 3, 1>>("S1 1x3x1, PSO", 3'000, in(memory_model::pso));
    holds<drain<1, 2, 2>>("S2 1x2x2, PSO", 12'000, in(memory_model::pso));
}
TEST_CASE("without the heavy barrier the drain fails, and an explorer without store buffers cannot tell",
          "[explorer]") {
    using nothing = small_drain<with_gate<gate_with<missing_barrier>>>;
    using local = small_drain<with_gate<gate_with<local_barrier>>>;
    dies<nothing>("no heavy barrier");
    dies<local>("local fence");
    holds<nothing>("no heavy barrier, SC", 120, in(memory_model::sc));
    holds<local>("local fence, SC", 120, in(memory_model::sc));
}
TEST_CASE("random schedules find the missing barrier too, and shorten what they found", "[explorer]") {
    using local = small_drain<with_gate<gate_with<local_barrier>>>;
    options how;
    how.random_runs = 10'000; // at any scale
    how.seed = testing::seed();
    dies<local>("local fence, random walk", how);
    how.pct_depth = 3;
    dies<local>("local fence, PCT", how);
}
TEST_CASE("one delayed store and no preemption are enough to miss the barrier", "[explorer]") {
    options how;
    how.preemptions = 0;
    how.delays = 1;
    dies<small_drain<with_gate<gate_with<missing_barrier>>>>("no heavy barrier, P=0 R=1", how);
    how.delays = 0;
    holds<small_drain<with_gate<gate_with<missing_barrier>>>>("no heavy barrier, P=0 R=0", 2, how);
}
TEST_CASE("each order of the gate is needed", "[explorer]") {
    dies<small_drain<explored_policy>>("busy=0 relaxed", weakened("busy", false, true));
    dies<small_drain<explored_policy>>("busy read relaxed", weakened("busy", true, false));
    dies<small_drain<explored_policy>>("re-check relaxed", weakened("claimed", true, false));
    dies<small_drain<explored_policy>>("claimed=0 relaxed", weakened("claimed", false, true));
}
TEST_CASE("each step of the gate is needed", "[explorer]") {
    dies<small_drain<with_gate<gate_without_recheck>>>("no re-check");
    dies<small_drain<with_gate<gate_with_late_flag>>>("flag after the check");
    dies<small_drain<with_gate<gate_without_wait>>>("the drainer does not wait");
    dies<small_drain<with_gate<gate_with_early_release>>>("released before emptied");
    dies<small_drain<without_zone_lock>>("no zone lock");
}
// What a search has found once is replayed as it was. Where the code has changed so that one does not fit any more,
// the search above prints another.
TEST_CASE("schedules that were found: they break the mutant", "[explorer]") {
    const auto breaks = [](const search_result& replayed, const char* how) {
        INFO(replayed.report());
        CHECK_FALSE(replayed.ok);
        CHECK(replayed.failure.starts_with(how));
    };
    using nothing = small_drain<with_gate<gate_with<missing_barrier>>>;
    using local = small_drain<with_gate<gate_with<local_barrier>>>;
    breaks(replay<nothing>({}, "busy0/4/1,claimed0/4/2,count0.0/4/3:AAAAAAAAAABBBB"), "race on plain data");
    breaks(replay<local>({}, "busy0/4/1,claimed0/4/2,count0.0/4/3:AAAAAAAAAABaaabBBBBBBaaabbb"), "invalid");
    breaks(replay<local>({}, "busy0/4/1,claimed0/4/2,count0.0/4/3,zone_lock/4/3:BBAABbbBBBBBBA"),
           "race on plain data");
}
