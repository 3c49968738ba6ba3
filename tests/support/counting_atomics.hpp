// support/counting_atomics.hpp - counting_atomics: how many loads and stores of bytes a call comes to, in one thread.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace cordon::testing {

struct counting_atomics : std_atomics {
    static inline unsigned loads = 0, stores = 0;
    struct byte : std_atomics::atomic<std::uint8_t> {
        std::uint8_t load(std::memory_order order) const {
            ++loads;
            return std_atomics::atomic<std::uint8_t>::load(order);
        }
        void store(std::uint8_t value, std::memory_order order) {
            ++stores;
            std_atomics::atomic<std::uint8_t>::store(value, order);
        }
    };
    template <class T>
    using atomic = std::conditional_t<std::is_same_v<T, std::uint8_t>, byte, std_atomics::atomic<T>>;
};

} // namespace cordon::testing
