// tests/buddy/run_taker_test.cpp - batches of single frames that are taken as words.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/run_taker.hpp"

#include "buddy/buddy_fixture.hpp"
#include "support/catch.hpp"

#include <bit>
#include <cstdint>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// Returns: the first frames of the words of a batch of single frames.
template <unsigned Pageblock>
std::vector<std::uint32_t> take_words(buddy_fixture<Pageblock>& f, migrate_type type, std::uint32_t n,
                                      frame_words<512>& batch) {
    const std::uint32_t taken = f.tested.take_words(f.proof(), type, n, batch);
    std::vector<std::uint32_t> words;
    std::uint32_t frames = 0;
    for (const frame_word& w : batch) {
        words.push_back(w.first.raw());
        frames += w.count;
        REQUIRE(w.count == static_cast<std::uint32_t>(std::popcount(w.bits)));
    }
    REQUIRE(frames == taken);
    return words;
}

} // namespace

TEST_CASE("a batch of a whole block takes parts first, and behind them opens none", "[buddy]") {
    buddy_fixture<9> f{4};
    frame_words<512> part, parts, block, rest;
    const std::vector<std::uint32_t> first{0, 64, 128, 192, 256, 320, 384, 448};
    CHECK(take_words(f, movable, 500, part) == first); // too few for all of it: it is a part from now on
    CHECK(f.consistent());
    CHECK(take_words(f, movable, 512, parts) == std::vector<std::uint32_t>{448});
    CHECK(parts.begin()->count == 12);
    CHECK(f.consistent());
    CHECK(take_words(f, movable, 512, block) ==
          std::vector<std::uint32_t>{512, 576, 640, 704, 768, 832, 896, 960});
    CHECK(f.consistent());
    CHECK(f.free_of(movable) == 2 * 512);
    // A smaller batch goes on with a new block.
    (void)f.take(movable, 0, 510);
    CHECK(take_words(f, movable, 511, rest).back() == 1536 + 448);
    CHECK(f.free() == 3);
    CHECK(f.consistent());
}

TEST_CASE("a batch of a whole block serves each type from each pool", "[buddy]") {
    for (const migrate_type type : {unmovable, reclaimable, movable, lent}) {
        buddy_fixture<9> f{2};
        f.tested.set_type(f.proof(), block_index{1}, lent);
        for (const std::uint32_t left : {1u, 0u}) {
            frame_words<512> batch;
            const bool may = left == 1 || type == movable || type == lent;
            CHECK(take_words(f, type, 512, batch).size() == (may ? 8u : 0u));
            CHECK(f.free() == 512 * (may ? left : 1));
            CHECK(f.consistent());
        }
    }
}
