// tests/buddy/regions_test.cpp - regions: whole blocks in two pools, against a plain list of blocks.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/regions.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace cordon;
using testing::rng;
using testing::scaled;
using testing::seed;

namespace {

constexpr std::uint32_t none = UINT32_MAX;
constexpr block_pool pools[] = {block_pool::ordinary, block_pool::lent};

struct fixture {
    static constexpr std::uint32_t count = 3;
    static constexpr std::uint32_t blocks = count * 512;

    std::vector<regions::map> maps = std::vector<regions::map>(count * regions::pools);
    std::vector<region_marks> marks = std::vector<region_marks>(count * regions::pools, region_map::no_marks);
    std::vector<std::uint64_t> memory =
        std::vector<std::uint64_t>(index_sets::word_count(regions::pools * regions::bins, count));
    regions tested{maps.data(), marks.data(), index_sets{memory.data(), regions::pools* regions::bins, count},
                   count};

    fixture() {
        for (regions::map& m : maps)
            m.clear();
    }
    // Returns: the first block of the run taken, or none.
    std::uint32_t take(block_pool pool, unsigned k) {
        block_index first;
        return tested.take(pool, k, first) ? first.raw() : none;
    }
    std::uint32_t take_mixed(unsigned k) {
        block_index first;
        return tested.take_mixed(k, first) ? first.raw() : none;
    }
    [[nodiscard]] bool consistent() const {
        bool ok = true;
        for (std::uint32_t r = 0; r != count; ++r)
            for (const block_pool pool : pools)
                ok = ok && tested.consistent(pool, r);
        return ok;
    }
    // Returns: whether an aligned run of 2^k blocks of the pools asked for is there.
    [[nodiscard]] bool has_run(unsigned k, bool ordinary, bool lent) const {
        for (std::uint32_t first = 0; first != blocks; first += 1u << k) {
            bool all = true;
            for (std::uint32_t b = first; b != first + (1u << k); ++b)
                all = all && ((ordinary && tested.contains(block_pool::ordinary, block_index{b})) ||
                              (lent && tested.contains(block_pool::lent, block_index{b})));
            if (all) return true;
        }
        return false;
    }
};

} // namespace

TEST_CASE("fresh regions have no block", "[buddy]") {
    fixture f;
    CHECK(f.consistent());
    for (unsigned k = 0; k <= regions::map::max_order; ++k) {
        CHECK(f.take(block_pool::ordinary, k) == none);
        CHECK(f.take_mixed(k) == none);
    }
}

TEST_CASE("a region starts with any number of blocks", "[buddy]") {
    for (const std::uint32_t n : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 300u, 511u, 512u}) {
        fixture f;
        f.tested.insert_first(block_pool::ordinary, 1, n);
        CAPTURE(n);
        REQUIRE(f.consistent());
        for (std::uint32_t b = 0; b != fixture::blocks; ++b)
            REQUIRE(f.tested.contains(block_pool::ordinary, block_index{b}) == (b >= 512 && b < 512 + n));
    }
}

TEST_CASE("a request takes from the region with the smallest run that fits", "[buddy]") {
    fixture f;
    f.tested.insert_first(block_pool::ordinary, 0, 512);
    f.tested.insert_first(block_pool::ordinary, 1, 2);
    f.tested.insert_first(block_pool::ordinary, 2, 8);
    CHECK(f.take(block_pool::ordinary, 1) == 512);
    CHECK(f.take(block_pool::ordinary, 1) == 1024);
    CHECK(f.take(block_pool::ordinary, 9) == 0);
    CHECK(f.take(block_pool::ordinary, 9) == none);
    CHECK(f.consistent());
}

TEST_CASE("a batch takes as many runs as it is asked for, from as many regions as that needs", "[buddy]") {
    fixture f;
    f.tested.insert_first(block_pool::ordinary, 0, 512);
    f.tested.insert_first(block_pool::ordinary, 1, 3);
    f.tested.insert_first(block_pool::ordinary, 2, 8);
    std::vector<std::uint32_t> got;
    const auto batch = [&](unsigned k, std::uint32_t n) {
        got.clear();
        const std::uint32_t taken =
            f.tested.take(block_pool::ordinary, k, n, [&](block_index b) { got.push_back(b.raw()); });
        CHECK(taken == got.size());
        CHECK(f.consistent());
    };
    batch(1, 3); // the pair of the smallest region, two pairs of the next
    CHECK(got == std::vector<std::uint32_t>{512, 1024, 1026});
    batch(0, 2);
    CHECK(got == std::vector<std::uint32_t>{514, 1028});
    batch(0, 0);
    CHECK(got.empty());
    batch(8, 5); // there are two
    CHECK(got.size() == 2);
    CHECK(f.take(block_pool::ordinary, 8) == none);
}

TEST_CASE("blocks that come one by one complete every run, up to the whole region", "[buddy]") {
    fixture f;
    for (std::uint32_t n = 0; n != 512; ++n) {
        f.tested.insert(block_pool::ordinary, block_index{n * 171 % 512});
        REQUIRE(f.consistent());
    }
    CHECK(f.take(block_pool::ordinary, 9) == 0);
}

