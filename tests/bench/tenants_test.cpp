// tests/bench/tenants_test.cpp - tenants that measure memory have none of their own in it.
// SPDX-License-Identifier: BSL-1.0
#include "support/tenants.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

std::size_t allocations = 0;

// A lane with frames for ever.
template <class Frame>
struct endless {
    using frame = Frame;
    static constexpr frame none = static_cast<frame>(-1);
    frame next = 0;
    frame get(unsigned order) {
        const frame run = next;
        next += frame{1} << order;
        return run;
    }
    void put(frame, unsigned) {}
};

template <class Frame>
std::size_t allocations_of_a_fill() {
    constexpr std::uint64_t frames = 4096;
    bench::tenants<endless<Frame>> who{{}, 1};
    who.make_room(frames);
    const std::size_t before = allocations;
    who.fill(frames - 8); // the last run may have eight
    who.shrink(frames / 2);
    return allocations - before;
}

// A lane that counts what is out.
struct counting : endless<std::uint32_t> {
    std::uint64_t* out;
    std::uint32_t get(unsigned order) {
        *out += 1u << order;
        return endless::get(order);
    }
    void put(std::uint32_t, unsigned order) { *out -= 1u << order; }
};

} // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

TEST_CASE("tenants that have made room allocate nothing when they fill a zone", "[bench]") {
    CHECK(allocations_of_a_fill<std::uint32_t>() == 0);
    CHECK(allocations_of_a_fill<std::uint64_t>() == 0);
}

TEST_CASE("tenants that go leave nothing behind", "[bench]") {
    std::uint64_t out = 0;
    {
        bench::tenants<counting> who{counting{{}, &out}, 1};
        who.fill(1000);
        who.breathe(100);
        CHECK(out == who.frames());
    }
    CHECK(out == 0);
}
