// tests/sync/lock_counter_test.cpp - the figures of a lock.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/lock_counter.hpp"

#include "cordon/platform/clock.hpp"
#include "cordon/sync/null_lock.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"

#include <atomic>
#include <mutex>
#include <thread>

namespace {

// Stands still until the test moves it.
struct hand_clock {
    static inline std::uint64_t time = 0;
    static std::uint64_t now() { return time; }
};

struct taken_at_first : cordon::null_lock {
    bool try_lock() { return false; }
};

template <class L>
void hold(L& lock, std::uint64_t ns) {
    cordon::guard section{lock};
    hand_clock::time += ns;
}

} // namespace

TEST_CASE("a counter starts at zero", "[sync]") {
    const cordon::lock_counter<hand_clock> counter;
    CHECK(counter.snapshot().acquisitions == 0);
    CHECK(counter.snapshot().contended == 0);
    CHECK(counter.snapshot().longest_hold_ns == 0);
    CHECK(counter.snapshot().total_hold_ns == 0);
}

TEST_CASE("a counter tells how long a lock is held", "[sync]") {
    cordon::observed_lock<cordon::null_lock, cordon::lock_counter<hand_clock>> lock;
    hold(lock, 10);
    hand_clock::time += 1000;
    hold(lock, 30);
    hold(lock, 20);
    const cordon::lock_figures figures = lock.observer().snapshot();
    CHECK(figures.acquisitions == 3);
    CHECK(figures.contended == 0);
    CHECK(figures.longest_hold_ns == 30);
    CHECK(figures.total_hold_ns == 60);
}

TEST_CASE("a counter counts the acquisitions that waited", "[sync]") {
    cordon::observed_lock<taken_at_first, cordon::lock_counter<hand_clock>> lock;
    hold(lock, 1);
    hold(lock, 1);
    CHECK(lock.observer().snapshot().acquisitions == 2);
    CHECK(lock.observer().snapshot().contended == 2);
}

TEST_CASE("the count is exact under contention and can be read meanwhile", "[sync]") {
    cordon::observed_lock<std::mutex, cordon::lock_counter<cordon::monotonic_clock>> lock;
    std::atomic<bool> done{false};
    bool monotone = true;
    std::thread reader{[&] {
        for (std::uint64_t before = 0; !done.load(); std::this_thread::yield()) {
            const std::uint64_t now = lock.observer().snapshot().acquisitions;
            monotone = monotone && now >= before;
            before = now;
        }
    }};
    CHECK(count_together(lock) == sections_in_all());
    done = true;
    reader.join();
    CHECK(monotone);
    const cordon::lock_figures figures = lock.observer().snapshot();
    CHECK(figures.acquisitions == sections_in_all());
    CHECK(figures.contended <= figures.acquisitions);
    CHECK(figures.longest_hold_ns <= figures.total_hold_ns);
}
