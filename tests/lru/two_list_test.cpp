// lru/two_list_test.cpp - replacement::two_list: two touches activate, the active list shrinks, refaults are judged.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/two_list.hpp"

#include "lru/fake_view.hpp"
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

TEST_CASE(
    "with more frames the active list may be larger for each inactive frame, and an empty group has no next",
    "[lru]") {
    cordon::testing::fake_view<policy> v;
    CHECK(policy{}.next(v) == policy::lists);
    v.sizes[policy::inactive] = 3;
    v.sizes[policy::active] = 4;
    CHECK(policy{}.next(v) == policy::active);
    // From 1 GiB on three for each inactive one: the root of 10.
    v.sizes[policy::inactive] = 1u << 16;
    v.sizes[policy::active] = 3u << 16;
    CHECK(policy{}.next(v) == policy::inactive);
    v.state() = {};
    v.sizes[policy::active] = 4u << 16;
    CHECK(policy{}.next(v) == policy::active);
}

TEST_CASE("the lists are compared once for a batch of frames, at each look where they are short", "[lru]") {
    cordon::testing::fake_view<policy> v;
    const auto looks_at_active = [&](std::uint32_t frames) {
        v.state() = {};
        v.sizes[policy::inactive] = 1;
        v.sizes[policy::active] = frames - 1;
        std::uint32_t looks = 0;
        while (policy{}.next(v) == policy::active) {
            v.sizes[policy::inactive] = frames; // from now on it is not short
            ++looks;
        }
        return looks;
    };
    CHECK(looks_at_active(63) == 1);
    CHECK(looks_at_active(64) == 2);
    CHECK(looks_at_active(31 * 64 - 1) == 31);
    CHECK(looks_at_active(31 * 64) == 32);
    CHECK(looks_at_active(1u << 17) == 32);
    v.sizes[policy::inactive] = 0; // in the middle of a batch
    CHECK(policy{}.next(v) == policy::active);
}

TEST_CASE("what comes back within the size of the active list starts active", "[lru]") {
    cordon::testing::fake_view<policy> v;
    v.sizes[policy::active] = 3;
    v.evicted = 10;
    const auto starts = [&](bool known, std::uint32_t payload) {
        return policy{}
            .insert(v, cordon::frame_index{0}, {.known = known, .payload = payload, .key = 0})
            .list;
    };
    CHECK(starts(true, 7) == policy::active);
    CHECK(starts(true, 6) == policy::inactive);
    CHECK(starts(false, 9) == policy::inactive);
}
