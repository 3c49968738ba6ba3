// tests/sync/ticket_lock_test.cpp - first come, first served.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/ticket_lock.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "sync/lock_contract.hpp"

#include <atomic>
#include <thread>
#include <vector>

TEST_CASE("a ticket lock keeps the contract of a lock", "[sync]") {
    check_lock_contract<cordon::ticket_lock>();
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
