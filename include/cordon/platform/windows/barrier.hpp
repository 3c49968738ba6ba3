// cordon/platform/windows/barrier.hpp - write_buffers_barrier: one thread pays for the store-load order of all.
// SPDX-License-Identifier: BSL-1.0
//
// The contract of the pair is in platform/barrier.hpp. FlushProcessWriteBuffers interrupts each processor that runs a
// thread of this process, as membarrier does, and cannot fail.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"

CORDON_WINDOWS_FUNCTION(void, FlushProcessWriteBuffers)();

namespace cordon::inline v0 {

class write_buffers_barrier {
public:
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept {
        ::FlushProcessWriteBuffers();
        return true;
    }
};
static_assert(heavy_barrier<write_buffers_barrier>);

} // namespace cordon::inline v0
