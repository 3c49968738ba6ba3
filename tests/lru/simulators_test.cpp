// lru/simulators_test.cpp - the reference simulators: known cases and laws.
// SPDX-License-Identifier: BSL-1.0
#include "support/replacement/belady.hpp"
#include "support/replacement/clock.hpp"
#include "support/replacement/fifo.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/s3_fifo.hpp"
#include "support/replacement/sieve.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"

#include <functional>
#include <map>

namespace {

namespace r = cordon::testing::replacement;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

r::trace of(std::string_view letters) {
    r::trace all;
    for (const char c : letters)
        all.push_back({static_cast<r::page>(c)});
    return all;
}

// Returns: 'h' or '-' for each letter.
template <class Simulator>
std::string hits(Simulator cache, std::string_view letters) {
    std::string all;
    for (const r::request request : of(letters))
        all += cache.access(request) ? 'h' : '-';
    return all;
}

// A trace of some kind, the kind and its numbers drawn.
r::trace random_trace(rng& random) {
    const std::size_t length = 200 + random.below(std::size_t{800}),
                      pages = 10 + random.below(std::size_t{100});
    switch (random.below(6)) {
    case 0: return r::zipf_trace(length, pages, 0.2 * static_cast<double>(random.below(7)), random());
    case 1: return r::loop_trace(length, pages);
    case 2: return r::zigzag_trace(length, pages);
    case 3: return r::scan_trace(length, pages, 0.8, pages, pages / 2, random.below(2) == 0, random());
    case 4: return r::shifting_trace(length, pages, 0.8, pages, random());
    default: return r::recency_trace(length, 0.05, random());
    }
}

} // namespace

TEST_CASE("lru, fifo and clock differ on the shortest trace that tells them apart", "[lru]") {
    CHECK(hits(r::fifo{3}, "abcadaa") == "---h--h");
    CHECK(hits(r::lru{3}, "abcadaab") == "---h-hh-");
    CHECK(hits(r::clock{3}, "abcadbab") == "---h--h"
                                           "h");
}

TEST_CASE("sieve keeps a visited page in place and its hand behind it", "[lru]") {
    // The example of the paper: room for 7; a, b and g are visited, then come h, a, d, i, b, j; f, e and c leave.
    CHECK(hits(r::sieve{7}, "gfedcbaabghadibj").substr(7) == "hhh-hh-h-");
    CHECK(hits(r::sieve{7}, "gfedcbaabghadibjgdbaihj").substr(16) == "hhhhhhh");
}

TEST_CASE("s3_fifo promotes after two hits and readmits a ghost to the main queue", "[lru]") {
    // Capacity 10: one page of the small queue's share, nine ghosts.
    CHECK(hits(r::s3_fifo<>{10}, "aaa"
                                 "bcdefghijklmnopqrs"
                                 "a")
              .back() == 'h');
    CHECK(hits(r::s3_fifo<>{10}, "aa"
                                 "bcdefghijklmnopqrs"
                                 "a")
              .back() == '-');
    CHECK(hits(r::s3_fifo<>{10, 1}, "aa"
                                    "bcdefghijklmnopqrs"
                                    "a")
              .back() == 'h');
    // b is evicted from the small queue, comes back from the ghosts, and outlives a scan.
    CHECK(hits(r::s3_fifo<>{10}, "abcdefghijkl"
                                 "a"
                                 "mnopqrstuvwxyzABCDEF"
                                 "a")
              .back() == 'h');
    CHECK(hits(r::s3_fifo<r::window_ghosts>{10}, "abcdefghijkl"
                                                 "a"
                                                 "mnopqrstuvwxyzABCDEF"
                                                 "a")
              .back() == 'h');
    // Ten evictions later it is forgotten.
    CHECK(hits(r::s3_fifo<>{10}, "abcdefghijklmnopqrst"
                                 "a"
                                 "uvwxyzABCDEF"
                                 "a")
              .back() == '-');
}

