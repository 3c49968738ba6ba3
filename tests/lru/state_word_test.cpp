// tests/lru/state_word_test.cpp - place, mark, references and group in 32 bits.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/state_word.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("The parts of a state word do not disturb each other", "[lru]") {
    for (const auto place : {lru_place::untracked, lru_place::listed, lru_place::batched, lru_place::isolated,
                             lru_place::unevictable})
        for (const std::uint32_t group : {0u, 1u, 4095u})
            for (const std::uint32_t references : {0u, 1u, 4095u})
                for (const unsigned mark : {0u, 1u, 31u}) {
                    const state_word w = state_word{place, group_id{group}, references}.with_mark(mark);
                    CHECK(w.place() == place);
                    CHECK(w.group().raw() == group);
                    CHECK(w.references() == references);
                    CHECK(w.mark() == mark);
                    const state_word other = w.with(lru_place::listed).with_group(group_id{7});
                    CHECK(other.place() == lru_place::listed);
                    CHECK(other.group().raw() == 7);
                    CHECK(other.references() == references);
                    CHECK(other.mark() == mark);
                }
    CHECK(state_word{}.raw() == 0);
}

TEST_CASE("A claim takes the place and a reference, and only of a frame without pins", "[lru]") {
    const state_word listed{lru_place::listed, group_id{9}, 0};
    CHECK(listed.claimable());
    CHECK(state_word{lru_place::batched, group_id{9}, 0}.claimable());
    CHECK(!listed.referenced().claimable());
    CHECK(!state_word{}.claimable());
    CHECK(!state_word{lru_place::unevictable, group_id{9}, 1}.claimable());
    const state_word claimed = listed.claimed();
    CHECK(claimed.place() == lru_place::isolated);
    CHECK(claimed.references() == 1);
    CHECK(claimed.pins() == 0);
    CHECK(claimed.group() == group_id{9});
    CHECK(!claimed.claimable());
    CHECK(claimed.referenced().pins() == 1);
    CHECK(claimed.released().with(lru_place::listed).raw() == listed.raw());
}
