// support/compare.hpp - what changed between two runs, and whether that is more than noise.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/results.hpp"

#include <string>
#include <vector>

namespace bench {

enum class change { none, better, worse, unknown };

struct difference {
    std::string name{};
    double ratio = 1;    // of the medians, new / old; infinite if the old one is 0 and the new one is not
    interval sure{1, 1}; // 95 %
    bool of_ratios =
        false; // what was compared are the ratios to the base, which the speed of the machine is not in
    change verdict = change::none; // unknown: so few rounds tell nothing
};

// Returns: a difference for each benchmark that is in both.
std::vector<difference> compare(const results& before, const results& now);
std::string to_table(const std::vector<difference>& differences);
// Returns: what speaks against the comparison, a line each: benchmarks that are in one run only, another machine or
// build, and what was wrong with the old run; empty if nothing does.
std::string caveats_of(const results& before, const results& now);

} // namespace bench
