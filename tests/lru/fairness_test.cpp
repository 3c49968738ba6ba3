// tests/lru/fairness_test.cpp - groups come and go by the thousand, and one that scans costs the others next to nothing.
// SPDX-License-Identifier: BSL-1.0
#include "support/replacement/shared_pool.hpp"

#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>

using cordon::testing::replacement::shared_pool;
using cordon::testing::replacement::shared_pool_options;

TEMPLATE_TEST_CASE("A thousand groups lose a percentage point of hits at most to one that scans", "[lru]",
                   cordon::replacement::lru, cordon::replacement::s3_fifo<>) {
    const std::uint32_t tenants = std::max(100u, cordon::testing::scaled(1'000u));
    shared_pool_options how{
        .tenants = tenants, .accesses = std::uint64_t{tenants} * 200, .seed = cordon::testing::seed()};
    shared_pool<TestType> quiet{how}, noisy{how};
    CHECK(quiet.run(false) - noisy.run(true) <= 1);
    CHECK(noisy.errors() == 0);
    CHECK(noisy.groups_made() == how.tenants + how.accesses / how.life);
    CHECK(noisy.tracker().validate(true));

    how.own_groups = false; // without groups the same scan is dear
    shared_pool<TestType> together{how}, disturbed{how};
    CHECK(together.run(false) - disturbed.run(true) > 3);
}
