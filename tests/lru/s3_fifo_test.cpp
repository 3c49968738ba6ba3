// lru/s3_fifo_test.cpp - replacement::s3_fifo: probation, the main queue and the ghosts.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/s3_fifo.hpp"

#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/replacement/coldest.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::replacement::s3_fifo;
using cordon::testing::replacement::numbers;
using cordon::testing::replacement::tracked;

} // namespace

TEST_CASE("s3_fifo sends a frame to the main queue after as many touches as its threshold", "[lru]") {
    tracked<s3_fifo<1>> once{20};
    once.use(0);
    CHECK(once.coldest(1) == numbers{1});
    CHECK(once.state_of(frame{0}).list == s3_fifo<1>::main);

    tracked<s3_fifo<2>> twice{20};
    twice.use(0);
    twice.use(1, 2);
    CHECK(twice.coldest(2) == numbers{0, 2});
    CHECK(twice.state_of(frame{1}).list == s3_fifo<2>::main);
}

TEST_CASE("s3_fifo evicts from the main queue when that exceeds its share, by a counter of up to 3",
          "[lru]") {
    tracked<s3_fifo<>> t{10};
    for (std::uint32_t i = 0; i != 10; ++i)
        t.use(i);
    CHECK(t.coldest(1) == numbers{0}); // all go to the main queue; then its oldest is found untouched
    t.use(1, 9);
    CHECK(t.coldest(8) == numbers{2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(t.state_of(frame{1}).age < 3);
    CHECK(t.coldest(2) == numbers{1});
}

TEST_CASE("s3_fifo evicts what is deactivated before what exceeds the share of the main queue", "[lru]") {
    tracked<s3_fifo<>> t{50};
    for (std::uint32_t i = 0; i != 50; ++i)
        t.use(i);
    CHECK(t.coldest(1) == numbers{0}); // all are in the main queue
    for (const std::uint32_t i : {9u, 30u, 4u})
        t.deactivate({frame{i}, cordon::frame_count{1}});
    CHECK(t.coldest(4) == numbers{4, 30, 9, 1});
}

TEST_CASE("s3_fifo looks in the small queue for one victim, however often that was deactivated", "[lru]") {
    tracked<s3_fifo<>> t{50};
    for (std::uint32_t i = 0; i != 50; ++i)
        t.use(i);
    CHECK(t.coldest(1) == numbers{0}); // all others are in the main queue
    for (int n = 0; n != 40; ++n)
        t.deactivate({frame{9}, cordon::frame_count{1}});
    CHECK(t.add(frame{0}) == status::ok);
    CHECK(t.coldest(2) == numbers{9, 1}); // the new one stays
}

TEST_CASE("s3_fifo readmits to the main queue what left the small one a short time ago", "[lru]") {
    tracked<s3_fifo<>> t{20};
    const cordon::lru_token early = t.evict(0);
    CHECK(t.refault(early).activate);
    CHECK(t.refault(early).distance == 0);
    for (std::uint32_t i = 1; i != 10; ++i)
        t.evict(i);
    CHECK(t.refault(early).distance == 9);
    CHECK(t.refault(early).activate == (9 < 11 * 9 / 10));
    t.evict(10);
    CHECK_FALSE(t.refault(early).activate);

    CHECK(t.add(frame{0}, cordon::root_group, t.evict(11)) == status::ok);
    CHECK(t.drain() == status::ok);
    CHECK(t.state_of(frame{0}).list == s3_fifo<>::main);
    // What leaves the main queue leaves no ghost.
    CHECK_FALSE(t.refault(t.evict(0)).activate);
}

TEST_CASE("in a very large group s3_fifo's tokens count in steps", "[lru]") {
    using policy = cordon::replacement::s3_fifo<1>;
    cordon::testing::fake_view<policy> v;
    v.capacity = 1u << 20; // 22 bits for 18: steps of 16
    v.sizes[policy::small] = 1000;
    const std::uint32_t first = policy{}.evicted(v, cordon::frame_index{0});
    for (int n = 0; n != 40; ++n)
        (void)policy{}.evicted(v, cordon::frame_index{0});
    CHECK(policy{}.refault(v, first).distance == 32);
    CHECK(policy{}.refault(v, first).activate);
    v.lists[1] = policy::main;
    CHECK(policy{}.evicted(v, cordon::frame_index{1}) == 0);
}
