// support/stepped_clock.hpp - stepped_clock, stepped_policy: time passes when somebody looks, whatever the load.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/time.hpp"
#include "support/zones.hpp"

#include <cstdint>

namespace cordon::testing {

// Each look at the clock takes a millisecond.
struct stepped_clock {
    static inline std::uint64_t time = 1;
    [[nodiscard]] static std::uint64_t now() noexcept { return time += 1'000'000; }
    static void skip() { time += 100'000'000'000; }
};
// What operations are given: passed behind a skip, and not before.
inline constexpr deadline in_a_second = deadline::in_nanoseconds(1'000'000'000);

struct stepped_policy : small_policy {
    using clock = stepped_clock;
    using gate = membarrier_gate<atomics, refusable_barrier, clock, backoff>;
};

} // namespace cordon::testing
