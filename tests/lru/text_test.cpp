// tests/lru/text_test.cpp - names and print forms of what the LRU tells.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/text.hpp"

#include "cordon/lru/replacement.hpp"
#include "support/catch.hpp"
#include "support/tells_apart.hpp"

#include <initializer_list>
#include <set>
#include <sstream>
#include <string>

using namespace cordon;
using cordon::testing::tells_apart;

namespace {

template <class T>
std::string text_of(const T& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}
// Each value has a name of its own, and the one after the last has none.
template <class E>
void check_names(std::initializer_list<const char*> expected) {
    STATIC_REQUIRE(named_enumeration<E>);
    unsigned value = 0;
    std::set<std::string> seen;
    for (const char* text : expected) {
        CHECK(text_of(static_cast<E>(value)) == text);
        CHECK(seen.insert(text_of(static_cast<E>(value++))).second);
    }
    CHECK(name(static_cast<E>(value)).substr(0, 8) == "unknown ");
}

} // namespace

TEST_CASE("What the LRU tells can be compared", "[lru]") {
    CHECK(tells_apart(&lru_state::place, lru_place::listed));
    CHECK(tells_apart(&lru_state::group, group_id{1}));
    CHECK(tells_apart(&lru_state::pins, 1));
    CHECK(tells_apart(&lru_state::list, 1));
    CHECK(tells_apart(&lru_state::age, 1));
    CHECK(tells_apart(&lru_state::cold, 1));
    CHECK(tells_apart(&refault_info::activate, true));
    CHECK(tells_apart(&refault_info::distance, 1));
    CHECK(tells_apart(&lru_stats::listed, frame_count{1}));
    for (const auto figure : {&lru_stats::added, &lru_stats::scanned, &lru_stats::isolated,
                              &lru_stats::stolen, &lru_stats::kept, &lru_stats::culled, &lru_stats::evicted,
                              &lru_stats::refaulted, &lru_stats::activated, &lru_stats::ticks})
        CHECK(tells_apart(figure, 1));
}

TEST_CASE("The enumerations of the LRU print their names", "[lru]") {
    check_names<lru_place>({"untracked", "listed", "batched", "isolated", "unevictable"});
    check_names<putback_at>({"automatic", "head", "tail"});
    check_names<lru_hint>({"will_need", "sequential", "once"});
    check_names<verdict>({"keep", "rotate", "reclaim", "pin", "move"});
    check_names<list_kind>({"linked", "ring", "hand"});
    check_names<list_end>({"newest", "oldest"});
}

TEST_CASE("The state of a frame prints where it is, and more if it is tracked", "[lru]") {
    CHECK(text_of(group_id{7}) == "group 7");
    CHECK(text_of(lru_state{}) == "untracked");
    CHECK(text_of(lru_state{.place = lru_place::listed, .group = group_id{2}, .list = 1, .cold = 3}) ==
          "listed, group 2, list 1, 0 pins, cold 3");
    CHECK(text_of(lru_state{.place = lru_place::unevictable, .group = root_group, .pins = 1}) ==
          "unevictable, group 0, list 0, 1 pin, cold 0");
}

TEST_CASE("A scan's result prints each of its figures once", "[lru]") {
    const scan_result r{.scanned = frame_count{96},
                        .isolated = frame_count{21},
                        .reclaimed = frame_count{1},
                        .kept = frame_count{2},
                        .rotated = frame_count{3},
                        .pinned = frame_count{4},
                        .moved = frame_count{5},
                        .refused = frame_count{6}};
    CHECK(text_of(r) == "96 frames scanned, 21 frames isolated: "
                        "1 reclaimed, 2 kept, 3 rotated, 4 pinned, 5 moved, 6 refused");
}

TEST_CASE("A refault prints its distance, if that is known", "[lru]") {
    CHECK(text_of(refault_info{true, 12}) == "activate, distance 12");
    CHECK(text_of(refault_info{false, UINT64_MAX}) == "distance unknown");
}

TEST_CASE("The figures of a group print in the order of lru_stats", "[lru]") {
    lru_stats s{.listed = frame_count{1},
                .added = 2,
                .scanned = 3,
                .isolated = 4,
                .stolen = 5,
                .kept = 6,
                .culled = 7,
                .evicted = 8,
                .refaulted = 9,
                .activated = 10,
                .ticks = 1};
    CHECK(text_of(s) == "1 frame listed; 2 added, 3 scanned, 4 isolated, 5 stolen, 6 kept, 7 culled, "
                        "8 evicted, 9 refaulted, 10 activated, 1 tick");
    s.ticks = 2;
    CHECK(text_of(s).ends_with(", 2 ticks"));
}

TEST_CASE("A histogram prints all places, and the ages that there are", "[lru]") {
    age_histogram h;
    h.by_place[static_cast<unsigned>(lru_place::listed)] = 12;
    h.by_place[static_cast<unsigned>(lru_place::isolated)] = 1;
    h.by_age[0] = 9;
    h.by_age[255] = 4;
    CHECK(text_of(h) == "12 listed, 0 batched, 1 isolated, 0 unevictable; cold 0: 9, 255: 4");
    CHECK(text_of(age_histogram{}) == "0 listed, 0 batched, 0 isolated, 0 unevictable");
}

TEST_CASE("A miss curve prints where it falls", "[lru]") {
    miss_curve c;
    c.misses = 100;
    c.by_distance[miss_curve::power_of(1)] = 10;
    c.by_distance[miss_curve::power_of(1000)] = 60;
    c.by_distance[miss_curve::power_of(UINT64_MAX)] = 30;
    CHECK(text_of(c) == "100 misses; left with so many frames more: 1: 90, 1023: 30");
    CHECK(text_of(miss_curve{}) == "0 misses");
    CHECK(text_of(miss_curve{.misses = 1}) == "1 miss");
}
