// support/compare.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/compare.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

namespace {

constexpr double least_change = 0.02; // smaller ones are nobody's concern, however sure

change judge(const difference& d, bool more_is_better) {
    if (d.sure.contains(1) || (d.ratio > 1 - least_change && d.ratio < 1 + least_change)) return change::none;
    return (d.ratio < 1) != more_is_better ? change::better : change::worse;
}

difference difference_of(const outcome& before, const outcome& now) {
    const bool of_ratios = !before.ratios.empty() && !now.ratios.empty() && now.base == before.base &&
                           now.base != now.contestant;
    const series& old_values = of_ratios ? before.ratios : before.values();
    const series& new_values = of_ratios ? now.ratios : now.values();
    difference d{.name = now.name(), .of_ratios = of_ratios};
    if (median(old_values) == 0) return d;
    d.ratio = median(new_values) / median(old_values);
    d.sure = ratio_interval(new_values, old_values);
    d.verdict = judge(d, now.measured.more_is_better);
    return d;
}

} // namespace

std::vector<difference> compare(const results& before, const results& now) {
    std::vector<difference> out;
    for (const outcome& o : now.outcomes) {
        const auto old = std::find_if(before.outcomes.begin(), before.outcomes.end(),
                                      [&](const outcome& b) { return b.name() == o.name(); });
        if (old != before.outcomes.end()) out.push_back(difference_of(*old, o));
    }
    return out;
}

std::string to_table(const std::vector<difference>& differences) {
    std::size_t width = 10;
    for (const difference& d : differences)
        width = std::max(width, d.name.size());
    char line[256];
    std::snprintf(line, sizeof line, "%-*s %9s  %-16s %-5s\n", static_cast<int>(width), "compared", "new/old",
                  "95 % interval", "");
    std::string out = line;
    unsigned count[3] = {};
    for (const difference& d : differences) {
        constexpr const char* words[] = {"same", "BETTER", "WORSE"};
        ++count[static_cast<unsigned>(d.verdict)];
        std::snprintf(line, sizeof line, "%-*s %9.3f  %.3f to %.3f   %-6s%s\n", static_cast<int>(width),
                      d.name.c_str(), d.ratio, d.sure.low, d.sure.high,
                      words[static_cast<unsigned>(d.verdict)],
                      d.of_ratios ? "  (of the ratio to the base)" : "");
        out += line;
    }
    std::snprintf(line, sizeof line, "%u same, %u better, %u worse\n", count[0], count[1], count[2]);
    return out + line;
}

} // namespace bench
