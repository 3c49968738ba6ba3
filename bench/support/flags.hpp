// support/flags.hpp - flags: what a user asks of a benchmark program.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

enum class format { console, json, csv };

struct flags {
    std::string filter{};      // a regular expression; a `-` in front: all but those
    unsigned repetitions = 15; // rounds, in each of which every contestant has its turn
    double min_time = 0.01;    // seconds for a contestant in a round, which
    std::uint32_t laps = 0;    // these laps are instead, unless 0
    format shown = format::console;
    format written = format::json;
    std::string out{};
    bool shown_aggregates_only = false; // without a row for each round
    bool written_aggregates_only = false;
    bool list = false;
    std::vector<std::pair<std::string, std::string>> context{}; // more of it: names and values
    std::string compare{};                                      // results to compare with
    std::string report{};                                       // an HTML file to write
    std::string plot{};                                         // an SVG file to write
    std::vector<std::string> load{};                            // results to show instead of measuring
    std::vector<std::string> peers{};                           // shared libraries
    bool installed_peers = true;                                // also those built with the program
    bool verify = false;
};

struct parsed_flags {
    std::optional<flags> chosen; // nothing: the program ends
    int exit_code = 0;
    std::string message; // the help, or what is wrong
};
parsed_flags parse_flags(const std::vector<std::string>& arguments);

} // namespace bench
