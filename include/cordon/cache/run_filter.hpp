// cordon/cache/run_filter.hpp - run_filter: which of the cached runs a drain takes.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Runs that start in a window.
struct run_window {
    std::uint32_t first;
    std::uint32_t size;
    [[nodiscard]] constexpr bool holds(std::uint32_t run) const { return run - first < size; }
};

// Those with a frame in [first, end).
struct run_filter {
    std::uint64_t first = 0;
    std::uint64_t end = UINT64_MAX;
    // Returns: where runs of one order start that it takes. They start at multiples of their size, so the one that
    // reaches into the range from below starts there as well, and each run is one comparison.
    [[nodiscard]] constexpr run_window of_order(order k) const {
        const std::uint64_t from = first >> k.raw() << k.raw();
        // A window beyond the last run would reach round to the first ones.
        const std::uint64_t to = end < all_runs ? end : all_runs;
        const std::uint64_t size = from < to ? to - from : 0;
        return {static_cast<std::uint32_t>(from),
                static_cast<std::uint32_t>(size < UINT32_MAX ? size : UINT32_MAX)};
    }
    [[nodiscard]] static constexpr run_filter nothing() { return {1, 0}; }
    [[nodiscard]] constexpr frame_count frames() const { return frame_count{first < end ? end - first : 0}; }
    [[nodiscard]] constexpr bool takes_all() const { return first == 0 && end == UINT64_MAX; }
    // The same in two words; no frame has the index UINT32_MAX.
    [[nodiscard]] constexpr std::uint32_t first_run() const { return static_cast<std::uint32_t>(first); }
    [[nodiscard]] constexpr std::uint32_t last_run() const {
        return end > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(end - 1);
    }
    [[nodiscard]] static constexpr run_filter of_words(std::uint32_t first_run, std::uint32_t last_run) {
        return {first_run, last_run == UINT32_MAX ? UINT64_MAX : std::uint64_t{last_run} + 1};
    }

private:
    static constexpr std::uint64_t all_runs = std::uint64_t{UINT32_MAX} + 1;
};

} // namespace cordon::inline v0
