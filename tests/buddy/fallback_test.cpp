// tests/buddy/fallback_test.cpp - who may take from whom, and when a block changes sides.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/fallback.hpp"

#include "support/catch.hpp"

#include <cstdint>

using namespace cordon;

namespace {

constexpr migrate_type types[] = {migrate_type::movable, migrate_type::unmovable, migrate_type::reclaimable,
                                  migrate_type::lent};

} // namespace

TEST_CASE("nobody falls back to its own type, to a type twice, or to a lent block", "[buddy]") {
    for (const migrate_type wanted : types) {
        const fallback_order order = fallbacks(wanted);
        CHECK(order.types[0] != order.types[1]);
        for (const migrate_type victim : order.types) {
            CHECK(victim != wanted);
            CHECK(victim != migrate_type::lent);
        }
    }
}

TEST_CASE("what does not move takes from movable blocks last", "[buddy]") {
    CHECK(fallbacks(migrate_type::unmovable).types[1] == migrate_type::movable);
    CHECK(fallbacks(migrate_type::reclaimable).types[1] == migrate_type::movable);
}

TEST_CASE("only a movable block that is half free or more changes its type, and never to lent", "[buddy]") {
    for (const migrate_type from : types)
        for (const migrate_type to : types)
            for (std::uint32_t free = 0; free <= 512; ++free)
                REQUIRE(converts(from, to, free, 512) ==
                        (from == migrate_type::movable && to != migrate_type::lent && free >= 256));
}
