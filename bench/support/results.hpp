// support/results.hpp - results: what a run measured, as values, and as the JSON and CSV of Google Benchmark.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/json.hpp"
#include "support/statistics.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bench {

// What the ratio of a figure to its base has to be.
struct goal {
    enum class kind { none, at_most, at_least } wanted = kind::none;
    double limit = 0;

    static goal at_most(double limit) { return {kind::at_most, limit}; }
    static goal at_least(double limit) { return {kind::at_least, limit}; }
    [[nodiscard]] explicit operator bool() const { return wanted != kind::none; }
    [[nodiscard]] bool holds(double ratio) const {
        return wanted == kind::none || (wanted == kind::at_most ? ratio <= limit : ratio >= limit);
    }
    // Returns: "<= 1.40"; nothing without a goal.
    [[nodiscard]] std::string text() const;
};

enum class quantity { cpu_time, real_time, amount };

// One thing that a lap measures, and what we want of the first contestant's.
struct figure {
    std::string name{};
    quantity what = quantity::cpu_time;
    std::string unit = "ns"; // times are always in ns
    bool more_is_better = false;
    goal wanted{};
};

// One figure of one contestant over the rounds. Vectors have an element for each round.
struct outcome {
    figure measured{};
    std::string arguments{}; // "frames:65536/threads:2"
    std::string contestant{};
    std::string base{};    // the contestant that ratio() compares with; empty: none
    bool is_first = false; // the contestant that the goal is for
    unsigned threads = 1;
    series operations{};
    series cpu_ns{}; // for one operation, as all of the following
    series real_ns{};
    series amount{};
    series ratios{}; // to the base, round by round; empty without a base

    // Returns: "figure/arguments/contestant".
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string family() const; // the name without the contestant
    [[nodiscard]] const series& values() const;
    [[nodiscard]] double ratio() const { return median(ratios); }
    // By the medians.
    [[nodiscard]] bool is_better_than(const outcome& other) const;
};

struct results {
    json context{};
    std::vector<outcome> outcomes{};
};

// A row for each round and the aggregates mean, median, stddev, cv; or these alone, where there are some.
enum class rows { all, aggregates };

json to_json(const results& from, rows wanted = rows::all);
// Returns: the columns of Google Benchmark's CSV, then our own.
std::string to_csv(const results& from, rows wanted = rows::all);
// Returns: the results that have a row for each round, whoever wrote them, times in ns; nothing if it is no such file.
// Rows that tell of an error are left out.
std::optional<results> from_json(const json& from);

} // namespace bench
