// cordon/platform/memory.hpp - mapped_memory: zero pages for metadata, straight from the system.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/concepts.hpp"
#include "cordon/platform/default_system.hpp"

#include <cstddef>
#include <span>

namespace cordon::inline v0 {

struct mapped_memory {
    [[nodiscard]] static std::span<std::byte> map(std::size_t bytes) noexcept {
        void* const memory = host_system::map(bytes);
        if (memory == nullptr) return {};
        return {static_cast<std::byte*>(memory), bytes};
    }
    static void unmap(std::span<std::byte> memory) noexcept {
        if (!memory.empty()) host_system::unmap(memory.data(), memory.size());
    }
};
static_assert(metadata_memory<mapped_memory>);

} // namespace cordon::inline v0
