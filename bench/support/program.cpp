// support/program.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/program.hpp"

#include "support/compare.hpp"
#include "support/console.hpp"
#include "support/context.hpp"
#include "support/html.hpp"
#include "support/patterns.hpp"
#include "support/plots.hpp"
#include "support/verify.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bench {

namespace {

volatile std::sig_atomic_t interrupted = 0;

// The first interrupt ends the measuring, a second one the program.
void end_on_interrupt() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int ending : {SIGINT, SIGTERM}) // the second is what an impatient CI sends
        sigaction(ending, &action, nullptr);
}

volatile std::sig_atomic_t measuring = 0;

// A peer that crashes in the midst of its laps, or ends the process, takes the program along; that much is told.
void tell_of_crashes() {
    std::atexit([] {
        if (measuring != 0) give_up("the process was ended");
    });
    struct sigaction action {};
    action.sa_handler = [](int signal) {
        const auto say = [](const char* text, std::size_t size) { (void)!write(STDERR_FILENO, text, size); };
        say("crashed in ", 11);
        say(on_stage.data(), on_stage.size());
        say("\n", 1);
        raise(signal); // as it would have ended
    };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
        sigaction(crash, &action, nullptr);
}

std::optional<results> read_results(const std::string& path) {
    std::ifstream in(path);
    in.peek(); // a directory can be opened, but not read
    if (!in.is_open() || in.bad()) {
        std::perror(path.c_str());
        return std::nullopt;
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto parsed = json::read(text);
    if (!parsed) {
        std::fprintf(stderr, "%s: this is no JSON, or not all of it\n", path.c_str());
        return std::nullopt;
    }
    auto out = from_json(*parsed);
    if (out && out->outcomes.empty()) out = std::nullopt;
    if (!out) std::fprintf(stderr, "%s: no results that have a row for each round\n", path.c_str());
    return out;
}

bool write_text(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) std::perror(path.c_str());
    return !out.fail();
}

// A file is replaced at once or stays as it is: neither a full disk nor an end in the midst costs what it holds.
bool write_file(const std::string& path, const std::string& text) {
    std::error_code problem;
    const std::filesystem::path target = std::filesystem::canonical(path, problem); // a link stays one
    if (problem || !std::filesystem::is_regular_file(target, problem)) return write_text(path, text);
    const std::string beside = target.string() + ".new";
    const bool written = write_text(beside, text);
    if (written) std::filesystem::rename(beside, target, problem);
    if (written && !problem) return true;
    if (problem) std::fprintf(stderr, "%s: %s\n", path.c_str(), problem.message().c_str());
    std::filesystem::remove(beside, problem);
    return false;
}

// A file that is there already stays as it is.
bool can_write(const std::string& path) {
    if (path.empty()) return true;
    const std::ofstream out(path, std::ios::app);
    if (!out) std::perror(path.c_str());
    return !out.fail();
}

std::string in_format(const results& r, format f, bool aggregates_only) {
    const rows wanted = aggregates_only ? rows::aggregates : rows::all;
    switch (f) {
    case format::json: return to_json(r, wanted).write() + '\n';
    case format::csv: return to_csv(r, wanted);
    case format::console: break;
    }
    return to_table(r);
}

// On a terminal, one line that is written over and over.
class progress_line {
public:
    void operator()(const std::string& at, std::uint64_t done, std::uint64_t all) const {
        if (!terminal_) return;
        const double seconds = (wall_ns() - start_) / 1e9;
        const double part = static_cast<double>(done) / static_cast<double>(all);
        const double left = done == 0 ? 0 : seconds / part - seconds;
        std::fprintf(stderr, "\r\033[K%3.0f %%  %.0f s left  %s", std::floor(100 * part), left, at.c_str());
        std::fflush(stderr);
    }
    void clear() const {
        if (terminal_) std::fputs("\r\033[K", stderr);
    }

private:
    bool terminal_ = isatty(STDERR_FILENO) != 0;
    double start_ = wall_ns();
};

// Returns: the peers that load. An installed one that does not is no reason to fail.
std::vector<peer> load_peers(const flags& chosen, int& exit_code) {
    std::vector<peer> out;
    const auto load = [&](const std::string& path, const char* without_it) {
        std::string problem;
        peer loaded = load_peer(path, problem);
        if (problem.empty())
            out.push_back(std::move(loaded));
        else
            std::fprintf(stderr, "%s: %s\n", without_it, problem.c_str());
        return problem.empty();
    };
    if (chosen.installed_peers)
        for (const std::string& path : installed_peers())
            load(path, "peer left out");
    for (const std::string& path : chosen.peers)
        if (!load(path, "no such peer")) exit_code = 1;
    return out;
}

int verify_all(const std::vector<peer>& peers) {
    int exit_code = 0;
    if (peers.empty()) {
        std::fputs("no peer to verify\n", stderr);
        exit_code = 1;
    }
    for (const peer& p : peers) {
        const auto complaints = verify(p);
        std::printf("%-16s %s\n", p.name.c_str(), complaints.empty() ? "ok" : "FAILED");
        for (const std::string& c : complaints) {
            std::printf("    %s\n", c.c_str());
            exit_code = 1;
        }
    }
    return exit_code;
}

