// tests/sync/stale_atomics.hpp - stale_atomics: a relaxed load may see what was there before another thread came.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"

#include <atomic>

// The moment between a look and what is done about it, as long as `stale` is set: a look sees zero.
struct stale_atomics : cordon::std_atomics {
    static inline bool stale = false;
    template <class T>
    struct atomic : cordon::std_atomics::atomic<T> {
        T load(std::memory_order order) const {
            return stale ? T{} : cordon::std_atomics::atomic<T>::load(order);
        }
    };
};
