// tests/buddy/buddy_test.cpp - buddy: runs are taken and given, blocks sealed, taken offline and poisoned.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/buddy.hpp"

#include "cordon/core/atomics.hpp"
#include "cordon/core/check.hpp"
#include "cordon/sync/null_lock.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

using namespace cordon;
using testing::rng;
using testing::scaled;
using testing::seed;

namespace {

template <unsigned Pageblock>
struct policy {
    static constexpr unsigned pageblock_order = Pageblock;
    static constexpr unsigned max_order = Pageblock + 9;
    static constexpr check_level checks = check_level::cheap;
    using atomics = std_atomics;
    using zone_lock = null_lock;
};

// A buddy of whole and partial blocks, without a zone around it.
template <unsigned Pageblock = 6>
class fixture {
public:
    using buddy_type = buddy<policy<Pageblock>>;
    using geometry = zone_geometry<policy<Pageblock>>;
    static constexpr std::uint32_t block_frames = geometry::block_frames;

    // `hole`: the last block lacks this many frames at its end.
    explicit fixture(std::uint32_t blocks, std::uint32_t hole = 0)
        : blocks_(blocks),
          traits_(blocks),
          fills_(blocks),
          maps_(blocks),
          partial_(index_sets::word_count(buddy_type::sets, blocks)),
          region_maps_(regions::pools),
          region_sets_(index_sets::word_count(regions::pools * regions::bins, 1)) {
        typename buddy_type::parts p{};
        p.traits = traits_.data();
        p.fills = fills_.data();
        p.maps = maps_.data();
        p.partial = index_sets{partial_.data(), buddy_type::sets, blocks};
        for (regions::map& m : region_maps_)
            m.clear();
        p.whole = regions{region_maps_.data(), marks_,
                          index_sets{region_sets_.data(), regions::pools * regions::bins, 1}, 1};
        p.holes = &holes_;
        p.poisoned = &poisoned_;
        p.condemned = &condemned_;
        p.count = &counters_;
        const geometry geo{frame_range{frame{0}, frame_count{blocks * block_frames}}};
        tested = buddy_type{geo, p};
        if (hole == 0) tested.make_region(0, blocks);
        for (std::uint32_t b = 0; hole != 0 && b != blocks; ++b) {
            if (b + 1 == blocks) {
                holes_.insert(frame_index{blocks * block_frames - hole}, hole);
                tested.make_hole(block_index{b}, block_frames - hole, hole);
            }
            tested.make_block(block_index{b});
        }
    }

