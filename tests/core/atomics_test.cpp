// tests/core/atomics_test.cpp - std_atomics: atomic access to memory that is mapped, not constructed.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/atomics.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"

#include <cstdint>
#include <cstring>
#include <thread>
#include <type_traits>

using cordon::std_atomics;
using cordon::testing::scaled;

TEST_CASE("each operation does to the value what its name says", "[core]") {
    constexpr auto relaxed = std::memory_order_relaxed;
    std_atomics::atomic<std::uint32_t> a{5};
    CHECK(a.load(relaxed) == 5);
    a.store(6, relaxed);
    CHECK(a.exchange(7, relaxed) == 6);
    CHECK(a.fetch_add(3, relaxed) == 7);
    CHECK(a.fetch_or(0x6, relaxed) == 10);
    CHECK(a.fetch_and(0xd, relaxed) == 14);
    CHECK(a.load(relaxed) == 12);
}

TEST_CASE("an exchange happens only when the value is the expected one", "[core]") {
    std_atomics::atomic<std::uint64_t> a{1};
    std::uint64_t expected = 2;
    CHECK_FALSE(a.compare_exchange(expected, 9, std::memory_order_acquire));
    CHECK(expected == 1);
    CHECK(a.load(std::memory_order_relaxed) == 1);
    CHECK(a.compare_exchange(expected, 9, std::memory_order_acquire));
    CHECK(a.load(std::memory_order_relaxed) == 9);
}

TEST_CASE("zero bytes are an atomic zero of the value's size", "[core]") {
    STATIC_REQUIRE(sizeof(std_atomics::atomic<std::uint8_t>) == 1);
    STATIC_REQUIRE(sizeof(std_atomics::atomic<std::uint32_t>) == 4);
    STATIC_REQUIRE(std::is_aggregate_v<std_atomics::atomic<std::uint64_t>>);
    STATIC_REQUIRE(std::is_trivially_default_constructible_v<std_atomics::atomic<std::uint64_t>>);
    STATIC_REQUIRE(std::is_same_v<std_atomics::plain<int>, int>);
    std_atomics::atomic<std::uint32_t> a;
    std::memset(static_cast<void*>(&a), 0, sizeof a);
    CHECK(a.load(std::memory_order_relaxed) == 0);
}

TEST_CASE("two threads that add lose nothing", "[core]") {
    std_atomics::atomic<std::uint32_t> sum{0};
    std_atomics::atomic<std::uint32_t> arrived{0};
    const auto rounds = scaled<std::uint32_t>(5'000'000);
    const auto add = [&] {
        arrived.fetch_add(1, std::memory_order_relaxed);
        while (arrived.load(std::memory_order_relaxed) != 2)
            std::this_thread::yield();
        for (std::uint32_t n = 0; n != rounds; ++n)
            sum.fetch_add(1, std::memory_order_relaxed);
    };
    std::thread other{add};
    add();
    other.join();
    CHECK(sum.load(std::memory_order_relaxed) == 2 * rounds);
}

TEST_CASE("what was written before a release is read after its acquire", "[core]") {
    std_atomics::atomic<std::uint32_t> turn{0};
    std_atomics::plain<std::uint32_t> data = 0;
    const auto rounds = scaled<std::uint32_t>(2000);
    // (1) release: pairs with (2); (2) acquire: pairs with (1)
    const auto play = [&](std::uint32_t parity) {
        for (std::uint32_t n = parity; n < rounds * 2; n += 2) {
            while (turn.load(std::memory_order_acquire) != n)
                std::this_thread::yield();
            ++data;
            turn.store(n + 1, std::memory_order_release);
        }
    };
    std::thread other{play, 1u};
    play(0);
    other.join();
    CHECK(data == rounds * 2);
}
