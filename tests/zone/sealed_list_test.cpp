// tests/zone/sealed_list_test.cpp - who isolates which blocks.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/sealed_list.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("the owner of a block is that of the range it lies in", "[zone]") {
    sealed_list list;
    sealed_blocks a{{block_index{3}, 2}, owner_tag{1}};
    sealed_blocks b{{block_index{5}, 1}, owner_tag{2}};
    sealed_blocks c{{block_index{0}, 1}, owner_tag{3}};
    CHECK(list.owner_of(block_index{3}) == owner_tag::none);
    for (sealed_blocks* node : {&a, &b, &c})
        list.insert(*node);
    const auto owners = [&] {
        std::uint32_t digits = 0;
        for (std::uint32_t i = 0; i != 7; ++i)
            digits = digits * 10 + static_cast<std::uint32_t>(list.owner_of(block_index{i}));
        return digits;
    };
    CHECK(owners() == 3001120);
    list.erase(b); // from the middle
    CHECK(owners() == 3001100);
    list.erase(b); // not there: nothing
    CHECK(owners() == 3001100);
    list.erase(c);
    list.erase(a);
    CHECK(owners() == 0);
}
