// support/results.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
//
// The rows are those of Google Benchmark 1.8; what it has no field for has a name that it does not use. Its compare.py
// looks at real_time and cpu_time and at nothing else: a figure that is no time stands there, too, and one that was
// measured by one clock stands for the other. A dashboard tells by `quantity` and `unit`.
#include "support/results.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

namespace bench {

namespace {

constexpr std::array quantities{"cpu_time", "real_time", "amount"};
constexpr std::array goals{"none", "at_most", "at_least"};

template <class Enum, std::size_t N>
Enum parse(const std::array<const char*, N>& names, const std::string& text) {
    for (std::size_t i = 0; i != N; ++i)
        if (text == names[i]) return static_cast<Enum>(i);
    return Enum{};
}

// Where a row stands among those of its file: families are questions, their instances the contestants.
struct position {
    std::size_t family = 0;
    std::size_t instance = 0;
};

json row_of(const outcome& o, position at, const std::string& suffix, const char* run_type) {
    json row;
    row.set("name", o.name() + suffix);
    row.set("family_index", at.family);
    row.set("per_family_instance_index", at.instance);
    row.set("run_name", o.name());
    row.set("run_type", run_type);
    row.set("repetitions", o.operations.size());
    row.set("threads", o.threads);
    return row;
}

void add_values(json& row, const outcome& o, double operations, const auto& value_of) {
    const bool is_time = o.measured.what != quantity::amount;
    const auto all_zero = [](const series& s) {
        return std::ranges::all_of(s, [](double v) { return v == 0; });
    };
    const auto time_of = [&](const series& clock) {
        return value_of(is_time && !all_zero(clock) ? clock : o.values());
    };
    row.set("iterations", operations);
    row.set("real_time", time_of(o.real_ns));
    row.set("cpu_time", time_of(o.cpu_ns));
    row.set("time_unit", "ns");
    if (o.measured.what == quantity::amount) row.set("amount", value_of(o.amount));
    if (!o.ratios.empty()) row.set("ratio", value_of(o.ratios));
}

// What a dashboard has to know to show the row.
void add_meaning(json& row, const outcome& o) {
    row.set("figure", o.measured.name);
    row.set("arguments", o.arguments);
    row.set("contestant", o.contestant);
    row.set("quantity", quantities[static_cast<std::size_t>(o.measured.what)]);
    row.set("unit", o.measured.unit);
    row.set("more_is_better", o.measured.more_is_better);
    row.set("is_first", o.is_first);
    row.set("base", o.base);
    row.set("goal", goals[static_cast<std::size_t>(o.measured.wanted.wanted)]);
    row.set("goal_limit", o.measured.wanted.limit);
}

void add_round(json& rows, const outcome& o, position at, std::size_t round) {
    json row = row_of(o, at, "", "iteration");
    row.set("repetition_index", round);
    add_values(row, o, o.operations[round],
               [&](const series& s) { return round < s.size() ? s[round] : 0.0; });
    add_meaning(row, o);
    rows.add(std::move(row));
}

void add_aggregate(json& rows, const outcome& o, position at, const char* name,
                   double (*aggregate)(const series&)) {
    json row = row_of(o, at, std::string("_") + name, "aggregate");
    row.set("aggregate_name", name);
    row.set("aggregate_unit", std::string(name) == "cv" ? "percentage" : "time");
    add_values(row, o, static_cast<double>(o.operations.size()), aggregate);
    add_meaning(row, o);
    rows.add(std::move(row));
}

double ns_in(const std::string& time_unit) {
    return time_unit == "s" ? 1e9 : time_unit == "ms" ? 1e6 : time_unit == "us" ? 1e3 : 1;
}
std::string csv_cell(std::string text) {
    for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
        text.insert(at, 1, '"');
    return '"' + text + '"';
}

outcome outcome_of(const json& row) {
    outcome o;
    o.measured = {.name = row["figure"].is_null() ? row["name"].text() : row["figure"].text(),
                  .what = parse<quantity>(quantities, row["quantity"].text()),
                  .unit = row["unit"].is_null() ? "ns" : row["unit"].text(),
                  .more_is_better = row["more_is_better"].boolean(),
                  .wanted = {parse<goal::kind>(goals, row["goal"].text()), row["goal_limit"].number()}};
    o.arguments = row["arguments"].text();
    o.contestant = row["contestant"].text();
    o.base = row["base"].text();
    o.is_first = row["is_first"].boolean();
    o.threads = static_cast<unsigned>(row["threads"].number(1));
    return o;
}

} // namespace

std::string goal::text() const {
    if (wanted == kind::none) return {};
    char out[32];
    std::snprintf(out, sizeof out, "%s %.2f", wanted == kind::at_most ? "<=" : ">=", limit);
    return out;
}

std::string outcome::family() const {
    return arguments.empty() ? measured.name : measured.name + '/' + arguments;
}
std::string outcome::name() const {
    return contestant.empty() ? family() : family() + '/' + contestant;
}
const series& outcome::values() const {
    switch (measured.what) {
    case quantity::real_time: return real_ns;
    case quantity::amount: return amount;
    case quantity::cpu_time: break;
    }
    return cpu_ns;
}

bool outcome::is_better_than(const outcome& other) const {
    const double mine = median(values());
    const double theirs = median(other.values());
    return measured.more_is_better ? mine > theirs : mine < theirs;
}

json to_json(const results& from, rows wanted) {
    json all{json::array{}};
    position at;
    for (const outcome* last = nullptr; const outcome& o : from.outcomes) {
        if (last != nullptr) {
            const bool same = last->family() == o.family();
            at = same ? position{at.family, at.instance + 1} : position{at.family + 1, 0};
        }
        last = &o;
        const bool has_aggregates = o.operations.size() > 1;
        for (std::size_t round = 0; round != o.operations.size(); ++round)
            if (wanted == rows::all || !has_aggregates) add_round(all, o, at, round);
        if (!has_aggregates) continue;
        add_aggregate(all, o, at, "mean", mean);
        add_aggregate(all, o, at, "median", [](const series& s) { return median(s); });
        add_aggregate(all, o, at, "stddev", deviation);
        add_aggregate(all, o, at, "cv", variation);
    }
    json out;
    out.set("context", from.context);
    out.set("benchmarks", std::move(all));
    return out;
}

std::string to_csv(const results& from, rows wanted) {
    // What Google Benchmark has a column for and we have no value for stays empty.
    std::string out = "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,"
                      "error_occurred,error_message,\"amount\",\"ratio\"\n";
    const json written = to_json(from, wanted);
    for (const json& row : written["benchmarks"].items()) {
        const auto number = [&](const char* field) { return row[field].is_null() ? "" : row[field].write(); };
        out += csv_cell(row["name"].text()) + ',' + number("iterations") + ',' + number("real_time") + ',' +
               number("cpu_time") + ',' + row["time_unit"].text() + ",,,,,," + number("amount") + ',' +
               number("ratio") + '\n';
    }
    return out;
}

std::optional<results> from_json(const json& from) {
    if (from["benchmarks"].is_null()) return std::nullopt;
    results out{.context = from["context"]};
    std::map<std::string, std::size_t> places; // repetitions need not stand together
    for (const json& row : from["benchmarks"].items()) {
        if (row["name"].text().empty()) return std::nullopt;
        const bool failed = row["error_occurred"].boolean() || !row["skipped"].is_null();
        if (failed || row["run_type"].text() == "aggregate") continue;
        if (!row["cpu_time"].is_number() || !row["real_time"].is_number()) return std::nullopt;
        const double ns = ns_in(row["time_unit"].text());
        const auto [place, is_new] = places.try_emplace(row["name"].text(), out.outcomes.size());
        if (is_new) out.outcomes.push_back(outcome_of(row));
        outcome& o = out.outcomes[place->second];
        o.operations.push_back(row["iterations"].number());
        o.cpu_ns.push_back(row["cpu_time"].number() * ns);
        o.real_ns.push_back(row["real_time"].number() * ns);
        o.amount.push_back(row["amount"].number());
        o.ratios.push_back(row["ratio"].number(std::numeric_limits<double>::quiet_NaN()));
    }
    for (outcome& o : out.outcomes)
        if (std::ranges::all_of(o.ratios, [](double r) { return std::isnan(r); })) o.ratios.clear();
    return out;
}

} // namespace bench
