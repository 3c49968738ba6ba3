// explorer/isolation_test.cpp - isolation against traffic (scenarios S3, S4, S5, S12 and more), and its mutants.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/judge.hpp"
#include "explorer/zone_world.hpp"

#include "cordon/sync/ticket_lock.hpp"

#include <optional>

using namespace cordon;
using namespace cordon::explorer;

namespace {

constexpr slot_index uncached = slot_index::none();

// The block 0 is the one that is sealed; threads hold frames of it.
template <class Policy = explored_policy, std::uint32_t Blocks = 2>
struct world : zone_world<Policy, Blocks> {
    using range_type = typename zone_world<Policy, Blocks>::range_type;
    // How the last step of sealing goes wrong in a mutant.
    void seal(frame_range range, isolation_level level, deadline limit = {}) {
        auto sealing = this->isolate(range, {.level = level, .deadline = limit});
        expect(bool{sealing} || !limit.is_never(), "the isolation failed");
        if (sealing) sealed_range.emplace(std::move(*sealing));
    }
    // Effects: at the end of a run, whatever is sealed still is idle but for the frames that are held, and opens.
    void check_and_open(std::uint32_t held) {
        if (sealed_range) {
            expect(!this->is_cached(sealed_range->range()), "a cache holds a frame of a sealed range");
            expect(sealed_range->busy().raw() == held, "a sealed range is not as idle as it should be");
            expect(sealed_range->undo() == status::ok, "the undo failed");
        }
        this->check_frames();
    }
    void label(names& labels) const { this->label_zone(labels); }

    std::optional<range_type> sealed_range;
};

// S3: a free through the cache, a free past it, and a seal.
template <isolation_level Level, unsigned Cached, bool Slow, class Policy = explored_policy>
struct seal_against_frees : world<Policy> {
    static constexpr unsigned threads = Slow ? 3 : 2;
    frame held[2];
    seal_against_frees() {
        this->warm(0, 0);
        held[0] = this->hold(0, frame{5});
        held[1] = this->hold(Cached == 2 ? 0 : 2, frame{9});
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), Level);
        if (thread == 2) return this->free(uncached, held[1]);
        this->free(held[0]);
        if (Cached == 2) this->free(held[1]);
    }
    void check() { this->check_and_open(Slow || Cached == 2 ? 0 : 1); }
};

// S4: seal and undo, while a thread allocates and frees.
template <isolation_level Level, unsigned Operations, class Policy = explored_policy>
struct seal_and_undo : world<Policy> {
    static constexpr unsigned threads = 2;
    seal_and_undo() { this->warm(0, 1); }
    void run(unsigned thread) {
        if (thread == 1) {
            this->seal(this->blocks(0), Level);
            return this->undo(*this->sealed_range);
        }
        frame held;
        for (unsigned i = 0; i != Operations; ++i)
            if (i % 2 == 0) {
                const result<frame> f = this->allocate();
                expect(bool{f}, "an allocation failed");
                held = *f;
            } else {
                this->free(held);
            }
    }
    void check() { this->check_frames(); }
};

// S5: a refill from the block that is being sealed.
template <isolation_level Level, class Policy = explored_policy>
struct seal_against_refill : world<Policy> {
    static constexpr unsigned threads = 2;
    seal_against_refill() {
        this->warm(0, 0);
        this->hold(2, frame{63}); // the block is a partial one: the first choice
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), Level);
        const result<frame> f = this->allocate();
        expect(bool{f}, "an allocation failed");
        this->free(*f);
    }
    void check() { this->check_and_open(1); }
};

// Late frees, past the cache and through it, against seal and undo.
template <isolation_level Level>
struct undo_against_frees : world<> {
    static constexpr unsigned threads = 3;
    frame held[2];
    undo_against_frees() {
        warm(0, 0);
        held[0] = hold(0, frame{5});
        held[1] = hold(2, frame{9});
        seal(blocks(0), Level);
        sealed.store(0);
    }
    void run(unsigned thread) {
        if (thread == 1) return undo(*sealed_range);
        free(thread == 0 ? slot_index{0} : uncached, held[thread / 2]);
        if (thread != 0) return;
        const result<frame> f = allocate();
        expect(bool{f}, "an allocation failed");
        free(*f);
    }
    void check() { check_frames(); }
};

