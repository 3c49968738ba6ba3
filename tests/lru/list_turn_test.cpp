// tests/lru/list_turn_test.cpp - a scan on its way through linked lists, or with the hand.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/list_turn.hpp"

#include "support/catch.hpp"

#include "cordon/core/atomics.hpp"
#include "cordon/lru/hand.hpp"
#include "cordon/lru/links.hpp"

#include <cstdint>
#include <vector>

using namespace cordon;

namespace {

// Frames 0 to 3 on the first of two lists.
template <class Lists>
struct few_frames {
    std::vector<typename Lists::cell> cells = std::vector<typename Lists::cell>(4 + 2);
    typename Lists::list heads[2] = {};
    Lists all{cells.data(), nullptr, 4};

    few_frames() {
        for (std::uint32_t f = 0; f != 4; ++f)
            (void)all.push(at(0), frame_index{f}, list_end::newest, 0);
    }
    [[nodiscard]] typename Lists::place at(unsigned n) { return {heads[n], n, n}; }
    [[nodiscard]] std::vector<std::uint32_t> on(unsigned n) {
        std::vector<std::uint32_t> seen;
        all.for_each(at(n), [&](auto e) {
            seen.push_back(e.frame);
            return true;
        });
        return seen;
    }
};
using numbers = std::vector<std::uint32_t>;
using links = linked_lists<std_atomics>;
using hand = hand_lists<std_atomics>;

} // namespace

TEST_CASE("A turn keeps, passes and drops the oldest entry of a linked list", "[lru]") {
    few_frames<links> t;
    {
        links::turn here{t.all, t.at(0)};
        links::entry e;
        REQUIRE(here.oldest(e));
        CHECK(e.frame == 0);
        CHECK(here.ahead() == frame_index{1});
        here.keep(e);
        REQUIRE(here.oldest(e));
        CHECK(e.frame == 1);
        here.pass(t.at(1), e);
        REQUIRE(here.oldest(e));
        CHECK(e.frame == 2);
        here.drop(e, true);
    }
    CHECK(t.on(0) == numbers{3, 0});
    CHECK(t.on(1) == numbers{1});
    CHECK(links::size(t.heads[0]) == 2);
    CHECK(links::size(t.heads[1]) == 1);
    links::turn there{t.all, t.at(1)};
    links::entry e;
    REQUIRE(there.oldest(e));
    there.drop(e, true);
    CHECK_FALSE(there.oldest(e));
}

TEST_CASE("A turn keeps and drops what the hand is at", "[lru]") {
    few_frames<hand> t;
    {
        hand::turn here{t.all, t.at(0)};
        hand::entry e;
        REQUIRE(here.oldest(e));
        here.keep(e);
        REQUIRE(here.oldest(e));
        CHECK(e.frame == 1);
        CHECK(here.ahead() == frame_index{1});
        here.drop(e, true);
        REQUIRE(here.oldest(e));
        here.drop(e, false); // somebody else's
    }
    CHECK(t.on(0) == numbers{3, 0, 1, 2});
    CHECK(hand::size(t.heads[0]) == 3);
}
