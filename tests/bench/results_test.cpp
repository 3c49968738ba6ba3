// tests/bench/results_test.cpp - results as values and as JSON of Google Benchmark.
// SPDX-License-Identifier: BSL-1.0
#include "support/results.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace bench;

namespace {

outcome sample(const char* contestant, double ns) {
    outcome o;
    o.measured.name = "seal";
    o.measured.what = quantity::real_time;
    o.measured.wanted = goal::at_most(2);
    o.arguments = "blocks:8";
    o.contestant = contestant;
    o.base = "barrier";
    o.is_first = true;
    o.threads = 2;
    o.operations = {1, 1, 1};
    o.cpu_ns = {0, 0, 0};
    o.real_ns = {ns, 2 * ns, 3 * ns};
    o.amount = {0, 0, 0};
    o.ratios = {1, 1, 1};
    return o;
}

} // namespace

TEST_CASE("results survive the way to JSON and back", "[bench]") {
    results out;
    out.context.set("num_cpus", 2);
    out.outcomes = {sample("cordon", 10), sample("barrier", 5)};
    const auto again = from_json(*json::read(to_json(out).write()));
    REQUIRE(again);
    CHECK(again->context["num_cpus"].number() == 2);
    REQUIRE(again->outcomes.size() == 2);
    const outcome& o = again->outcomes[0];
    CHECK(o.name() == "seal/blocks:8/cordon");
    CHECK(o.values() == series{10, 20, 30});
    CHECK(o.ratios == series{1, 1, 1});
    CHECK(o.measured.what == quantity::real_time);
    CHECK(o.measured.wanted.holds(2));
    CHECK_FALSE(o.measured.wanted.holds(2.1));
    CHECK(o.base == "barrier");
    CHECK(o.is_first);
    CHECK(o.threads == 2);
}

TEST_CASE("rows have the fields of Google Benchmark", "[bench]") {
    results out;
    out.outcomes = {sample("cordon", 10)};
    const json written = to_json(out);
    const auto& rows = written["benchmarks"].items();
    REQUIRE(rows.size() == 3 + 4);
    for (const json& row : rows)
        for (const char* field : {"name", "run_name", "run_type", "repetitions", "threads", "iterations",
                                  "real_time", "cpu_time", "time_unit"})
            CHECK_FALSE(row[field].is_null());
    CHECK(rows[1]["run_type"].text() == "iteration");
    CHECK(rows[1]["repetition_index"].number() == 1);
    const char* const aggregates[] = {"mean", "median", "stddev", "cv"};
    for (std::size_t i = 0; i != 4; ++i) {
        CHECK(rows[3 + i]["run_type"].text() == "aggregate");
        CHECK(rows[3 + i]["aggregate_name"].text() == aggregates[i]);
        CHECK(rows[3 + i]["name"].text() == std::string("seal/blocks:8/cordon_") + aggregates[i]);
    }
    CHECK(rows[4]["real_time"].number() == 20);
    CHECK(rows[5]["real_time"].number() == 10);
    CHECK(rows[6]["real_time"].number() == 0.5);
}

TEST_CASE("aggregates tell what they are aggregates of", "[bench]") {
    results out;
    out.outcomes = {sample("cordon", 10)};
    const json written = to_json(out, rows::aggregates);
    for (const json& row : written["benchmarks"].items()) {
        CHECK(row["figure"].text() == "seal");
        CHECK(row["contestant"].text() == "cordon");
        CHECK(row["quantity"].text() == "real_time");
        CHECK(row["unit"].text() == "ns");
        CHECK(row["base"].text() == "barrier");
        CHECK(row["goal_limit"].number() == 2);
    }
}

TEST_CASE("a round without a ratio has none in its row, and the others keep theirs", "[bench]") {
    results out;
    out.outcomes = {sample("cordon", 10)};
    out.outcomes[0].ratios = ratios({2, 6, 5}, {1, 0, 5});
    const json written = *json::read(to_json(out).write());
    const auto& rows = written["benchmarks"].items();
    CHECK(rows[0]["ratio"].number() == 2);
    CHECK(rows[1]["ratio"].is_null());
    CHECK(rows[2]["ratio"].number() == 1);
    const auto again = from_json(written);
    REQUIRE(again);
    CHECK(again->outcomes[0].ratio() == 1.5);
}

TEST_CASE("aggregates stand alone when nothing else is wanted, a single round stands anyhow", "[bench]") {
    results out;
    out.outcomes = {sample("cordon", 10), sample("barrier", 5)};
    outcome& once = out.outcomes[1];
    for (series* s : {&once.operations, &once.cpu_ns, &once.real_ns, &once.amount, &once.ratios})
        s->resize(1);
    const json written = to_json(out, rows::aggregates);
    std::vector<std::string> names;
    for (const json& row : written["benchmarks"].items())
        names.push_back(row["name"].text());
    const std::string name = "seal/blocks:8/cordon_";
    CHECK(names == std::vector<std::string>{name + "mean", name + "median", name + "stddev", name + "cv",
                                            "seal/blocks:8/barrier"});
}