// Two isolators whose ranges share a block: one of them gets it, or one after the other.
template <isolation_level First, isolation_level Second>
struct two_isolators : world<explored_policy, 3> {
    static constexpr unsigned threads = 3;
    frame held;
    two_isolators() {
        warm(0, 0);
        held = hold(0, frame{70});
    }
    void run(unsigned thread) {
        if (thread == 0) return free(held);
        auto range = isolate(blocks(thread - 1, 2), {.level = thread == 1 ? First : Second});
        if (!range) return expect(range.error() == status::busy, "the isolation failed");
        before_open(range->range());
        expect(range->undo() == status::ok, "the undo failed");
    }
    void check() {
        check_frames();
        expect(zone.stats().isolated_free.raw() == 0, "a block stays sealed");
    }
};

// A range is emptied by waiting for its owner, leaves the zone and comes back.
template <isolation_level Level>
struct offline_and_online : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    offline_and_online() {
        warm(0, 0);
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) return free(held);
        seal(blocks(0), Level);
        const auto wait = [](const busy_frame&) { return migrate_outcome::retry; };
        expect(sealed_range->migrate(wait).outcome == status::ok, "the range was not emptied");
        before_open(blocks(0));
        expect(sealed_range->offline() == status::ok, "an idle range could not leave");
        expect(zone.online(blocks(0)) == status::ok, "it could not come back");
    }
    void check() { check_frames(); }
};

// Contiguous allocation against an allocation that steals from a block of another type.
template <bool Cached>
struct contiguous_against_stealing : world<> {
    static constexpr unsigned threads = 2;
    static constexpr slot_index by = Cached ? slot_index{0} : uncached;
    frame held;
    contiguous_against_stealing() {
        if (Cached) warm(0, 0);
        hold(3, frame{70});
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) {
            free(by, held);
            const result<frame> f = allocate(by, order{0}, migrate_type::reclaimable);
            expect(f || f.error() == status::no_memory, "an allocation failed");
            return;
        }
        const result<frame_range> range = zone.allocate_contiguous(frame_count{block_frames});
        if (!range) return;
        say("gets a block");
        for (const frame f : *range)
            take(f, order{0}, 1);
    }
    void check() { check_frames(); }
};

// S11 and S9 for isolation: refused, or an owner that stops for ever: the seal fails and nothing has changed.
template <isolation_level Level>
struct seal_refused : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    bool finished = false;
    seal_refused() {
        warm(0, 0);
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) {
            free(held);
            finished = true;
            return;
        }
        auto range = isolate(blocks(0), {.level = Level, .deadline = deadline::in_nanoseconds(1000)});
        if (range) return undo(*range);
        expect(range.error() == status::barrier_refused || range.error() == status::timed_out,
               "the isolation failed");
        expect(zone.stats().isolated_free.raw() == 0, "a refused isolation leaves the block sealed");
    }
    void check() { check_frames(finished ? 0 : 1); }
};

// S12: buddies merge while their block is sealed, under a lock of the library.
template <template <class, class> class Lock>
struct locked_policy : explored_policy {
    using zone_lock = Lock<atomics, await_backoff>;
};
template <template <class, class> class Lock>
struct merge_against_seal : world<locked_policy<Lock>> {
    static constexpr unsigned threads = 2;
    frame held[2];
    merge_against_seal() {
        held[0] = this->hold(0, frame{6});
        held[1] = this->hold(0, frame{7});
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), isolation_level::targeted);
        this->free(uncached, held[0]);
        this->free(uncached, held[1]);
    }
    void check() { this->check_and_open(0); }
};

// ---- mutants ----

