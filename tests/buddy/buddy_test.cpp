// tests/buddy/buddy_test.cpp - buddy: runs are taken and given, blocks sealed, taken offline and poisoned.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/buddy.hpp"

#include "buddy/buddy_fixture.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("runs of every order come aligned, without overlap, until nothing is left", "[buddy]") {
    for (unsigned k = 0; k <= 10; ++k) {
        buddy_fixture<> f{16};
        std::vector<bool> used(1024);
        const auto runs = f.take(movable, k, 5000);
        REQUIRE(runs.size() == 1024u >> k);
        for (const std::uint32_t run : runs) {
            REQUIRE(run % (1u << k) == 0);
            for (std::uint32_t i = run; i != run + (1u << k); ++i) {
                REQUIRE_FALSE(used[i]);
                used[i] = true;
            }
        }
        CHECK(f.free() == 0);
        CHECK(f.take(movable, 0).empty());
        CHECK(f.consistent());
        for (const std::uint32_t run : runs)
            REQUIRE(f.give(run, k) == status::ok);
        CHECK(f.free() == 1024);
        CHECK(f.take(movable, 10) == std::vector<std::uint32_t>{0});
    }
}

TEST_CASE("a run that is free already is not given twice, and nothing changes", "[buddy]") {
    buddy_fixture<> f{16};
    const std::uint32_t run = f.take(movable, 3)[0];
    REQUIRE(f.give(run, 3) == status::ok);
    for (unsigned k = 0; k <= 10; ++k)
        CHECK(f.give(0, k) == status::double_free);
    CHECK(f.tested.give_word(f.proof(), frame_index{0}, 0x5, 2, 0) == status::double_free);
    const std::uint32_t frame = f.take(movable, 0)[0];
    CHECK(f.give(frame, 1) == status::double_free);
    CHECK(f.tested.give_word(f.proof(), frame_index{0}, ~0ull, 64, 6) == status::double_free);
    const std::uint32_t used = f.take(movable, 4)[0]; // now some other run of the block is free
    CHECK(f.give(used ^ 16, 3) == status::double_free);
    CHECK(f.give(used & ~31u, 5) == status::double_free);
    CHECK(f.tested.give_word(f.proof(), frame_index{used & ~63u},
                             1ull << (used % 64) | 1ull << (used % 64 ^ 32), 2, 0) == status::double_free);
    const std::uint32_t other = f.take(reclaimable, 3)[0]; // as many are used as are given
    CHECK(f.give(other ^ 8, 3) == status::double_free);
    CHECK(f.free() == 1023 - 16 - 8);
    CHECK(f.consistent());
}

TEST_CASE("a large run of which a part is free is not given", "[buddy]") {
    buddy_fixture<9> within{1};
    REQUIRE(within.tested.take_exact(within.proof(), frame_index{0}, 7));
    CHECK(within.give(128, 7) == status::double_free);
    CHECK(within.give(0, 8) == status::double_free);
    CHECK(within.consistent());
    buddy_fixture<> across{2};
    REQUIRE(across.tested.take_exact(across.proof(), frame_index{0}, 6));
    REQUIRE(across.tested.take_exact(across.proof(), frame_index{64}, 5));
    CHECK(across.give(0, 7) == status::double_free);
    CHECK(across.free() == 32);
    CHECK(across.consistent());
}

TEST_CASE("no frame of a full block is free, whatever its map held before", "[buddy]") {
    buddy_fixture<> f{1};
    for (const std::uint32_t i : f.take(movable, 0, 64))
        REQUIRE(f.give(i, 0) == status::ok);
    REQUIRE(f.take(movable, 6).size() == 1);
    for (std::uint32_t i = 0; i != 64; ++i)
        CHECK_FALSE(f.is_free(i));
    CHECK(f.consistent());
}

