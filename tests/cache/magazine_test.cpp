// tests/cache/magazine_test.cpp - which orders are cached, and where.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cache/magazine.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <bit>
#include <vector>

using namespace cordon;

namespace {

struct table_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 9;
    static constexpr cached_order cached_orders[] = {{0, 10}, {2, 6}, {6, 4}};
};
using bins = magazine_bins<table_policy>;

struct largest_is_cached : table_policy {
    static constexpr unsigned max_order = 6;
};

template <unsigned Order, std::uint16_t Capacity>
struct with_row : table_policy {
    static constexpr cached_order cached_orders[] = {{0, 10}, {2, 6}, {Order, Capacity}};
};

struct rows_above : table_policy {
    static constexpr cached_order cached_orders[] = {{9, 8}, {0, 10}, {7, 5}, {2, 6}, {6, 4}};
};
struct runs_of_blocks : table_policy {
    static constexpr cached_order cached_orders[] = {{7, 5}};
};

constexpr migrate_type types[] = {migrate_type::movable, migrate_type::unmovable, migrate_type::reclaimable,
                                  migrate_type::lent};

} // namespace

TEST_CASE("each cached order has a bin for each type, and its own entries", "[cache]") {
    std::vector<int> used(bins::total());
    unsigned seen = 0;
    for (const unsigned k : {0u, 2u, 6u})
        for (const migrate_type t : types) {
            const unsigned bin = bins::of(order{k}, t);
            REQUIRE(bin < bins::count);
            CHECK(bins::order_of(bin) == order{k});
            CHECK(bins::type_of(bin) == t);
            for (unsigned e = 0; e != bins::capacity(bin); ++e)
                ++used.at(bins::offset(bin) + e);
            ++seen;
        }
    CHECK(seen == 12);
    for (const int n : used)
        CHECK(n <= 1);
}

TEST_CASE("orders that are not in the table are not cached", "[cache]") {
    for (const unsigned k : {1u, 3u, 4u, 5u, 7u, 8u, 9u})
        CHECK(bins::of(order{k}, migrate_type::movable) == bins::none);
}

TEST_CASE("an order above the largest is not cached, even if the largest is", "[cache]") {
    using all = magazine_bins<largest_is_cached>;
    CHECK(all::of(order{6}, migrate_type::movable) != all::none);
    for (const unsigned k : {7u, 9u, 63u, 255u})
        CHECK(all::of(order{k}, migrate_type::movable) == all::none);
}

TEST_CASE("a table lists each order once, with room for a run, and one that a pageblock has", "[cache]") {
    STATIC_REQUIRE(caching_policy<with_row<6, 1>>);
    STATIC_REQUIRE_FALSE(caching_policy<runs_of_blocks>);
    STATIC_REQUIRE_FALSE(caching_policy<with_row<6, 0>>);
    STATIC_REQUIRE_FALSE(caching_policy<with_row<0, 1>>);
    STATIC_REQUIRE_FALSE(caching_policy<with_row<2, 6>>);
}

TEST_CASE("rows above a pageblock are left out, wherever they stand", "[cache]") {
    using all = magazine_bins<rows_above>;
    REQUIRE(caching_policy<rows_above>);
    CHECK(all::count == bins::count);
    CHECK(all::total() == bins::total());
    CHECK(all::of(order{7}, migrate_type::movable) == all::none);
    CHECK(all::of(order{9}, migrate_type::movable) == all::none);
    for (const unsigned k : {0u, 2u, 6u}) {
        const unsigned bin = all::of(order{k}, migrate_type::lent);
        REQUIRE(bin < all::count);
        CHECK(all::order_of(bin) == order{k});
        CHECK(all::capacity(bin) == bins::capacity(bins::of(order{k}, migrate_type::lent)));
    }
}

TEST_CASE("a slot starts with its gate, alone on its cache lines", "[cache]") {
    STATIC_REQUIRE(alignof(cache_slot<testing::small_policy>) == cache_line_bytes);
    STATIC_REQUIRE(sizeof(cache_slot<testing::small_policy>) % cache_line_bytes == 0);
    // What a hit of order 0, movable, touches is in the first line.
    using slot = cache_slot_parts<testing::small_policy>;
    STATIC_REQUIRE(std::has_single_bit(sizeof(cache_slot<testing::small_policy>)));
    STATIC_REQUIRE(offsetof(slot, gate) == 0);
    STATIC_REQUIRE(offsetof(slot, magazines) + sizeof(slot::magazines[0]) <= cache_line_bytes);
}
