// cordon/sync/lock_counter.hpp - lock_counter: how often a lock is taken and waited for, how long it is held.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

struct lock_figures {
    std::uint64_t acquisitions = 0;
    std::uint64_t contended = 0; // acquisitions that had to wait
    std::uint64_t longest_hold_ns = 0;
    std::uint64_t total_hold_ns = 0;
};

// An observer for observed_lock.hpp. The lock itself guards the writing, so counting takes no read-modify-write: the
// holder loads, adds and stores, all relaxed, and a reader needs no lock.
// Cost: two clock readings an acquisition.
template <class Clock, class Atomics = std_atomics>
class lock_counter {
public:
    static constexpr bool wants_contention = true;

    void before_lock() {}
    void acquired(bool contended) {
        add(acquisitions_, 1);
        if (contended) add(contended_, 1);
        acquired_at_ = Clock::now();
    }
    void released() {
        const std::uint64_t hold = Clock::now() - acquired_at_;
        add(total_hold_ns_, hold);
        if (hold > longest_hold_ns_.load(std::memory_order_relaxed))
            longest_hold_ns_.store(hold, std::memory_order_relaxed);
    }

    // Returns: the figures; each is exact, but under traffic they may be of different moments.
    // Locks: none.
    [[nodiscard]] lock_figures snapshot() const {
        return {.acquisitions = acquisitions_.load(std::memory_order_relaxed),
                .contended = contended_.load(std::memory_order_relaxed),
                .longest_hold_ns = longest_hold_ns_.load(std::memory_order_relaxed),
                .total_hold_ns = total_hold_ns_.load(std::memory_order_relaxed)};
    }

private:
    using counter = typename Atomics::template atomic<std::uint64_t>;

    static void add(counter& sum, std::uint64_t n) {
        sum.store(sum.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    counter acquisitions_{};
    counter contended_{};
    counter longest_hold_ns_{};
    counter total_hold_ns_{};
    std::uint64_t acquired_at_ = 0; // of the holder
};

} // namespace cordon::inline v0
