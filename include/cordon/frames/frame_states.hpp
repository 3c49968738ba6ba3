// cordon/frames/frame_states.hpp - frame_states: one byte a frame that makes every wrong free a certainty.
// SPDX-License-Identifier: BSL-1.0
//
//     0              not the head of an allocation: free, cached, a tail, or never existed
//     0x80 | order   the head of a live allocation of that order
//
// The byte of a frame is written by whoever owns the frame at that moment, with plain relaxed stores: the
// allocating thread sets it, the freeing thread compares and clears it. So the hit path gains a load, a
// compare and a store, and no read-modify-write; a free of anything but a live head with its own order is
// found at once, whatever path the frame took. Tails need no byte of their own: a tail's byte is 0 because the
// frame was not a head when it became a tail, and its head is found by looking at the places where one could be, one
// for each order. Zero bytes are a fresh zone, so the array is committed only where frames are allocated.
// Two threads that free one frame in the same instant may both pass; the second copy is found when it is
// spilled to the block's map, whose bit is set already.
#pragma once

#include "cordon/core/atomics.hpp"
#include "cordon/core/types.hpp"
#include "cordon/frames/geometry.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics>
class frame_states {
public:
    using cell = typename Atomics::template atomic<std::uint8_t>;
    static constexpr bool enabled = true;
    static constexpr std::size_t cells(std::uint32_t span) { return span; }

    constexpr frame_states() = default;
    explicit constexpr frame_states(cell* cells) : cells_(cells) {}

    CORDON_ALWAYS_INLINE void set_head(frame_index i, order k) {
        cells_[i.raw()].store(static_cast<std::uint8_t>(head | k.raw()), std::memory_order_relaxed);
    }
    // A sum, not an or: an order above 127 matches no byte.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool is_head(frame_index i, order k) const {
        return cells_[i.raw()].load(std::memory_order_relaxed) == head + k.raw();
    }
    CORDON_ALWAYS_INLINE void clear_head(frame_index i) {
        cells_[i.raw()].store(0, std::memory_order_relaxed);
    }

    struct allocation {
        bool found = false;
        frame_index head{};
        order size{};
    };
    // Returns: the live allocation that the frame is part of. Racy while others allocate and free.
    // Cost: at most max_order + 1 loads.
    [[nodiscard]] allocation allocation_of(frame_index i, unsigned max_order) const {
        for (unsigned k = 0; k <= max_order; ++k) {
            const frame_index at{i.raw() & ~static_cast<std::uint32_t>((std::uint64_t{1} << k) - 1)};
            const std::uint8_t byte = cells_[at.raw()].load(std::memory_order_relaxed);
            const unsigned size = byte & ~unsigned{head};
            if ((byte & head) != 0 && size >= k) // then it reaches up to the frame
                return {true, at, order{size}};
        }
        return {};
    }

private:
    static constexpr std::uint8_t head = 0x80;
    cell* cells_ = nullptr;
};

// Checks of level none: no byte, nothing known, everything believed.
template <class Atomics>
class null_frame_states {
public:
    using cell = std::uint8_t;
    using allocation = typename frame_states<Atomics>::allocation;
    static constexpr bool enabled = false;
    static constexpr std::size_t cells(std::uint32_t) { return 0; }

    constexpr null_frame_states() = default;
    explicit constexpr null_frame_states(cell*) {}
    CORDON_ALWAYS_INLINE void set_head(frame_index, order) {}
    [[nodiscard]] CORDON_ALWAYS_INLINE bool is_head(frame_index, order) const { return true; }
    CORDON_ALWAYS_INLINE void clear_head(frame_index) {}
    // Returns: each frame as an allocation of its own.
    [[nodiscard]] allocation allocation_of(frame_index i, unsigned) const { return {true, i, order{0}}; }
};

} // namespace cordon::inline v0
