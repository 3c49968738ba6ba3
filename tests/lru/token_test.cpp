// tests/lru/token_test.cpp - what is left of an evicted frame.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/token.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("A token keeps its group and its payload, and is never none", "[lru]") {
    CHECK(!lru_token{});
    for (const std::uint32_t group : {0u, 1u, 4095u})
        for (const std::uint32_t payload : {0u, 1u, lru_token::payload_mask}) {
            const lru_token token{group_id{group}, payload};
            CHECK(token);
            CHECK(token.group().raw() == group);
            CHECK(token.payload() == payload);
            CHECK(lru_token{token.raw()} == token);
        }
    CHECK(lru_token{group_id{3}, lru_token::payload_mask + 5}.payload() == 4);
}
