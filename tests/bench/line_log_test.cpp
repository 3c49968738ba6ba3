// tests/bench/line_log_test.cpp - the count of shared cache lines: what is one, and that a zone's are found.
// SPDX-License-Identifier: BSL-1.0
#include "support/line_log.hpp"

#include "support/catch.hpp"

#include <cstddef>

using namespace bench;

namespace {

struct alignas(line_log::line) line {
    std::byte bytes[line_log::line];
};

using zone = cordon::basic_zone<logged_policy>;

// Returns: shared lines of `pairs` pairs of each of two workers.
std::size_t shared_by_pairs(zone& z, std::size_t pairs) {
    line_log log;
    const logged_section section{z, log};
    for (std::size_t i = 0; i != pairs; ++i)
        for (const unsigned worker : {0u, 1u}) {
            log.begin_operation(worker);
            const auto f = z.allocate(cordon::slot_index{worker});
            REQUIRE(f);
            z.free(cordon::slot_index{worker}, *f);
        }
    return log.shared();
}

} // namespace

TEST_CASE("a line is shared if two workers touch it and one writes", "[bench]") {
    line lines[4]{};
    line_log log;
    log.note(&lines[0], true); // before the first operation
    for (const unsigned worker : {0u, 1u}) {
        log.begin_operation(worker);
        log.note(&lines[worker], true);
        log.note(&lines[2], false);
        log.note(&lines[2].bytes[8], false);
    }
    CHECK(log.operations() == 2);
    CHECK(log.touched() == 4);
    CHECK(log.shared() == 0);
    log.begin_operation(0);
    log.note(&lines[2].bytes[63], true);
    log.note(&lines[3], true);
    log.begin_operation(1);
    log.note(&lines[2], false);
    CHECK(log.touched() == 7);
    CHECK(log.shared() == 4); // line 2, in each operation
}

TEST_CASE("a line moves to who touches it, and away from those that did not write it", "[bench]") {
    line lines[1]{};
    line_log log;
    const auto moves = [&](unsigned worker, bool writes) {
        const std::size_t before = log.moved();
        log.begin_operation(worker);
        log.note(lines, writes);
        return log.moved() - before;
    };
    CHECK(moves(0, true) == 0); // from memory
    CHECK(moves(0, false) == 0);
    CHECK(moves(1, false) == 1);
    CHECK(moves(0, false) == 0); // both have it
    CHECK(moves(0, true) == 1);
    CHECK(moves(0, true) == 0);
    CHECK(moves(1, true) == 1);
}

TEST_CASE("hits share no line, misses share the lock's, the counters' and what they take from", "[bench]") {
    zone z{cordon::frame_range{cordon::frame{0}, cordon::frame_count{4096}}};
    shared_by_pairs(z, 1); // the slots become active
    CHECK(shared_by_pairs(z, 1000) == 0);
    const auto disabled = z.disable_caches();
    REQUIRE(disabled);
    // The lock, the header, the counters, the block's map, its traits, its fill, its frame's state.
    const std::size_t uncached = shared_by_pairs(z, 1000);
    CHECK(uncached >= 2000 * 6);
    CHECK(uncached <= 2000 * 12);
}
