// lru/two_list_test.cpp - replacement::two_list: two touches activate, the active list shrinks, refaults are judged.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/two_list.hpp"

#include "support/catch.hpp"
#include "support/replacement/coldest.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::testing::replacement::numbers;
using policy = cordon::replacement::two_list;
using tracker = cordon::testing::replacement::tracked<policy>;

} // namespace

TEST_CASE("two_list gives one more round for one touch and activates for two", "[lru]") {
    tracker t{4};
    t.use(0);
    t.use(1, 2);
    CHECK(t.coldest(1) == numbers{2});
    CHECK(t.state_of(frame{0}).list == policy::inactive);
    CHECK(t.state_of(frame{1}).list == policy::active);
    CHECK(t.coldest(2) == numbers{3, 0});
}

TEST_CASE("two touches in two rounds activate as well", "[lru]") {
    tracker t{4};
    t.use(0);
    CHECK(t.coldest(3) == numbers{1, 2, 3});
    CHECK(t.add(frame{1}) == status::ok);
    t.use(0);
    CHECK(t.coldest(1) == numbers{1});
    CHECK(t.state_of(frame{0}).list == policy::active);
}

TEST_CASE("the oldest active frame becomes inactive, touched or not, when most frames are active", "[lru]") {
    tracker t{3};
    for (std::uint32_t i = 0; i != 3; ++i)
        t.use(i, 2);
    // All become active; 0 is cooled, then evicted, as it is not touched again.
    CHECK(t.coldest(1) == numbers{0});
    t.use(1, 2);
    CHECK(t.coldest(1) == numbers{2}); // 1 is cooled first, but its touches count again from there
}

TEST_CASE("a refault within the size of the active list activates", "[lru]") {
    tracker t{8};
    for (std::uint32_t i = 0; i != 3; ++i)
        t.use(i, 2);
    CHECK(t.coldest(1) == numbers{3});
    const cordon::lru_token token = t.evict(4);
    t.evict(5);
    t.evict(6);
    CHECK(t.refault(token).distance == 3);
    CHECK(t.refault(token).activate);
    t.evict(7);
    t.evict(0);
    CHECK_FALSE(t.refault(token).activate);
}
