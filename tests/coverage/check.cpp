// coverage/check.cpp - every line of the headers runs in some test, and every branch goes both ways.
// SPDX-License-Identifier: BSL-1.0
//
//     coverage_check <exceptions> <root> <report>...
//
// A report is what `llvm-cov show --show-branches=count --show-mcdc --show-instantiations=false` says about the headers
// and one program. There a branch stands once for each instantiation of its template; here they are one branch, which
// has gone a way when it has in any of them. What an instantiation knows when it is compiled is no branch of it. The conditions of a
// decision are judged by the test vectors of all instantiations: one that shows that the condition alone changes the
// outcome, needs a partner (masking MC/DC). That figure is told, the others must be complete.
//
// The file of exceptions has entries of this form; a value goes on in the lines that are indented:
//
//   header  the file below include/
//   code    text that the header has exactly once, line breaks and indentation aside: its lines need not be covered
//   why     the reason
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using std::string;

constexpr std::size_t most_exceptions = 10;

struct trouble : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::ifstream opened(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw trouble{"cannot read " + path.string()};
    return in;
}

// A line without the white space at its ends.
string trimmed(const string& s) {
    const std::size_t first = s.find_first_not_of(" \t");
    return first == string::npos ? "" : s.substr(first, s.find_last_not_of(" \t") + 1 - first);
}

// ---- what ran ----

enum class way { true_, false_ };

struct place {
    std::size_t line, column;
    auto operator<=>(const place&) const = default;
};

// The conditions of a decision, one letter for each: T, F, - (not evaluated), C (known to the compiler); and the result.
struct vector_of_conditions {
    string conditions;
    char result;
    auto operator<=>(const vector_of_conditions&) const = default;
};

struct decision {
    std::size_t conditions = 0;
    std::set<vector_of_conditions> seen;
    string known; // T at each condition that some instantiation has to evaluate

    // Returns: whether two vectors differ in the outcome and, where both evaluate, in this condition alone.
    [[nodiscard]] bool shown(std::size_t condition) const {
        const auto proves = [&](const vector_of_conditions& a, const vector_of_conditions& b) {
            if (a.result == b.result) return false;
            for (std::size_t i = 0; i != a.conditions.size(); ++i) {
                const char x = a.conditions[i];
                const char y = b.conditions[i];
                const bool both = (x == 'T' || x == 'F') && (y == 'T' || y == 'F');
                if (i == condition ? !both || x == y : both && x != y) return false;
            }
            return true;
        };
        return std::ranges::any_of(seen, [&](const auto& a) {
            return std::ranges::any_of(seen, [&](const auto& b) { return proves(a, b); });
        });
    }
};

struct header {
    std::vector<string> text;                       // line n at [n - 1]
    std::map<std::size_t, bool> lines;              // of those with code: whether it ran
    std::map<std::pair<place, way>, bool> outcomes; // whether the branch went that way
    std::map<place, decision> decisions;
};

// What the reports say together about all headers, by their names below <root>/.
class report_reader {
public:
    explicit report_reader(const fs::path& root) : root_(root.string() + '/') {}
    void read(const fs::path& report) {
        auto in = opened(report);
        for (string s; std::getline(in, s);)
            read(s);
    }
    std::map<string, header> headers;

private:
    void read(const string& s) {
        if (s.starts_with('/') && s.ends_with(':')) {
            if (!s.starts_with(root_)) throw trouble{"a file of elsewhere: " + s};
            current_ = &headers[s.substr(root_.size(), s.size() - root_.size() - 1)];
        } else if (!s.starts_with("  |") && !s.starts_with("  ---")) {
            source(s);
        } else if (const auto at = s.find("Branch ("); at != string::npos) {
            branch(s.substr(at));
        } else if (s.find("MC/DC Decision Region (") != string::npos) {
            decision_ = &current_->decisions[position(s.substr(s.find('(')))];
        } else if (const auto open = s.find("{ "); open != string::npos && decision_ != nullptr) {
            test_vector(s.substr(open + 2));
        } else if (s.find("-Pair: ") != string::npos) {
            condition(s);
        }
    }

    // "   12|  3.4k|    code": a line and how often it ran; no count for a line without code.
    void source(const string& s) {
        const std::size_t first = s.find('|');
        const std::size_t second = s.find('|', first + 1);
        if (first == string::npos || second == string::npos) return;
        const string count = s.substr(first + 1, second - first - 1);
        const std::size_t line = std::stoul(s);
        current_->text.resize(std::max(current_->text.size(), line));
        current_->text[line - 1] = s.substr(second + 1);
        // Of a function that this program does not call, llvm-cov counts the comments, too.
        if (const string times = trimmed(count);
            !times.empty() && !trimmed(current_->text[line - 1]).starts_with("//"))
            current_->lines[line] |= times != "0";
    }

    // "Branch (12:9): [True: 3, False: 0]"; or "Folded" in place of a way, and "[Folded - Ignored]" for both.
    void branch(const string& s) {
        const place where = position(s.substr(s.find('(')));
        const string& line = current_->text.at(where.line - 1);
        const string before = line.substr(0, where.column - 1);
        const string after = line.substr(where.column - 1);
        if (before.ends_with("switch (")) return; // past all cases: each enumerator has one (-Wswitch)
        const bool label = after.starts_with("case ") || after.starts_with("default:");
        for (const auto& [name, to] : {std::pair{"True: ", way::true_}, std::pair{"False: ", way::false_}})
            if (const auto at = s.find(name); at != string::npos && !(label && to == way::false_))
                current_->outcomes[{where, to}] |= s[at + string{name}.size()] != '0';
    }

