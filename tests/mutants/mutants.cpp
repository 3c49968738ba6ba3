// mutants.cpp - breaks a header in one place and has the test that is named for it notice.
// SPDX-License-Identifier: BSL-1.0
//
//     mutants check <root> <file>...                               do all apply, and are their test cases there?
//     mutants pass <killer> <root> <scratch> <compiler>...         does the killer pass without any mutant?
//     mutants kill <file> <mutant> <root> <scratch> <compiler>...  does it fail with this one?
//     mutants fuzz <file> <mutant> <killer> <root> <scratch> <compiler>...
//                                                                  does this fuzz target find it in that minute?
//     mutants table <scratch>                                      what became of all of them
//
// A file holds the mutants of one layer; its form is told in local.mutants. The mutated header goes into a directory
// of its own that the compiler searches before include/, so that everything else is the shipped text. A killer is a
// test program; it must fail in an assertion or by a signal, or still run after a minute of processor time: a busy
// machine kills nothing. That the mutant does not compile, that there is no such test case, or that it skips, kills
// nothing, either.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using std::string;
using clock_type = std::chrono::steady_clock;

constexpr int seconds_to_live = 60;  // of processor time, as a limit of the shell
constexpr int seconds_to_wait = 400; // for one that sleeps
constexpr int skipped = 77;          // as in support/skip.hpp
constexpr int out_of_time = 128 + SIGXCPU;
constexpr int out_of_patience = 128 + SIGKILL; // as timeout(1) says it

struct trouble : std::runtime_error {
    using std::runtime_error::runtime_error;
};

string read(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw trouble{"cannot read " + path.string()};
    return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream{path} << text;
}

// ---- the mutants of a file ----

struct mutant {
    string name, why, header, killer, test_case, before, after;
};

std::vector<mutant> read_mutants(const fs::path& path) {
    static constexpr std::array keys{
        std::pair{"mutant", &mutant::name},    std::pair{"why", &mutant::why},
        std::pair{"header", &mutant::header},  std::pair{"killer", &mutant::killer},
        std::pair{"case", &mutant::test_case}, std::pair{"old", &mutant::before},
        std::pair{"new", &mutant::after}};
    std::vector<mutant> mutants;
    string mutant::*field = nullptr;
    std::istringstream in{read(path)};
    int number = 0;
    for (string s; std::getline(in, s);) {
        const string where = path.filename().string() + ':' + std::to_string(++number);
        const std::size_t start = s.find_first_not_of(' ');
        if (start == string::npos || s[0] == '#') continue;
        if (start != 0) {
            if (field == nullptr) throw trouble{where + ": a continued line with nothing to continue"};
            (mutants.back().*field += '\n') += s.substr(start);
            continue;
        }
        const std::size_t end = std::min(s.find(' '), s.size());
        const auto* const key =
            std::ranges::find(keys, s.substr(0, end), [](const auto& k) { return string{k.first}; });
        if (key == keys.end()) throw trouble{where + ": unknown key: " + s.substr(0, end)};
        field = key->second;
        if (field == &mutant::name) mutants.emplace_back();
        if (mutants.empty()) throw trouble{where + ": a key before the first mutant"};
        if (!(mutants.back().*field).empty()) throw trouble{where + ": a key that comes twice"};
        mutants.back().*field = s.substr(std::min(s.find_first_not_of(' ', end), s.size()));
    }
    for (const mutant& m : mutants)
        for (const string* needed : {&m.name, &m.why, &m.header, &m.killer, &m.before})
            if (needed->empty()) throw trouble{path.filename().string() + ": " + m.name + ": incomplete"};
    return mutants;
}

// A text without its white space, and where each character was: line breaks and indentation do not matter.
struct squeezed {
    string text;
    std::vector<std::size_t> at;
    explicit squeezed(const string& from) {
        for (std::size_t i = 0; i != from.size(); ++i)
            if (from[i] != ' ' && from[i] != '\n') {
                text += from[i];
                at.push_back(i);
            }
    }
};

// Returns: the header with the one change in it.
string apply(const mutant& m, const fs::path& root) {
    string header = read(root / "include/cordon" / m.header);
    const squeezed all{header};
    const squeezed before{m.before};
    std::vector<std::size_t> found;
    for (std::size_t at = 0; (at = all.text.find(before.text, at)) != string::npos; ++at)
        found.push_back(at);
    if (found.size() != 1)
        throw trouble{"no longer applies: " + m.header + " has the old text " + std::to_string(found.size()) +
                      " times"};
    const std::size_t first = all.at[found[0]];
    const std::size_t last = all.at[found[0] + before.text.size() - 1];
    header.replace(first, last + 1 - first, m.after);
    if (squeezed{header}.text == all.text) throw trouble{"changes nothing"};
    return header;
}

