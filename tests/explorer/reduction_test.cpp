// explorer/reduction_test.cpp - the reductions hide no outcome: each way of searching ends in the same states.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

#include "cordon/sync/spin_lock.hpp"
#include "cordon/sync/ticket_lock.hpp"

#include <algorithm>

using namespace cordon;
using namespace cordon::explorer;

namespace {

// Sleep sets alone, then races too; and locations that are never quiet.
template <class S>
void agree(const char* name, options how = {}) {
    const search_result races = search<S>(name, how);
    how.reduce = reduction::sleep;
    const search_result sleep = search<S>("  sleep sets alone", how);
    INFO(name << ": " << races.report() << "; " << sleep.report());
    REQUIRE(races.ok);
    REQUIRE(sleep.ok);
    CHECK((races.ends == sleep.ends));
    CHECK(races.executions == sleep.executions); // one for each class of schedules that commute
    // Nor does a random schedule end elsewhere.
    how.reduce = reduction::races;
    how.random_runs = testing::scaled(20'000u);
    how.seed = testing::seed();
    const search_result random = search<S>("  at random", how);
    REQUIRE(random.ok);
    CHECK(std::ranges::all_of(random.ends, [&](auto end) { return races.ends.contains(end); }));
}

template <class Lock>
struct exclusion {
    static constexpr unsigned threads = 2;
    Lock lock;
    atomics::plain<std::uint32_t> counter{};
    std::uint32_t seen[threads] = {};
    void run(unsigned thread) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        for (unsigned i = 0; i != 2; ++i) {
            lock.lock();
            counter = counter + 1;
            seen[thread] = counter;
            lock.unlock();
        }
    }
    void check() {
        expect(counter == 4, "an increment is lost");
        expect(seen[0] == 4 || seen[1] == 4, "the last one did not see all");
    }
    void label(names& labels) const { labels.add(lock, "lock"); }
};

} // namespace

TEST_CASE("sleep sets and races lead to the same ends of drains", "[explorer]") {
    agree<drain<1, 2, 1>>("1x2x1");
    agree<drain<1, 2, 1>>("1x2x1, SC", in(memory_model::sc));
    agree<drain<1, 2, 1>>("1x2x1, PSO", in(memory_model::pso));
    agree<drain<1, 1, 2>>("1x1x2");
    agree<drain<2, 1, 1>>("2x1x1");
    agree<thread_exit<1>>("thread exit");
}
TEST_CASE("sleep sets and races lead to the same ends with deaths, deadlines and refusals", "[explorer]") {
    agree<death<1, 1>>("death", with_a_death());
    options how;
    agree<death<1, 1>>("deadline", how);
    how.refusals = 1;
    how.refusable = 2;
    agree<death<1, 1>>("deadline and refusal", how);
}
TEST_CASE("no reduction at all leads to the same ends", "[explorer]") {
    options how = in(memory_model::sc); // the others are too many
    const search_result races = search<drain<1, 1, 1>>("1x1x1, SC", how);
    how.reduce = reduction::none;
    const search_result all = search<drain<1, 1, 1>>("  every schedule", how);
    CHECK(all.ok);
    CHECK((all.ends == races.ends));
    how.reduce = reduction::races;
    how.all_visible = true;
    how.model = memory_model::tso;
    const search_result loud = search<drain<1, 1, 1>>("  no location is quiet", how);
    CHECK(loud.ok);
    CHECK((loud.ends == races.ends));
}
TEST_CASE("the locks of the library exclude, and need their orders", "[explorer]") {
    using spin = exclusion<spin_lock<atomics, await_backoff>>;
    using ticket = exclusion<ticket_lock<atomics, await_backoff>>;
    options bounded;
    bounded.preemptions = 3;
    holds<spin>("spin_lock", 100, bounded);
    holds<ticket>("ticket_lock", 100, bounded);
    holds<exclusion<model_lock>>("model_lock", 5);
    options how = bounded;
    how.weaken = "lock";
    how.weaken_stores = true;
    dies<spin>("spin_lock, relaxed unlock", how);
    dies<ticket>("ticket_lock, relaxed unlock", how);
    how.weaken_stores = false;
    how.weaken_loads = true;
    dies<spin>("spin_lock, relaxed lock", how);
    dies<ticket>("ticket_lock, relaxed lock", how);
}
