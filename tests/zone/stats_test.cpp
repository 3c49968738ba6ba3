// tests/zone/stats_test.cpp - how the figures of a zone print.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/stats.hpp"

#include "support/catch.hpp"

#include <sstream>

using namespace cordon;

TEST_CASE("the figures of a zone print as the sum that they are", "[zone]") {
    zone_stats s;
    s.managed = frame_count{21};
    s.free = frame_count{1};
    s.isolated_free = frame_count{2};
    s.cached = frame_count{3};
    s.allocated = frame_count{4};
    s.offline = frame_count{5};
    s.poisoned = frame_count{6};
    s.refills = 7;
    s.spills = 8;
    s.active_slots = 1;
    std::ostringstream one;
    one << s;
    CHECK(one.str() ==
          "21 frames: 1 free, 2 free but isolated, 3 cached, 4 allocated, 5 offline, 6 poisoned; "
          "7 refills, 8 spills, 1 slot");
    s.refills = s.spills = 1;
    s.active_slots = 0;
    std::ostringstream none;
    none << s;
    CHECK(none.str().ends_with("1 refill, 1 spill, 0 slots"));
}