TEST_CASE("a run of a whole block may come back frame by frame, whatever its map held before", "[buddy]") {
    buddy_fixture<> f{1};
    for (const std::uint32_t i : f.take(movable, 0, 64))
        REQUIRE(f.give(i, 0) == status::ok);
    REQUIRE(f.take(movable, 6).size() == 1);
    for (std::uint32_t i = 0; i != 64; ++i) {
        REQUIRE(f.give(i, 0) == status::ok);
        CHECK(f.give(i, 0) == status::double_free);
        CHECK(f.is_free(i));
        CHECK(f.is_free(63) == (i == 63));
        REQUIRE(f.consistent());
    }
}

TEST_CASE("a run that just fits is taken before a larger one, and when there is no other", "[buddy]") {
    buddy_fixture<> f{2};
    REQUIRE(f.take(movable, 0, 128).size() == 128);
    REQUIRE(f.give(8, 3) == status::ok);
    REQUIRE(f.give(64, 4) == status::ok);
    CHECK(f.take(movable, 3) == std::vector<std::uint32_t>{8});
    CHECK(f.take(movable, 4) == std::vector<std::uint32_t>{64});
    CHECK(f.consistent());
}

TEST_CASE("an exact run is taken only when all of it is free and open", "[buddy]") {
    buddy_fixture<> f{16};
    CHECK(f.tested.take_exact(f.proof(), frame_index{70}, 0));
    CHECK_FALSE(f.tested.take_exact(f.proof(), frame_index{70}, 0));
    CHECK_FALSE(f.tested.take_exact(f.proof(), frame_index{64}, 3));
    CHECK(f.tested.take_exact(f.proof(), frame_index{72}, 3));
    CHECK_FALSE(f.tested.take_exact(f.proof(), frame_index{0}, 7));
    CHECK(f.tested.take_exact(f.proof(), frame_index{128}, 7));
    f.tested.seal(f.proof(), block_index{4}, 1);
    CHECK_FALSE(f.tested.take_exact(f.proof(), frame_index{256}, 0));
    CHECK_FALSE(f.tested.take_exact(f.proof(), frame_index{256}, 6));
    CHECK(f.free() == 1024 - 1 - 8 - 128 - 64);
    CHECK(f.consistent());
}

TEST_CASE("partly used blocks fill first, so that whole blocks stay whole", "[buddy]") {
    buddy_fixture<> f{16};
    const std::uint32_t first = f.take(movable, 0)[0];
    CHECK(first < 64);
    for (int n = 0; n != 63; ++n)
        CHECK(f.take(movable, 0)[0] < 64);
    CHECK(f.take(movable, 0)[0] >= 64);
    CHECK(f.take(unmovable, 0)[0] >= 128);
}

TEST_CASE("whole blocks take the type of who takes them, lent blocks keep theirs", "[buddy]") {
    buddy_fixture<> f{4};
    f.tested.set_type(f.proof(), block_index{0}, lent);
    CHECK(f.free_of(lent) == 64);
    for (int n = 0; n != 3; ++n)
        CHECK(f.take(unmovable, 6).size() == 1);
    CHECK(f.take(unmovable, 6).empty());
    CHECK(f.take(reclaimable, 0).empty());
    CHECK(f.take(movable, 6) == std::vector<std::uint32_t>{0});
    CHECK(f.tested.traits(block_index{0}).type() == lent);
    CHECK(f.tested.traits(block_index{1}).type() == unmovable);
    CHECK(f.give(0, 6) == status::ok);
    CHECK(f.free_of(lent) == 64);
    CHECK(f.consistent());
}

TEST_CASE("a request of type lent asks lent blocks first and movable ones then", "[buddy]") {
    buddy_fixture<> f{2};
    f.tested.set_type(f.proof(), block_index{1}, lent);
    CHECK(f.take(lent, 0)[0] == 64);
    CHECK(f.take(movable, 0)[0] == 0);
    CHECK(f.take(lent, 6).empty());
    CHECK(f.take(lent, 5)[0] == 96);
    CHECK(f.take(lent, 5)[0] == 32);
    CHECK(f.tested.traits(block_index{0}).type() == movable);
    CHECK(f.consistent());
}