std::optional<results> load_all(const std::vector<std::string>& paths) {
    results out;
    for (const std::string& path : paths) {
        auto one = read_results(path);
        if (!one) return std::nullopt;
        for (const outcome& o : one->outcomes)
            if (std::ranges::find(out.outcomes, o.name(), &outcome::name) != out.outcomes.end()) {
                std::fprintf(stderr, "%s: %s was in an earlier file\n", path.c_str(), o.name().c_str());
                return std::nullopt;
            }
        out.context = common_context(out.context, one->context);
        out.outcomes.insert(out.outcomes.end(), one->outcomes.begin(), one->outcomes.end());
    }
    return out;
}

// A run that ends in the midst (a peer crashes, a machine is switched off) leaves a file of what it had by then.
results measure(const suite& questions, const flags& chosen, json context) {
    end_on_interrupt();
    tell_of_crashes();
    const machine_watch watch;
    const progress_line line;
    const auto so_far = [&](const std::vector<outcome>& complete, bool is_part) {
        results out{.context = context, .outcomes = complete};
        add_course(out.context, watch, is_part);
        return out;
    };
    const auto keep = [&](const std::vector<outcome>& complete) {
        std::error_code none;
        // Nothing complete is no reason to write over the results of an earlier run; and a pipe gets them once.
        if (!complete.empty() && std::filesystem::is_regular_file(chosen.out, none))
            write_file(chosen.out,
                       in_format(so_far(complete, true), chosen.written, chosen.written_aggregates_only));
    };
    measuring = 1;
    const auto complete = questions.run(chosen, line, keep, [] { return interrupted != 0; });
    measuring = 0;
    line.clear();
    return so_far(complete, interrupted != 0);
}

void print_warnings(std::FILE* to, const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);)
        std::fprintf(to, "WARNING: %s\n", line.c_str());
}

// Returns: the context before the run, with what the user adds; nothing if that has a name that is taken.
std::optional<json> begin_context(const flags& chosen, const std::string& executable) {
    json out = context_of(executable);
    for (const auto& [name, value] : chosen.context) {
        if (!out[name].is_null()) {
            std::fprintf(stderr, "the context has a %s already\n", name.c_str());
            return std::nullopt;
        }
        out.set(name, value);
    }
    return out;
}

// Returns: whether all that was printed has arrived.
bool printed() {
    const bool good = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (!good) std::perror("standard output");
    return good;
}

// Returns: whether all that was asked for could be written.
bool show(const results& measured, const flags& chosen, const std::optional<results>& before) {
    if (measured.outcomes.empty()) { // interrupted at once: files of earlier runs say more
        std::fputs("no benchmark was completed: nothing is written\n", stderr);
        return false;
    }
    bool good = true;
    std::fputs(in_format(measured, chosen.shown, chosen.shown_aggregates_only).c_str(), stdout);
    if (!chosen.out.empty())
        good &= write_file(chosen.out, in_format(measured, chosen.written, chosen.written_aggregates_only));
    if (!chosen.report.empty()) good &= write_file(chosen.report, to_html(measured));
    if (!chosen.plot.empty()) good &= write_file(chosen.plot, to_svg(measured));
    // What a program reads from standard output is in the format that it wants and in no other.
    const bool is_console = chosen.shown == format::console;
    if (!is_console) print_warnings(stderr, warnings_of(measured.context)); // else the table has them
    if (before) {
        std::FILE* const to = is_console ? stdout : stderr;
        std::fputs(to_table(compare(*before, measured)).c_str(), to);
        print_warnings(to, caveats_of(*before, measured));
    }
    return printed() && good;
}

} // namespace

int run_program(int argc, char** argv, const char* about,
                const std::function<void(suite&, const std::vector<peer>&)>& add) {
    const parsed_flags parsed = parse_flags({argv + 1, argv + argc});
    if (!parsed.chosen) {
        if (parsed.exit_code == 0)
            std::printf("%s\n%s", about, parsed.message.c_str());
        else
            std::fprintf(stderr, "%s: %s", argv[0], parsed.message.c_str());
        return parsed.exit_code;
    }
    const flags& chosen = *parsed.chosen;
    // Now, not after minutes of measuring; and what is compared with may be what is written over.
    std::optional<results> before;
    if (!chosen.compare.empty() && !(before = read_results(chosen.compare))) return 1;
    if (!can_write(chosen.out) || !can_write(chosen.report) || !can_write(chosen.plot)) return 1;
    if (!chosen.load.empty()) {
        const auto loaded = load_all(chosen.load);
        return loaded && show(*loaded, chosen, before) ? 0 : 1;
    }
    make_room_for_peers(argv);
    int exit_code = 0;
    const std::vector<peer> peers = load_peers(chosen, exit_code);
    if (exit_code != 0) return exit_code;
    if (chosen.verify) return verify_all(peers);

    suite questions;
    add(questions, peers);
    if (const std::string twice = questions.name_of_two(); !twice.empty()) {
        std::fprintf(stderr, "two are called %s: a peer needs a name of its own\n", twice.c_str());
        return 1;
    }
    const std::vector<std::string> names = questions.names(chosen);
    if (names.empty()) {
        std::fprintf(stderr, "no benchmark matches %s\n", chosen.filter.c_str());
        return 1;
    }
    if (chosen.list) {
        for (const std::string& name : names)
            std::puts(name.c_str());
        return printed() ? 0 : 1;
    }
    auto context = begin_context(chosen, argv[0]);
    if (!context) return 2;
    const bool good = show(measure(questions, chosen, std::move(*context)), chosen, before);
    return interrupted != 0 ? 130 : good ? 0 : 1;
}

} // namespace bench
