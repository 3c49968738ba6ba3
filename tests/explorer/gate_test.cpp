// explorer/gate_test.cpp - drains against owners (scenarios S1, S2, S6, S8 to S11), and the mutants that must die there.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/zone_world.hpp"
#include "support/catch.hpp"

#include <utility>

using namespace cordon;
using namespace cordon::explorer;

namespace {

// An owner frees and allocates in turn, through a cache that holds one frame of two.
template <class Policy, unsigned Owners>
struct owners : zone_world<Policy, 2> {
    owners() {
        for (unsigned t = 0; t != Owners; ++t) {
            this->warm(t, 1);
            held[t] = this->hold(t, frame{100 + t});
        }
    }
    void operate(unsigned thread, unsigned operations) {
        for (unsigned i = 0; i != operations; ++i)
            if (i % 2 == 0) {
                this->free(held[thread]);
            } else {
                const result<frame> f = this->allocate();
                expect(bool{f}, "an allocation failed");
                held[thread] = *f;
            }
        finished[thread] = true;
    }
    // Returns: how many of the first `threads` died.
    [[nodiscard]] std::uint32_t dead(unsigned threads) const {
        std::uint32_t n = 0;
        for (unsigned t = 0; t != threads; ++t)
            n += !finished[t];
        return n;
    }
    void label(names& labels) const { this->label_zone(labels); }

    frame held[max_threads];
    bool finished[max_threads] = {};
};

// S1, S2.
template <unsigned Owners, unsigned Operations, unsigned Drainers, class Policy = explored_policy>
struct drain : owners<Policy, Owners> {
    static constexpr unsigned threads = Owners + Drainers;
    void run(unsigned thread) {
        if (thread < Owners)
            this->operate(thread, Operations);
        else
            expect(this->zone.drain() == status::ok, "the drain failed");
    }
    void check() { this->check_frames(); }
};

// S6: the owner's thread ends and hands its cache back.
template <unsigned Drainers>
struct thread_exit : owners<explored_policy, 1> {
    static constexpr unsigned threads = 1 + Drainers;
    void run(unsigned thread) {
        if (thread != 0) return expect(zone.drain() == status::ok, "the drain failed");
        operate(0, 2);
        fibre_slots::attached->exits(slot_index{0});
    }
    void check() {
        check_frames();
        expect(zone.internals().caches().racy_count(slot_index{0}, 0) == 0, "a dead thread has a cache");
    }
};

// S8: while caches are disabled nobody touches one. What the quiet side does there races with any use of them.
template <bool Fork>
struct quiesce : owners<explored_policy, 1> {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) return operate(0, 3);
        if constexpr (Fork) {
            fibre_slots::attached->forks(fork_phase::prepare, slot_index{1});
            touch_caches();
            fibre_slots::attached->forks(fork_phase::parent, slot_index{1});
        } else {
            const auto token = zone.disable_caches();
            expect(bool{token}, "the caches could not be disabled");
            touch_caches();
        }
    }
    void touch_caches() {
        auto& slot = zone.internals().parts().cache_slots[1];
        for (auto& entry : slot.entries)
            entry = 0;
        for (auto& magazine : slot.magazines)
            expect(magazine.count.load(std::memory_order_relaxed) == 0, "a disabled cache holds a frame");
    }
    void check() { check_frames(); }
};

// S9: an owner stops for ever, anywhere outside of a lock. The drainer gives up in time, or never notices.
template <unsigned Owners, unsigned Operations>
struct death : owners<explored_policy, Owners> {
    static constexpr unsigned threads = Owners + 1;
    void run(unsigned thread) {
        if (thread < Owners) return this->operate(thread, Operations);
        const status first = this->zone.drain(deadline::in_nanoseconds(1000));
        const status again = this->zone.drain(deadline::in_nanoseconds(1000));
        const auto fine = [](status s) { return s == status::ok || s == status::timed_out; };
        expect(fine(first) && fine(again), "the drain failed");
        this->finished[thread] = true;
    }
    void check() {
        expect(this->finished[Owners], "the drainer hangs");
        this->check_frames(this->dead(Owners));
    }
};

// S10: a signal handler allocates and frees, whatever it has interrupted.
template <unsigned Drainers>
struct signals : owners<explored_policy, 1> {
    static constexpr unsigned threads = 1 + Drainers;
    void run(unsigned thread) {
        if (thread == 0) return operate(0, 2);
        expect(zone.drain() == status::ok, "the drain failed");
    }
    void handler(unsigned thread) {
        const result<frame> f = allocate();
        if (!f) return expect(f.error() == status::re_entered, "an allocation failed");
        give(*f, order{0}, thread);
        if (zone.try_free(*f) == status::ok) return;
        take(*f, order{0}, thread); // the zone lock was held below: still ours
    }
    void check() { check_frames(); }
};

// S11: the system refuses the barrier. The drain says so, and nothing is lost or open that should not be.
template <unsigned Drainers>
struct refusal : owners<explored_policy, 1> {
    static constexpr unsigned threads = 1 + Drainers;
    void run(unsigned thread) {
        if (thread == 0) return operate(0, 3);
        const status outcome = zone.drain();
        expect(outcome == status::ok || outcome == status::barrier_refused, "the drain failed");
        const auto token = zone.disable_caches();
        expect(bool{token} || token.error() == status::barrier_refused, "the caches could not be disabled");
    }
    void check() { check_frames(); }
};

