// cordon/cache/run_filter.hpp - run_filter: which of the cached runs a drain takes.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Those with a frame in [first, end).
struct run_filter {
    std::uint64_t first = 0;
    std::uint64_t end = UINT64_MAX;
    [[nodiscard]] constexpr bool takes(std::uint32_t run, order k) const {
        return run < end && run + k.frames().raw() > first;
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
};

} // namespace cordon::inline v0
