// support/suite.hpp - suite: questions, each with contestants that run in turns.
// SPDX-License-Identifier: BSL-1.0
//
// A question has figures and contestants. A lap of a contestant does some work and reads each figure once; as many laps
// as take min_time are a repetition. In a round each contestant has one repetition, so that a slow phase of the machine
// falls on all of them; a first round, in which laps are counted, is not. From round to round each comes after another
// one (order_of_round), so that what one leaves behind in the processor falls on all, too. Contestants are made when their
// question is reached, and all contestants of a question live at the same time; what a contestant allocated it has freed
// when it is gone, for the next question's would find the holes.
//
//     suite.add({.figures = {{.name = "touch", .wanted = goal::at_most(1.5)}},
//                .arguments = "frames:65536",
//                .bases = {"byte store"},
//                .contestants = {contestant("cordon", [] { return [l = new_lru()] { return l->touch_all(); }; }),
//                                contestant("byte store", ...)}});
#pragma once

#include "support/crew.hpp"
#include "support/flags.hpp"
#include "support/measure.hpp"
#include "support/results.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

// One reading for each figure, in their order; one of no operations: the contestant has no such figure.
using lap = std::function<std::vector<reading>()>;

struct contestant {
    std::string name{};
    std::function<lap()> make{};
};

struct question {
    std::vector<figure> figures{};
    std::string arguments{};
    std::vector<std::string>
        bases{}; // all are compared with the best of these that runs; none: no ratios, no goals
    unsigned threads = 1;
    std::vector<contestant> contestants{}; // the goals are for the first
};

// Returns: which contestant has which turn. In n rounds, or 2 n if n is odd, each comes after each other one equally often
// (a Williams square), and has each turn equally often.
std::vector<std::size_t> order_of_round(unsigned round, std::size_t contestants);

// Told while a suite runs. `done` of `all` parts are over.
using progress = std::function<void(const std::string& at, std::uint64_t done, std::uint64_t all)>;
// Given what is complete, when it has become more.
using keeper = std::function<void(const std::vector<outcome>& complete)>;

class suite {
public:
    void add(question q) { questions_.push_back(std::move(q)); }
    // Returns: a name that two benchmarks have, so that nobody could tell their figures apart; empty if there is none.
    [[nodiscard]] std::string name_of_two() const;
    // Returns: the names of the benchmarks that the filter lets through.
    [[nodiscard]] std::vector<std::string> names(const flags& chosen) const;
    // Effects: measures what the filter lets through, until `stop` says so. Returns: what is complete by then.
    std::vector<outcome> run(const flags& chosen, const progress& tell, const keeper& keep,
                             const std::function<bool()>& stop) const;

private:
    std::vector<question> questions_;
};

} // namespace bench
