// cordon/frames/range_table.hpp - range_table: a sorted table of disjoint index ranges in metadata memory.
// SPDX-License-Identifier: BSL-1.0
//
// Two things are rare enough for a table and must not cost the others a bit each: the holes of a zone, which
// are given at its creation, and its poisoned frames. A free looks here only if the traits of its block say
// `poisoned`; holes count as used for ever, so they matter only where somebody asks whether a block is idle.
#pragma once

#include "cordon/frames/geometry.hpp"

#include <cstdint>

namespace cordon::inline v0 {

class range_table {
public:
    struct range {
        std::uint32_t first;
        std::uint32_t count;
        [[nodiscard]] constexpr std::uint64_t end() const { return std::uint64_t{first} + count; }
    };

    constexpr range_table() = default;
    // `size` and `ranges` live in metadata; *size is 0 for a fresh table.
    constexpr range_table(std::uint32_t* size, range* ranges, std::uint32_t capacity)
        : size_(size), ranges_(ranges), capacity_(capacity) {}

    [[nodiscard]] constexpr std::uint32_t capacity() const { return capacity_; }
    [[nodiscard]] constexpr std::uint32_t size() const { return *size_; }
    [[nodiscard]] constexpr const range& operator[](std::uint32_t i) const { return ranges_[i]; }

    // Requires: not full; disjoint from the ranges in the table. Cost: O(size).
    constexpr void insert(frame_index first, std::uint32_t count) {
        std::uint32_t at = (*size_)++;
        for (; at != 0 && ranges_[at - 1].first > first.raw(); --at)
            ranges_[at] = ranges_[at - 1];
        ranges_[at] = {first.raw(), count};
    }

    // Effects: the same, in no order: sort() is to follow.
    constexpr void append(frame_index first, std::uint32_t count) {
        ranges_[(*size_)++] = {first.raw(), count};
    }
    // Effects: puts the ranges in order, by way of a heap. Cost: O(size log size), whatever their order was.
    constexpr void sort() {
        for (std::uint32_t at = *size_ / 2; at-- != 0;)
            sift_down(at, *size_);
        for (std::uint32_t end = *size_; end > 1;) {
            exchange(0, --end);
            sift_down(0, end);
        }
    }
    // Returns: whether the ranges rise, and none starts before the one below it ends.
    [[nodiscard]] constexpr bool is_disjoint() const {
        std::uint64_t last = 0;
        for (std::uint32_t i = 0; i != *size_; last = ranges_[i++].end())
            if (ranges_[i].first < last) return false;
        return true;
    }

    // Requires: a range of the table starts at `first`. Cost: O(size).
    constexpr void erase(frame_index first) {
        std::uint32_t at = lower_bound(first.raw());
        for (--*size_; at != *size_; ++at)
            ranges_[at] = ranges_[at + 1];
    }

    [[nodiscard]] constexpr bool contains(frame_index i) const { return count_in(i, 1) != 0; }
    // Returns: whether this very range is in the table.
    [[nodiscard]] constexpr bool has(frame_index first, std::uint32_t count) const {
        const std::uint32_t i = lower_bound(first.raw());
        return i != *size_ && ranges_[i].first == first.raw() && ranges_[i].count == count;
    }
    [[nodiscard]] constexpr bool any_in(frame_index first, std::uint64_t count) const {
        const std::uint32_t i = lower_bound(first.raw());
        return i != *size_ && ranges_[i].first < first.raw() + count;
    }
    // Returns: how many of the `count` indices from `first` on are in the table.
    [[nodiscard]] constexpr std::uint32_t count_in(frame_index first, std::uint32_t count) const {
        std::uint32_t n = 0;
        for_each_in(first, count, [&](frame_index, std::uint32_t length) { n += length; });
        return n;
    }
    // Calls f(first index, length) for each part of the table inside the `count` indices from `first` on.
    template <class F>
    constexpr void for_each_in(frame_index first, std::uint32_t count, F f) const {
        const std::uint64_t end = std::uint64_t{first.raw()} + count;
        for (std::uint32_t i = lower_bound(first.raw()); i != *size_ && ranges_[i].first < end; ++i) {
            const std::uint32_t from = ranges_[i].first > first.raw() ? ranges_[i].first : first.raw();
            const std::uint64_t to = ranges_[i].end() < end ? ranges_[i].end() : end;
            f(frame_index{from}, static_cast<std::uint32_t>(to - from));
        }
    }

private:
    constexpr void exchange(std::uint32_t a, std::uint32_t b) {
        const range before = ranges_[a];
        ranges_[a] = ranges_[b];
        ranges_[b] = before;
    }
    // Effects: of the first `end` ranges, those below `at` in the heap are a heap with it, the highest on top.
    constexpr void sift_down(std::uint32_t at, std::uint32_t end) {
        for (std::uint64_t child; (child = std::uint64_t{at} * 2 + 1) < end;) {
            auto higher = static_cast<std::uint32_t>(child);
            if (child + 1 < end && ranges_[child + 1].first > ranges_[child].first) ++higher;
            if (ranges_[at].first >= ranges_[higher].first) return;
            exchange(at, higher);
            at = higher;
        }
    }
    // Returns: the first range that ends behind `index`.
    [[nodiscard]] constexpr std::uint32_t lower_bound(std::uint32_t index) const {
        std::uint32_t low = 0;
        for (std::uint32_t high = *size_; low != high;) {
            const std::uint32_t middle = low + (high - low) / 2;
            if (ranges_[middle].end() <= index)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    std::uint32_t* size_ = nullptr;
    range* ranges_ = nullptr;
    std::uint32_t capacity_ = 0;
};

} // namespace cordon::inline v0
