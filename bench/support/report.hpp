// support/report.hpp - options of a benchmark program; its table, on stdout and as CSV.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

struct options {
    unsigned rounds = 15;
    std::string filter;
    std::string csv;

    [[nodiscard]] bool wants(std::string_view pattern) const {
        return pattern.find(filter) != std::string_view::npos;
    }
    [[nodiscard]] bool wants_one_of(std::initializer_list<std::string_view> patterns) const {
        for (const std::string_view p : patterns)
            if (wants(p)) return true;
        return false;
    }
};

// Returns: nothing if the program should end with exit_code.
inline std::optional<options> parse(int argc, char** argv, const char* about, int& exit_code) {
    options parsed;
    exit_code = 0;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view argument = argv[i];
        const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (argument == "--rounds" && value != nullptr && std::atoi(value) > 0) {
            parsed.rounds = static_cast<unsigned>(std::atoi(value));
        } else if (argument == "--filter" && value != nullptr) {
            parsed.filter = value;
        } else if (argument == "--csv" && value != nullptr) {
            parsed.csv = value;
        } else {
            exit_code = argument == "--help" ? 0 : 2;
            std::fprintf(exit_code == 0 ? stdout : stderr,
                         "usage: %s [--rounds N] [--filter text] [--csv file]\n\n%s", argv[0], about);
            return std::nullopt;
        }
    }
    return parsed;
}

// What the ratio of a row to its base has to be.
struct goal {
    enum class kind { none, at_most, at_least } wanted = kind::none;
    double limit = 0;

    static goal at_most(double limit) { return {kind::at_most, limit}; }
    static goal at_least(double limit) { return {kind::at_least, limit}; }
    [[nodiscard]] bool holds(double ratio) const {
        return wanted == kind::none || (wanted == kind::at_most ? ratio <= limit : ratio >= limit);
    }
};

struct row {
    std::string pattern;
    double measured = 0;
    const char* base_name = "";
    double base = 0;
    double ratio = 0;
    goal wanted{};
    const char* unit = "ns";
    double stack = 0; // the floors without a gate and with a lock, where they were measured
    double lock = 0;
};

class table {
public:
    explicit table(const options& chosen) : options_(chosen) {
        if (!chosen.csv.empty() && (csv_ = std::fopen(chosen.csv.c_str(), "w")) == nullptr)
            std::perror(chosen.csv.c_str());
        if (csv_ != nullptr)
            std::fputs("pattern,unit,cordon,base,base_value,ratio,goal,limit,verdict,stack,lock\n", csv_);
        std::printf("%-34s %10s  %-4s %10s %-10s %6s  %-8s %-5s %8s %8s\n", "pattern", "cordon", "unit",
                    "base", "", "ratio", "goal", "", "stack", "lock");
    }
    ~table() {
        if (csv_ != nullptr) std::fclose(csv_);
    }
    table(const table&) = delete;
    table& operator=(const table&) = delete;

    void add(const row& r) {
        if (!options_.wants(r.pattern)) return;
        const bool has_goal = r.wanted.wanted != goal::kind::none;
        const char* const relation = !has_goal ? "" : r.wanted.wanted == goal::kind::at_most ? "<=" : ">=";
        const char* const verdict = !has_goal ? "" : r.wanted.holds(r.ratio) ? "ok" : "MISS";
        char limit[16] = "";
        if (has_goal) std::snprintf(limit, sizeof limit, "%.2f", r.wanted.limit);
        std::printf("%-34s %10.2f  %-4s %10.2f %-10s %6.2f  %-2s %-5s %-5s", r.pattern.c_str(), r.measured,
                    r.unit, r.base, r.base_name, r.ratio, relation, limit, verdict);
        if (r.stack != 0) std::printf(" %8.2f %8.2f", r.stack, r.lock);
        std::putchar('\n');
        std::fflush(stdout);
        if (csv_ != nullptr)
            std::fprintf(csv_, "%s,%s,%.3f,%s,%.3f,%.3f,%s,%s,%s,%.3f,%.3f\n", r.pattern.c_str(), r.unit,
                         r.measured, r.base_name, r.base, r.ratio, relation, limit, verdict, r.stack, r.lock);
    }

private:
    options options_;
    std::FILE* csv_ = nullptr;
};

} // namespace bench
