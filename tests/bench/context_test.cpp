// tests/bench/context_test.cpp - the context of a run, and of several.
// SPDX-License-Identifier: BSL-1.0
#include "support/context.hpp"

#include "support/catch.hpp"

using namespace bench;

TEST_CASE("the context tells what was before the run, then how it went", "[bench]") {
    json context = context_of("bench_x");
    CHECK(context["executable"].text() == "bench_x");
    CHECK(context["json_schema_version"].number() == 1);
    CHECK(context["load_avg"].items().size() == 3);
    CHECK(context["date"].text().size() == std::string{"2026-01-01T00:00:00+00:00"}.size());
    const json load = context["load_avg"];
    const std::size_t members = context.members().size();
    add_course(context, machine_watch{}, true);
    CHECK(context.members().size() == members);
    CHECK(context["load_avg"] == load);
    CHECK(context["interrupted"].boolean());
    CHECK(warnings_of(context).find("interrupted") != std::string::npos);
}

TEST_CASE("what speaks against one of several runs speaks against all", "[bench]") {
    const auto context = [](const char* processor, double taken, bool interrupted, const char* build) {
        json out;
        out.set("cpu_model", processor);
        out.set("num_cpus", 2);
        out.set("taken_by_others", taken);
        out.set("interrupted", interrupted);
        out.set("library_build_type", build);
        return out;
    };
    const json a = context("fast", 0.5, true, "debug");
    json b = context("slow", 0.01, false, "release");
    b.set("commit", "abc");
    const json both = common_context(a, b);
    CHECK(both["cpu_model"].text() == "fast | slow");
    CHECK(both["num_cpus"].number() == 2);
    CHECK(both["taken_by_others"].number() == 0.5);
    CHECK(both["interrupted"].boolean());
    CHECK(both["library_build_type"].text() == "debug");
    CHECK(both["commit"].text() == "abc");
    CHECK(warnings_of(both) == warnings_of(common_context(b, a)));
    CHECK(common_context({}, a) == a);
}
