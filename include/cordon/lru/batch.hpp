// cordon/lru/batch.hpp - lru_batch: the frames that a thread has added and that are on no list yet.
// SPDX-License-Identifier: BSL-1.0
//
// Linux: a folio_batch of 31 entries. Only adds are batched. An entry is a hint: a frame whose word does not say
// `batched` any more was stolen by its claimant, and is passed over. If a stolen frame has left and was added again, the
// last entry of a batch counts, and of two batches the one that is emptied first: then its token and its key may be
// those of what the frame held before. A batch changes hands through its gate
// (local/drain_gate.hpp), like a thread cache.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/frames/geometry.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

// What comes with a frame that is added.
struct addition {
    frame_index frame;
    std::uint32_t token = 0;
    std::uint64_t key = 0;
};

namespace detail {

template <class Atomics, std::uint32_t Capacity, bool Keys>
struct batch_keys {
    typename Atomics::template plain<std::uint64_t> keys[Capacity];
    [[nodiscard]] std::uint64_t get(std::uint32_t n) const { return keys[n]; }
    void set(std::uint32_t n, std::uint64_t key) { keys[n] = key; }
};
template <class Atomics, std::uint32_t Capacity>
struct batch_keys<Atomics, Capacity, false> {
    [[nodiscard]] static std::uint64_t get(std::uint32_t) { return 0; }
    static void set(std::uint32_t, std::uint64_t) {}
};

} // namespace detail

template <class Atomics, class Gate, bool Keys>
struct alignas(cache_line_bytes) lru_batch {
    static constexpr std::uint32_t capacity = 31;

    typename Gate::slot gate;
    typename Atomics::template atomic<std::uint32_t> count; // readable by anybody
    typename Atomics::template plain<std::uint32_t> active; // drains know of this slot
    typename Atomics::template plain<std::uint32_t> frames[capacity];
    typename Atomics::template plain<std::uint32_t> tokens[capacity];
    [[no_unique_address]] detail::batch_keys<Atomics, capacity, Keys> keys;

    [[nodiscard]] std::uint32_t size() const { return count.load(std::memory_order_relaxed); }
    void push(const addition& a) {
        const std::uint32_t n = size();
        frames[n] = a.frame.raw();
        tokens[n] = a.token;
        keys.set(n, a.key);
        count.store(n + 1, std::memory_order_relaxed);
    }
    [[nodiscard]] addition at(std::uint32_t n) const {
        return {frame_index{frames[n]}, tokens[n], keys.get(n)};
    }
    void clear() { count.store(0, std::memory_order_relaxed); }
};

} // namespace cordon::inline v0
