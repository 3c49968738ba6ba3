// tests/lru/replacement_test.cpp - a policy of the user's own.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/replacement.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// Newest first: what is added goes to the oldest end. With a count of its decisions in the state of the group.
struct last_in_first_out : replacement_base {
    static constexpr list_kind kind = list_kind::linked;
    static constexpr bool wants_keys = true;
    struct group_state {
        std::uint32_t examined;
        std::uint64_t keys;
    };
    static std::size_t extra_bytes(std::uint64_t frames) { return static_cast<std::size_t>(frames); }
    std::vector<std::pair<frame_index, frame_index>>* moves = nullptr;
    template <class V>
    list_place insert(V& v, frame_index i, const arrival& a) const {
        v.state().keys += a.key;
        v.extra()[i.raw()] = std::byte{1};
        return {0, list_end::oldest};
    }
    template <class V>
    void moved(V&, frame_index from, frame_index to) const {
        if (moves != nullptr) moves->emplace_back(from, to);
    }
    template <class V>
    decision examine(V& v, frame_index, unsigned) const {
        ++v.state().examined;
        return decision::evict();
    }
};
static_assert(replacement_policy<last_in_first_out>);

// Its tokens, and what becomes of them, are told by the number of evictions alone.
struct counts_evictions : replacement_base {
    template <class V>
    std::uint32_t evicted(V& v, frame_index) const {
        return v.evictions();
    }
    template <class V>
    refault_info refault(const V& v, std::uint32_t then) const {
        return {false, v.evictions() - then};
    }
};
static_assert(!replacement_policy<int>);

} // namespace

TEST_CASE("A policy of the user's own has its state, its keys and its bytes", "[lru]") {
    small_lru<last_in_first_out> tracker{some_frames(64), 2};
    chosen_slots::mine = slot_index{1};
    const group_id other = *tracker.create_group();
    for (const frame f : some_frames(4))
        REQUIRE(tracker.add(f, root_group, {}, f.raw()) == status::ok);
    REQUIRE(tracker.add(frame{1010}, other, {}, 5) == status::ok);
    CHECK(coldest(tracker, 2) == std::vector{frame{1003}, frame{1002}});
    chosen_slots::mine = slot_index::none();
    CHECK(tracker.drain() == status::ok);
    auto& core = tracker.internals();
    CHECK(core.group_of(root_group).state.examined == 2);
    CHECK(core.group_of(root_group).state.keys == 1000 + 1001 + 1002 + 1003);
    CHECK(core.group_of(other).state.keys == 5);
    const auto bytes = core.parts().extra_of(root_group), bytes_of_other = core.parts().extra_of(other);
    CHECK(bytes.size() == 64);
    CHECK(bytes[1] == std::byte{1});
    CHECK(bytes[10] == std::byte{0});
    CHECK(bytes_of_other[10] == std::byte{1});
    CHECK(bytes_of_other[1] == std::byte{0});
}

TEST_CASE("A group that is made anew has zero bytes of its own", "[lru]") {
    small_lru<last_in_first_out> tracker{some_frames(64), 2};
    const group_id g = *tracker.create_group();
    REQUIRE(tracker.add(frame{1010}, g) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    REQUIRE(tracker.forget(frame{1010}) == status::ok);
    REQUIRE(tracker.remove_group(g) == status::ok);
    REQUIRE(*tracker.create_group() == g);
    CHECK(tracker.internals().parts().extra_of(g)[10] == std::byte{0});
}

TEST_CASE("A policy that wants keys hears which frame holds a content after a transfer", "[lru]") {
    std::vector<std::pair<frame_index, frame_index>> moves;
    last_in_first_out listening;
    listening.moves = &moves;
    small_lru<last_in_first_out> tracker{some_frames(64), 1, listening};
    REQUIRE(tracker.add(frame{1003}) == status::ok);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    REQUIRE(tracker.pin(frame{1003}) == status::ok);
    CHECK(tracker.transfer(frame{1003}, frame{1007}) == status::busy);
    CHECK(moves.empty());
    REQUIRE(tracker.unpin(frame{1003}) == status::ok);
    CHECK(tracker.transfer(frame{1003}, frame{1007}) == status::ok);
    CHECK(moves == std::vector{std::pair{frame_index{3}, frame_index{7}}});
}

TEMPLATE_TEST_CASE("A policy sees how many frames its group has evicted", "[lru]", counts_evictions,
                   (replacement::any_policy<replacement::fifo, counts_evictions>)) {
    small_lru<TestType> tracker{some_frames(64), 2, TestType{counts_evictions{}}};
    chosen_slots::mine = slot_index::none();
    const group_id other = *tracker.create_group();
    for (const frame f : some_frames(8))
        REQUIRE(tracker.add(f, f.raw() < 1005 ? root_group : other) == status::ok);
    lru_token first;
    for (std::uint32_t n = 0; n != 5; ++n) {
        const std::vector<frame> victim = coldest(tracker, 1);
        REQUIRE(victim == std::vector{frame{1000 + n}});
        const lru_token token = *tracker.evicted(victim.front());
        CHECK(token.payload() == n);
        if (n == 0) first = token;
        CHECK(tracker.refault(first).distance == n + 1);
    }
    REQUIRE(tracker.isolate(frame{1006}) == status::ok);
    CHECK(tracker.evicted(frame{1006})->payload() == 0);
}

TEST_CASE("A policy sees which frames its group holds", "[lru]") {
    using tracker_type = small_lru<last_in_first_out>;
    tracker_type tracker{some_frames(64), 2};
    const group_id other = *tracker.create_group();
    REQUIRE(tracker.add(frame{1001}) == status::ok);
    REQUIRE(tracker.add(frame{1002}, other) == status::ok);
    REQUIRE(tracker.drain() == status::ok);
    auto& core = tracker.internals();
    using view = std::remove_reference_t<decltype(core)>::view;
    const view seen{core, root_group}, seen_by_other{core, other};
    CHECK(seen.holds(frame_index{1}));
    CHECK_FALSE(seen.holds(frame_index{2}));
    CHECK_FALSE(seen.holds(frame_index{3}));
    CHECK(seen_by_other.holds(frame_index{2}));
    REQUIRE(tracker.merge_groups(other, root_group) == status::ok);
    CHECK(seen.holds(frame_index{2}));
}
