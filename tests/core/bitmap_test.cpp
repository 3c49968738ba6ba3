// tests/core/bitmap_test.cpp - bitmap: each operation against loops that look at one bit at a time.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/bitmap.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

using cordon::bitmap;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

namespace {

template <class Map>
struct loops {
    std::vector<bool> bits = std::vector<bool>(Map::size);

    explicit loops(const Map& m) {
        for (unsigned i = 0; i != Map::size; ++i)
            bits[i] = m.test(i);
    }
    [[nodiscard]] bool all(unsigned first, unsigned k) const {
        return std::all_of(bits.begin() + first, bits.begin() + first + (1 << k), [](bool b) { return b; });
    }
    [[nodiscard]] bool any(unsigned first, unsigned k) const {
        return std::any_of(bits.begin() + first, bits.begin() + first + (1 << k), [](bool b) { return b; });
    }
    [[nodiscard]] unsigned largest() const {
        for (unsigned k = Map::max_order + 1; k-- != 0;)
            for (unsigned i = 0; i != Map::size; i += 1u << k)
                if (all(i, k)) return k;
        return Map::max_order + 1;
    }
    // Returns: whether the run is free and its buddy is not.
    [[nodiscard]] bool lone(unsigned first, unsigned k) const {
        return all(first, k) && (k == Map::max_order || !all(first ^ (1u << k), k));
    }
    // Returns: the run that find promises: the first lone one, else the first.
    [[nodiscard]] unsigned find(unsigned k, bool first_of_lone) const {
        for (unsigned i = 0; i != Map::size; i += 1u << k)
            if (first_of_lone ? lone(i, k) : all(i, k)) return i;
        return Map::none;
    }
};

// Maps of all densities, of runs as an allocator leaves them, the empty and the full one.
template <class Map>
Map random_map(rng& random) {
    Map m;
    m.clear();
    const std::uint64_t kind = random.below(10);
    if (kind == 0) return m;
    if (kind == 1) m.set();
    if (kind < 5) {
        const std::uint64_t percent = random.below(101);
        for (unsigned i = 0; i != Map::size; ++i)
            if (random.below(100) < percent) m.set(i, 0);
        return m;
    }
    for (std::uint64_t n = random.below(40); n != 0; --n) {
        const auto k = static_cast<unsigned>(random.below(Map::max_order + 1));
        const auto first = static_cast<unsigned>(random.below(Map::size >> k) << k);
        random.below(2) == 0 ? m.set(first, k) : m.clear(first, k);
    }
    return m;
}

template <class Map>
void check_reading(const Map& m) {
    const loops<Map> expected{m};
    REQUIRE(m.count() == static_cast<unsigned>(std::count(expected.bits.begin(), expected.bits.end(), true)));
    REQUIRE(m.largest_order() == expected.largest());
    for (unsigned k = 0; k <= Map::max_order; ++k) {
        bool all = true;
        bool any = true;
        for (unsigned i = 0; i != Map::size; i += 1u << k) {
            all = all && m.all(i, k) == expected.all(i, k);
            any = any && m.any(i, k) == expected.any(i, k);
        }
        CAPTURE(k);
        REQUIRE(all);
        REQUIRE(any);
        const unsigned lone = expected.find(k, true);
        REQUIRE(m.has_run(k) == (expected.find(k, false) != Map::none));
        REQUIRE(m.find(k) == (lone != Map::none ? lone : expected.find(k, false)));
    }
}

template <class Map>
void check_taking(const Map& before, unsigned k, unsigned n) {
    CAPTURE(k, n);
    const loops<Map> expected{before};
    Map m = before;
    std::vector<unsigned> taken;
    const unsigned count = m.take(k, n, [&](unsigned first) { taken.push_back(first); });
    REQUIRE(count == taken.size());

    unsigned runs = 0;
    unsigned lone_runs = 0;
    for (unsigned i = 0; i != Map::size; i += 1u << k) {
        runs += expected.all(i, k);
        lone_runs += expected.lone(i, k);
    }
    REQUIRE(taken.size() == std::min(n, runs));
    Map rest = before;
    unsigned split = 0;
    for (const unsigned first : taken) {
        REQUIRE(first % (1u << k) == 0);
        REQUIRE(rest.all(first, k)); // all of it was free, and no run is taken twice
        rest.clear(first, k);
        split += !expected.lone(first, k);
    }
    REQUIRE(std::equal(std::begin(m.word), std::end(m.word), std::begin(rest.word)));
    if (!taken.empty()) REQUIRE(m.shrunk_order(before.largest_order()) == m.largest_order());
    REQUIRE((split == 0 ||
             taken.size() - split == lone_runs)); // larger runs are split only when no lone one is left
}

template <class Map>
void check_growing(rng& random) {
    Map m = random_map<Map>(random);
    const auto k = static_cast<unsigned>(random.below(Map::max_order + 1));
    const auto first = static_cast<unsigned>(random.below(Map::size >> k) << k);
    m.clear(first, k);
    const unsigned before = m.largest_order();
    m.set(first, k);
    const unsigned start = before > Map::max_order || before < k ? k : before;
    REQUIRE(m.grown_order(first, start) == m.largest_order());
}

template <class Map>
void check_map() {
    rng random{seed()};
    CAPTURE(seed());
    for (int round = 0; round != scaled(2000); ++round) {
        const Map m = random_map<Map>(random);
        check_reading(m);
        check_taking(m, static_cast<unsigned>(random.below(Map::max_order + 1)),
                     static_cast<unsigned>(random.below(random.below(2) == 0 ? 4 : Map::size + 1)));
        check_growing<Map>(random);
    }
}

} // namespace