TEST_CASE("blocks that a request of type lent takes from the others are movable, whatever they were",
          "[buddy]") {
    for (const unsigned k : {5u, 6u, 7u, 8u}) {
        buddy_fixture<> f{4};
        CAPTURE(k);
        REQUIRE(f.take(unmovable, 8) == std::vector<std::uint32_t>{0});
        REQUIRE(f.give(0, 8) == status::ok);
        REQUIRE(f.tested.traits(block_index{0}).type() == unmovable);
        REQUIRE(f.take(lent, k) == std::vector<std::uint32_t>{0});
        for (std::uint32_t b = 0; b != (k < 6 ? 1u : 1u << (k - 6)); ++b)
            CHECK(f.tested.traits(block_index{b}).type() == movable);
        CHECK(f.consistent());
    }
}

TEST_CASE("the blocks of an exact run keep their types", "[buddy]") {
    buddy_fixture<> f{4};
    const migrate_type types[] = {unmovable, lent, movable, reclaimable};
    for (std::uint32_t b = 0; b != 4; ++b)
        f.tested.set_type(f.proof(), block_index{b}, types[b]);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{0}, 8));
    CHECK(f.free() == 0);
    CHECK(f.consistent());
    REQUIRE(f.give(0, 8) == status::ok);
    for (std::uint32_t b = 0; b != 4; ++b) {
        CHECK(f.tested.traits(block_index{b}).type() == types[b]);
        CHECK(f.free_of(types[b]) == 64);
    }
    CHECK(f.consistent());
}

TEST_CASE("a request of type lent for whole blocks asks lent ones first, too", "[buddy]") {
    buddy_fixture<> f{4};
    f.tested.set_type(f.proof(), block_index{2}, lent);
    f.tested.set_type(f.proof(), block_index{3}, lent);
    CHECK(f.take(lent, 7) == std::vector<std::uint32_t>{128});
    CHECK(f.take(lent, 7) == std::vector<std::uint32_t>{0});
    CHECK(f.take(lent, 7).empty());
    CHECK(f.consistent());
}

TEST_CASE("a large movable run may mix ordinary and lent blocks", "[buddy]") {
    buddy_fixture<> f{4};
    f.tested.set_type(f.proof(), block_index{1}, lent);
    f.tested.set_type(f.proof(), block_index{3}, lent);
    CHECK(f.take(unmovable, 8).empty());
    CHECK(f.take(movable, 8) == std::vector<std::uint32_t>{0});
    CHECK(f.tested.traits(block_index{3}).type() == lent);
    CHECK(f.consistent());
    CHECK(f.give(0, 8) == status::ok);
    CHECK(f.free_of(lent) == 128);
    CHECK(f.consistent());
}

TEST_CASE("stealing takes from other types and converts a movable block that is half free", "[buddy]") {
    buddy_fixture<> f{1};
    REQUIRE(f.take(movable, 2).size() == 1);
    REQUIRE(f.take(unmovable, 0).empty());
    CHECK(f.steal(lent, 0).empty());
    CHECK(f.steal(unmovable, 0).size() == 1);
    CHECK(f.tested.traits(block_index{0}).type() == unmovable);
    CHECK(f.free_of(unmovable) == 59);
    CHECK(f.steal(movable, 0).size() == 1);
    CHECK(f.tested.traits(block_index{0}).type() == unmovable);
    CHECK(f.steal(movable, 6).empty());
    CHECK(f.consistent());
}

TEST_CASE("stealing leaves a movable block that is mostly used its type", "[buddy]") {
    buddy_fixture<> f{1};
    REQUIRE(f.take(movable, 5).size() == 1);
    REQUIRE(f.take(movable, 0).size() == 1);
    CHECK(f.steal(reclaimable, 0).size() == 1);
    CHECK(f.tested.traits(block_index{0}).type() == movable);
    CHECK(f.consistent());
}