TEST_CASE("belady meets the counts worked out by hand", "[lru]") {
    CHECK(r::belady_misses(of("abcdabeabcde"), 3) == 7); // the textbooks' trace: 9 by fifo, 10 by lru
    CHECK(r::misses(r::fifo{3}, of("abcdabeabcde")) == 9);
    CHECK(r::misses(r::fifo{4}, of("abcdabeabcde")) == 10); // Belady's anomaly
    CHECK(r::misses(r::lru{3}, of("abcdabeabcde")) == 10);
    // A loop over n pages with room for c hits c - 1 times in n - 1, but for a few at its ends.
    const auto loop = static_cast<double>(r::belady_misses(r::loop_trace(9000, 10), 5));
    CHECK(std::abs(loop - 9000.0 * 5 / 9) < 5);
    CHECK(r::misses(r::lru{9}, r::loop_trace(1000, 10)) == 1000);
}

TEST_CASE("lru is a stack: what hits in a small cache hits in a larger one", "[lru]") {
    rng random{seed()};
    for (int round = scaled(100); round-- != 0;) {
        const std::uint64_t capacity = 1 + random.below(40);
        r::lru small{capacity}, large{capacity + 1 + random.below(20)};
        for (const r::request request : random_trace(random)) {
            const bool hit = small.access(request);
            REQUIRE(large.access(request) >= hit);
        }
    }
}

TEST_CASE("no simulator has fewer misses than belady, none fewer than there are pages", "[lru]") {
    rng random{seed()};
    for (int round = scaled(100); round-- != 0;) {
        const std::uint64_t capacity = 1 + random.below(60);
        const r::trace t = random_trace(random);
        const std::uint64_t least = r::belady_misses(t, capacity);
        CAPTURE(round, capacity, t.size());
        CHECK(r::belady_misses(t, t.size()) <= least);
        CHECK(r::misses(r::lru{capacity}, t) >= least);
        CHECK(r::misses(r::fifo{capacity}, t) >= least);
        CHECK(r::misses(r::clock{capacity}, t) >= least);
        CHECK(r::misses(r::clock{capacity, 3}, t) >= least);
        CHECK(r::misses(r::sieve{capacity}, t) >= least);
        CHECK(r::misses(r::s3_fifo<>{capacity}, t) >= least);
        CHECK(r::misses(r::s3_fifo<r::window_ghosts>{capacity, 1}, t) >= least);
    }
}

TEST_CASE("a generator repeats itself with the same seed", "[lru]") {
    const auto ids = [](const r::trace& t) {
        std::vector<r::page> all;
        for (const r::request request : t)
            all.push_back(request.id);
        return all;
    };
    CHECK(ids(r::zipf_trace(100, 50, 0.9, 7)) == ids(r::zipf_trace(100, 50, 0.9, 7)));
    CHECK(ids(r::zipf_trace(100, 50, 0.9, 7)) != ids(r::zipf_trace(100, 50, 0.9, 8)));
    CHECK(ids(r::recency_trace(100, 0.1, 7)) == ids(r::recency_trace(100, 0.1, 7)));
    CHECK(ids(r::zigzag_trace(7, 3)) == std::vector<r::page>{0, 1, 2, 2, 1, 0, 0});
    CHECK(ids(r::scan_trace(6, 1, 1, 1, 2, true, 7)) == std::vector<r::page>{0, 1, 2, 0, 1, 2});
    CHECK(ids(r::scan_trace(6, 1, 1, 1, 2, false, 7)) == std::vector<r::page>{0, 1, 2, 0, 3, 4});
}

TEST_CASE("the readers take both formats", "[lru]") {
    std::istringstream text{"7\n*\n12 3\n\n5"};
    const r::trace a = r::read_text(text);
    REQUIRE(a.size() == 3);
    CHECK((a[0].id == 7 && a[1].id == 12 && a[2].id == 5 && a[1].size == 1));
    std::istringstream binary{std::string("\x01\0\0\0"
                                          "\x02\x01\0\0\0\0\0\0"
                                          "\0\x10\0\0"
                                          "\xff\xff\xff\xff\xff\xff\xff\xff",
                                          24)};
    const r::trace b = r::read_oracle_general(binary);
    REQUIRE(b.size() == 1);
    CHECK((b[0].id == 0x102 && b[0].size == 4096));
}