TEST_CASE("a bitmap of 64 bits reads, takes and grows as loops do", "[core]") {
    check_map<bitmap<64>>();
}
TEST_CASE("a bitmap of 128 bits reads, takes and grows as loops do", "[core]") {
    check_map<bitmap<128>>();
}
TEST_CASE("a bitmap of 512 bits reads, takes and grows as loops do", "[core]") {
    check_map<bitmap<512>>();
}

TEST_CASE("setting and clearing a run touches its bits and no others", "[core]") {
    using map = bitmap<512>;
    for (unsigned k = 0; k <= map::max_order; ++k)
        for (unsigned first = 0; first != map::size; first += 1u << k) {
            map set;
            set.clear();
            set.set(first, k);
            map cleared;
            cleared.set();
            cleared.clear(first, k);
            bool right = true;
            for (unsigned i = 0; i != map::size; ++i) {
                const bool inside = i >= first && i < first + (1u << k);
                right = right && set.test(i) == inside && cleared.test(i) == !inside;
            }
            CAPTURE(first, k);
            REQUIRE(right);
        }
}

TEST_CASE("an empty bitmap has no run and a full one has the largest", "[core]") {
    bitmap<512> m;
    m.clear();
    CHECK(m.largest_order() == bitmap<512>::max_order + 1);
    CHECK(m.find(0) == bitmap<512>::none);
    CHECK(m.take(0, 5, [](unsigned) {}) == 0);
    m.set();
    CHECK(m.largest_order() == bitmap<512>::max_order);
    CHECK(m.find(9) == 0);
    CHECK(m.take(9, 5, [](unsigned) {}) == 1);
    CHECK(m.count() == 0);
}

TEST_CASE("a run whose buddy is in use is preferred to one that would split a larger run", "[core]") {
    bitmap<64> m;
    m.clear();
    m.set(0, 3);
    m.set(40, 0);
    CHECK(m.find(0) == 40);
    CHECK(m.find(1) == 0);
}

TEST_CASE("where a map loses its only large run, the next order may be far below", "[core]") {
    bitmap<512> m{};
    m.set(128, 7);
    m.set(3, 0);
    REQUIRE(m.largest_order() == 7);
    m.clear(128, 7);
    CHECK(m.shrunk_order(7) == 0);
    m.set(128, 6);
    CHECK(m.shrunk_order(7) == 6);
    m.clear(128, 6);
    m.clear(3, 0);
    CHECK(m.shrunk_order(0) == m.largest_order()); // it is empty
}

TEST_CASE("taking words takes exactly as many units, lone ones first", "[core]") {
    cordon::testing::rng numbers{cordon::testing::seed()};
    for (int round = 0; round != 2000; ++round) {
        cordon::bitmap<512> map{};
        for (std::uint64_t& word : map.word)
            word = numbers() & numbers();
        const cordon::bitmap<512> before = map;
        const auto wanted = static_cast<unsigned>(numbers.below(300));
        unsigned lone = 0;
        for (const std::uint64_t word : before.word)
            lone += cordon::bits_set(cordon::lone_run_starts(word, 0));
        cordon::bitmap<512> taken{};
        unsigned sum = 0;
        const unsigned n = map.take_words(wanted, [&](unsigned word, std::uint64_t bits, unsigned count) {
            REQUIRE(cordon::bits_set(bits) == count);
            REQUIRE((taken.word[word] & bits) == 0);
            taken.word[word] |= bits;
            if (sum < lone) REQUIRE((bits & ~cordon::lone_run_starts(before.word[word], 0)) == 0);
            sum += count;
        });
        REQUIRE(n == sum);
        REQUIRE(n == (wanted < before.count() ? wanted : before.count()));
        for (unsigned i = 0; i != 8; ++i)
            REQUIRE((map.word[i] ^ taken.word[i]) == before.word[i]);
    }
}
