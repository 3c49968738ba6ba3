// support/flags.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/flags.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <regex>
#include <string_view>

namespace bench {

namespace {

constexpr const char* help = R"(
Flags, those of Google Benchmark first (`--flag=value` or `--flag value`):
  --benchmark_filter=<regex>       only benchmarks with a match in their name; -<regex>: all others; all: all
  --benchmark_repetitions=<n>      rounds, default 15; in each, all contestants run in turns
  --benchmark_min_time=<seconds>   for each contestant in each round, default 0.01; <n>x: so many laps instead
  --benchmark_format=console|json|csv
                                   what is printed
  --benchmark_out=<file>           results as a file, too
  --benchmark_out_format=json|console|csv
  --benchmark_display_aggregates_only
                                   JSON and CSV that are printed have no row for each round
  --benchmark_report_aggregates_only
                                   nor have files (--compare and --load need these rows)
  --benchmark_list_tests           names only
  --benchmark_context=<name>=<value>,...
                                   more to be told in the context of JSON
  --benchmark_dry_run              a lap of each and no more: does it run?
  --benchmark_color, --benchmark_counters_tabular, --benchmark_enable_random_interleaving,
  --benchmark_min_warmup_time, --benchmark_time_unit, --v
                                   taken, without effect: contestants run in turns after a round to warm up, and
                                   times are in ns, as each row says
  --compare <old.json>             what changed since, with a 95 % interval of the ratio of medians
  --report <out.html>              one page with plots
  --plot <out.svg>                 the bars of that page as one picture of their own
  --load <results.json>            no measuring: show, compare or report these results; may be repeated
  --peer <library.so>              one more allocator (bench/peer.h); may be repeated
  --no_peers                       without those that were built with this program
  --verify                         no measuring: does an allocator lose frames, hand one out twice, crash or hang?
)";

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
    return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}
bool read(std::string_view text, unsigned& out) {
    constexpr unsigned most = 1'000'000'000;
    return read_number(text, out) && out != 0 && out <= most;
}
bool read(std::string_view text, double& out) {
    return read_number(text, out);
}
// Seconds, or laps: the one that is not given is 0.
bool read_min_time(std::string_view text, flags& out) {
    out.min_time = 0;
    out.laps = 0;
    if (text.ends_with('x')) return read(text.substr(0, text.size() - 1), out.laps);
    if (text.ends_with('s')) text.remove_suffix(1);
    return read_number(text, out.min_time) && out.min_time >= 0 && std::isfinite(out.min_time);
}
bool read(std::string_view text, format& out) {
    out = text == "json" ? format::json : text == "csv" ? format::csv : format::console;
    return out != format::console || text == "console";
}
bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, text) != words.end();
}
bool read(std::string_view text, bool& out) {
    out = is_one_of(text, {"", "true", "yes", "on", "t", "y", "1"});
    return out || is_one_of(text, {"false", "no", "off", "f", "n", "0"});
}
bool read(std::string_view text, std::string& out) {
    out = text;
    return true;
}
bool read(std::string_view text, std::vector<std::string>& out) {
    out.emplace_back(text);
    return true;
}
// "name=value,name=value"
bool read(std::string_view text, std::vector<std::pair<std::string, std::string>>& out) {
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        const std::string_view one = text.substr(0, comma);
        const std::size_t equals = one.find('=');
        if (equals == 0 || equals == std::string_view::npos) return false;
        out.emplace_back(one.substr(0, equals), one.substr(equals + 1));
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);
    }
    return true;
}
bool is_regex(const std::string& text) {
    try {
        const std::regex tried(text);
        return true;
    } catch (const std::regex_error&) {
        return false;
    }
}

struct flag {
    std::string_view name;
    bool takes_value;
    std::function<bool(std::string_view)> set;
};

} // namespace

parsed_flags parse_flags(const std::vector<std::string>& arguments) {
    flags chosen;
    bool dry = false;
    bool ignored = false;
    double ignored_number = 0;
    const auto value = [](std::string_view name, auto& out) {
        return flag{name, true, [&out](std::string_view text) { return read(text, out); }};
    };
    const auto choice = [](std::string_view name, bool& out, bool meaning) {
        return flag{name, false, [&out, meaning](std::string_view text) {
                        bool given = false;
                        const bool valid = read(text, given);
                        out = given == meaning;
                        return valid;
                    }};
    };
    const flag known[] = {
        value("--benchmark_filter", chosen.filter),
        value("--benchmark_repetitions", chosen.repetitions),
        {"--benchmark_min_time", true, [&](std::string_view text) { return read_min_time(text, chosen); }},
        value("--benchmark_format", chosen.shown),
        value("--benchmark_out", chosen.out),
        value("--benchmark_out_format", chosen.written),
        choice("--benchmark_display_aggregates_only", chosen.shown_aggregates_only, true),
        choice("--benchmark_report_aggregates_only", chosen.written_aggregates_only, true),
        choice("--benchmark_list_tests", chosen.list, true),
        choice("--benchmark_dry_run", dry, true),
        value("--benchmark_context", chosen.context),
        {"--benchmark_color", false, [](std::string_view) { return true; }},
        value("--benchmark_min_warmup_time", ignored_number),
        {"--benchmark_time_unit", true,
         [](std::string_view text) {
             return is_one_of(text, {"ns", "us", "ms", "s"});
         }},
        value("--v", ignored_number),
        choice("--benchmark_counters_tabular", ignored, true),
        choice("--benchmark_enable_random_interleaving", ignored, true),
        value("--compare", chosen.compare),
        value("--report", chosen.report),
        value("--plot", chosen.plot),
        value("--load", chosen.load),
        value("--peer", chosen.peers),
        choice("--no_peers", chosen.installed_peers, false),
        choice("--verify", chosen.verify, true),
    };
    for (std::size_t i = 0; i != arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (is_one_of(argument, {"--help", "-h"})) return {std::nullopt, 0, help};
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const flag* found = nullptr;
        for (const flag& f : known)
            if (f.name == name) found = &f;
        if (found == nullptr)
            return {std::nullopt, 2, "unknown flag " + arguments[i] + "; --help tells which there are\n"};
        std::string_view text;
        if (equals != std::string_view::npos) {
            text = argument.substr(equals + 1);
        } else if (found->takes_value) {
            if (i + 1 == arguments.size()) return {std::nullopt, 2, arguments[i] + " wants a value\n"};
            text = arguments[++i];
        }
        if (!found->set(text))
            return {std::nullopt, 2,
                    std::string(name) + ": no good value: " + std::string(text) + "; --help tells of it\n"};
    }
    if (chosen.filter == "all") chosen.filter.clear();
    if (dry) {
        chosen.repetitions = 1;
        chosen.laps = 1;
        chosen.min_time = 0;
    }
    chosen.shown_aggregates_only |= chosen.written_aggregates_only;
    if (!is_regex(chosen.filter.substr(chosen.filter.starts_with('-') ? 1 : 0)))
        return {std::nullopt, 2, "no regular expression: " + chosen.filter + "\n"};
    return {chosen, 0, {}};
}

} // namespace bench