TEST_CASE("several blocks are forgotten with one reindex", "[buddy]") {
    fixture f;
    f.tested.insert_first(block_pool::ordinary, 0, 512);
    for (std::uint32_t b = 256; b != 512; ++b)
        f.tested.forget(block_pool::ordinary, block_index{b});
    CHECK_FALSE(f.consistent());
    f.tested.reindex(block_pool::ordinary, 0);
    CHECK(f.consistent());
    CHECK(f.tested.all(block_pool::ordinary, block_index{0}, 8));
    CHECK_FALSE(f.tested.all(block_pool::ordinary, block_index{0}, 9));
    CHECK(f.tested.free_blocks(block_pool::ordinary, 0).count() == 256);
}

TEST_CASE("a run that mixes both pools is found where neither pool has one", "[buddy]") {
    fixture f;
    for (std::uint32_t b = 512 + 8; b != 512 + 12; ++b)
        f.tested.insert(b % 2 == 0 ? block_pool::ordinary : block_pool::lent, block_index{b});
    CHECK(f.take(block_pool::ordinary, 2) == none);
    CHECK(f.take(block_pool::lent, 2) == none);
    CHECK(f.take_mixed(3) == none);
    CHECK(f.take_mixed(2) == 512 + 8);
    CHECK(f.consistent());
    CHECK_FALSE(f.has_run(0, true, true));
}

TEST_CASE("random blocks come and go in both pools as on a plain list", "[buddy]") {
    rng random{seed()};
    CAPTURE(seed());
    fixture f;
    std::vector<int> pool_of(fixture::blocks, -1); // -1: in use
    for (int n = 0; n != scaled(4000); ++n) {
        const auto k = static_cast<unsigned>(random.below(regions::map::max_order + 1));
        const auto chosen = static_cast<unsigned>(random.below(2));
        const block_pool pool = pools[chosen];
        const std::uint64_t kind = random.below(10);
        if (kind < 6) { // a run comes back, each block to a pool
            const auto first = static_cast<std::uint32_t>(random.below(fixture::blocks >> k) << k);
            const auto in_use = [](int p) { return p == -1; };
            if (random.below(2) == 0 &&
                std::all_of(pool_of.begin() + first, pool_of.begin() + first + (1 << k), in_use)) {
                f.tested.insert(pool, block_index{first}, k);
                std::fill_n(pool_of.begin() + first, 1u << k, static_cast<int>(chosen));
            }
            for (std::uint32_t b = first; b != first + (1u << k); ++b) {
                if (pool_of[b] != -1) continue;
                const auto p = static_cast<unsigned>(random.below(16) == 0 ? 1 - chosen : chosen);
                f.tested.insert(pools[p], block_index{b});
                pool_of[b] = static_cast<int>(p);
            }
        } else if (kind < 7) {
            const auto b = static_cast<std::uint32_t>(random.below(fixture::blocks));
            if (pool_of[b] == -1) continue;
            f.tested.erase(pools[pool_of[b]], block_index{b});
            pool_of[b] = -1;
        } else {
            const bool mixed = kind == 9 && !f.has_run(k, true, false) && !f.has_run(k, false, true);
            const bool possible = f.has_run(k, mixed || chosen == 0, mixed || chosen == 1);
            const std::uint32_t got = mixed ? f.take_mixed(k) : f.take(pool, k);
            REQUIRE((got != none) == possible);
            if (!possible) continue;
            REQUIRE(got % (1u << k) == 0);
            for (std::uint32_t b = got; b != got + (1u << k); ++b) {
                REQUIRE(pool_of[b] != -1);
                if (!mixed) REQUIRE(pool_of[b] == static_cast<int>(chosen));
                pool_of[b] = -1;
            }
        }
        REQUIRE(f.consistent());
        bool same = true;
        for (std::uint32_t b = 0; b != fixture::blocks; ++b)
            for (unsigned p = 0; p != 2; ++p)
                same = same &&
                       f.tested.contains(pools[p], block_index{b}) == (pool_of[b] == static_cast<int>(p));
        REQUIRE(same);
    }
}

TEST_CASE("runs are taken from as many regions as have them", "[buddy]") {
    fixture f;
    for (std::uint32_t b = 0; b != fixture::blocks; ++b)
        if (b / 512 != 1 || b % 512 < 2) f.tested.insert(block_pool::ordinary, block_index{b});
    std::vector<std::uint32_t> taken;
    for (std::uint32_t first; (first = f.take(block_pool::ordinary, 1)) != none;)
        taken.push_back(first);
    CHECK(f.consistent());
    CHECK(taken.front() == 512);
    CHECK(taken.size() == 1 + 2 * 256);
    std::sort(taken.begin(), taken.end());
    CHECK(std::adjacent_find(taken.begin(), taken.end()) == taken.end());
    CHECK(f.take(block_pool::ordinary, 0) == none);
}

TEST_CASE("a region that is in a second bin, or in none, is not consistent", "[buddy]") {
    fixture f;
    f.tested.insert_first(block_pool::ordinary, 1, 8);
    REQUIRE(f.consistent());
    index_sets sets{f.memory.data(), regions::pools * regions::bins, fixture::count}; // the same words
    sets.insert(7, 1);
    CHECK_FALSE(f.tested.consistent(block_pool::ordinary, 1));
    sets.erase(7, 1);
    sets.erase(3, 1);
    CHECK_FALSE(f.tested.consistent(block_pool::ordinary, 1));
    sets.insert(3, 1);
    CHECK(f.consistent());
}
