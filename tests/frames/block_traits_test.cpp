// tests/frames/block_traits_test.cpp - block_traits: independent bits beside a type that survives them.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/frames/block_traits.hpp"

#include "support/catch.hpp"

#include <cstdint>

using namespace cordon;

namespace {

constexpr std::uint8_t flags[] = {block_traits::isolated, block_traits::offline, block_traits::absent,
                                  block_traits::poisoned};

} // namespace

TEST_CASE("a zero byte is a movable block that can be allocated from and cached", "[frames]") {
    constexpr block_traits fresh;
    STATIC_REQUIRE(fresh.raw() == 0);
    STATIC_REQUIRE(fresh.type() == migrate_type::movable);
    STATIC_REQUIRE(fresh.allocatable());
    STATIC_REQUIRE(fresh.cacheable());
}

TEST_CASE("each trait is set and cleared without touching the type or the others", "[frames]") {
    for (unsigned raw = 0; raw != 64; ++raw) {
        const block_traits before{static_cast<std::uint8_t>(raw)};
        for (const std::uint8_t flag : flags) {
            CAPTURE(raw, flag);
            REQUIRE(before.with(flag).has(flag));
            REQUIRE_FALSE(before.without(flag).has(flag));
            REQUIRE(before.with(flag).type() == before.type());
            REQUIRE(before.without(flag).type() == before.type());
            REQUIRE((before.has(flag) ? before.without(flag).with(flag) : before.with(flag).without(flag)) ==
                    before);
        }
        for (unsigned t = 0; t != migrate_types; ++t) {
            const auto type = static_cast<migrate_type>(t);
            REQUIRE(before.with_type(type).type() == type);
            REQUIRE(before.with_type(type).with_type(before.type()) == before);
        }
    }
}

TEST_CASE("no allocation from isolated, offline and absent blocks, no caching of poisoned ones either",
          "[frames]") {
    for (unsigned raw = 0; raw != 64; ++raw) {
        const block_traits t{static_cast<std::uint8_t>(raw)};
        const bool closed =
            t.has(block_traits::isolated) || t.has(block_traits::offline) || t.has(block_traits::absent);
        CAPTURE(raw);
        REQUIRE(t.allocatable() == !closed);
        REQUIRE(t.cacheable() == (!closed && !t.has(block_traits::poisoned)));
    }
}