TEST_CASE("CSV has the columns of Google Benchmark, and a cell for each", "[bench]") {
    results out;
    out.outcomes = {sample("cordon", 10)};
    std::istringstream lines(to_csv(out, rows::aggregates));
    std::string line;
    std::getline(lines, line);
    CHECK(line.starts_with(
        "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,"
        "error_occurred,error_message,"));
    const auto commas = std::ranges::count(line, ',');
    std::vector<std::string> cells;
    for (; std::getline(lines, line); cells.push_back(line))
        CHECK(std::ranges::count(line, ',') == commas);
    REQUIRE(cells.size() == 4);
    CHECK(cells[1] == "\"seal/blocks:8/cordon_median\",3,20,20,ns,,,,,,,1");

    out.outcomes[0].contestant = "a \"b\", c";
    CHECK(to_csv(out).find("\"seal/blocks:8/a \"\"b\"\", c\",1,") != std::string::npos);
}

TEST_CASE("compare.py finds what it looks at in the rows", "[bench]") {
    outcome blocks = sample("cordon", 0);
    blocks.measured.name = "blocks";
    blocks.measured.what = quantity::amount;
    blocks.amount = {100, 110, 120};
    results out;
    out.context.set("json_schema_version", 1); // the only one that it accepts
    out.outcomes = {sample("cordon", 10), sample("barrier", 5), blocks};
    const json written = *json::read(to_json(out).write());
    CHECK(written["context"]["json_schema_version"].number() == 1);
    std::vector<double> families, instances;
    for (const json& row : written["benchmarks"].items()) {
        CHECK(row["time_unit"].text() == "ns"); // it knows s, ms, us, ns
        // It looks for changes of these two and for nothing else, and takes logarithms.
        CHECK(row["real_time"].number() > 0);
        CHECK(row["cpu_time"].number() > 0);
        const bool is_round = row["run_type"].text() == "iteration";
        CHECK(is_round != (row["run_type"].text() == "aggregate"));
        CHECK(row["aggregate_name"].is_null() == is_round);
        CHECK(row["repetition_index"].is_null() != is_round);
        // All rounds have one name, which it pairs by; aggregates have another.
        CHECK((row["name"].text() == row["run_name"].text()) == is_round);
        // It sorts by these.
        families.push_back(row["family_index"].number(-1));
        instances.push_back(row["per_family_instance_index"].number(-1));
    }
    const std::vector<double> of_families{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1};
    const std::vector<double> of_instances{0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0};
    CHECK(families == of_families);
    CHECK(instances == of_instances);
    const auto again = from_json(written);
    REQUIRE(again);
    CHECK(again->outcomes[2].values() == series{100, 110, 120});
}

TEST_CASE("a file of Google Benchmark is read", "[bench]") {
    const auto read = json::read(R"({"context": {"json_schema_version": 1}, "benchmarks": [
        {"name": "BM_a/8", "run_type": "iteration", "iterations": 100, "real_time": 2.0, "cpu_time": 1.5, "time_unit": "ns"},
        {"name": "BM_b", "run_type": "iteration", "iterations": 100, "real_time": 9.0, "cpu_time": 9.5, "time_unit": "ns"},
        {"name": "BM_a/8", "run_type": "iteration", "iterations": 100, "real_time": 2.5, "cpu_time": 1.7, "time_unit": "ns"},
        {"name": "BM_a/8_mean", "run_type": "aggregate", "aggregate_name": "mean", "cpu_time": 1.6}]})");
    REQUIRE(read);
    const auto out = from_json(*read);
    REQUIRE(out);
    REQUIRE(out->outcomes.size() == 2);
    CHECK(out->outcomes[0].name() == "BM_a/8");
    CHECK(out->outcomes[0].values() == series{1.5, 1.7});
    CHECK_FALSE(from_json(json{}));
}

TEST_CASE("times of a file of Google Benchmark are ns, whatever their unit", "[bench]") {
    const auto read = json::read(R"({"benchmarks": [
        {"name": "s", "run_type": "iteration", "real_time": 2.0, "cpu_time": 1.5, "time_unit": "s"},
        {"name": "ms", "run_type": "iteration", "real_time": 2.0, "cpu_time": 1.5, "time_unit": "ms"},
        {"name": "us", "run_type": "iteration", "real_time": 2.0, "cpu_time": 1.5, "time_unit": "us"}]})");
    const auto out = from_json(*read);
    REQUIRE(out);
    CHECK(out->outcomes[0].cpu_ns == series{1.5e9});
    CHECK(out->outcomes[1].real_ns == series{2e6});
    CHECK(out->outcomes[2].cpu_ns == series{1500});
    CHECK(out->outcomes[2].measured.unit == "ns");
}

TEST_CASE("rows of errors are left out, rows without a name or a time are no results", "[bench]") {
    const auto failed = json::read(R"({"benchmarks": [
        {"name": "a", "run_type": "iteration", "error_occurred": true, "error_message": "no device"},
        {"name": "b", "run_type": "iteration", "skipped": "no device"}]})");
    REQUIRE(from_json(*failed));
    CHECK(from_json(*failed)->outcomes.empty());
    for (const char* row : {R"(1)", R"({})", R"({"run_type": "iteration", "real_time": 2, "cpu_time": 2})",
                            R"({"name": "a", "run_type": "iteration", "real_time": 2, "cpu_time": "2"})",
                            R"({"name": "a", "run_type": "iteration", "real_time": "2", "cpu_time": 2})"})
        CHECK_FALSE(from_json(*json::read(std::string{R"({"benchmarks": [)"} + row + "]}")));
}
