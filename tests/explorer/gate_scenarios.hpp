// explorer/gate_scenarios.hpp - drains against owners: scenarios S1, S2, S6, S8 to S11.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/zone_world.hpp"

namespace cordon::explorer {

// An owner frees and allocates in turn, through a cache that holds one frame of two.
template <class Policy, unsigned Owners>
struct owners : zone_world<Policy, 2> {
    owners() {
        for (unsigned t = 0; t != Owners; ++t) {
            this->warm(t, 1);
            held[t] = this->hold(t, frame{100 + t});
        }
    }
    void operate(unsigned thread, unsigned operations, unsigned first = 0) {
        for (unsigned i = first; i != first + operations; ++i)
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
template <unsigned Drainers, class Policy = explored_policy>
struct thread_exit : owners<Policy, 1> {
    static constexpr unsigned threads = 1 + Drainers;
    void run(unsigned thread) {
        if (thread != 0) return expect(this->zone.drain() == status::ok, "the drain failed");
        this->operate(0, 2);
        fibre_slots::attached->exits(slot_index{0});
    }
    void check() {
        this->check_frames();
        expect(this->zone.internals().caches().racy_count(slot_index{0}, 0) == 0,
               "a dead thread has a cache");
    }
};

// S8: while caches are disabled nobody touches one. What the quiet side does there races with any use of them.
template <bool Fork, class Policy = explored_policy>
struct quiesce : owners<Policy, 1> {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) return this->operate(0, 3);
        if constexpr (Fork) {
            fibre_slots::attached->forks(fork_phase::prepare, slot_index{1});
            touch_caches();
            fibre_slots::attached->forks(fork_phase::parent, slot_index{1});
        } else {
            const auto token = this->zone.disable_caches();
            expect(bool{token}, "the caches could not be disabled");
            touch_caches();
        }
    }
    void touch_caches() {
        auto& slot = this->zone.internals().parts().cache_slots[1];
        for (auto& entry : slot.entries)
            entry = 0;
        for (auto& magazine : slot.magazines)
            expect(magazine.count.load(std::memory_order_relaxed) == 0, "a disabled cache holds a frame");
    }
    void check() { this->check_frames(); }
};

// S9: an owner stops for ever, anywhere outside of a lock. A drainer gives up in time, or never notices.
template <unsigned Owners, unsigned Operations, unsigned Drainers = 1, unsigned Drains = 2,
          class Policy = explored_policy>
struct death : owners<Policy, Owners> {
    static constexpr unsigned threads = Owners + Drainers;
    void run(unsigned thread) {
        if (thread < Owners) return this->operate(thread, Operations);
        for (unsigned i = 0; i != Drains; ++i) {
            const status s = this->zone.drain(deadline::in_nanoseconds(1000));
            this->tell(s);
            expect(s == status::ok || s == status::timed_out || s == status::barrier_refused,
                   "the drain failed");
        }
        this->finished[thread] = true;
    }
    void check() {
        for (unsigned t = Owners; t != threads; ++t)
            expect(this->finished[t], "the drainer hangs");
        this->check_frames(this->dead(Owners));
    }
};

// S9 with S6: the thread stops while it ends.
template <class Policy = explored_policy>
struct exit_death : owners<Policy, 1> {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            this->operate(0, 1);
            this->finished[0] = false;
            fibre_slots::attached->exits(slot_index{0});
            this->finished[0] = true;
            return;
        }
        const status s = this->zone.drain(deadline::in_nanoseconds(1000));
        this->tell(s);
        expect(s == status::ok || s == status::timed_out, "the drain failed");
    }
    void check() { this->check_frames(this->dead(1)); }
};

// S10: a signal handler allocates and frees, whatever it has interrupted: of an owner's operations, which free and
// allocate in turn, the first ones or some behind them.
template <unsigned Drainers, class Policy = explored_policy, unsigned Operations = 2, unsigned First = 0>
struct signals : owners<Policy, 1> {
    static constexpr unsigned threads = 1 + Drainers;
    void run(unsigned thread) {
        if (thread == 0) return this->operate(0, Operations, First);
        expect(this->zone.drain() == status::ok, "the drain failed");
    }
    void handler(unsigned thread) {
        const result<frame> f = this->allocate();
        if (!f) return expect(f.error() == status::re_entered, "an allocation failed");
        this->give(*f, order{0}, thread);
        const status freed = this->zone.try_free(*f);
        this->tell(freed);
        if (freed == status::ok) return;
        this->take(*f, order{0}, thread); // the zone lock was held below: still ours
    }
    void check() { this->check_frames(); }
};

// S11: the system refuses the barrier. The drain says so, and nothing is lost or open that should not be.
template <class Policy = explored_policy, unsigned Operations = 3>
struct refusal : owners<Policy, 1> {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) return this->operate(0, Operations);
        const status outcome = this->zone.drain();
        this->tell(outcome);
        expect(outcome == status::ok || outcome == status::barrier_refused, "the drain failed");
        const auto token = this->zone.disable_caches();
        this->tell(token.error());
        expect(bool{token} || token.error() == status::barrier_refused, "the caches could not be disabled");
    }
    void check() { this->check_frames(); }
};

} // namespace cordon::explorer