    // "T, F, -  = F      }"
    void test_vector(const string& s) {
        const std::size_t equals = s.find('=');
        vector_of_conditions v{{}, s.at(s.find_first_not_of(' ', equals + 1))};
        for (const char c : s.substr(0, equals))
            if (c != ' ' && c != ',') v.conditions += c;
        decision_->seen.insert(std::move(v));
    }

    // "C2-Pair: constant folded"
    void condition(const string& s) {
        const std::size_t number = std::stoul(s.substr(s.find('C') + 1));
        string& known = decision_->known;
        known.resize(std::max(known.size(), number), 'F');
        if (s.find("constant folded") == string::npos) known[number - 1] = 'T';
    }

    // "(12:9)..."
    static place position(const string& s) {
        const std::size_t colon = s.find(':');
        return {std::stoul(s.substr(1)), std::stoul(s.substr(colon + 1))};
    }

    string root_;
    header* current_ = nullptr;
    decision* decision_ = nullptr;
};

// ---- exceptions ----

struct exception_entry {
    string header, code, why;
    std::set<std::size_t> lines; // where it excused something
};

std::vector<exception_entry> read_exceptions(const fs::path& path) {
    std::vector<exception_entry> entries;
    auto in = opened(path);
    bool after_blank = true;
    for (string s; std::getline(in, s);) {
        if (s.starts_with('#')) continue;
        const string line = trimmed(s);
        if (!line.empty() && after_blank)
            entries.emplace_back().header = line;
        else if (!line.empty())
            (entries.back().code.empty() ? entries.back().code : entries.back().why) += line;
        after_blank = line.empty();
    }
    if (entries.size() > most_exceptions)
        throw trouble{std::to_string(entries.size()) + " exceptions: at most " +
                      std::to_string(most_exceptions)};
    return entries;
}

// ---- the verdict ----

struct share {
    std::size_t part = 0, whole = 0;
    void add(bool one) {
        part += one ? 1 : 0;
        ++whole;
    }
    share& operator+=(const share& other) {
        part += other.part;
        whole += other.whole;
        return *this;
    }
};
std::ostream& operator<<(std::ostream& out, const share& s) {
    return out << s.part << " of " << s.whole;
}

struct totals {
    share lines, outcomes, conditions;
};

class verdict {
public:
    explicit verdict(std::vector<exception_entry> exceptions) : exceptions_(std::move(exceptions)) {}

    void judge(const string& name, const header& h) {
        totals& layer = layers_[fs::path{name}.parent_path().string()];
        for (const auto& [line, ran] : h.lines) {
            layer.lines.add(ran);
            if (!ran) missing(name, h, line, 1, "does not run");
        }
        for (const auto& [outcome, seen] : h.outcomes) {
            const auto& [where, to] = outcome;
            layer.outcomes.add(seen);
            if (!seen && h.lines.at(where.line))
                missing(name, h, where.line, where.column, to == way::true_ ? "never true" : "never false");
        }
        for (const auto& [where, d] : h.decisions)
            for (std::size_t i = 0; i != d.known.size(); ++i)
                if (d.known[i] == 'T') layer.conditions.add(d.shown(i));
    }

    // Effects: says all that is missing, and the totals. Returns: whether nothing is.
    bool say() const;

private:
    // Effects: complains, unless there is an exception for that line.
    void missing(const string& name, const header& h, std::size_t line, std::size_t column,
                 const char* what) {
        const string code = trimmed(h.text[line - 1]);
        for (exception_entry& e : exceptions_)
            if (e.header == name && e.code == code) {
                e.lines.insert(line);
                return;
            }
        complaints_.push_back(name + ':' + std::to_string(line) + ':' + std::to_string(column) + ": " + what +
                              ": " + code);
    }

    std::vector<exception_entry> exceptions_;
    std::map<string, totals> layers_;
    std::vector<string> complaints_;
};

bool verdict::say() const {
    bool good = complaints_.empty();
    for (const string& complaint : complaints_)
        std::cout << complaint << '\n';
    for (const exception_entry& e : exceptions_) {
        const char* const fault = e.why.empty()          ? "has no reason"
                                  : e.lines.empty()      ? "no longer applies: nothing is missing there"
                                  : e.lines.size() != 1U ? "applies to several lines"
                                                         : nullptr;
        if (fault == nullptr) continue;
        good = false;
        std::cout << e.header << ": an exception " << fault << ": " << e.code << '\n';
    }

    const auto row = [](const string& name, const totals& t) {
        const auto cell = [](const share& s) {
            return std::to_string(s.part) + " of " + std::to_string(s.whole);
        };
        std::cout << std::left << std::setw(32) << (name.empty() ? "." : name) << std::setw(18)
                  << cell(t.lines) << std::setw(18) << cell(t.outcomes) << cell(t.conditions) << '\n';
    };
    std::cout << std::left << std::setw(32) << "" << std::setw(18) << "lines" << std::setw(18)
              << "branch outcomes"
              << "MC/DC\n";
    totals sum;
    for (const auto& [name, t] : layers_) {
        row(name, t);
        sum.lines += t.lines;
        sum.outcomes += t.outcomes;
    }
    std::cout << "lines " << sum.lines << ", branch outcomes " << sum.outcomes << ", exceptions "
              << exceptions_.size() << '\n';
    return good;
}

} // namespace

int main(int argc, char** argv) try {
    if (argc < 4) throw trouble{"the first lines of check.cpp say how to call this"};
    report_reader report{argv[2]};
    std::for_each(argv + 3, argv + argc, [&](const char* file) { report.read(fs::path{file}); });
    verdict all{read_exceptions(argv[1])};
    for (const auto& [name, h] : report.headers)
        all.judge(name, h);
    return all.say() ? 0 : 1;
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
