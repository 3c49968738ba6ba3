// tests/bench/flags_test.cpp - the command line.
// SPDX-License-Identifier: BSL-1.0
#include "support/flags.hpp"

#include "support/catch.hpp"

using namespace bench;

TEST_CASE("flags are taken with an equals sign and without", "[bench]") {
    const auto parsed =
        parse_flags({"--benchmark_filter=^a.*b$", "--benchmark_repetitions", "7", "--benchmark_min_time=0.5s",
                     "--benchmark_format=json", "--benchmark_list_tests", "--peer", "./x.so", "--peer=y.so",
                     "--report", "out.html", "--no_peers", "--verify=false"});
    REQUIRE(parsed.chosen);
    CHECK(parsed.chosen->filter == "^a.*b$");
    CHECK(parsed.chosen->repetitions == 7);
    CHECK(parsed.chosen->min_time == 0.5);
    CHECK(parsed.chosen->shown == format::json);
    CHECK(parsed.chosen->written == format::json);
    CHECK(parsed.chosen->list);
    CHECK(parsed.chosen->peers == std::vector<std::string>{"./x.so", "y.so"});
    CHECK(parsed.chosen->report == "out.html");
    CHECK_FALSE(parsed.chosen->installed_peers);
    CHECK_FALSE(parsed.chosen->verify);
}

TEST_CASE("what compare.py passes on is understood", "[bench]") {
    const auto shown = parse_flags({"--benchmark_display_aggregates_only=true", "--benchmark_format=csv"});
    REQUIRE(shown.chosen);
    CHECK(shown.chosen->shown == format::csv);
    CHECK(shown.chosen->shown_aggregates_only);
    CHECK_FALSE(shown.chosen->written_aggregates_only);
    const auto written = parse_flags({"--benchmark_report_aggregates_only", "--benchmark_filter=all"});
    REQUIRE(written.chosen);
    CHECK(written.chosen->shown_aggregates_only);
    CHECK(written.chosen->written_aggregates_only);
    CHECK(written.chosen->filter.empty());
}

TEST_CASE("the time of a round is told in seconds or in laps", "[bench]") {
    const auto laps = parse_flags({"--benchmark_min_time=20x"});
    REQUIRE(laps.chosen);
    CHECK(laps.chosen->laps == 20);
    CHECK(laps.chosen->min_time == 0);
    const auto seconds = parse_flags({"--benchmark_min_time=20x", "--benchmark_min_time=1.5"});
    REQUIRE(seconds.chosen);
    CHECK(seconds.chosen->laps == 0);
    CHECK(seconds.chosen->min_time == 1.5);
}

TEST_CASE("what is added to the context is taken apart", "[bench]") {
    const auto parsed =
        parse_flags({"--benchmark_context=rack=7,note=a=b,empty=", "--benchmark_context=x=y"});
    REQUIRE(parsed.chosen);
    CHECK(parsed.chosen->context == std::vector<std::pair<std::string, std::string>>{
                                        {"rack", "7"}, {"note", "a=b"}, {"empty", ""}, {"x", "y"}});
}

TEST_CASE("flags of Google Benchmark that concern looks are taken", "[bench]") {
    const auto parsed = parse_flags({"--benchmark_color=auto", "--benchmark_counters_tabular=true",
                                     "--benchmark_enable_random_interleaving", "--benchmark_time_unit=us",
                                     "--benchmark_min_warmup_time=0.5", "--v=1"});
    CHECK(parsed.chosen);
}

TEST_CASE("truth has the words that Google Benchmark knows", "[bench]") {
    const auto told = [](const char* word) {
        const auto parsed = parse_flags({"--benchmark_list_tests" + std::string{word}});
        REQUIRE(parsed.chosen);
        return parsed.chosen->list;
    };
    for (const char* word : {"", "=true", "=yes", "=on", "=1", "=t", "=y"})
        CHECK(told(word));
    for (const char* word : {"=false", "=no", "=off", "=0", "=f", "=n"})
        CHECK_FALSE(told(word));
}

TEST_CASE("a dry run is one lap of each", "[bench]") {
    const auto parsed = parse_flags({"--benchmark_dry_run", "--benchmark_min_time=2"});
    REQUIRE(parsed.chosen);
    CHECK(parsed.chosen->repetitions == 1);
    CHECK(parsed.chosen->laps == 1);
    CHECK(parsed.chosen->min_time == 0);
}

TEST_CASE("a wrong command line ends with 2, a question for help with 0", "[bench]") {
    for (const char* wrong : {"--unknown",
                              "file",
                              "--benchmark_repetitions=0",
                              "--benchmark_repetitions=x",
                              "--peer",
                              "--benchmark_format=xml",
                              "--benchmark_filter=(",
                              "--benchmark_min_time=-1",
                              "--benchmark_min_time=inf",
                              "--benchmark_min_time=nan",
                              "--benchmark_min_time=s",
                              "--benchmark_min_time=0x",
                              "--benchmark_min_time=1.5x",
                              "--benchmark_repetitions=4294967295",
                              "--benchmark_context=rack",
                              "--benchmark_context==7",
                              "--benchmark_context=a=b,",
                              "--benchmark_counters_tabular=auto",
                              "--benchmark_time_unit=hours",
                              "--v=loud"}) {
        const auto parsed = parse_flags({wrong});
        CHECK_FALSE(parsed.chosen);
        CHECK(parsed.exit_code == 2);
        CHECK_FALSE(parsed.message.empty());
    }
    CHECK(parse_flags({"--help"}).exit_code == 0);
    CHECK_FALSE(parse_flags({"--help"}).chosen);
}