// The drainer does not wait for the owner of a cache whose count reads 0 (Linux's drain_all_pages).
struct gate_that_skips : shipped_gate {
    [[nodiscard]] bool wait(gate_slot& s, std::uint64_t until_ns) {
        const auto& cache = reinterpret_cast<const cache_slot<with_gate<gate_that_skips>>&>(s);
        bool empty = true;
        for (const auto& magazine : cache.magazines)
            empty = empty && magazine.count.load(std::memory_order_relaxed) == 0;
        return empty || shipped_gate::wait(s, until_ns);
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

constexpr auto targeted = isolation_level::targeted;
constexpr auto exclusive = isolation_level::exclusive;

} // namespace

TEST_CASE("S3: no free puts a frame of a sealed range where it can be handed out", "[explorer]") {
    holds<seal_against_frees<targeted, 1, true>>("S3 targeted", 1'500);
    holds<seal_against_frees<exclusive, 1, true>>("S3 exclusive", 5'000);
    holds<seal_against_frees<targeted, 2, false>>("S3 two cached frees, targeted", 3'000);
    holds<seal_against_frees<exclusive, 2, false>>("S3 two cached frees, exclusive", 20'000);
    holds<seal_against_frees<targeted, 1, true>>("S3 targeted, PSO", 1'500, in(memory_model::pso));
    holds<seal_against_frees<exclusive, 1, true>>("S3 exclusive, PSO", 5'000, in(memory_model::pso));
}
TEST_CASE("S4: no allocation returns a frame of a sealed range", "[explorer]") {
    holds<seal_and_undo<targeted, 2>>("S4 targeted", 1'500);
    holds<seal_and_undo<targeted, 4>>("S4 targeted, four operations", 100'000);
    holds<seal_and_undo<exclusive, 2>>("S4 exclusive", 40'000);
}
TEST_CASE("S5: a refill keeps no frame of the block being sealed", "[explorer]") {
    holds<seal_against_refill<targeted>>("S5 targeted", 1'500);
    holds<seal_against_refill<exclusive>>("S5 exclusive", 30'000);
}
TEST_CASE("S9, S11: a seal that is refused, or waits in vain, changes nothing", "[explorer]") {
    options refused;
    refused.refusals = 2;
    refused.refusable = 2;
    holds<seal_refused<targeted>>("S11 seal targeted", 500, refused);
    holds<seal_refused<exclusive>>("S11 seal exclusive", 1'500, refused);
    options death;
    death.kills = 1;
    death.mortal = 1;
    holds<seal_refused<targeted>>("S9 seal targeted", 1'500, death);
    holds<seal_refused<exclusive>>("S9 seal exclusive", 3'000, death);
}
TEST_CASE("S12: buddies merge while their block is sealed", "[explorer]") {
    holds<merge_against_seal<spin_lock>>("S12 spin_lock", 40'000);
    holds<merge_against_seal<ticket_lock>>("S12 ticket_lock", 500);
}
TEST_CASE("late frees find their way whether they come before an undo or behind it", "[explorer]") {
    holds<undo_against_frees<targeted>>("undo targeted", 30);
    holds<undo_against_frees<exclusive>>("undo exclusive", 200);
}
TEST_CASE("of two isolators of one block at most one has it", "[explorer]") {
    holds<two_isolators<targeted, targeted>>("two isolators, targeted", 30'000);
    holds<two_isolators<exclusive, exclusive>>("two isolators, exclusive", 700'000);
    holds<two_isolators<targeted, exclusive>>("two isolators, mixed", 1'000'000);
}
TEST_CASE("a range that is emptied by its owner leaves the zone and comes back", "[explorer]") {
    holds<offline_and_online<targeted>>("offline targeted", 3'000);
    holds<offline_and_online<exclusive>>("offline exclusive", 4'000);
}
TEST_CASE("a contiguous allocation and one that steals share no frame", "[explorer]") {
    holds<contiguous_against_stealing<false>>("contiguous, uncached", 700);
    options how;
    how.preemptions = 3;
    how.delays = 0;
    holds<contiguous_against_stealing<true>>("contiguous, P=3 R=0", 40'000, how);
    how = {};
    how.random_runs = testing::scaled(std::uint64_t{100'000});
    how.pct_depth = 3;
    how.seed = testing::seed();
    holds<contiguous_against_stealing<true>>("contiguous, PCT", 100'000, how);
}
TEST_CASE("a contiguous allocation against one that steals, with a delayed store", "[.nightly][nightly]") {
    options how;
    how.preemptions = 2;
    how.delays = 1;
    holds<contiguous_against_stealing<true>>("contiguous, P=2 R=1", 1'000'000, how);
}
TEST_CASE("each step of the isolation is needed", "[explorer]") {
    dies<seal_against_frees<targeted, 1, false, with_gate<gate_with<missing_barrier>>>>(
        "seal, no heavy barrier");
    dies<seal_against_frees<targeted, 1, false, with_gate<gate_with<local_barrier>>>>("seal, local fence");
    dies<seal_against_refill<targeted, with_gate<gate_that_skips>>>("empty caches are skipped");
    dies<drain_before_mark>("drained before marked");
    dies<check_outside>("traits read outside of the gate");
}
