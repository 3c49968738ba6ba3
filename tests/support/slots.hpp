// support/slots.hpp - chosen_slots: the test says which thread cache a call works with.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/freestanding.hpp"

#include <cstdint>

namespace cordon::testing {

// Four slots; the test says which one the calling thread has.
struct chosen_slots {
    using listener = null_slot_listener;
    static constexpr std::uint32_t max_slots = 4;
    static inline thread_local slot_index mine = slot_index::none();
    [[nodiscard]] static slot_index current() noexcept { return mine; }
    [[nodiscard]] static slot_index peek() noexcept { return mine; }
    static void attach(listener&) noexcept {}
    static void detach(listener&) noexcept {}
};

} // namespace cordon::testing
