// support/statistics.hpp - medians, spread, and how sure a ratio of two medians is.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

// A value for each round. What is not a number is no value: all of the following pass it over.
using series = std::vector<double>;

// Returns: the value below which the part q of the series lies, between two neighbours in proportion; 0 of nothing.
double quantile(series values, double q);
inline double median(const series& values) {
    return quantile(values, 0.5);
}
double mean(const series& values);
// Of a sample; 0 of fewer than two values.
double deviation(const series& values);
// deviation / mean; 0 if the mean is 0.
double variation(const series& values);

// Returns: a[i] / b[i], not a number where b[i] is 0; nothing if there is no ratio at all. Neighbours in time are
// compared, so a slow phase of the machine cancels out.
series ratios(const series& a, const series& b);

struct interval {
    double low = 0;
    double high = 0;
    [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
};
// Returns: where 95 % of the ratios median(a) / median(b) lie when both series are drawn again, with replacement.
// The same series give the same interval.
interval ratio_interval(const series& a, const series& b);

// splitmix64
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>((next() >> 32) * n >> 32); }
    template <class Range>
    void shuffle(Range&& values) {
        for (std::size_t n = values.size(); n > 1; --n)
            std::swap(values[n - 1], values[below(static_cast<std::uint32_t>(n))]);
    }

private:
    std::uint64_t state_;
};

} // namespace bench
