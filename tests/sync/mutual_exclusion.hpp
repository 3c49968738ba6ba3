// tests/sync/mutual_exclusion.hpp - is_held; count_together: four threads, one plain counter, one lock.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/sync/guard.hpp"
#include "support/scale.hpp"

#include <atomic>
#include <thread>
#include <vector>

inline constexpr unsigned contenders = 4;
inline unsigned sections_each() {
    return cordon::testing::scaled(20'000u);
}
inline unsigned sections_in_all() {
    return contenders * sections_each();
}

// Returns: whether a try fails. Effects: leaves the lock as it was.
template <class L>
bool is_held(L& lock) CORDON_NO_THREAD_SAFETY_ANALYSIS;

template <class L>
bool is_held(L& lock) {
    if (!lock.try_lock()) return true;
    lock.unlock();
    return false;
}

// A lock that is only ever tried.
template <class L>
class tried {
public:
    void lock() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        while (!lock_.try_lock())
            std::this_thread::yield();
    }
    void unlock() CORDON_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

private:
    L lock_;
};

// Returns: how far the threads have counted together; sections_in_all() when the lock excludes.
template <class L>
unsigned count_together(L& lock) {
    const unsigned rounds = sections_each();
    unsigned counter = 0;
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != contenders; ++t)
        threads.emplace_back([&] {
            ready.fetch_add(1);
            while (ready.load() != contenders)
                std::this_thread::yield();
            for (unsigned i = 0; i != rounds; ++i) {
                cordon::guard section{lock};
                // A thread that is interrupted between the two would undo the others' counting.
                const unsigned seen = counter;
                if (i % 64 == 0) std::this_thread::yield();
                counter = seen + 1;
            }
        });
    for (auto& thread : threads)
        thread.join();
    return counter;
}
