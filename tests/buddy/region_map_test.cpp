// tests/buddy/region_map_test.cpp - region_map: each operation against the bitmap alone, which needs no marks.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/region_map.hpp"

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

using map = region_map::map;

struct fixture {
    map blocks{};
    region_marks marks = region_map::no_marks;
    region_map tested{blocks, marks};

    // Returns: whether the marks are what the map says, and the searches find what is there.
    void check() {
        REQUIRE(marks == tested.true_marks());
        for (unsigned k = 0; k != region_map::orders; ++k) {
            CAPTURE(k);
            REQUIRE(tested.has_run(k) == blocks.has_run(k));
            const unsigned found = tested.find(k);
            REQUIRE((found != map::none) == blocks.has_run(k));
            if (found == map::none) continue;
            REQUIRE(found % (1u << k) == 0);
            REQUIRE(blocks.all(found, k));
            // The bitmap finds a run whose buddy is in use if there is one.
            REQUIRE(has_buddy(found, k) == has_buddy(blocks.find(k), k));
        }
    }
    [[nodiscard]] bool has_buddy(unsigned bit, unsigned k) const {
        return k != map::max_order && blocks.all(bit ^ (1u << k), k);
    }
};

} // namespace

TEST_CASE("runs of blocks come and go, and the marks tell what a look at every word would", "[buddy]") {
    rng random{seed()};
    CAPTURE(seed());
    fixture f;
    f.check();
    for (int n = 0; n != scaled(20'000); ++n) {
        const auto k = static_cast<unsigned>(random.below(region_map::orders));
        const auto bit = static_cast<unsigned>(random.below(map::size >> k) << k);
        const unsigned before = f.marks.largest;
        if (random.below(8) < 4) {
            if (f.blocks.any(bit, k)) continue;
            f.tested.set(bit, k);
            f.marks.largest = static_cast<std::uint8_t>(f.tested.grown(bit, k, before));
        } else {
            const auto wanted = static_cast<std::uint32_t>(random.below(4));
            map left = f.blocks;
            const std::uint32_t taken = f.tested.take(k, wanted, [&](unsigned run) {
                REQUIRE(left.all(run, k));
                left.clear(run, k);
            });
            REQUIRE(std::ranges::equal(left.word, f.blocks.word));
            REQUIRE((taken == wanted || (taken < wanted && !left.has_run(k))));
            f.marks.largest = static_cast<std::uint8_t>(f.tested.shrunk(before));
        }
        f.check();
    }
}

TEST_CASE("a word that is partly used is taken from before a full one is", "[buddy]") {
    fixture f;
    f.tested.set_first(64 + 4); // a full word, and a run of order 2
    f.marks.largest = 6;
    f.check();
    CHECK(f.tested.find(0) == 64);
    CHECK(f.tested.find(2) == 64);
    CHECK(f.tested.find(3) == 0);
    CHECK(f.tested.find(6) == 0);
    CHECK(f.tested.find(7) == map::none);
}

TEST_CASE("of full words, one is taken whose buddy is not full", "[buddy]") {
    fixture f;
    f.tested.set_first(3 * 64);
    f.marks.largest = 7;
    f.check();
    CHECK(f.tested.find(1) == 2 * 64);
    CHECK(f.tested.find(7) == 0);
}

TEST_CASE("a batch takes those of a word first that split no larger run", "[buddy]") {
    fixture f;
    for (const unsigned bit : {0u, 1u, 3u, 64u})
        f.tested.set(bit, 0);
    f.marks.largest = 1;
    std::vector<unsigned> got;
    CHECK(f.tested.take(0, 3, [&](unsigned bit) { got.push_back(bit); }) == 3);
    CHECK(got == std::vector<unsigned>{3, 0, 1});
    CHECK(f.tested.take(6, 1, [](unsigned) {}) == 0);
}
