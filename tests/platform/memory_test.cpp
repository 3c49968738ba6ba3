// tests/platform/memory_test.cpp - zero pages.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/memory.hpp"

#include "support/catch.hpp"
#include "support/skip.hpp"

#include <algorithm>
#include <cstdint>

using namespace cordon;

TEST_CASE("mapped memory is zero, page aligned and writable", "[platform]") {
    const std::span<std::byte> memory = mapped_memory::map(100'000);
    REQUIRE(memory.size() == 100'000);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % 4096 == 0);
    CHECK(std::all_of(memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{0}; }));
    std::fill(memory.begin(), memory.end(), std::byte{0xa5});
    mapped_memory::unmap(memory);
}

TEST_CASE("mapped memory is not committed before it is written", "[platform]") {
    // More than most machines have.
    constexpr std::size_t large = (SIZE_MAX >> (sizeof(std::size_t) == 8 ? 28 : 2)) + 1;
    const std::span<std::byte> memory = mapped_memory::map(large);
#if defined(_WIN32)
    if (memory.empty()) return testing::skip("Windows wants room for all of it");
#endif
    REQUIRE(memory.size() == large);
    memory.back() = std::byte{1};
    mapped_memory::unmap(memory);
}

TEST_CASE("memory that cannot be mapped is an empty span", "[platform]") {
    CHECK(mapped_memory::map(0).empty());
    CHECK(mapped_memory::map(SIZE_MAX - 0xffff).empty());
    mapped_memory::unmap({});
}
