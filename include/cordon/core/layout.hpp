// cordon/core/layout.hpp - layout: arrays laid one behind the other in one region of memory.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"

#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

// Each array starts on a cache line of its own; the large ones on a page of their own.
class layout {
public:
    static constexpr std::size_t page = 4096;

    layout() = default;
    // `memory` is zero bytes, aligned to a cache line; null: the arrays are only measured.
    explicit constexpr layout(std::byte* memory) : memory_(memory) {}

    // Returns: n objects of the implicit-lifetime type T, `behind` bytes behind the boundary; null when measuring.
    template <class T>
    [[nodiscard]] constexpr T* part(std::uint64_t n, std::size_t behind = 0) {
        const std::uint64_t size = n * sizeof(T);
        const std::uint64_t align = size >= page ? page : cache_line_bytes;
        const std::uint64_t at = (bytes_ + align - 1) / align * align + behind;
        bytes_ = at + size;
        return memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + static_cast<std::size_t>(at));
    }

    // Returns: how much memory all of it takes; SIZE_MAX, which nobody has, when that is more than can be addressed.
    [[nodiscard]] constexpr std::size_t bytes() const {
        return bytes_ < SIZE_MAX ? static_cast<std::size_t>(bytes_) : SIZE_MAX;
    }

private:
    std::byte* memory_ = nullptr;
    std::uint64_t bytes_ = 0;
};

} // namespace cordon::inline v0
