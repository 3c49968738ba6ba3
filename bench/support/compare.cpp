// support/compare.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/compare.hpp"

#include "support/context.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <sstream>

namespace bench {

namespace {

constexpr double least_change = 0.02; // smaller ones are nobody's concern, however sure
// The median lies between the least and the greatest of five values 94 times of 100; of fewer, not even that is sure.
constexpr std::size_t least_rounds = 5;

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
    if (median(old_values) != 0) {
        d.ratio = median(new_values) / median(old_values);
        d.sure = ratio_interval(new_values, old_values);
    } else if (median(new_values) != 0) { // from nothing to something
        d.ratio = std::numeric_limits<double>::infinity();
        d.sure = {d.ratio, d.ratio};
    }
    d.verdict = std::min(old_values.size(), new_values.size()) < least_rounds
                    ? change::unknown
                    : judge(d, now.measured.more_is_better);
    return d;
}

const outcome* find(const results& in, const std::string& name) {
    const auto found = std::ranges::find(in.outcomes, name, &outcome::name);
    return found != in.outcomes.end() ? &*found : nullptr;
}

// Returns: a line if there are outcomes of `of` that are not in `other`.
std::string missing_line(const results& of, const results& other, const char* where) {
    std::vector<std::string> missing;
    for (const outcome& o : of.outcomes)
        if (find(other, o.name()) == nullptr) missing.push_back(o.name());
    if (missing.empty()) return {};
    return std::to_string(missing.size()) + " only in the " + where + " results: " + missing.front() +
           (missing.size() > 1 ? ", ...\n" : "\n");
}

} // namespace

std::vector<difference> compare(const results& before, const results& now) {
    std::vector<difference> out;
    for (const outcome& o : now.outcomes) {
        const outcome* const old = find(before, o.name());
        if (old != nullptr) out.push_back(difference_of(*old, o));
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
    unsigned count[4] = {};
    for (const difference& d : differences) {
        constexpr const char* words[] = {"same", "BETTER", "WORSE", "too few rounds to tell"};
        ++count[static_cast<unsigned>(d.verdict)];
        std::snprintf(line, sizeof line, "%-*s %9.3f  %.3f to %.3f   %-6s%s\n", static_cast<int>(width),
                      d.name.c_str(), d.ratio, d.sure.low, d.sure.high,
                      words[static_cast<unsigned>(d.verdict)],
                      d.of_ratios ? "  (of the ratio to the base)" : "");
        out += line;
    }
    std::snprintf(line, sizeof line, "%u same, %u better, %u worse\n", count[0], count[1], count[2]);
    out += line;
    if (count[3] != 0) {
        std::snprintf(line, sizeof line, "%u of fewer than %zu rounds\n", count[3], least_rounds);
        out += line;
    }
    return out;
}

std::string caveats_of(const results& before, const results& now) {
    std::string out = missing_line(before, now, "old") + missing_line(now, before, "new");
    for (const char* key : {"cpu_model", "num_cpus", "transparent_huge_pages", "compiler", "compiler_flags",
                            "library_build_type"}) {
        const json& then = before.context[key];
        const json& today = now.context[key];
        if (!then.is_null() && !today.is_null() && then != today)
            out += std::string(key) + " was " + then.write() + " and is " + today.write() + '\n';
    }
    std::istringstream warnings(warnings_of(before.context));
    for (std::string line; std::getline(warnings, line);)
        out += "of the old results: " + line + '\n';
    return out;
}

} // namespace bench
