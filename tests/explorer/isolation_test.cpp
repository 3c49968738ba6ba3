// explorer/isolation_test.cpp - isolation against traffic (scenarios S3, S4, S5, S12 and more), and its mutants.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

#include "cordon/sync/spin_lock.hpp"
#include "cordon/sync/ticket_lock.hpp"

#include <algorithm>

using namespace cordon;
using namespace cordon::explorer;

namespace {

// ---- mutants ----

// The drainer does not wait for the owner of a cache whose count reads 0 (Linux's drain_all_pages).
struct gate_that_skips : never_asking<shipped_gate> {
    [[nodiscard]] bool wait(gate_slot& s, std::uint64_t until_ns) {
        const auto& cache = reinterpret_cast<const cache_slot<with_gate<gate_that_skips>>&>(s);
        bool empty = true;
        for (const auto& magazine : cache.magazines)
            empty = empty && magazine.count.load(std::memory_order_relaxed) == 0;
        return empty || never_asking::wait(s, until_ns);
    }
};
// The steps of the seal in the wrong order (Linux before 9683182612).
struct drain_before_mark : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    drain_before_mark() {
        warm(0, 0);
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) return free(held);
        auto& core = zone.internals();
        expect(zone.drain(blocks(0)) == status::ok, "the drain failed");
        core.with_zone_lock([&](auto proof) { core.blocks().seal(proof, block_index{0}, 1); });
        expect_not_cached(blocks(0));
    }
    void check() { expect(!is_cached(blocks(0)), "a cache holds a frame of a sealed range"); }
};
// The free reads the traits before it enters its gate.
struct check_outside : seal_against_frees<isolation_level::targeted, 1, false> {
    struct remembered {
        block_traits seen;
        [[nodiscard]] block_traits traits(block_index) const { return seen; }
    };
    void run(unsigned thread) {
        if (thread != 0) return seal_against_frees::run(thread);
        auto& core = zone.internals();
        const frame_index i = core.geometry().index_of(held[0]);
        remembered source{core.traits(block_index{0})};
        give(held[0], order{0}, 0);
        core.states().clear_head(i);
        if (core.caches().push(slot_index{0}, order{0}, i, source)) return;
        core.with_zone_lock([&](auto proof) { (void)core.blocks().give(proof, i, 0); });
    }
};

} // namespace

TEST_CASE("S3: no free puts a frame of a sealed range where it can be handed out", "[explorer]") {
    comes_to<seal_against_frees<targeted, 1, true>>("S3 targeted", 2, 2'400);
    comes_to<seal_against_frees<exclusive, 1, true>>("S3 exclusive", 2, 1'700);
    comes_to<seal_against_frees<targeted, 2, false>>("S3 two cached frees, targeted", 2, 7'700);
    comes_to<seal_against_frees<exclusive, 2, false>>("S3 two cached frees, exclusive", 2, 3'900);
    comes_to<seal_against_frees<targeted, 1, true>>("S3 targeted, PSO", 2, 2'400, in(memory_model::pso));
    comes_to<seal_against_frees<exclusive, 1, true>>("S3 exclusive, PSO", 2, 1'700, in(memory_model::pso));
}
TEST_CASE("S4: no allocation returns a frame of a sealed range", "[explorer]") {
    comes_to<seal_and_undo<targeted, 2>>("S4 targeted", 6, 5'200);
    comes_to<seal_and_undo<targeted, 4>>("S4 targeted, four operations", 13, 990'000);
    comes_to<seal_and_undo<exclusive, 2>>("S4 exclusive", 9, 7'500);
}
TEST_CASE("S5: a refill keeps no frame of the block being sealed", "[explorer]") {
    comes_to<seal_against_refill<targeted>>("S5 targeted", 4, 6'200);
    comes_to<seal_against_refill<exclusive>>("S5 exclusive", 3, 7'200);
}
TEST_CASE("both levels of isolation promise the same, and allow the same", "[explorer]") {
    const search_result narrow = search<guarantee<targeted>>("what a user sees, targeted", {});
    const search_result wide = search<guarantee<exclusive>>("what a user sees, exclusive", {});
    INFO(narrow.report() << '\n' << wide.report());
    REQUIRE(narrow.ok);
    REQUIRE(wide.ok);
    const auto outcome = [](const auto& one) { return std::string_view{one.first}; };
    CHECK(std::ranges::equal(narrow.outcomes, wide.outcomes, {}, outcome, outcome));
    CHECK(narrow.outcomes.size() > 1);
}
TEST_CASE("S9, S11: a seal that is refused, or waits in vain, changes nothing", "[explorer]") {
    comes_to<seal_refused<targeted>>("S11 seal targeted", 7, 950, with_refusals());
    comes_to<seal_refused<exclusive>>("S11 seal exclusive", 7, 700, with_refusals());
    comes_to<seal_refused<targeted>>("S9 S3 targeted", 7, 2'400, with_a_death());
    comes_to<seal_refused<exclusive>>("S9 S3 exclusive", 7, 1'600, with_a_death());
    comes_to<seal_refused<targeted, owner_work::both>>("S9 S4 targeted", 33, 110'000, with_a_death());
    comes_to<seal_refused<exclusive, owner_work::both>>("S9 S4 exclusive", 28, 98'000, with_a_death());
    comes_to<seal_refused<targeted, owner_work::refills>>("S9 S5 targeted", 15, 2'600, with_a_death());
    comes_to<seal_refused<exclusive, owner_work::refills>>("S9 S5 exclusive", 11, 3'600, with_a_death());
}
TEST_CASE("S12: buddies merge while their block is sealed", "[explorer]") {
    comes_to<merge_against_seal<spin_lock>>("S12 spin_lock", 1, 9'700);
    comes_to<merge_against_seal<ticket_lock>>("S12 ticket_lock", 1, 530);
}
TEST_CASE("late frees find their way whether they come before an undo or behind it", "[explorer]") {
    comes_to<undo_against_frees<targeted>>("undo targeted", 4, 24);
    comes_to<undo_against_frees<exclusive>>("undo exclusive", 7, 170);
}
TEST_CASE("a range that is emptied by its owner leaves the zone and comes back", "[explorer]") {
    comes_to<offline_and_online<targeted>>("offline targeted", 2, 3'200);
    comes_to<offline_and_online<exclusive>>("offline exclusive", 2, 1'300);
}
TEST_CASE("each step of the isolation is needed", "[explorer]") {
    dies<seal_against_frees<targeted, 1, false, with_gate<gate_with<missing_barrier>>>>(
        "seal, no heavy barrier");
    dies<seal_against_frees<targeted, 1, false, with_gate<gate_with<local_barrier>>>>("seal, local fence");
    dies<seal_against_refill<targeted, with_gate<gate_that_skips>>>("empty caches are skipped");
    dies<drain_before_mark>("drained before marked");
    dies<check_outside>("traits read outside of the gate");
}
