// tests/lru/policy_test.cpp - what the LRU asks of a policy.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policy.hpp"

#include "cordon/lru.hpp"
#include "cordon/sync/ticket_lock.hpp"
#include "cordon/zone/checked_policy.hpp"
#include "support/catch.hpp"

#include "support/lrus.hpp"

#include <mutex>
#include <type_traits>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct own_lock : default_policy {
    using group_lock = std::mutex;
};
struct bare_with_memory : bare_policy {
    using metadata_memory = default_memory;
};

static_assert(lru_policy<default_policy> && lru_policy<single_threaded_policy> && lru_policy<bare_policy> &&
              lru_policy<checked_policy>);
static_assert(!lru_policy<int>);
static_assert(std::is_same_v<group_lock_t<default_policy>, default_policy::zone_lock>);
static_assert(std::is_same_v<group_lock_t<own_lock>, std::mutex>);

} // namespace

TEMPLATE_TEST_CASE("The LRU works with every policy of the library, and with another lock", "[lru]",
                   default_policy, single_threaded_policy, checked_policy, bare_with_memory, own_lock) {
    lru<replacement::clock<1>, TestType> tracker{some_frames(200), 3};
    REQUIRE(tracker.error() == status::ok);
    const group_id other = *tracker.create_group();
    for (const frame f : some_frames(200))
        REQUIRE(tracker.add(f, f.raw() % 2 == 0 ? root_group : other) == status::ok);
    for (const frame f : some_frames(100))
        tracker.touch(f);
    CHECK(tracker.drain() == status::ok);
    const std::vector<frame> cold = coldest(tracker, 60, other);
    CHECK(cold.size() == 60);
    CHECK(cold.front() == frame{1101});
    CHECK(tracker.putback(cold) == 60);
    CHECK(tracker.pin(frame{1001}) == status::ok);
    CHECK(tracker.merge_groups(other, root_group) == status::ok);
    CHECK(tracker.reclaim(root_group, frame_count{500}, [](frame) { return verdict::reclaim; })
              .reclaimed.raw() == 199);
    CHECK(tracker.unpin(frame{1001}) == status::ok);
    CHECK(tracker.validate(true));
}

TEST_CASE("A caller without thread slots names the slot whose batch it uses", "[lru]") {
    lru<replacement::clock<1>, bare_with_memory> tracker{some_frames(8)};
    CHECK(tracker.add(slot_index{3}, frame{1000}) == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::batched);
    CHECK(tracker.add(frame{1001}) == status::ok);
    CHECK(tracker.state_of(frame{1001}).place == lru_place::listed);
    CHECK(tracker.drain() == status::ok);
    CHECK(tracker.state_of(frame{1000}).place == lru_place::listed);
}