// Returns: the names of the test cases of a program. Behind a template's name Catch puts the type.
std::vector<string> test_cases(const string& source) {
    std::vector<string> names;
    std::istringstream in{source};
    for (string before; std::getline(in, before, '(');) {
        const bool is_template = before.ends_with("\nTEMPLATE_TEST_CASE");
        if (!is_template && !before.ends_with("\nTEST_CASE")) continue;
        string name;
        for (string literal; (in >> std::ws).peek() == '"' && in >> std::quoted(literal);)
            name += literal;
        names.push_back(is_template ? name + " - " : name);
    }
    return names;
}

// Effects: throws unless the killer is there, and in it the test case. Does not compile it.
void expect_killer(const mutant& m, const fs::path& root) {
    const std::vector<string> names = test_cases(read(root / "tests" / (m.killer + ".cpp")));
    const bool any_end = m.test_case.ends_with('*');
    const string wanted = m.test_case.substr(0, m.test_case.size() - any_end);
    const auto is_wanted = [&](const string& name) {
        return any_end ? name.starts_with(wanted) : name == wanted;
    };
    if (!m.test_case.empty() && std::ranges::none_of(names, is_wanted))
        throw trouble{"there is no such test case in " + m.killer + ": " + m.test_case};
}

// ---- compiling and running ----

string quoted(const string& s) {
    string out = "'";
    for (const char c : s)
        out += c == '\'' ? string{"'\\''"} : string{c};
    return out + '\'';
}

// Effects: runs the words as a command, behind what the shell does first. Returns: its exit code, and what it wrote.
std::pair<int, string> run(const std::vector<string>& words, const fs::path& log, string command = "") {
    for (const string& word : words)
        command += quoted(word) + ' ';
    const int result = std::system((command + "> " + quoted(log.string()) + " 2>&1").c_str());
    return {WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result), read(log)};
}

struct workshop {
    fs::path root;
    fs::path scratch;
    std::vector<string> compiler;

    // Effects: compiles the killer in `place`, where cordon/ may hold a mutated header.
    void compile(const string& killer, const fs::path& place) const {
        std::vector<string> words = compiler;
        fs::create_directories(place);
        for (const fs::path& searched : {place, root / "include", root / "tests"})
            words.push_back("-I" + searched.string());
        words.insert(words.end(),
                     {(root / "tests" / (killer + ".cpp")).string(), "-o", (place / "killer").string()});
        const auto [code, output] = run(words, place / "compiler.log");
        if (code != 0) throw trouble{"does not compile\n" + output.substr(0, 4000)};
    }
    // Returns: how the killer failed; empty if it passed.
    string failure(const string& test_case, const fs::path& place) const {
        std::vector<string> words{
            "timeout",    "-s",      "KILL",   std::to_string(seconds_to_wait), (place / "killer").string(),
            "--reporter", "compact", "--abort"};
        if (!test_case.empty()) words.push_back(as_test_spec(test_case));
        const auto [code, output] = run(words, place / "killer.log", limit());
        if (output.find("No test cases matched") != string::npos) throw trouble{"there is no such test case"};
        if (code == skipped) throw trouble{"the test case skips here"};
        if (code == 0) return "";
        if (code == out_of_time)
            return "still running after " + std::to_string(seconds_to_live) + " s of the processor";
        if (code == out_of_patience) return "still asleep after " + std::to_string(seconds_to_wait) + " s";
        std::istringstream lines{output};
        for (string line; std::getline(lines, line);)
            if (line.find(": failed") != string::npos) return shortened(line);
        return "exit code " + std::to_string(code);
    }

    // Returns: what the fuzz target found, by itself: no corpus tells it where to look; empty if it found nothing.
    string finding(const fs::path& place) const {
        fs::create_directories(place / "found");
        // An input that does not end is a finding, too. Of a signal nobody prints a stack: that needs the heap, which the bug
        // may have written over, and can wait for itself for ever.
        const auto [code, output] =
            run({"env", "UBSAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_abort=0",
                 (place / "killer").string(), "-max_total_time=" + std::to_string(seconds_to_wait), "-seed=1",
                 "-max_len=128", "-entropic=0", "-timeout=20", "-handle_segv=0", "-handle_bus=0",
                 "-handle_abrt=0", "-artifact_prefix=" + place.string() + '/', (place / "found").string()},
                place / "killer.log", limit());
        if (code == 0 || code == out_of_time) return "";
        std::istringstream lines{output};
        for (string line; std::getline(lines, line);)
            if (line.starts_with("disagreement: ") || line.find("ERROR: ") != string::npos)
                return line.substr(0, 120);
        if (code > 128) return "signal " + std::to_string(code - 128);
        throw trouble{"the target does not run\n" + output.substr(0, 4000)};
    }

private:
    static string limit() { return "ulimit -S -t " + std::to_string(seconds_to_live) + "; "; }
    // Commas and brackets of a name are not those of Catch's language.
    static string as_test_spec(const string& test_case) {
        string out;
        for (const char c : test_case) {
            if (c == ',' || c == '[') out += '\\';
            out += c == '\n' ? ' ' : c;
        }
        return out;
    }
    string shortened(string line) const {
        const string prefix = (root / "tests").string() + '/';
        if (line.starts_with(prefix)) line.erase(0, prefix.size());
        return line.substr(0, 120);
    }
};

