// cordon/platform/memory.hpp - mapped_memory: zero pages for metadata, straight from the kernel.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/freestanding.hpp"

#include <sys/mman.h>

namespace cordon::inline v0 {

struct mapped_memory {
    // Private and without reserve: pages are committed when they are first written, and a fork child has its
    // own copy.
    [[nodiscard]] static std::span<std::byte> map(std::size_t bytes) noexcept {
        void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return {};
        return {static_cast<std::byte*>(memory), bytes};
    }
    static void unmap(std::span<std::byte> memory) noexcept {
        if (!memory.empty()) ::munmap(memory.data(), memory.size());
    }
};

} // namespace cordon::inline v0