// ---- mutants ----

template <class Gate>
struct with_gate : explored_policy {
    using gate = Gate;
};
template <class Barrier>
using gate_with = membarrier_gate<atomics, Barrier, model_clock, await_backoff>;
using shipped_gate = gate_with<model_barrier>;
using slot = shipped_gate::slot;

struct gate_without_recheck : shipped_gate {
    [[nodiscard]] bool try_enter(slot& s) {
        if (is_inside(s)) return false;
        s.busy.store(1, std::memory_order_relaxed);
        return true;
    }
};
struct gate_with_late_flag : shipped_gate {
    [[nodiscard]] bool try_enter(slot& s) {
        if (is_inside(s) || s.claimed.load(std::memory_order_acquire) != 0) return false;
        s.busy.store(1, std::memory_order_relaxed);
        return true;
    }
};
struct gate_without_wait : shipped_gate {
    [[nodiscard]] bool wait(slot&, std::uint64_t) { return true; }
};
struct gate_with_early_release : shipped_gate {
    [[nodiscard]] bool wait(slot& s, std::uint64_t until_ns) {
        const bool outside = shipped_gate::wait(s, until_ns);
        release(s, gate_claim::draining);
        return outside;
    }
};
struct without_zone_lock : explored_policy {
    using zone_lock = null_lock;
};

template <class Policy>
using small_drain = drain<1, 2, 1, Policy>;

template <class S>
search_result search(const char* name, options how = {}) {
    how.name = name;
    search_result found = explore<S>(how);
    std::fprintf(stderr, "%-28s %9llu executions %9llu pruned %6.1f s\n", name,
                 static_cast<unsigned long long>(found.executions),
                 static_cast<unsigned long long>(found.pruned), found.seconds);
    return found;
}
options in(memory_model model) {
    options how;
    how.model = model;
    return how;
}

template <class S>
void holds(const char* name, std::uint64_t at_least, const options& how = {}) {
    const search_result found = search<S>(name, how);
    INFO(name << ": " << found.report());
    REQUIRE(found.ok);
    CHECK(found.exhausted);
    CHECK(found.executions >= at_least);
}
template <class S>
void dies(const char* name, const options& how = {}) {
    const search_result found = search<S>(name, how);
    INFO(name << ": " << found.report());
    REQUIRE_FALSE(found.ok);
    // The schedule is exact: it fails again, in the same way.
    options again = how;
    again.name = name;
    const std::string_view text{found.schedule};
    const search_result replayed = replay<S>(again, text.substr(text.find(':') + 1));
    CHECK_FALSE(replayed.ok);
    CHECK(replayed.failure == found.failure);
    CHECK(replayed.schedule == found.schedule);
}

} // namespace

TEST_CASE("S1: a drain and an owner are never in the cache together", "[explorer]") {
    holds<drain<1, 3, 1>>("S1 1x3x1", 1);
}
TEST_CASE("S1: a drain and two owners", "[explorer]") {
    holds<drain<2, 1, 1>>("S1 2x1x1", 1);
}
TEST_CASE("S2: two drains and an owner", "[explorer]") {
    holds<drain<1, 2, 2>>("S2 1x2x2", 1);
}
TEST_CASE("S6: a thread ends while others drain", "[explorer]") {
    holds<thread_exit<1>>("S6 1", 1);
    holds<thread_exit<2>>("S6 2", 1);
}
TEST_CASE("S8: while caches are disabled, or a fork is prepared, nobody touches one", "[explorer]") {
    holds<quiesce<false>>("S8 disable", 1);
    holds<quiesce<true>>("S8 fork", 1);
}
TEST_CASE("S9: a drain is done in time though an owner stops for ever", "[explorer]") {
    options how;
    how.kills = 1;
    how.mortal = 1;
    holds<death<1, 3>>("S9 1x3", 1, how);
}
TEST_CASE("S10: a signal handler allocates and frees at every point of an operation", "[explorer]") {
    options how;
    how.signals = 1;
    how.interruptible = 1;
    how.all_visible = true;
    holds<signals<0>>("S10 alone", 1, how);
    holds<signals<1>>("S10 drain", 1, how);
}
TEST_CASE("S11: a refused barrier makes the drain fail and changes nothing else", "[explorer]") {
    options how;
    how.refusals = 2;
    how.refusable = 2;
    holds<refusal<1>>("S11", 1, how);
}

TEST_CASE("without the heavy barrier the drain fails, and an explorer without store buffers cannot tell",
          "[explorer]") {
    using nothing = small_drain<with_gate<gate_with<missing_barrier>>>;
    using local = small_drain<with_gate<gate_with<local_barrier>>>;
    dies<nothing>("no heavy barrier");
    dies<local>("local fence");
    holds<nothing>("no heavy barrier, SC", 1, in(memory_model::sc));
    holds<local>("local fence, SC", 1, in(memory_model::sc));
}
TEST_CASE("each order of the gate is needed", "[explorer]") {
    const auto weakened = [](const char* name, bool loads, bool stores) {
        options how;
        how.weaken = name;
        how.weaken_loads = loads;
        how.weaken_stores = stores;
        return how;
    };
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
