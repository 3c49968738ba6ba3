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

TEST_CASE("who abandons a list tells each node that is in it, and no other", "[zone]") {
    sealed_list list;
    sealed_blocks nodes[4] = {
        {{block_index{0}, 1}}, {{block_index{1}, 1}}, {{block_index{2}, 1}}, {{block_index{3}, 1}}};
    for (int i = 0; i != 3; ++i)
        list.insert(nodes[i]);
    list.erase(nodes[0]);
    list.replace(nodes[1], nodes[3]);
    list.replace(nodes[0], nodes[1]); // it is not there: nothing
    std::uint32_t told = 0;
    list.abandon([&](const sealed_blocks& node) { told += 1u << node.blocks.first.raw(); });
    CHECK(told == 0b1100);
    for (int i = 0; i != 4; ++i)
        CHECK(nodes[i].is_orphan == (i >= 2));
    list.abandon([&](const sealed_blocks&) { told = 0; });
    CHECK(told == 0b1100); // there is nobody left
}