// ---- the commands ----

// Says all that is wrong, not only the first: a change of a header may concern several.
void check(const fs::path& root, const std::vector<string>& files) {
    std::size_t good = 0;
    std::size_t bad = 0;
    for (const string& file : files)
        for (const mutant& m : read_mutants(file))
            try {
                (void)apply(m, root);
                expect_killer(m, root);
                ++good;
            } catch (const trouble& t) {
                ++bad;
                std::cout << fs::path{file}.filename().string() << ": " << m.name << ": " << t.what() << '\n';
            }
    std::cout << good << " mutants apply\n";
    if (bad != 0) throw trouble{std::to_string(bad) + " do not"};
}

void pass(const string& killer, const workshop& shop) {
    string place = killer;
    std::ranges::replace(place, '/', '_');
    shop.compile(killer, shop.scratch / "pass" / place);
    const string failed = shop.failure("", shop.scratch / "pass" / place);
    if (!failed.empty()) throw trouble{killer + " fails without any mutant: " + failed};
}

mutant find(const fs::path& file, const string& name) {
    const std::vector<mutant> mutants = read_mutants(file);
    const auto m = std::ranges::find(mutants, name, &mutant::name);
    if (m == mutants.end()) throw trouble{"no mutant " + name + " in " + file.string()};
    return *m;
}

// Effects: breaks the header; says how the killer failed, which failure(place) tells.
template <class Failure>
void try_out(const fs::path& file, const mutant& m, const workshop& shop, Failure failure) {
    const fs::path place = shop.scratch / file.stem() / m.name;
    const fs::path verdict = place / "verdict";
    fs::remove_all(place);
    const auto start = clock_type::now();
    const auto conclude = [&](const string& how) {
        std::ostringstream line;
        const std::chrono::duration<double> took = clock_type::now() - start;
        line << std::left << std::setw(10) << file.stem().string() << std::setw(42) << m.name << std::setw(32)
             << m.killer << std::right << std::fixed << std::setprecision(1) << std::setw(5) << took.count()
             << " s  " << how.substr(0, how.find('\n')) << '\n';
        write(verdict, line.str());
        std::cout << line.str();
    };
    try {
        write(place / "cordon" / m.header, apply(m, shop.root));
        shop.compile(m.killer, place);
        const string failed = failure(place);
        if (failed.empty()) throw trouble{"SURVIVES: " + m.why};
        conclude(failed);
        fs::remove(place / "killer");
    } catch (const trouble& t) {
        conclude(t.what());
        throw;
    }
}

void kill(const fs::path& file, const string& name, const workshop& shop) {
    const mutant m = find(file, name);
    try_out(file, m, shop, [&](const fs::path& place) { return shop.failure(m.test_case, place); });
}

void fuzz(const fs::path& file, const string& name, const string& target, const workshop& shop) {
    mutant m = find(file, name);
    m.killer = target;
    try_out(file, m, shop, [&](const fs::path& place) { return shop.finding(place); });
}

void table(const fs::path& scratch) {
    std::vector<string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(scratch))
        if (entry.path().filename() == "verdict") lines.push_back(read(entry.path()));
    std::ranges::sort(lines);
    for (const string& line : lines)
        std::cout << line;
    std::cout << lines.size() << " mutants\n";
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<string> words(argv + 1, argv + argc);
    const std::string_view verb = words.empty() ? "" : std::string_view{words[0]};
    const auto rest = [&](std::size_t from) {
        return std::vector<string>(words.begin() + static_cast<long>(from), words.end());
    };
    if (verb == "check" && words.size() > 2)
        check(words[1], rest(2));
    else if (verb == "pass" && words.size() > 4)
        pass(words[1], {words[2], words[3], rest(4)});
    else if (verb == "kill" && words.size() > 5)
        kill(words[1], words[2], {words[3], words[4], rest(5)});
    else if (verb == "fuzz" && words.size() > 6)
        fuzz(words[1], words[2], words[3], {words[4], words[5], rest(6)});
    else if (verb == "table" && words.size() == 2)
        table(words[1]);
    else
        throw trouble{"the first lines of mutants.cpp say how to call this"};
    return 0;
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
