// tests/lru/replacement_test.cpp - a policy of the user's own.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/replacement.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

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
    template <class V>
    list_place insert(V& v, frame_index i, const arrival& a) const {
        v.state().keys += a.key;
        v.extra()[i.raw()] = std::byte{1};
        return {0, list_end::oldest};
    }
    template <class V>
    decision examine(V& v, frame_index, unsigned) const {
        ++v.state().examined;
        return decision::evict();
    }
};
static_assert(replacement_policy<last_in_first_out>);
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
    CHECK(core.parts().extra.size() == 64);
    CHECK(core.parts().extra[10] == std::byte{1});
    CHECK(core.parts().extra[11] == std::byte{0});
}
