// support/console.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/console.hpp"

#include "support/context.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace bench {

std::vector<comparison> comparisons(std::span<const outcome> outcomes) {
    std::vector<comparison> out;
    for (std::size_t begin = 0, end = 0; begin != outcomes.size(); begin = end) {
        while (end != outcomes.size() && outcomes[end].family() == outcomes[begin].family())
            ++end;
        out.push_back(outcomes.subspan(begin, end - begin));
    }
    return out;
}

const outcome& subject_of(comparison c) {
    const auto first = std::find_if(c.begin(), c.end(), [](const outcome& o) { return o.is_first; });
    return first != c.end() ? *first : c.front();
}

std::string pretty(double value, const std::string& unit) {
    std::string shown = unit;
    if (unit == "ns") {
        constexpr std::array larger{"ns", "us", "ms", "s"};
        std::size_t i = 0;
        for (; i + 1 != larger.size() && std::abs(value) >= 1000; ++i)
            value /= 1000;
        shown = larger[i];
    } else if (unit == "bytes") {
        constexpr std::array larger{"bytes", "KiB", "MiB", "GiB", "TiB"};
        std::size_t i = 0;
        for (; i + 1 != larger.size() && std::abs(value) >= 1024; ++i)
            value /= 1024;
        shown = larger[i];
    }
    char text[64];
    const double size = std::abs(value);
    std::snprintf(text, sizeof text, "%.*f %s",
                  size >= 100 || size == std::floor(size) ? 0
                  : size >= 10                            ? 1
                                                          : 2,
                  value, shown.c_str());
    return text;
}

const char* verdict_of(const outcome& o) {
    if (!o.is_first || !o.measured.wanted || o.ratios.empty()) return "";
    return o.measured.wanted.holds(o.ratio()) ? "ok" : "MISS";
}

std::optional<double> goal_value(comparison c) {
    const outcome& o = subject_of(c);
    if (*verdict_of(o) == '\0') return std::nullopt;
    const auto base = std::ranges::find(c, o.base, &outcome::contestant);
    if (base == c.end()) return std::nullopt;
    return o.measured.wanted.limit * median(base->values());
}
bool has_spread(const outcome& o) {
    return o.values().size() > 3;
}

std::string to_table(const results& from) {
    std::string out;
    char line[256];
    const auto all = comparisons(from.outcomes);
    std::size_t width = 10;
    for (const comparison c : all)
        width = std::max(width, c.front().family().size());
    std::snprintf(line, sizeof line, "%-*s %12s %7s  %-6s %-8s %-5s others\n", static_cast<int>(width),
                  "benchmark", "median", "spread", "ratio", "goal", "");
    out += line;
    for (const comparison c : all) {
        const outcome& o = subject_of(c);
        char ratio[16] = "";
        if (!o.ratios.empty()) std::snprintf(ratio, sizeof ratio, "%.2f", o.ratio());
        const bool has_goal = *verdict_of(o) != '\0';
        std::snprintf(line, sizeof line, "%-*s %12s %5.0f %%  %-6s %-8s %-5s", static_cast<int>(width),
                      o.family().c_str(), pretty(median(o.values()), o.measured.unit).c_str(),
                      100 * variation(o.values()), ratio, has_goal ? o.measured.wanted.text().c_str() : "",
                      verdict_of(o));
        out += line;
        for (const outcome& other : c) {
            if (&other == &o) continue;
            out += ' ' + other.contestant + (other.contestant == o.base ? "* " : " ") +
                   pretty(median(other.values()), other.measured.unit) + ';';
        }
        while (out.back() == ';' || out.back() == ' ')
            out.pop_back();
        out += '\n';
    }
    out += "median over the rounds; spread: deviation / mean; ratio: median of the ratios to the one with * "
           "in each round\n";
    std::string warnings = warnings_of(from.context);
    for (std::size_t at = 0, end; (end = warnings.find('\n', at)) != std::string::npos; at = end + 1)
        out += "WARNING: " + warnings.substr(at, end - at) + '\n';
    return out;
}

} // namespace bench
