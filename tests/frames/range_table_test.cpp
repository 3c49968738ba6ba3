// tests/frames/range_table_test.cpp - range_table: sorted disjoint ranges, against a set of single indices.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/frames/range_table.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

using cordon::frame_index;
using cordon::range_table;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

namespace {

struct fixture {
    std::uint32_t size = 0;
    range_table::range ranges[16] = {};
    range_table table{&size, ranges, 16};
};

} // namespace

TEST_CASE("an empty table contains nothing", "[frames]") {
    fixture f;
    CHECK(f.table.size() == 0);
    CHECK(f.table.capacity() == 16);
    CHECK_FALSE(f.table.contains(frame_index{0}));
    CHECK_FALSE(f.table.any_in(frame_index{0}, UINT64_MAX));
    CHECK(f.table.count_in(frame_index{0}, UINT32_MAX) == 0);
}

TEST_CASE("ranges inserted in any order lie sorted", "[frames]") {
    fixture f;
    f.table.insert(frame_index{50}, 5);
    f.table.insert(frame_index{10}, 1);
    f.table.insert(frame_index{90}, 2);
    f.table.insert(frame_index{11}, 3);
    REQUIRE(f.table.size() == 4);
    const std::uint32_t firsts[] = {10, 11, 50, 90};
    for (std::uint32_t i = 0; i != 4; ++i)
        CHECK(f.table[i].first == firsts[i]);
    f.table.erase(frame_index{11});
    REQUIRE(f.table.size() == 3);
    CHECK(f.table[0].first == 10);
    CHECK(f.table[1].first == 50);
    CHECK(f.table[2].first == 90);
    const range_table::range last = f.table[2];
    CHECK(f.table.has(frame_index{last.first}, last.count));
    CHECK_FALSE(f.table.has(frame_index{last.first}, last.count + 1));
    CHECK_FALSE(f.table.has(frame_index{last.first - 1}, last.count));
    CHECK_FALSE(f.table.has(frame_index{last.first + last.count}, 1));
}

TEST_CASE("ranges appended in any order are sorted, and those that overlap are told", "[frames]") {
    rng random{seed()};
    CAPTURE(seed());
    for (int round = 0; round != scaled(300); ++round) {
        fixture appended;
        std::vector<range_table::range> all;
        for (auto n = random.below(17); n != 0; --n) {
            all.push_back({static_cast<std::uint32_t>(random.below(100)),
                           static_cast<std::uint32_t>(1 + random.below(5))});
            appended.table.append(frame_index{all.back().first}, all.back().count);
        }
        appended.table.sort();
        bool disjoint = true;
        for (std::size_t i = 0; i != all.size(); ++i)
            for (std::size_t j = 0; j != i; ++j)
                disjoint = disjoint && (all[i].end() <= all[j].first || all[j].end() <= all[i].first);
        REQUIRE(appended.table.is_disjoint() == disjoint);
        std::sort(all.begin(), all.end(), [](auto a, auto b) { return a.first < b.first; });
        REQUIRE(appended.table.size() == all.size());
        for (std::uint32_t i = 0; i != all.size(); ++i)
            REQUIRE(appended.table[i].first == all[i].first);
        for (const auto& one : all)
            if (disjoint) {
                REQUIRE(appended.table.has(frame_index{one.first}, one.count));
                REQUIRE_FALSE(appended.table.has(frame_index{one.first}, one.count + 1));
            }
        REQUIRE_FALSE(appended.table.has(frame_index{100}, 1));
    }
}

TEST_CASE("questions about any window are answered as by a set of indices", "[frames]") {
    rng random{seed()};
    CAPTURE(seed());
    for (int round = 0; round != scaled(300); ++round) {
        fixture f;
        std::set<std::uint32_t> expected;
        std::vector<range_table::range> live;
        for (int n = 0; n != 30; ++n) {
            if (random.below(3) == 0 && !live.empty()) {
                const std::size_t victim = random.below(live.size());
                const range_table::range gone = live[victim];
                f.table.erase(frame_index{gone.first});
                for (std::uint32_t i = 0; i != gone.count; ++i)
                    expected.erase(gone.first + i);
                live.erase(live.begin() + static_cast<std::ptrdiff_t>(victim));
            } else if (live.size() != 16) {
                const auto first = static_cast<std::uint32_t>(random.below(300));
                const auto count = static_cast<std::uint32_t>(1 + random.below(20));
                const auto next = expected.lower_bound(first);
                if (next != expected.end() && *next < first + count) continue;
                f.table.insert(frame_index{first}, count);
                live.push_back({first, count});
                for (std::uint32_t i = 0; i != count; ++i)
                    expected.insert(first + i);
            }
            const auto from = static_cast<std::uint32_t>(random.below(330));
            const auto count = static_cast<std::uint32_t>(1 + random.below(100));
            std::set<std::uint32_t> inside;
            f.table.for_each_in(frame_index{from}, count, [&](frame_index i, std::uint32_t length) {
                REQUIRE(length != 0);
                for (std::uint32_t at = 0; at != length; ++at)
                    inside.insert(i.raw() + at);
            });
            const std::set<std::uint32_t> wanted(expected.lower_bound(from),
                                                 expected.lower_bound(from + count));
            REQUIRE(inside == wanted);
            REQUIRE(f.table.count_in(frame_index{from}, count) == wanted.size());
            REQUIRE(f.table.any_in(frame_index{from}, count) == !wanted.empty());
            REQUIRE(f.table.contains(frame_index{from}) == (expected.count(from) != 0));
        }
    }
}

TEST_CASE("a range that reaches the last index does not wrap", "[frames]") {
    fixture f;
    f.table.insert(frame_index{UINT32_MAX}, 1);
    CHECK(f.table.contains(frame_index{UINT32_MAX}));
    CHECK_FALSE(f.table.contains(frame_index{0}));
    CHECK(f.table.count_in(frame_index{UINT32_MAX - 511}, 512) == 1);
    CHECK(f.table.any_in(frame_index{UINT32_MAX - 511}, 512));
    CHECK_FALSE(f.table.any_in(frame_index{UINT32_MAX - 511}, 511));
}
