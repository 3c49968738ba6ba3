// tests/bench/compare_test.cpp - what counts as a change.
// SPDX-License-Identifier: BSL-1.0
#include "support/compare.hpp"

#include "support/catch.hpp"

using namespace bench;

namespace {

results of(const series& values, bool more_is_better = false, const series& ratios = {}) {
    results out;
    outcome& o = out.outcomes.emplace_back();
    o.measured.name = "touch";
    o.measured.more_is_better = more_is_better;
    o.contestant = "cordon";
    if (!ratios.empty()) o.base = "floor";
    o.operations = series(values.size(), 1);
    o.cpu_ns = values;
    o.ratios = ratios;
    return out;
}
series around(double centre) {
    series out;
    for (int i = -7; i <= 7; ++i)
        out.push_back(centre * (1 + 0.005 * i));
    return out;
}
change verdict(const results& before, const results& now) {
    const auto differences = compare(before, now);
    REQUIRE(differences.size() == 1);
    CHECK(differences[0].sure.low <= differences[0].ratio);
    CHECK(differences[0].ratio <= differences[0].sure.high);
    return differences[0].verdict;
}

} // namespace

TEST_CASE("a change is called one when it is sure and not small", "[bench]") {
    CHECK(verdict(of(around(10)), of(around(10))) == change::none);
    CHECK(verdict(of(around(10)), of(around(9))) == change::better);
    CHECK(verdict(of(around(10)), of(around(11))) == change::worse);
    CHECK(verdict(of(around(10), true), of(around(11), true)) == change::better);
    CHECK(verdict(of(series(5, 10)), of(series(5, 10.1))) == change::none);         // sure, but small
    CHECK(verdict(of({5, 10, 15, 5, 15}), of({6, 11, 19, 6, 19})) == change::none); // not sure
}

TEST_CASE("fewer than five rounds tell of no change", "[bench]") {
    CHECK(verdict(of({10}), of({20})) == change::unknown);
    CHECK(verdict(of(series(4, 10)), of(series(5, 20))) == change::unknown);
    CHECK(verdict(of(series(5, 10)), of(series(4, 20))) == change::unknown);
    CHECK(verdict(of(series(5, 10)), of(series(5, 20))) == change::worse);
    CHECK(to_table(compare(of({10}), of({20}))).find("too few rounds to tell") != std::string::npos);
}

TEST_CASE("from nothing to something is a change", "[bench]") {
    CHECK(verdict(of(series(5, 0)), of(series(5, 3))) == change::worse);
    CHECK(verdict(of(series(5, 0), true), of(series(5, 3), true)) == change::better);
    CHECK(verdict(of(series(5, 3)), of(series(5, 0))) == change::better);
    CHECK(verdict(of(series(5, 0)), of(series(5, 0))) == change::none);
}

TEST_CASE("what speaks against a comparison is told", "[bench]") {
    results before = of(around(10));
    results now = of(around(10));
    for (results* r : {&before, &now}) {
        r->context.set("cpu_model", "fast");
        r->context.set("commit", r == &now ? "new" : "old");
    }
    CHECK(caveats_of(before, now).empty());
    now.context.set("compiler_flags", "-O2"); // the old run does not tell
    CHECK(caveats_of(before, now).empty());
    now.outcomes[0].measured.name = "isolate";
    now.context.set("cpu_model", "slow");
    before.context.set("taken_by_others", 0.5);
    before.context.set("interrupted", true);
    CHECK(caveats_of(before, now) ==
          "1 only in the old results: touch/cordon\n"
          "1 only in the new results: isolate/cordon\n"
          "cpu_model was \"fast\" and is \"slow\"\n"
          "of the old results: the machine was busy: 50 % of its processor time went to others\n"
          "of the old results: the run was interrupted: these are parts of the results\n");
}

TEST_CASE("ratios to the base are compared where both runs have them", "[bench]") {
    // The machine is half as fast: the times double, the ratios stay.
    const auto differences = compare(of(around(10), false, around(2)), of(around(20), false, around(2)));
    REQUIRE(differences.size() == 1);
    CHECK(differences[0].of_ratios);
    CHECK(differences[0].verdict == change::none);
    CHECK(verdict(of(around(10)), of(around(20), false, around(2))) == change::worse); // the old has none
}

TEST_CASE("benchmarks that are in one run only are left out", "[bench]") {
    results other = of({1, 2, 3});
    other.outcomes[0].measured.name = "isolate";
    CHECK(compare(of({1, 2, 3}), other).empty());
    CHECK(to_table({}).ends_with("0 same, 0 better, 0 worse\n"));
}
