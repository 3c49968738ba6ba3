// explorer/oracles_test.cpp - the oracles, each with a mistake of its kind: it says so, and says what it is.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/isolation_scenarios.hpp"
#include "explorer/judge.hpp"

using namespace cordon;
using namespace cordon::explorer;

namespace {

template <class S>
void fails(const char* how, const options& asked = {}) {
    const search_result found = search<S>(how, asked);
    INFO(found.report());
    CHECK_FALSE(found.ok);
    CHECK(found.failure.starts_with(how));
}

// ---- the machine's ----

// Two locks in both orders.
struct crossed_locks {
    static constexpr unsigned threads = 2;
    model_lock lock[2];
    void run(unsigned thread) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        lock[thread].lock();
        lock[1 - thread].lock();
        lock[1 - thread].unlock();
        lock[thread].unlock();
    }
    void check() {}
};
struct locked_twice {
    static constexpr unsigned threads = 1;
    model_lock lock;
    void run(unsigned) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        lock.lock();
        lock.lock();
    }
    void check() {}
};
// A thread waits for what nobody writes.
struct waits_in_vain {
    static constexpr unsigned threads = 2;
    atomics::atomic<std::uint32_t> word{};
    void run(unsigned thread) {
        if (thread != 0) return word.store(1, std::memory_order_relaxed);
        await_backoff breath;
        while (word.load(std::memory_order_relaxed) != 2)
            breath();
    }
    void check() {}
};
// Two threads that wake each other for ever.
struct no_progress {
    static constexpr unsigned threads = 2;
    atomics::atomic<std::uint32_t> word{};
    void run(unsigned thread) {
        await_backoff breath;
        for (;;) {
            std::uint32_t seen = thread;
            (void)word.compare_exchange(seen, 1 - thread, std::memory_order_relaxed);
            breath();
        }
    }
    void check() {}
};
// Data handed over by a flag; a heavy barrier between the two stores orders them on each machine, and joins no clock.
template <std::memory_order Store, std::memory_order Load, bool Barrier>
struct hand_over {
    static constexpr unsigned threads = 2;
    atomics::plain<std::uint32_t> data{};
    atomics::atomic<std::uint32_t> flag{};
    void run(unsigned thread) {
        if (thread == 0) {
            data = 1;
            if (Barrier) (void)model_barrier{}.issue();
            flag.store(1, Store);
        } else if (flag.load(Load) == 1) {
            expect(data == 1, "what was handed over has not arrived");
        }
    }
    void check() {}
};
constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

// ---- the world's ----

// A thread frees a frame that it goes on to use.
struct used_after_free : world<> {
    static constexpr unsigned threads = 1;
    used_after_free() { warm(0, 0); }
    void run(unsigned) {
        zone.free(*allocate());
        (void)allocate();
    }
    void check() { check_frames(); }
};
struct freed_twice : world<> {
    static constexpr unsigned threads = 1;
    frame held;
    freed_twice() { held = hold(0, frame{5}); }
    void run(unsigned) {
        free(held);
        zone.free(held);
    }
    void check() { check_frames(); }
};
struct freed_by_a_stranger : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    freed_by_a_stranger() { held = hold(0, frame{5}); }
    void run(unsigned thread) {
        if (thread == 1) free(held);
    }
    void check() { check_frames(); }
};
// A frame goes from one thread to the other by a word that orders nothing.
struct passed_on_unordered : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    atomics::atomic<std::uint32_t> passed{};
    passed_on_unordered() { held = hold(0, frame{5}); }
    void run(unsigned thread) {
        if (thread == 0) {
            give(held, order{0}, 0);
            passed.store(1, std::memory_order_relaxed);
        } else if (passed.load(std::memory_order_relaxed) == 1) {
            take(held, order{0}, 1);
        }
    }
    void check() {}
};
struct forgotten_frame : world<> {
    static constexpr unsigned threads = 1;
    void run(unsigned) { (void)zone.allocate(uncached); }
    void check() { check_frames(); }
};
struct freed_unnoticed : world<> {
    static constexpr unsigned threads = 1;
    frame held;
    freed_unnoticed() { held = hold(0, frame{5}); }
    void run(unsigned) { zone.free(uncached, held); }
    void check() { check_frames(); }
};
// The zone's own sums: of frames of each type, and of blocks by their largest free order.
struct miscounted : world<> {
    static constexpr unsigned threads = 1;
    void run(unsigned) {
        auto& free = zone.internals().parts().buddy_parts.count->free;
        const auto count = [&](migrate_type t) -> auto& {
            return free[static_cast<unsigned>(t)];
        };
        count(migrate_type::unmovable).store(1, std::memory_order_relaxed);
        count(migrate_type::movable)
            .store(count(migrate_type::movable).load(std::memory_order_relaxed) - 1,
                   std::memory_order_relaxed);
    }
    void check() { check_frames(); }
};
struct misplaced : world<> {
    static constexpr unsigned threads = 1;
    misplaced() { hold(0, frame{5}); }
    void run(unsigned) { zone.internals().parts().buddy_parts.fills[0].largest = 3; }
    void check() { check_frames(); }
};
struct allocates_from_a_sealed_block : world<> {
    static constexpr unsigned threads = 1;
    void run(unsigned) {
        sealed.store(3); // the zone has not been told
        (void)allocate(uncached);
    }
    void check() {}
};
struct cached_in_a_sealed_block : world<> {
    static constexpr unsigned threads = 1;
    cached_in_a_sealed_block() { warm(0, 1); }
    void run(unsigned) {
        auto& core = zone.internals();
        core.with_zone_lock([&](auto proof) { core.blocks().seal(proof, block_index{0}, 1); });
        expect_not_cached(blocks(0)); // nothing was drained
    }
    void check() {}
};

} // namespace

TEST_CASE("deadlocks and loops without an end are found", "[explorer]") {
    fails<crossed_locks>("deadlock: A waits for ");
    fails<locked_twice>("deadlock: a thread waits for its own ");
    fails<waits_in_vain>("deadlock: A spins");
    fails<no_progress>("livelock: 2000 steps");
}
TEST_CASE("data that is handed over without a release or an acquire is a race, a barrier or not",
          "[explorer]") {
    const auto model = GENERATE(memory_model::sc, memory_model::tso, memory_model::pso);
    holds<hand_over<release, acquire, false>>("release and acquire", 2, in(model));
    fails<hand_over<relaxed, acquire, false>>("race on plain data", in(model));
    fails<hand_over<release, relaxed, false>>("race on plain data", in(model));
    fails<hand_over<relaxed, relaxed, true>>("race on plain data", in(model));
}
TEST_CASE("each frame has one holder, and he hands it on by a release and an acquire", "[explorer]") {
    fails<used_after_free>("a frame is handed out that somebody holds");
    fails<freed_twice>("misuse: ");
    fails<freed_by_a_stranger>("a frame is freed that the thread does not hold");
    fails<passed_on_unordered>("race on plain data: frame[5]");
}
TEST_CASE("at the end no frame is lost, and the sums are right", "[explorer]") {
    fails<forgotten_frame>("a frame is lost");
    fails<freed_unnoticed>("a frame that is held is free");
    fails<miscounted>("invalid: ");
    fails<misplaced>("invalid: ");
}
TEST_CASE("frames of a sealed block are neither handed out nor cached", "[explorer]") {
    fails<allocates_from_a_sealed_block>("a frame of a sealed block is handed out");
    fails<cached_in_a_sealed_block>("a cache holds a frame of a sealed range");
}
