// support/measure.hpp - clocks, medians, random numbers, and a hand to keep the compiler from thinking work away.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <utility>
#include <vector>

namespace bench {

inline double read_clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}
// The processor time of the calling thread: what others run on the machine in the meantime is not in it.
inline double thread_ns() {
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}
inline double wall_ns() {
    return read_clock_ns(CLOCK_MONOTONIC);
}

// Effects: the value is needed here, and all memory is as the program says: nothing stays in registers from one
// operation to the next, for no contestant.
inline void keep(std::uint32_t& value) {
    asm volatile("" : "+r"(value) : : "memory");
}

using series = std::vector<double>;

// Returns: the value below which the part q of the series lies.
inline double quantile(series values, double q) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}
inline double median(const series& values) {
    return quantile(values, 0.5);
}
// Returns: the median of a[i] / b[i]. Neighbours in time are compared, so a slow phase of the machine cancels out.
inline double median_ratio(const series& a, const series& b) {
    series ratios;
    for (std::size_t i = 0; i != a.size(); ++i)
        ratios.push_back(a[i] / b[i]);
    return median(ratios);
}

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
    void shuffle(std::span<std::uint32_t> values) {
        for (std::size_t n = values.size(); n > 1; --n)
            std::swap(values[n - 1], values[below(static_cast<std::uint32_t>(n))]);
    }

private:
    std::uint64_t state_;
};

} // namespace bench