TEST_CASE("a sealed block is found by no search and comes back as it was", "[buddy]") {
    buddy_fixture<> f{3};
    const std::uint32_t run = f.take(movable, 3)[0];
    const std::uint64_t before = f.free();
    f.tested.seal(f.proof(), block_index{0}, 3);
    CHECK(f.free() == 0);
    CHECK(f.isolated() == before);
    CHECK(f.consistent());
    CHECK(f.take(movable, 0).empty());
    CHECK(f.take(movable, 6).empty());
    CHECK(f.steal(unmovable, 0).empty());
    CHECK(f.consistent());
    CHECK(f.give(run, 3) == status::ok);
    CHECK(f.isolated() == 192);
    CHECK(f.consistent());
    for (std::uint32_t b = 0; b != 3; ++b)
        f.tested.unseal(f.proof(), block_index{b});
    CHECK(f.isolated() == 0);
    CHECK(f.free() == 192);
    CHECK(f.consistent());
    CHECK(f.take(movable, 7).size() == 1);
}

TEST_CASE("a block goes offline and comes back free", "[buddy]") {
    buddy_fixture<> f{2, 10};
    f.tested.seal(f.proof(), block_index{1}, 1);
    CHECK(f.tested.is_idle(f.proof(), block_index{1}));
    f.tested.set_offline(f.proof(), block_index{1});
    CHECK(f.offline() == 54);
    CHECK(f.isolated() == 0);
    CHECK(f.free() == 64);
    CHECK(f.consistent());
    f.tested.set_online(f.proof(), block_index{1});
    CHECK(f.offline() == 0);
    CHECK(f.free() == 118);
    CHECK(f.consistent());
}

TEST_CASE("a run that comes back to an isolated or offline block counts there", "[buddy]") {
    buddy_fixture<> f{2};
    const std::uint32_t first = f.take(movable, 2).front();
    const std::uint32_t second = f.take(movable, 2).front();
    f.tested.seal(f.proof(), block_index{0}, 1);
    REQUIRE(f.isolated() == 56);
    REQUIRE(f.give(first, 2) == status::ok);
    CHECK(f.isolated() == 60);
    f.tested.set_offline(f.proof(), block_index{0});
    REQUIRE(f.give(second, 2) == status::ok);
    CHECK(f.offline() == 64);
    CHECK(f.free() == 64);
    CHECK(f.consistent());
}

TEST_CASE("a large run comes back to where each of its blocks is now", "[buddy]") {
    buddy_fixture<> f{4};
    REQUIRE(f.take(movable, 8) == std::vector<std::uint32_t>{0});
    f.tested.seal(f.proof(), block_index{2}, 1);
    f.tested.set_type(f.proof(), block_index{1}, lent);
    REQUIRE(f.give(0, 8) == status::ok);
    CHECK(f.isolated() == 64);
    CHECK(f.free_of(lent) == 64);
    CHECK(f.free_of(movable) == 128);
    CHECK(f.consistent());
    f.tested.unseal(f.proof(), block_index{2});
    CHECK(f.consistent());
}

TEST_CASE("frames of a hole are never given out", "[buddy]") {
    for (std::uint32_t hole = 1; hole <= 64; ++hole) {
        buddy_fixture<> f{2, hole};
        CAPTURE(hole);
        REQUIRE(f.consistent());
        REQUIRE(f.free() == 128 - hole);
        for (const std::uint32_t i : f.take(movable, 0, 200))
            REQUIRE(i < 128 - hole);
        REQUIRE(f.tested.missing_frames(f.proof(), block_index{1}) == hole);
    }
}

