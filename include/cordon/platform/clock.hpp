// cordon/platform/clock.hpp - monotonic_clock: nanoseconds that never go back.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/freestanding.hpp"

#include <time.h>

namespace cordon::inline v0 {

struct monotonic_clock {
    // Cost: about 20 ns (vDSO; no system call on the usual clock sources).
    [[nodiscard]] static std::uint64_t now() noexcept {
        timespec time{};
        ::clock_gettime(CLOCK_MONOTONIC, &time);
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
               static_cast<std::uint64_t>(time.tv_nsec);
    }
};

} // namespace cordon::inline v0