    typename buddy_type::proof proof() { return section_.proof(); }
    std::vector<std::uint32_t> take(migrate_type type, unsigned k, std::uint32_t n = 1) {
        std::vector<std::uint32_t> out;
        const std::uint32_t taken =
            tested.take(proof(), type, k, n, [&](frame_index i) { out.push_back(i.raw()); });
        REQUIRE(taken == out.size());
        return out;
    }
    std::vector<std::uint32_t> steal(migrate_type type, unsigned k) {
        std::vector<std::uint32_t> out;
        const std::uint32_t taken =
            tested.steal(proof(), type, k, [&](frame_index i) { out.push_back(i.raw()); });
        REQUIRE(taken == out.size());
        return out;
    }
    status give(std::uint32_t i, unsigned k) { return tested.give(proof(), frame_index{i}, k); }
    [[nodiscard]] std::uint64_t free_of(migrate_type t) const {
        return counters_.free[static_cast<unsigned>(t)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t free() const {
        std::uint64_t sum = 0;
        for (unsigned t = 0; t != migrate_types; ++t)
            sum += free_of(static_cast<migrate_type>(t));
        return sum;
    }
    [[nodiscard]] std::uint64_t isolated() const {
        return counters_.isolated_free.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t offline() const { return counters_.offline.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t poisoned() const {
        return counters_.poisoned.load(std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_free(std::uint32_t i) { return tested.is_free(proof(), frame_index{i}); }

    // Returns: whether each block is in the one place that its map and its traits ask for, and nowhere else.
    [[nodiscard]] bool consistent() {
        const auto& p = tested.raw_parts();
        bool ok = p.whole.consistent(block_pool::ordinary, 0) && p.whole.consistent(block_pool::lent, 0);
        std::array<std::uint64_t, migrate_types> free_frames{};
        for (std::uint32_t n = 0; n != blocks_; ++n) {
            const block_index b{n};
            const block_traits t = tested.traits(b);
            const auto map = tested.free_map(proof(), b);
            const bool listed = t.allocatable() && map.count() != 0;
            const bool whole = listed && map.count() == block_frames;
            const bool lent = t.type() == migrate_type::lent;
            ok = ok && map.count() == tested.free_frames(proof(), b) &&
                 map.largest_order() == tested.largest_free_order(proof(), b) &&
                 p.whole.contains(block_pool::ordinary, b) == (whole && !lent) &&
                 p.whole.contains(block_pool::lent, b) == (whole && lent);
            for (std::uint32_t set = 0; set != buddy_type::sets; ++set)
                ok = ok && p.partial.contains(set, n) ==
                               (listed && !whole && set == buddy_type::set_of(t.type(), map.largest_order()));
            if (t.allocatable()) free_frames[static_cast<unsigned>(t.type())] += map.count();
        }
        for (unsigned t = 0; t != migrate_types; ++t)
            ok = ok && free_frames[t] == free_of(static_cast<migrate_type>(t));
        return ok;
    }

    buddy_type tested;

private:
    null_lock lock_;
    guard<null_lock> section_{lock_};
    std::uint32_t blocks_;
    std::vector<typename buddy_type::traits_cell> traits_;
    std::vector<block_fill> fills_;
    std::vector<typename buddy_type::map> maps_;
    std::vector<std::uint64_t> partial_;
    std::vector<regions::map> region_maps_;
    region_marks marks_[regions::pools] = {region_map::no_marks, region_map::no_marks};
    std::vector<std::uint64_t> region_sets_;
    std::uint32_t sizes_[3] = {};
    range_table::range ranges_[3][8] = {};
    range_table holes_{&sizes_[0], ranges_[0], 8};
    range_table poisoned_{&sizes_[1], ranges_[1], 8};
    range_table condemned_{&sizes_[2], ranges_[2], 8};
    buddy_counters<std_atomics> counters_{};
};

constexpr auto movable = migrate_type::movable;
constexpr auto unmovable = migrate_type::unmovable;
constexpr auto reclaimable = migrate_type::reclaimable;
constexpr auto lent = migrate_type::lent;

} // namespace

TEST_CASE("runs of every order come aligned, without overlap, until nothing is left", "[buddy]") {
    for (unsigned k = 0; k <= 10; ++k) {
        fixture<> f{16};
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
    fixture<> f{16};
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

TEST_CASE("a batch of words counts each type for itself, and names the words of which a frame was free",
          "[buddy]") {
    fixture<> f{8};
    frame_words batch;
    std::vector<std::uint32_t> twice;
    for (const migrate_type type : {unmovable, movable, reclaimable, movable, unmovable, movable}) {
        for (const std::uint32_t i : f.take(type, 0, 3))
            batch.push({frame_index{i & ~63u}, 1, 1ull << (i % 64)});
        batch.push(batch.begin()[batch.size() - 1]);
        twice.push_back((batch.end() - 1)->first.raw());
    }
    std::vector<std::uint32_t> named;
    f.tested.give_words(f.proof(), batch, [&](const frame_word& w) { named.push_back(w.first.raw()); });
    CHECK(named == twice);
    CHECK(f.free() == 8 * 64);
    CHECK(f.consistent());
    f.tested.give_words(f.proof(), frame_words{}, [&](const frame_word&) { FAIL("nothing was given"); });
    CHECK(f.consistent());
}

TEST_CASE("a large run of which a part is free is not given", "[buddy]") {
    fixture<9> within{1};
    REQUIRE(within.tested.take_exact(within.proof(), frame_index{0}, 7));
    CHECK(within.give(128, 7) == status::double_free);
    CHECK(within.give(0, 8) == status::double_free);
    CHECK(within.consistent());
    fixture<> across{2};
    REQUIRE(across.tested.take_exact(across.proof(), frame_index{0}, 6));
    REQUIRE(across.tested.take_exact(across.proof(), frame_index{64}, 5));
    CHECK(across.give(0, 7) == status::double_free);
    CHECK(across.free() == 32);
    CHECK(across.consistent());
}

TEST_CASE("no frame of a full block is free, whatever its map held before", "[buddy]") {
    fixture<> f{1};
    for (const std::uint32_t i : f.take(movable, 0, 64))
        REQUIRE(f.give(i, 0) == status::ok);
    REQUIRE(f.take(movable, 6).size() == 1);
    for (std::uint32_t i = 0; i != 64; ++i)
        CHECK_FALSE(f.is_free(i));
    CHECK(f.consistent());
}

TEST_CASE("a run of a whole block may come back frame by frame, whatever its map held before", "[buddy]") {
    fixture<> f{1};
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
    fixture<> f{2};
    REQUIRE(f.take(movable, 0, 128).size() == 128);
    REQUIRE(f.give(8, 3) == status::ok);
    REQUIRE(f.give(64, 4) == status::ok);
    CHECK(f.take(movable, 3) == std::vector<std::uint32_t>{8});
    CHECK(f.take(movable, 4) == std::vector<std::uint32_t>{64});
    CHECK(f.consistent());
}

TEST_CASE("an exact run is taken only when all of it is free and open", "[buddy]") {
    fixture<> f{16};
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
    fixture<> f{16};
    const std::uint32_t first = f.take(movable, 0)[0];
    CHECK(first < 64);
    for (int n = 0; n != 63; ++n)
        CHECK(f.take(movable, 0)[0] < 64);
    CHECK(f.take(movable, 0)[0] >= 64);
    CHECK(f.take(unmovable, 0)[0] >= 128);
}

TEST_CASE("whole blocks take the type of who takes them, lent blocks keep theirs", "[buddy]") {
    fixture<> f{4};
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
    fixture<> f{2};
    f.tested.set_type(f.proof(), block_index{1}, lent);
    CHECK(f.take(lent, 0)[0] == 64);
    CHECK(f.take(movable, 0)[0] == 0);
    CHECK(f.take(lent, 6).empty());
    CHECK(f.take(lent, 5)[0] == 96);
    CHECK(f.take(lent, 5)[0] == 32);
    CHECK(f.tested.traits(block_index{0}).type() == movable);
    CHECK(f.consistent());
}

TEST_CASE("a request of type lent for whole blocks asks lent ones first, too", "[buddy]") {
    fixture<> f{4};
    f.tested.set_type(f.proof(), block_index{2}, lent);
    f.tested.set_type(f.proof(), block_index{3}, lent);
    CHECK(f.take(lent, 7) == std::vector<std::uint32_t>{128});
    CHECK(f.take(lent, 7) == std::vector<std::uint32_t>{0});
    CHECK(f.take(lent, 7).empty());
    CHECK(f.consistent());
}

TEST_CASE("a large movable run may mix ordinary and lent blocks", "[buddy]") {
    fixture<> f{4};
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
    fixture<> f{1};
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
    fixture<> f{1};
    REQUIRE(f.take(movable, 5).size() == 1);
    REQUIRE(f.take(movable, 0).size() == 1);
    CHECK(f.steal(reclaimable, 0).size() == 1);
    CHECK(f.tested.traits(block_index{0}).type() == movable);
    CHECK(f.consistent());
}

TEST_CASE("a sealed block is found by no search and comes back as it was", "[buddy]") {
    fixture<> f{3};
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
    fixture<> f{2, 10};
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
    fixture<> f{2};
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
    fixture<> f{4};
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
        fixture<> f{2, hole};
        CAPTURE(hole);
        REQUIRE(f.consistent());
        REQUIRE(f.free() == 128 - hole);
        for (const std::uint32_t i : f.take(movable, 0, 200))
            REQUIRE(i < 128 - hole);
        REQUIRE(f.tested.missing_frames(f.proof(), block_index{1}) == hole);
    }
}

TEST_CASE("a free frame is poisoned wherever it is, and never comes back", "[buddy]") {
    fixture<> f{3};
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
            fixture<> f{4};
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
            fixture<> f{1};
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
    fixture<> f{1};
    const std::uint32_t run = f.take(movable, 2)[0];
    f.tested.condemn(f.proof(), frame_index{run + 1});
    f.tested.pardon(f.proof(), frame_index{run + 1});
    CHECK(f.give(run, 2) == status::ok);
    CHECK(f.poisoned() == 0);
    CHECK(f.free() == 64);
    CHECK(f.consistent());
}

TEST_CASE("the tables of poisoned and condemned frames fill up together", "[buddy]") {
    fixture<> f{1};
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
    fixture<Pageblock> f{blocks, hole};
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
            frame_words batch;
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
            f.tested.give_words(f.proof(), batch,
                                [](const frame_word&) { FAIL("a frame was free already"); });
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