TEST_CASE("the map of a block without any frame is never touched", "[buddy]") {
    buddy_fixture<> f{2};
    auto& map = f.tested.raw_parts().maps[1];
    map.fill(0x5a5a);
    f.tested.make_hole(block_index{1}, 0, 64);
    for (const std::uint64_t word : map.word)
        CHECK(word == 0x5a5a);
    CHECK(f.tested.free_frames(f.proof(), block_index{1}) == 0);
    CHECK_FALSE(f.is_free(64));
}

TEST_CASE("a free frame is poisoned wherever it is, and never comes back", "[buddy]") {
    buddy_fixture<> f{3};
    f.tested.seal(f.proof(), block_index{1}, 2);
    f.tested.set_offline(f.proof(), block_index{2});
    for (const std::uint32_t i : {5u, 64u + 5u, 128u + 5u}) {
        f.tested.poison_free(f.proof(), frame_index{i});
        CHECK_FALSE(f.is_free(i));
        CHECK(f.consistent());
    }
    CHECK(f.free() == 63);
    CHECK(f.isolated() == 63);
    CHECK(f.offline() == 63);
    CHECK(f.poisoned() == 3);
    CHECK(f.tested.is_idle(f.proof(), block_index{1}));
    f.tested.unseal(f.proof(), block_index{1});
    f.tested.set_online(f.proof(), block_index{2});
    CHECK(f.free() == 189);
    CHECK(f.consistent());
    for (const std::uint32_t i : f.take(movable, 0, 200))
        CHECK(i % 64 != 5);
}

TEST_CASE("a condemned frame is poisoned when it is freed, with whatever run and on whatever way",
          "[buddy]") {
    for (unsigned k = 0; k <= 8; ++k)
        for (const std::uint32_t offset : {0u, 1u, 63u, 64u, 200u}) {
            if (offset >= 1u << k) continue;
            buddy_fixture<> f{4};
            const std::uint32_t run = f.take(movable, k)[0];
            f.tested.condemn(f.proof(), frame_index{run + offset});
            CAPTURE(k, offset);
            REQUIRE(f.give(run, k) == status::ok);
            REQUIRE(f.poisoned() == 1);
            REQUIRE(f.free() == 255);
            REQUIRE_FALSE(f.is_free(run + offset));
            REQUIRE(f.consistent());
        }
    for (std::uint32_t i = 0; i != 64; ++i) { // alone in its word, and with all others
        for (const std::uint64_t bits : {1ull << i, ~0ull, 1ull << i | 1ull << 17}) {
            buddy_fixture<> f{1};
            REQUIRE(f.take(movable, 0, 64).size() == 64);
            f.tested.condemn(f.proof(), frame_index{i});
            const auto n = static_cast<std::uint32_t>(std::popcount(bits));
            CAPTURE(i, bits);
            REQUIRE(f.tested.give_word(f.proof(), frame_index{0}, bits, n, 0) == status::ok);
            REQUIRE(f.poisoned() == 1);
            REQUIRE(f.free() == n - 1);
            REQUIRE_FALSE(f.is_free(i));
            REQUIRE(f.consistent());
        }
    }
}

TEST_CASE("a pardoned frame is freed like any other", "[buddy]") {
    buddy_fixture<> f{1};
    const std::uint32_t run = f.take(movable, 2)[0];
    f.tested.condemn(f.proof(), frame_index{run + 1});
    f.tested.pardon(f.proof(), frame_index{run + 1});
    CHECK(f.give(run, 2) == status::ok);
    CHECK(f.poisoned() == 0);
    CHECK(f.free() == 64);
    CHECK(f.consistent());
}

TEST_CASE("the tables of poisoned and condemned frames fill up together", "[buddy]") {
    buddy_fixture<> f{1};
    const std::uint32_t run = f.take(movable, 3)[0];
    for (std::uint32_t n = 0; n != 4; ++n) {
        REQUIRE(f.tested.can_poison(f.proof()));
        f.tested.condemn(f.proof(), frame_index{run + n});
        f.tested.poison_free(f.proof(), frame_index{40 + n});
    }
    CHECK_FALSE(f.tested.can_poison(f.proof()));
}

