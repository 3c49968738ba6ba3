// tests/bench/suite_test.cpp - questions, rounds, filters.
// SPDX-License-Identifier: BSL-1.0
#include "support/suite.hpp"

#include "support/catch.hpp"

#include <algorithm>

using namespace bench;

namespace {

// A contestant whose laps read `ns` for each of two figures, the second twice as dear.
contestant steady(std::string name, double ns, std::string* order = nullptr) {
    return {name, [=] {
                return [=]() -> std::vector<reading> {
                    if (order != nullptr) *order += name[0];
                    return {{.operations = 10, .cpu_ns = 10 * ns}, {.operations = 10, .cpu_ns = 20 * ns}};
                };
            }};
}
suite two_contestants(std::string* order = nullptr) {
    suite s;
    s.add({.figures = {{.name = "get"}, {.name = "put"}},
           .arguments = "n:1",
           .bases = {"floor"},
           .contestants = {steady("cordon", 6, order), steady("floor", 4, order)}});
    return s;
}
std::vector<outcome> run(const suite& s, const std::string& filter, bool stopped = false) {
    return s.run(
        {.filter = filter, .repetitions = 3, .min_time = 0}, [](auto&&...) {}, [](auto&&...) {},
        [=] { return stopped; });
}

} // namespace

TEST_CASE("each figure of each contestant has its values and its ratios to the base", "[bench]") {
    const auto all = run(two_contestants(), "");
    REQUIRE(all.size() == 4);
    CHECK(all[0].name() == "get/n:1/cordon");
    CHECK(all[1].name() == "get/n:1/floor");
    CHECK(all[2].name() == "put/n:1/cordon");
    CHECK(all[0].values() == series{6, 6, 6});
    CHECK(all[2].values() == series{12, 12, 12});
    CHECK(all[2].ratios == series{1.5, 1.5, 1.5});
    CHECK(all[0].is_first);
    CHECK_FALSE(all[1].is_first);
}

TEST_CASE("contestants run in turns, and take turns at being the first", "[bench]") {
    std::string order;
    run(two_contestants(&order), "");
    CHECK(order == "cf"
                   "cf"
                   "fc"
                   "fc"); // the first round is not counted
}

TEST_CASE("each contestant comes after each other one equally often", "[bench]") {
    for (std::size_t n = 1; n != 12; ++n) {
        std::vector<unsigned> after(n * n);
        std::vector<unsigned> turns(n * n);
        for (unsigned round = 0; round != 2 * n; ++round) {
            const std::vector<std::size_t> order = order_of_round(round, n);
            REQUIRE(order.size() == n);
            for (std::size_t turn = 0; turn != n; ++turn) {
                ++turns.at(order[turn] * n + turn);
                if (turn != 0) ++after.at(order[turn] * n + order[turn - 1]);
            }
        }
        for (std::size_t one = 0; one != n; ++one)
            for (std::size_t other = 0; other != n; ++other) {
                CHECK(turns[one * n + other] == 2);
                CHECK(after[one * n + other] == (one == other ? 0 : 2));
            }
    }
}

TEST_CASE("the base is the best of those that may be it, figure by figure", "[bench]") {
    const auto reads = [](const char* name, double ns, double blocks) {
        return contestant{name, [=] {
                              return [=]() -> std::vector<reading> {
                                  return {{.operations = 1, .cpu_ns = ns}, reading::of_amount(blocks)};
                              };
                          }};
    };
    suite s;
    s.add({.figures = {{.name = "get"}, {.name = "blocks", .what = quantity::amount, .more_is_better = true}},
           .bases = {"slow", "fast", "unheard of"},
           .contestants = {reads("cordon", 6, 6), reads("slow", 4, 3), reads("fast", 2, 2),
                           reads("best_possible", 1, 9)}});
    const auto all = run(s, "");
    REQUIRE(all.size() == 8);
    CHECK(all[0].base == "fast");
    CHECK(all[0].ratio() == 3);
    CHECK(all[3].ratio() == 0.5);
    CHECK(all[4].base == "slow");
    CHECK(all[4].ratio() == 2);
    CHECK(run(s, "cordon")[0].base.empty()); // none of them ran
}

