// lru/generations_test.cpp - replacement::generations: the oldest generation is evicted from, ageing opens young ones.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/generations.hpp"

#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/replacement/coldest.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::replacement::generations;
using cordon::testing::replacement::numbers;
using cordon::testing::replacement::tracked;

} // namespace

TEST_CASE("generations evicts the untouched of the oldest generation; the touched join the youngest",
          "[lru]") {
    tracked<generations<>> t{4};
    t.use(0);
    t.use(2);
    CHECK(t.coldest(4) == numbers{1, 3, 0, 2});
}

TEST_CASE("a generation touched in each round is never evicted while others are there", "[lru]") {
    tracked<generations<4>> t{40};
    for (std::uint32_t round = 0; round != 30; ++round) {
        for (std::uint32_t i = 0; i != 10; ++i)
            t.use(i);
        CHECK(t.coldest(1) == numbers{10 + round});
    }
}

TEST_CASE("age() opens a generation and makes the untouched colder", "[lru]") {
    tracked<generations<8>> t{4};
    CHECK(t.drain() == status::ok);
    t.use(0);
    for (int n = 0; n != 5; ++n)
        CHECK(t.age(cordon::root_group) == status::ok);
    t.use(1);
    CHECK(t.state_of(frame{0}).cold == 5);
    CHECK(t.state_of(frame{1}).cold == 0);
    CHECK(t.working_set(cordon::root_group, 4).raw() == 1);
    CHECK(t.coldest(4) == numbers{2, 3, 0, 1});
    CHECK(t.stats().ticks >= 5);
}

TEST_CASE("age() opens no generation when there is no list left for it", "[lru]") {
    tracked<generations<4>> t{3};
    t.use(0);
    CHECK(t.coldest(1) == numbers{1});
    for (int n = 0; n != 3; ++n)
        CHECK(t.age(cordon::root_group) == status::ok);
    t.use(2);
    CHECK(t.coldest(2) == numbers{0, 2}); // 2 was of the oldest generation, and joined the youngest
}

TEST_CASE("a touch counts for 64 ticks at least, and not for ever", "[lru]") {
    tracked<generations<>> t{3};
    t.use(0);
    for (int n = 0; n != 500; ++n) {
        CHECK(t.age(cordon::root_group) == status::ok);
        CHECK(t.state_of(frame{0}).cold >= (n < 63 ? n : 63));
    }
    t.use(1);
    CHECK(t.state_of(frame{1}).cold == 0);
    CHECK(t.coldest(3) == numbers{0, 2, 1});
}

TEST_CASE("what comes back soon starts young", "[lru]") {
    tracked<generations<>> t{4};
    const cordon::lru_token token = t.evict(0);
    CHECK(t.add(frame{0}, cordon::root_group, token) == status::ok);
    CHECK(t.add(frame{4}) == status::ok);
    CHECK(t.coldest(5) == numbers{1, 2, 3, 4, 0});
}

TEST_CASE("newcomers start in the oldest generations, what comes back too early in the youngest", "[lru]") {
    using policy = generations<5>;
    cordon::testing::fake_view<policy> v;
    CHECK(policy{}.next(v) == policy::lists);
    v.sizes[0] = 4;
    v.evicted = 10;
    const auto starts = [&](bool known, std::uint32_t payload) {
        return policy{}
            .insert(v, cordon::frame_index{0}, {.known = known, .payload = payload, .key = 0})
            .list;
    };
    const unsigned with_two = starts(false, 0);
    CHECK(starts(true, 9) == 0);
    CHECK(starts(true, 2) == with_two); // too long ago
    for (int n = 0; n != 2; ++n)
        policy{}.tick(v);
    // Of four generations the second oldest.
    CHECK(v.group_state.youngest == 2);
    CHECK(starts(true, 9) == 2);
    CHECK(starts(false, 0) == 0);
}

TEST_CASE("put back at the head a frame is of the youngest generation, at the tail the oldest's next",
          "[lru]") {
    using policy = generations<5>;
    cordon::testing::fake_view<policy> v;
    v.sizes[0] = 4;
    for (int n = 0; n != 2; ++n)
        policy{}.tick(v);
    v.lists[7] = 1;
    const unsigned oldest = policy{}.next(v);
    const auto putback = [&](cordon::putback_at at) {
        return policy{}.putback(v, cordon::frame_index{7}, at);
    };
    CHECK(putback(cordon::putback_at::head).list == 2);
    CHECK(putback(cordon::putback_at::head).end == cordon::list_end::newest);
    CHECK(putback(cordon::putback_at::tail).list == oldest);
    CHECK(putback(cordon::putback_at::tail).end == cordon::list_end::oldest);
    CHECK(putback(cordon::putback_at::automatic).list == 1);
    // A generation that was over before its frame came back would be the youngest again in time.
    for (const unsigned live : {2u, 1u, 0u, oldest}) {
        v.lists[7] = live;
        CHECK(putback(cordon::putback_at::automatic).list == live);
    }
    v.lists[7] = 3;
    CHECK(putback(cordon::putback_at::automatic).list == oldest);
}
