// cordon/platform/clock.hpp - monotonic_clock: nanoseconds that never go back.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/concepts.hpp"
#include "cordon/platform/default_system.hpp"

#include <cstdint>

namespace cordon::inline v0 {

struct monotonic_clock {
    [[nodiscard]] static std::uint64_t now() noexcept { return host_system::now(); }
};
static_assert(clock_source<monotonic_clock>);

} // namespace cordon::inline v0
