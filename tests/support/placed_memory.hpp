// support/placed_memory.hpp - placed_memory: zero bytes for zone::place, aligned, and not one more than asked for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"

#include <cstddef>
#include <cstring>
#include <new>
#include <span>

namespace cordon::testing {

class placed_memory {
public:
    explicit placed_memory(std::size_t size)
        : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, alignment))) {
        std::memset(bytes_, 0, size);
    }
    explicit placed_memory(std::span<const std::byte> copied) : placed_memory(copied.size()) {
        std::memcpy(bytes_, copied.data(), size_);
    }
    placed_memory(const placed_memory&) = delete;
    placed_memory& operator=(const placed_memory&) = delete;
    ~placed_memory() { ::operator delete(bytes_, alignment); }

    [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_, size_}; }

private:
    static constexpr std::align_val_t alignment{cache_line_bytes};
    std::size_t size_;
    std::byte* bytes_;
};

} // namespace cordon::testing
