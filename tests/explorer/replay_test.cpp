// explorer/replay_test.cpp - what a failure prints: a schedule that replays exactly, and a trace that can be read.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/gate_scenarios.hpp"
#include "explorer/judge.hpp"

#include <cstdlib>

using namespace cordon;
using namespace cordon::explorer;

namespace {

using broken = drain<1, 2, 1, with_gate<gate_with<local_barrier>>>;
using sound = drain<1, 2, 1>;

[[nodiscard]] search_result with_environment(const char* name, const std::string& schedule) {
    ::setenv("EXPLORE_REPLAY", schedule.c_str(), 1);
    const search_result found = search<broken>(name, {});
    ::unsetenv("EXPLORE_REPLAY");
    return found;
}

} // namespace

TEST_CASE("EXPLORE_REPLAY runs the one schedule that a failure printed", "[explorer]") {
    const search_result found = search<broken>("broken", {});
    REQUIRE_FALSE(found.ok);
    INFO(found.report());
    CHECK(found.schedule.starts_with("broken:"));
    const search_result again = with_environment("broken", found.schedule);
    CHECK_FALSE(again.ok);
    CHECK(again.executions == 1);
    CHECK(again.failure == found.failure);
    CHECK(again.schedule == found.schedule);
    CHECK(again.trace == found.trace);
    // Of another scenario: a search as always.
    CHECK(with_environment("other", found.schedule).executions == found.executions);
}
TEST_CASE("a failure prints each operation, with names and values", "[explorer]") {
    const search_result found = search<broken>("broken", {});
    REQUIRE_FALSE(found.ok);
    INFO(found.trace);
    for (const char* const part :
         {"A buffers busy0 = 1", "A reads claimed0 = 0", "B updates to claimed0 = 1", "B fence",
          "B reads busy0 = 0", "A reads its own count0.0 = 2", "B locks zone_lock"}) {
        INFO(part);
        CHECK(found.trace.find(part) != std::string::npos);
    }
    options how; // one in which a store is late
    how.random_runs = 100;
    bool flushes = false;
    for (how.seed = 1; how.seed != 100 && !flushes; ++how.seed)
        flushes = search<broken>("random", how).trace.find("flushes busy0 = 1") != std::string::npos;
    CHECK(flushes);
}
TEST_CASE("a schedule that fits no more is said to", "[explorer]") {
    const search_result found = search<broken>("broken", {});
    const std::string text = found.schedule.substr(found.schedule.find(':') + 1);
    const std::size_t colon = text.rfind(':');
    // The code has been put right: the same steps lead to a good end, or to none.
    CHECK_FALSE(replay<sound>({}, text).ok);
    CHECK(replay<sound>({}, text).failure == "the schedule does not fit the scenario any more");
    CHECK(replay<sound>({}, text.substr(0, colon + 1) + "DDDD").failure ==
          "the schedule does not fit the scenario any more");
    CHECK(replay<broken>({}, "no such place/4/1:AB").failure == "not a schedule of this scenario");
    CHECK(replay<broken>({}, "AB").failure == "not a schedule of this scenario");
}
TEST_CASE("a random run fails again from its seed", "[explorer]") {
    options how;
    how.random_runs = 10'000;
    how.seed = testing::seed();
    const search_result first = search<broken>("random", how);
    const search_result second = search<broken>("random", how);
    REQUIRE_FALSE(first.ok);
    CHECK(first.executions == second.executions);
    CHECK(first.schedule == second.schedule);
}
