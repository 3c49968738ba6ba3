// lru/sieve_test.cpp - replacement::sieve: the hand passes touched frames and leaves them in place.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/sieve.hpp"

#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/replacement/coldest.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::testing::replacement::numbers;
using tracker = cordon::testing::replacement::tracked<cordon::replacement::sieve>;

} // namespace

TEST_CASE("sieve evicts untouched frames in the order of their arrival, and passes touched ones once",
          "[lru]") {
    tracker t{5};
    t.use(0);
    t.use(2);
    CHECK(t.coldest(2) == numbers{1, 3});
    // The hand is at 4: 0 and 2 are behind it and come last, although they are older.
    CHECK(t.coldest(3) == numbers{4, 0, 2});
}

TEST_CASE("sieve's hand meets newcomers before survivors, unless it had come to the end", "[lru]") {
    tracker middle{3};
    middle.use(0);
    CHECK(middle.coldest(1) == numbers{1});
    CHECK(middle.add(frame{1}) == status::ok);
    CHECK(middle.coldest(3) == numbers{2, 1, 0});

    tracker end{2};
    end.use(0);
    CHECK(end.coldest(1) == numbers{1});
    CHECK(end.add(frame{1}) == status::ok);
    CHECK(end.coldest(2) == numbers{0, 1});
}

TEST_CASE("a frame put back at the tail is sieve's next victim, one at the head its last", "[lru]") {
    tracker t{3};
    CHECK(t.isolate(frame{2}) == status::ok);
    CHECK(t.putback(frame{2}, cordon::putback_at::tail) == status::ok);
    CHECK(t.isolate(frame{0}) == status::ok);
    CHECK(t.putback(frame{0}, cordon::putback_at::head) == status::ok);
    CHECK(t.coldest(3) == numbers{2, 1, 0});
}

TEST_CASE("an empty group has no next for sieve, and a frame goes back to the list it was on", "[lru]") {
    using policy = cordon::replacement::sieve;
    cordon::testing::fake_view<policy> v;
    CHECK(policy{}.next(v) == policy::lists);
    v.sizes[0] = v.sizes[1] = 1;
    v.lists[7] = 1;
    CHECK(policy{}.putback(v, cordon::frame_index{7}, cordon::putback_at::automatic).list == 1);
    CHECK(policy{}.putback(v, cordon::frame_index{7}, cordon::putback_at::tail).list == policy{}.next(v));
}
