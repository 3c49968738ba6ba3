// tests/model/random_operations_test.cpp - millions of random operations of every kind, against the model.
// SPDX-License-Identifier: BSL-1.0
//
// An episode is a fresh zone of odd size with random holes; poisoned frames wear it out.
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/episode.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace cordon;

struct small_blocks : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 32}, {1, 16}, {3, 8}, {6, 3}};
    using thread_slots = explicit_slots<4>;
    using gate = lock_gate<atomics, clock, backoff>;
    using misuse_handler = testing::misuse_record;
};
struct large_blocks : small_blocks {
    static constexpr unsigned pageblock_order = 9;
    static constexpr unsigned max_order = 11;
    static constexpr cached_order cached_orders[] = {{0, 128}, {2, 16}, {5, 4}, {9, 1}};
    using gate = membarrier_gate<atomics, default_barrier, clock, backoff>;
};

constexpr testing::operation_mix every_kind{.allocate_or_free = 780,
                                            .free_wrongly = 100,
                                            .bulk = 40,
                                            .exact = 30,
                                            .contiguous = 4,
                                            .drain = 4,
                                            .disable_or_enable = 8,
                                            .isolate = 8,
                                            .work_on_range = 16,
                                            .online = 4,
                                            .poison = 1,
                                            .set_type = 5,
                                            .compact = 1,
                                            .report_free = 1,
                                            .wrong_range = 4,
                                            .wrong_count = 1};

template <class Policy>
void run_episode(std::uint64_t seed, std::uint64_t operations) {
    testing::rng random{seed};
    testing::episode<Policy, testing::rng> one{
        random, every_kind, testing::choose_zone(random, 1u << Policy::pageblock_order, 4, 10)};
    for (std::uint64_t n = 0; n != operations; ++n) {
        // Between filling and emptying, so that both an empty and a full zone are met.
        if (n % 4096 == 0) one.turn();
        one.step();
        one.conserve();
        if (n % 2048 == 0) one.compare_all();
    }
    one.release_all();
    one.compare_all();
}

template <class Policy>
void run_episodes(std::uint64_t operations) {
    constexpr std::uint64_t length = 100'000;
    for (std::uint64_t done = 0, n = 0; done < operations; done += length, ++n) {
        CAPTURE(testing::seed(), n);
        REQUIRE_NOTHROW(run_episode<Policy>(testing::seed() + n, std::min(length, operations - done)));
    }
}

} // namespace

TEST_CASE("random operations on pageblocks of 64 frames agree with the model", "[model]") {
    run_episodes<small_blocks>(testing::scaled<std::uint64_t>(6'000'000));
}

TEST_CASE("random operations on pageblocks of 512 frames agree with the model", "[model]") {
    run_episodes<large_blocks>(testing::scaled<std::uint64_t>(4'000'000));
}
