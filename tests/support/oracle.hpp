// support/oracle.hpp - ownership_oracle: who holds which frame, kept by those who hold them; sealed_now: what is sealed.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon::testing {

// A word a frame. A frame that is handed out twice finds its word taken.
class ownership_oracle {
public:
    explicit ownership_oracle(frame_count frames) : owner_(static_cast<std::size_t>(frames.raw())) {}

    // Effects: the frames of the run are `who`'s. `who` is not 0.
    void take(frame head, order k, std::uint32_t who) {
        for (std::uint32_t i = 0; i != k.frames().raw(); ++i)
            if (owner_[head.raw() + i].exchange(who, std::memory_order_relaxed) != 0) wrong();
    }
    void give(frame head, order k, std::uint32_t who) {
        for (std::uint32_t i = 0; i != k.frames().raw(); ++i)
            if (owner_[head.raw() + i].exchange(0, std::memory_order_relaxed) != who) wrong();
    }
    [[nodiscard]] bool is_held(frame f) const { return owner_[f.raw()].load(std::memory_order_relaxed) != 0; }
    void wrong() { wrong_.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t mistakes() const { return wrong_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t held() const {
        std::uint64_t n = 0;
        for (const std::atomic<std::uint32_t>& owner : owner_)
            n += owner.load(std::memory_order_relaxed) != 0;
        return n;
    }

private:
    std::vector<std::atomic<std::uint32_t>> owner_;
    std::atomic<std::uint64_t> wrong_{0};
};

// The blocks that one isolator holds sealed, for threads that must get nothing of them. A frame counts against
// the seal only if the block was sealed before the call that returned it and still is after it.
class sealed_now {
public:
    struct view {
        std::uint64_t word;
        [[nodiscard]] bool contains(std::uint32_t block) const {
            const std::uint32_t first = static_cast<std::uint32_t>(word) & 0xffff;
            const std::uint32_t count = static_cast<std::uint32_t>(word >> 16) & 0xffff;
            return block - first < count;
        }
        bool operator==(const view&) const = default;
    };
    // Effects: `count` blocks are sealed, until open().
    void seal(std::uint32_t first, std::uint32_t count) {
        word_.store(++generation_ << 32 | std::uint64_t{count} << 16 | first);
    }
    void open() { word_.store(++generation_ << 32); }
    [[nodiscard]] view look() const { return {word_.load()}; }

private:
    std::atomic<std::uint64_t> word_{0};
    std::uint64_t generation_ = 0;
};

} // namespace cordon::testing
