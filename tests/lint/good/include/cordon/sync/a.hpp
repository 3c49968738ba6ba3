// cordon/sync/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/default.hpp"

#include <atomic>

// The forms that an ordered operation may take.
struct a {
    void unlock() { word_.store(0, std::memory_order_release); } // (1) release: pairs with (2), (3)
    bool lock() {
        int expected = 0;
        // (2) acquire: pairs with (1) and (4); what the last owner
        // wrote is visible now
        return word_.compare_exchange_strong(expected, 1, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    bool is_free() {
        // (3) acquire: pairs with (1); (4) acq_rel: pairs with (2)
        return word_.load(std::memory_order_acquire) == 0 &&
               word_.exchange(1, std::memory_order_acq_rel) == 0;
    }
    void quiet() {
        // (5) relaxed: pairs with b.hpp (1), through the barriers
        word_.store('"', std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    const char* text() { return "word_.load(std::memory_order_acquire)"; }
    std::atomic<int> word_{1'000};
};
