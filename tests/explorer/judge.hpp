// explorer/judge.hpp - holds, dies: what a test demands of a search.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/explore.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace cordon::explorer {

// One line for each search, and when the program ends one for all. EXPLORE_OUTCOMES=1 prints what the runs came to, too.
class tally {
public:
    tally() = default;
    tally(const tally&) = delete;
    tally& operator=(const tally&) = delete;
    ~tally() { print("in all", executions_, pruned_, seconds_); }
    void add(const std::string& name, const search_result& found) {
        print(name.c_str(), found.executions, found.pruned, found.seconds);
        count(found);
        if (std::getenv("EXPLORE_OUTCOMES") == nullptr) return;
        for (const auto& [outcome, schedule] : found.outcomes)
            std::fprintf(stderr, "%s: %s\n    EXPLORE_REPLAY='%s:%s'\n", name.c_str(), outcome.c_str(),
                         name.c_str(), schedule.c_str());
    }
    void count(const search_result& found) {
        executions_ += found.executions;
        pruned_ += found.pruned;
        seconds_ += found.seconds;
    }

private:
    static void print(const char* name, std::uint64_t executions, std::uint64_t pruned, double seconds) {
        std::fprintf(stderr, "%-44s %9llu executions %9llu pruned %6.1f s\n", name,
                     static_cast<unsigned long long>(executions), static_cast<unsigned long long>(pruned),
                     seconds);
    }
    std::uint64_t executions_ = 0;
    std::uint64_t pruned_ = 0;
    double seconds_ = 0;
};
inline tally searches;

template <class S>
search_result search(const std::string& name, options how) {
    how.name = name;
    search_result found = explore<S>(how);
    searches.add(name, found);
    return found;
}

// What a search is to try; each adds to options that ask for something already.
inline options in(memory_model model) {
    options how;
    how.model = model;
    return how;
}
inline options at_random(std::uint64_t runs, unsigned pct_depth = 0, options how = {}) {
    how.random_runs = testing::scaled(runs);
    how.seed = testing::seed();
    how.pct_depth = pct_depth;
    return how;
}
// The first thread stops for ever at some point.
inline options with_a_death() {
    options how;
    how.kills = 1;
    how.mortal = 1;
    return how;
}
// The first thread is interrupted at some point.
inline options with_a_signal() {
    options how;
    how.signals = 1;
    how.interruptible = 1;
    return how;
}
// Up to two barriers of the second thread are refused.
inline options with_refusals() {
    options how;
    how.refusals = 2;
    how.refusable = 2;
    return how;
}
// The accesses to the locations of this name lose their orders.
inline options weakened(const char* name, bool loads, bool stores) {
    options how;
    how.weaken = name;
    how.weaken_loads = loads;
    how.weaken_stores = stores;
    return how;
}

// No schedule breaks the scenario. `at_least` keeps it from shrinking unseen; below scale 1 it is where to stop, but not
// before so many as a small scenario has in all.
inline constexpr std::uint64_t few = 500;
template <class S>
search_result holds(const std::string& name, std::uint64_t at_least, options how = {}) {
    if (testing::scale() < 1) how.most = std::max(testing::scaled(at_least), few);
    const search_result found = search<S>(name, how);
    INFO(name << ": " << found.report());
    if (!found.ok)
        std::fprintf(stderr, "EXPLORE_REPLAY='%s'\n", found.schedule.c_str()); // Catch breaks its lines
    REQUIRE(found.ok);
    if (how.random_runs == 0 && how.most == 0) CHECK(found.exhausted);
    CHECK(found.executions >= testing::scaled(at_least));
    return found;
}
// And they come to exactly so many outcomes: a protocol of fewer steps has fewer schedules, but not fewer of these.
template <class S>
void comes_to(const std::string& name, std::size_t outcomes, std::uint64_t at_least,
              const options& how = {}) {
    const search_result found = holds<S>(name, at_least, how);
    if (found.exhausted) CHECK(found.outcomes.size() == outcomes);
}
// Some schedule does, and it is exact: replayed, it fails again in the same way.
template <class S>
void dies(const std::string& name, const options& how = {}) {
    const search_result found = search<S>(name, how);
    INFO(name << ": " << found.report());
    REQUIRE_FALSE(found.ok);
    options again = how;
    again.name = name;
    const std::string_view text{found.schedule};
    const search_result replayed = replay<S>(again, text.substr(text.find(':') + 1));
    CHECK_FALSE(replayed.ok);
    CHECK(replayed.failure == found.failure);
    CHECK(replayed.schedule == found.schedule);
}

} // namespace cordon::explorer
