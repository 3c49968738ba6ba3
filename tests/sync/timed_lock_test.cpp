// tests/sync/timed_lock_test.cpp - a lock waited for to a deadline.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/timed_lock.hpp"

#include "cordon/platform/clock.hpp"
#include "cordon/platform/sleeping_backoff.hpp"
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"

#include <thread>

namespace {

// A nanosecond passes between any two looks.
struct ticking_clock {
    static inline std::uint64_t time = 0;
    static std::uint64_t now() { return time++; }
};

template <class Clock, class L>
bool lock_until(L& lock, std::uint64_t deadline_ns) CORDON_TRY_ACQUIRE(true, lock);

template <class Clock, class L>
bool lock_until(L& lock, std::uint64_t deadline_ns) {
    return cordon::lock_until<Clock, cordon::sleeping_backoff>(lock, deadline_ns);
}

} // namespace

TEST_CASE("a free lock is had even after the deadline", "[sync]") {
    cordon::spin_lock<> lock;
    ticking_clock::time = 1000;
    const bool had = lock_until<ticking_clock>(lock, 0);
    CHECK(had);
    CHECK(is_held(lock));
    if (had) lock.unlock();
}

TEST_CASE("a lock that stays held times out at the deadline", "[sync]") {
    cordon::spin_lock<> lock;
    cordon::guard section{lock};
    ticking_clock::time = 1000;
    CHECK_FALSE(lock_until<ticking_clock>(lock, 1005));
    CHECK(ticking_clock::time == 1006);
}

TEST_CASE("the wait is measured on the real clock", "[sync]") {
    cordon::spin_lock<> lock;
    cordon::guard section{lock};
    const std::uint64_t deadline = cordon::monotonic_clock::now() + 2'000'000;
    CHECK_FALSE(lock_until<cordon::monotonic_clock>(lock, deadline));
    CHECK(cordon::monotonic_clock::now() >= deadline);
}

TEST_CASE("a lock released before the deadline is had, and adopted by a guard", "[sync]") {
    cordon::spin_lock<> lock;
    lock.lock();
    int written = 0;
    bool had = false;
    std::thread waiter{[&] {
        if (!lock_until<cordon::monotonic_clock>(lock, cordon::monotonic_clock::now() + 30'000'000'000))
            return;
        cordon::guard section{lock, cordon::adopt_lock};
        had = section.proof().of(lock);
        written += 1;
    }};
    written = 1;
    lock.unlock();
    waiter.join();
    CHECK(had);
    CHECK(written == 2);
    CHECK_FALSE(is_held(lock));
}

TEST_CASE("without a deadline it is a plain lock, which asks no clock", "[sync]") {
    struct {
        bool held = false;
        void lock() { held = true; }
        bool try_lock() { return false; }
        void unlock() { held = false; }
    } lock;
    ticking_clock::time = 7;
    CHECK(lock_until<ticking_clock>(lock, UINT64_MAX));
    CHECK(lock.held);
    CHECK(ticking_clock::time == 7);
}
