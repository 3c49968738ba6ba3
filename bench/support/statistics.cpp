// support/statistics.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace bench {

namespace {

series values_of(series rounds) {
    std::erase_if(rounds, [](double v) { return std::isnan(v); });
    return rounds;
}

} // namespace

double quantile(series values, double q) {
    values = values_of(std::move(values));
    if (values.empty()) return 0;
    const double at = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
    std::nth_element(values.begin(), middle, values.end());
    if (below + 1 == values.size()) return *middle;
    const double next = *std::min_element(middle + 1, values.end());
    return *middle + (next - *middle) * (at - static_cast<double>(below));
}

double mean(const series& rounds) {
    const series values = values_of(rounds);
    if (values.empty()) return 0;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(const series& rounds) {
    const series values = values_of(rounds);
    if (values.size() < 2) return 0;
    const double centre = mean(values);
    double sum = 0;
    for (const double v : values)
        sum += (v - centre) * (v - centre);
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double variation(const series& values) {
    const double centre = mean(values);
    return centre == 0 ? 0 : deviation(values) / centre;
}

series ratios(const series& a, const series& b) {
    series result;
    for (std::size_t i = 0; i != std::min(a.size(), b.size()); ++i)
        result.push_back(b[i] != 0 ? a[i] / b[i] : std::numeric_limits<double>::quiet_NaN());
    return values_of(result).empty() ? series{} : result;
}

interval ratio_interval(const series& rounds_of_a, const series& rounds_of_b) {
    const series a = values_of(rounds_of_a);
    const series b = values_of(rounds_of_b);
    if (a.empty() || b.empty()) return {};
    constexpr int draws = 2000;
    random_numbers numbers{1};
    const auto median_of_draw = [&](const series& from) {
        series drawn(from.size());
        for (double& v : drawn)
            v = from[numbers.below(static_cast<std::uint32_t>(from.size()))];
        return median(drawn);
    };
    series drawn;
    for (int i = 0; i != draws; ++i) {
        const double top = median_of_draw(a);
        const double bottom = median_of_draw(b);
        if (bottom != 0) drawn.push_back(top / bottom);
    }
    return {quantile(drawn, 0.025), quantile(drawn, 0.975)};
}

} // namespace bench