TEST_CASE("a contestant without a figure has no row for it and is nobody's base", "[bench]") {
    suite s;
    s.add({.figures = {{.name = "get"}, {.name = "put"}},
           .bases = {"half", "whole"},
           .contestants = {
               {"half",
                [] { return []() -> std::vector<reading> {
                         return {{.operations = 1, .cpu_ns = 2}, {}};
                     }; }},
               steady("whole", 4)}});
    const auto all = run(s, "");
    REQUIRE(all.size() == 3);
    CHECK(all[0].base == "half");
    CHECK(all[2].name() == "put/whole");
    CHECK(all[2].base == "whole");
}

TEST_CASE("the filter is a regular expression over whole names", "[bench]") {
    const suite s = two_contestants();
    CHECK(s.names({.filter = "^get"}) == std::vector<std::string>{"get/n:1/cordon", "get/n:1/floor"});
    CHECK(s.names({.filter = "put.*cordon$"}) == std::vector<std::string>{"put/n:1/cordon"});
    CHECK(s.names({.filter = "-cordon"}) == std::vector<std::string>{"get/n:1/floor", "put/n:1/floor"});
    CHECK(s.names({.filter = "nothing"}).empty());
    const auto one = run(s, "put.*cordon$");
    REQUIRE(one.size() == 1);
    CHECK(one[0].ratios.empty()); // its base did not run
    CHECK(run(s, "nothing").empty());
}

TEST_CASE("a round has so many laps as take its time, or as were asked for", "[bench]") {
    int laps = 0;
    suite s;
    s.add({.figures = {{.name = "get"}}, .contestants = {{"cordon", [&] {
                                                              return [&]() -> std::vector<reading> {
                                                                  // The first is cold.
                                                                  sleep_ns(++laps == 1 ? 200e6 : 2e6);
                                                                  return {{.operations = 1}};
                                                              };
                                                          }}}});
    const auto in_one_round = [&](const flags& chosen) {
        laps = 0;
        const auto out = s.run(
            chosen, [](auto&&...) {}, [](auto&&...) {}, [] { return false; });
        return out.at(0).operations.at(0);
    };
    CHECK(in_one_round({.repetitions = 1, .min_time = 0.4}) > 2); // as the first would have it
    CHECK(in_one_round({.repetitions = 1, .min_time = 0, .laps = 7}) == 7);
    CHECK(laps == 14);
}

TEST_CASE("a short lap is repeated until the time is over", "[bench]") {
    suite s;
    s.add({.figures = {{.name = "get"}}, .contestants = {steady("cordon", 1)}});
    const double begin = wall_ns();
    s.run(
        {.repetitions = 1, .min_time = 0.05}, [](auto&&...) {}, [](auto&&...) {}, [] { return false; });
    CHECK(wall_ns() - begin > 0.06e9); // a thousand of them are over at once
}

TEST_CASE("two benchmarks of one name are found", "[bench]") {
    CHECK(two_contestants().name_of_two().empty());
    suite s;
    s.add({.figures = {{.name = "get"}}, .contestants = {steady("gate", 1), steady("gate", 2)}});
    CHECK(s.name_of_two() == "get/gate");
}

TEST_CASE("an interrupt before the first round ends the making and the warming up", "[bench]") {
    std::string order;
    int asked = 0;
    const auto out = two_contestants(&order).run(
        {.repetitions = 5, .min_time = 100}, [](auto&&...) {}, [](auto&&...) {}, [&] { return ++asked > 5; });
    CHECK(out.empty());
    CHECK(order.size() <= 2);
}

TEST_CASE("a suite that is stopped returns what is complete", "[bench]") {
    CHECK(run(two_contestants(), "", true).empty());

    int laps = 0;
    const auto part = two_contestants().run(
        {.repetitions = 5, .min_time = 0}, [](auto&&...) {}, [](auto&&...) {},
        [&] { return ++laps > 7; }); // in the third or fourth round
    REQUIRE(part.size() == 4);
    for (const outcome& o : part) {
        CHECK(o.operations.size() >= 1);
        CHECK(o.operations.size() < 5);
        CHECK(o.ratios.size() == o.operations.size());
    }
}

TEST_CASE("what is complete is given to be kept after each question", "[bench]") {
    suite s = two_contestants();
    s.add({.figures = {{.name = "touch"}}, .contestants = {steady("cordon", 1)}});
    std::vector<std::size_t> kept;
    s.run(
        {.repetitions = 1, .min_time = 0}, [](auto&&...) {},
        [&](const std::vector<outcome>& complete) { kept.push_back(complete.size()); }, [] { return false; });
    CHECK(kept == std::vector<std::size_t>{4, 5});
}