namespace {

// Random taking and giving on all ways, against a map of one byte a frame.
template <unsigned Pageblock>
void check_randomly(std::uint32_t blocks, std::uint32_t hole) {
    constexpr std::uint32_t block_frames = 1u << Pageblock;
    rng random{seed()};
    CAPTURE(seed(), Pageblock, blocks, hole);
    buddy_fixture<Pageblock> f{blocks, hole};
    const std::uint32_t frames = blocks * block_frames - hole;
    std::vector<bool> used(blocks * block_frames);
    std::vector<std::pair<std::uint32_t, unsigned>> live;
    const auto mark = [&](std::uint32_t run, unsigned k, bool value) {
        for (std::uint32_t i = run; i != run + (1u << k); ++i) {
            REQUIRE(used[i] != value);
            used[i] = value;
        }
    };
    const auto has_run = [&](unsigned k) {
        for (std::uint32_t run = 0; run + (1u << k) <= frames; run += 1u << k)
            if (std::none_of(used.begin() + run, used.begin() + run + (1 << k), [](bool b) { return b; }))
                return true;
        return false;
    };
    for (int n = 0; n != scaled(4000); ++n) {
        const auto k = static_cast<unsigned>(random.below(Pageblock + 3));
        switch (random.below(4)) {
        case 0: {
            const auto want = static_cast<std::uint32_t>(1 + random.below(20));
            const auto runs = f.take(movable, k, want);
            for (const std::uint32_t run : runs) {
                REQUIRE(run + (1u << k) <= frames);
                mark(run, k, true);
                live.emplace_back(run, k);
            }
            if (runs.size() != want) REQUIRE_FALSE(has_run(k));
            break;
        }
        case 1: {
            const auto run = static_cast<std::uint32_t>(random.below((blocks * block_frames >> k) + 1) << k);
            const bool free =
                run + (1u << k) <= frames &&
                std::none_of(used.begin() + run, used.begin() + run + (1 << k), [](bool b) { return b; });
            if (run + (1u << k) > blocks * block_frames) break;
            REQUIRE(f.tested.take_exact(f.proof(), frame_index{run}, k) == free);
            if (!free) break;
            mark(run, k, true);
            live.emplace_back(run, k);
            break;
        }
        default: {
            frame_words<256> batch;
            for (std::uint64_t m = random.below(20); m != 0 && !live.empty(); --m) {
                const std::size_t at = random.below(live.size());
                const auto [run, size] = live[at];
                live[at] = live.back();
                live.pop_back();
                std::uint64_t bits = 1ull << (run % 64);
                std::uint32_t together = 1;
                if (size == 0) { // with those of its word that are single frames too
                    for (std::size_t other = 0; other != live.size();) {
                        if (live[other].second != 0 || live[other].first / 64 != run / 64 ||
                            random.below(2) == 0) {
                            ++other;
                            continue;
                        }
                        bits |= 1ull << (live[other].first % 64);
                        ++together;
                        mark(live[other].first, 0, false);
                        live[other] = live.back();
                        live.pop_back();
                    }
                    batch.push({frame_index{run & ~63u}, together, bits});
                } else {
                    REQUIRE(f.give(run, size) == status::ok);
                }
                mark(run, size, false);
            }
            REQUIRE(f.tested.give_words(f.proof(), batch.begin(), batch.end()) == batch.end());
        }
        }
        REQUIRE(f.consistent());
        REQUIRE(f.free() == frames - static_cast<std::uint64_t>(std::count(used.begin(), used.end(), true)));
    }
}

} // namespace

TEST_CASE("random runs come and go as on a map of bytes, each block in its place", "[buddy]") {
    check_randomly<6>(9, 0);
    check_randomly<6>(5, 13);
    check_randomly<7>(5, 65);
    check_randomly<8>(3, 0);
    check_randomly<9>(4, 100);
}
