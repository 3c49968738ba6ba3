// tests/core/index_set_test.cpp - index_sets: several sets in one memory, against std::set.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/index_set.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

using cordon::index_sets;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

namespace {

void check_against_set(std::uint32_t sets, std::uint32_t capacity) {
    CAPTURE(seed(), sets, capacity);
    rng random{seed() + capacity};
    std::vector<std::uint64_t> memory(index_sets::word_count(sets, capacity) + 1);
    memory.back() = 0xfeed; // behind the end
    index_sets tested{memory.data(), sets, capacity};
    std::vector<std::set<std::uint32_t>> expected(sets);
    for (int n = 0; n != scaled(4000); ++n) {
        const auto s = static_cast<std::uint32_t>(random.below(sets));
        const std::uint64_t near = random.below(4) == 0 ? capacity : std::min<std::uint64_t>(capacity, 200);
        const auto member = static_cast<std::uint32_t>(capacity - 1 - random.below(near));
        if (random.below(2) == 0) {
            tested.insert(s, member);
            expected[s].insert(member);
        } else {
            const auto victim = expected[s].lower_bound(member);
            const std::uint32_t gone = victim == expected[s].end() ? member : *victim;
            tested.erase(s, gone);
            expected[s].erase(gone);
        }
        REQUIRE(tested.empty(s) == expected[s].empty());
        REQUIRE(tested.contains(s, member) == (expected[s].count(member) != 0));
        REQUIRE(tested.first(s) == (expected[s].empty() ? index_sets::none : *expected[s].begin()));
        const auto low = static_cast<std::uint32_t>(random.below(sets));
        const auto high = low + static_cast<std::uint32_t>(random.below(sets - low + 1));
        std::uint32_t occupied = low;
        while (occupied != high && expected[occupied].empty())
            ++occupied;
        REQUIRE(tested.non_empty(low, high) == occupied);
        const auto from = static_cast<std::uint32_t>(random.below(capacity));
        const auto next = expected[s].lower_bound(from);
        REQUIRE(tested.next(s, from) == (next == expected[s].end() ? index_sets::none : *next));
    }
    for (std::uint32_t s = 0; s != sets; ++s) {
        std::vector<std::uint32_t> walked;
        for (std::uint32_t m = tested.first(s); m != index_sets::none;
             m = tested.next(s, std::uint64_t{m} + 1))
            walked.push_back(m);
        REQUIRE(std::equal(walked.begin(), walked.end(), expected[s].begin(), expected[s].end()));
        for (const std::uint32_t m : expected[s])
            tested.erase(s, m);
    }
    REQUIRE(memory.back() == 0xfeed);
    memory.back() = 0;
    REQUIRE(std::all_of(memory.begin(), memory.end(), [](std::uint64_t w) { return w == 0; }));
}

} // namespace

TEST_CASE("sets of numbers below any capacity behave as std::set", "[core]") {
    for (const std::uint32_t capacity :
         {1u, 2u, 63u, 64u, 65u, 4095u, 4096u, 4097u, 262'143u, 262'145u, 300'000u})
        check_against_set(3, capacity);
    check_against_set(36, 100);
    check_against_set(index_sets::max_sets, 100);
    check_against_set(1, 64);
}

TEST_CASE("inserting and erasing twice is as once", "[core]") {
    std::vector<std::uint64_t> memory(index_sets::word_count(2, 5000));
    index_sets sets{memory.data(), 2, 5000};
    sets.insert(1, 4999);
    sets.insert(1, 4999);
    CHECK(sets.empty(0));
    sets.erase(1, 4999);
    CHECK(sets.empty(1));
    sets.erase(1, 4999);
    sets.erase(1, 17);
    CHECK(sets.empty(1));
    CHECK(sets.first(1) == index_sets::none);
}

TEST_CASE("sets of no numbers have a place and no member", "[core]") {
    std::vector<std::uint64_t> memory(index_sets::word_count(2, 0));
    const index_sets sets{memory.data(), 2, 0};
    CHECK(memory.size() == 1 + 2);
    CHECK(sets.empty(1));
    CHECK(sets.first(1) == index_sets::none);
}

TEST_CASE("nothing follows the last number that fits", "[core]") {
    std::vector<std::uint64_t> memory(index_sets::word_count(1, 128));
    index_sets sets{memory.data(), 1, 128};
    sets.insert(0, 127);
    CHECK(sets.next(0, 127) == 127);
    CHECK(sets.next(0, 128) == index_sets::none);
    CHECK(sets.next(0, UINT32_MAX) == index_sets::none);
}

TEST_CASE("a set costs little more than a bit a member", "[core]") {
    CHECK(index_sets::word_count(1, 64) == 1 + 1);
    CHECK(index_sets::word_count(1, 65) == 1 + 3);
    CHECK(index_sets::word_count(1, 4096) == 1 + 65);
    CHECK(index_sets::word_count(4, 4096) == 1 + 260);
    CHECK(index_sets::word_count(1, 1u << 23) == (1u << 17) + (1u << 11) + (1u << 5) + 1 + 1);
    CHECK(index_sets::word_count(1, UINT32_MAX) ==
          (1u << 26) + (1u << 20) + (1u << 14) + (1u << 8) + (1u << 2) + 1 + 1);
}

TEST_CASE("trees are sound after any inserts and erases, and not when a bit of them is changed") {
    constexpr std::uint32_t count = 3;
    for (const std::uint32_t capacity : {1u, 64u, 65u, 4097u}) {
        std::vector<std::uint64_t> memory(index_sets::word_count(count, capacity));
        index_sets sets{memory.data(), count, capacity};
        REQUIRE(sets.is_sound(count, capacity));
        for (std::uint32_t member = 0; member < capacity; member += 7)
            sets.insert(member % count, member);
        sets.erase(0, 0);
        sets.insert(2, capacity - 1);
        REQUIRE(sets.is_sound(count, capacity));
        std::uint64_t unnoticed = 0;
        for (std::uint64_t& word : memory)
            for (unsigned bit = 0; bit != 64; ++bit) {
                word ^= 1ull << bit;
                unnoticed += sets.is_sound(count, capacity);
                word ^= 1ull << bit;
            }
        // Another member of level 0 is another set, unless it is the first or the last of its word.
        CAPTURE(capacity, unnoticed);
        CHECK(unnoticed <= std::uint64_t{count} * capacity);
        sets.insert(1, 0);
        memory[0] |= 1ull << count;
        CHECK_FALSE(sets.is_sound(count, capacity));
    }
    std::uint64_t one_word[2] = {1, 1ull << 10};
    CHECK_FALSE(index_sets{one_word, 1, 10}.is_sound(1, 10));
    one_word[1] = 1ull << 9;
    CHECK(index_sets{one_word, 1, 10}.is_sound(1, 10));
    one_word[0] = 0;
    CHECK_FALSE(index_sets{one_word, 1, 10}.is_sound(1, 10));
}

TEST_CASE("as many sets as there may be are sound, too: none of their bits is one too many", "[core]") {
    std::vector<std::uint64_t> memory(index_sets::word_count(index_sets::max_sets, 10));
    index_sets sets{memory.data(), index_sets::max_sets, 10};
    sets.insert(0, 9);
    sets.insert(index_sets::max_sets - 1, 9);
    CHECK(sets.is_sound(index_sets::max_sets, 10));
    memory[0] ^= 1ull << (index_sets::max_sets - 1);
    CHECK_FALSE(sets.is_sound(index_sets::max_sets, 10));
}
