// tests/sync/ticket_lock_test.cpp - first come, first served.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/ticket_lock.hpp"

#include "cordon/platform/sleeping_backoff.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "sync/mutual_exclusion.hpp"
#include "sync/stale_atomics.hpp"

#include <atomic>
#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

using lock_type = cordon::ticket_lock<cordon::std_atomics, cordon::sleeping_backoff>;

TEST_CASE("a ticket lock lets one thread in at a time", "[sync]") {
    lock_type lock;
    CHECK(count_together(lock) == sections_in_all());
}

TEST_CASE("a ticket lock is tried without waiting", "[sync]") {
    cordon::ticket_lock<> lock;
    for (int round = 0; round != 2; ++round) {
        CHECK_FALSE(is_held(lock));
        lock.lock();
        CHECK(is_held(lock));
        lock.unlock();
    }
}

TEST_CASE("a ticket lock that is taken between the look and the try is not had twice", "[sync]") {
    cordon::ticket_lock<stale_atomics> lock;
    lock.lock();
    stale_atomics::stale = true;
    CHECK(is_held(lock));
    stale_atomics::stale = false;
    lock.unlock();
    CHECK_FALSE(is_held(lock));
}

TEST_CASE("zero bytes are an unlocked ticket lock", "[sync]") {
    static constinit cordon::ticket_lock<> lock;
    const unsigned char zeros[sizeof lock]{};
    CHECK(std::memcmp(&lock, zeros, sizeof lock) == 0);
    CHECK_FALSE(is_held(lock));
    lock.lock();
    CHECK(std::memcmp(&lock, zeros, sizeof lock) != 0);
    lock.unlock();
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<cordon::ticket_lock<>>);
}

TEST_CASE("threads that only try a ticket lock exclude each other", "[sync]") {
    tried<lock_type> lock;
    CHECK(count_together(lock) == sections_in_all());
}

namespace {

// Tells how many threads wait: each looks, finds the lock taken, and announces itself once.
class announcing_backoff {
public:
    static inline std::atomic<int> waiting{0};
    void operator()() {
        if (!announced_) waiting.fetch_add(1);
        announced_ = true;
        std::this_thread::yield();
    }
    void reset() {}

private:
    bool announced_ = false;
};

} // namespace

TEST_CASE("a ticket lock serves in the order of arrival", "[sync]") {
    for (int round = cordon::testing::scaled(50); round != 0; --round) {
        cordon::ticket_lock<cordon::std_atomics, announcing_backoff> lock;
        std::vector<int> served;
        std::vector<std::thread> threads;
        announcing_backoff::waiting = 0;
        lock.lock();
        for (int arrival = 1; arrival <= 3; ++arrival) {
            threads.emplace_back([&, arrival] {
                cordon::guard section{lock};
                served.push_back(arrival);
            });
            while (announcing_backoff::waiting.load() != arrival)
                std::this_thread::yield();
        }
        CHECK(served.empty());
        lock.unlock();
        for (auto& thread : threads)
            thread.join();
        CHECK(served == std::vector<int>{1, 2, 3});
    }
}
