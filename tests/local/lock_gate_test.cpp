// tests/local/lock_gate_test.cpp - the gate that is a lock in each slot.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/local/lock_gate.hpp"

#include "cordon/platform/default.hpp"
#include "local/gate_contract.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <thread>

using namespace cordon;
using gate_type = lock_gate<std_atomics, default_clock, default_backoff>;
static_assert(drain_gate<gate_type>);

TEST_CASE("lock_gate keeps owner and drainer apart", "[local]") {
    testing::check_gate<gate_type>();
}

namespace {

// Says that somebody waits.
struct telling_backoff : default_backoff {
    static inline std::atomic<bool> waited{false};
    void operator()() {
        waited.store(true);
        default_backoff::operator()();
    }
};

} // namespace

TEST_CASE("an owner that meets a drainer waits for it rather than go past his cache", "[local]") {
    using watched_gate = lock_gate<std_atomics, default_clock, telling_backoff>;
    watched_gate gate;
    watched_gate::slot slot{};
    REQUIRE(gate.wait(slot, UINT64_MAX)); // a drainer without a claim, as at a thread's exit
    CHECK_FALSE(gate.try_enter(slot));
    CHECK_FALSE(gate.is_entered(slot));
    std::atomic<bool> returned{false};
    bool entered = false;
    std::thread owner{[&] {
        entered = gate.enter_slow(slot);
        returned.store(true);
        if (entered) gate.leave_slow(slot);
    }};
    while (!telling_backoff::waited.load() && !returned.load())
        std::this_thread::yield();
    CHECK_FALSE(returned.load());
    gate.done(slot);
    owner.join();
    CHECK(entered);
}

namespace {

// A signal handler in the narrowest places: just before the lock is taken, and just after it was dropped.
struct interrupting_atomics : std_atomics {
    static inline void (*handler)() = nullptr;
    static void interrupt() {
        if (handler != nullptr) handler();
    }
    struct word : std_atomics::atomic<std::uint32_t> {
        std::uint32_t exchange(std::uint32_t value, std::memory_order order) {
            const auto before = std_atomics::atomic<std::uint32_t>::exchange(value, order);
            interrupt();
            return before;
        }
        void store(std::uint32_t value, std::memory_order order) {
            interrupt();
            std_atomics::atomic<std::uint32_t>::store(value, order);
        }
    };
    template <class T>
    using atomic = word;
};
using interrupted_gate = lock_gate<interrupting_atomics, default_clock, default_backoff>;

interrupted_gate::slot shared_slot{};
unsigned steps_before = 0;
unsigned handled = 0;

void handle() {
    if (steps_before-- != 0) return;
    interrupting_atomics::handler = nullptr; // handlers do not nest
    ++handled;
    if (interrupted_gate::try_enter(shared_slot)) {
        interrupted_gate::leave(shared_slot);
    } else if (interrupted_gate::is_entered(shared_slot)) {
        CHECK_FALSE(interrupted_gate::enter_slow(shared_slot));
    } else {
        // Not inside, so it would wait for the lock: nobody may hold it.
        const bool is_free = shared_slot.lock.try_lock();
        CHECK(is_free);
        if (is_free) shared_slot.lock.unlock();
    }
}

} // namespace

TEST_CASE("a handler that interrupts its thread anywhere around the lock does not wait for it", "[local]") {
    for (unsigned steps = 0; steps != 8; ++steps) {
        steps_before = steps;
        interrupting_atomics::handler = handle;
        REQUIRE(interrupted_gate::try_enter(shared_slot));
        interrupted_gate::leave(shared_slot);
        interrupting_atomics::handler = nullptr;
        REQUIRE(interrupted_gate::is_outside(shared_slot));
    }
    CHECK(handled >= 4);
}
