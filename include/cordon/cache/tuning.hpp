// cordon/cache/tuning.hpp - how large batches and magazines are.
// SPDX-License-Identifier: BSL-1.0
//
// A magazine starts small and learns: each refill or spill doubles its batch and its mark, up to its capacity,
// so a thread that works through many frames soon pays one lock hold for hundreds, and one that holds a few
// keeps few from the others. A drain halves what was learned and keeps it (the wish of gperftools #750).
// Linux tunes its lists alike since 6.7 (ca71fe1ad922).
#pragma once

#include <cstdint>

namespace cordon::inline v0 {

// A free that finds `mark` runs in the magazine makes room first. Zero, as in fresh metadata: never used.
struct magazine_marks {
    std::uint32_t mark;
    std::uint32_t batch;
    // The mark is what a magazine remembers: it is two batches.
    [[nodiscard]] static constexpr magazine_marks of(std::uint32_t mark) {
        return {mark, mark < 2 ? 1 : mark / 2};
    }
};

class magazine_tuning {
public:
    // `capacity` runs fit into the magazine.
    explicit constexpr magazine_tuning(std::uint16_t capacity) : capacity_(capacity) {}

    // A first batch of 64 frames is a whole word: two threads that start out do not share the cache lines of their
    // frames' state bytes.
    [[nodiscard]] constexpr magazine_marks first() const {
        return sized(capacity_ < 512 ? capacity_ / 8 : 64);
    }
    // After a refill, and after a spill: the next one is twice as large.
    [[nodiscard]] constexpr magazine_marks grown(magazine_marks m) const { return sized(m.batch * 2u); }
    [[nodiscard]] constexpr magazine_marks shrunk(magazine_marks m) const { return sized(m.batch / 2u); }
    [[nodiscard]] constexpr magazine_marks most() const { return sized(capacity_); }

private:
    // A mark of two batches leaves a full batch in the magazine after a spill: the next refill is far away.
    [[nodiscard]] constexpr magazine_marks sized(std::uint32_t batch) const {
        const std::uint32_t half = capacity_ < 2 ? 1 : capacity_ / 2u;
        const std::uint32_t b = batch < 1 ? 1 : batch < half ? batch : half;
        return magazine_marks::of(b * 2 < capacity_ ? b * 2 : capacity_);
    }
    std::uint16_t capacity_;
};

} // namespace cordon::inline v0
