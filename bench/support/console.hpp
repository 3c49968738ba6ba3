// support/console.hpp - results as a table: a line for each figure, the first contestant beside the others.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/results.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bench {

// Outcomes of one figure with the same arguments, in the order of the contestants.
using comparison = std::span<const outcome>;
std::vector<comparison> comparisons(std::span<const outcome> outcomes);
// Returns: the one that the figure is about: the first contestant, if it is there.
const outcome& subject_of(comparison c);

// Returns: three digits, and the unit that needs the fewest: "4.17 ns", "2.72 ms".
std::string pretty(double value, const std::string& unit);
// Returns: "", "ok" or "MISS".
const char* verdict_of(const outcome& o);
// Returns: the goal of the comparison in the figure's own unit, for the base as it was measured; nothing without both.
std::optional<double> goal_value(comparison c);
// Returns: whether there are rounds enough for quartiles.
bool has_spread(const outcome& o);

std::string to_table(const results& from);

} // namespace bench
