// cordon/core/atomics.hpp - the atomics policy: how the library touches memory that threads share.
// SPDX-License-Identifier: BSL-1.0
//
// Every shared word goes through a policy, so that a test can put a model checker underneath the shipped
// headers. A policy has:
//   atomic<T>        load, store, exchange, fetch_add, fetch_or, fetch_and, compare_exchange, with orders
//   plain<T>         data that the protocols hand from thread to thread; T itself in production, a race probe
//                    in the checker
//   light_barrier()  orders the caller's own accesses against the compiler; the cheap side of the pair whose
//                    dear side is the platform's heavy barrier (platform/barrier.hpp)
//
// Objects live in metadata memory that is mapped, not constructed: a fresh zone of 1 TiB must not be written
// to. So these types are aggregates (implicit-lifetime types), zero bytes are a valid value of each, and the
// atomicity comes from std::atomic_ref.
#pragma once

#include "cordon/core/config.hpp"

#include <atomic>

namespace cordon::inline v0 {

struct std_atomics {
    template <class T>
    struct atomic {
        alignas(std::atomic_ref<T>::required_alignment) mutable T raw_value;

        CORDON_ALWAYS_INLINE T load(std::memory_order order) const { return ref().load(order); }
        CORDON_ALWAYS_INLINE void store(T value, std::memory_order order) { ref().store(value, order); }
        CORDON_ALWAYS_INLINE T exchange(T value, std::memory_order order) {
            return ref().exchange(value, order);
        }
        CORDON_ALWAYS_INLINE T fetch_add(T value, std::memory_order order) {
            return ref().fetch_add(value, order);
        }
        CORDON_ALWAYS_INLINE T fetch_or(T value, std::memory_order order) {
            return ref().fetch_or(value, order);
        }
        CORDON_ALWAYS_INLINE T fetch_and(T value, std::memory_order order) {
            return ref().fetch_and(value, order);
        }
        // The failure order is relaxed: no caller reads through a failed exchange.
        CORDON_ALWAYS_INLINE bool compare_exchange(T& expected, T desired, std::memory_order order) {
            return ref().compare_exchange_strong(expected, desired, order, std::memory_order_relaxed);
        }

    private:
        CORDON_ALWAYS_INLINE std::atomic_ref<T> ref() const { return std::atomic_ref<T>{raw_value}; }
    };

    template <class T>
    using plain = T;

    CORDON_ALWAYS_INLINE static void light_barrier() { std::atomic_signal_fence(std::memory_order_seq_cst); }
};

} // namespace cordon::inline v0
