// lint.cpp - the rules of the source tree that no compiler checks: lint <rule> <root>, for the headers in <root>/include.
// SPDX-License-Identifier: BSL-1.0
//
// Each rule is one function below, and says there what it wants. A problem is printed as `file:line: text`; the exit
// code is 1 if there was one. bad/ holds a tree against each rule, good/ one that keeps them all.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

// A line, split: code without comments and without the contents of literals, and the comment without its slashes.
struct line {
    std::string code;
    std::string comment;
    bool is_blank() const { return code.find_first_not_of(" \t") == std::string::npos; }
    bool is_comment_only() const { return is_blank() && !comment.empty(); }
    bool is_directive() const { return !is_blank() && code[code.find_first_not_of(" \t")] == '#'; }
};

// Returns: the directory below cordon/, whatever lies between it and the header; "cordon" for a header on top.
std::string layer_of(const fs::path& header) {
    const fs::path directory = header.parent_path();
    return std::next(directory.begin()) == directory.end() ? "cordon"
                                                           : std::next(directory.begin())->string();
}

struct source {
    std::string folder; // of the root: include
    std::string path;   // from there on: cordon/core/types.hpp
    std::vector<std::string> text;
    std::vector<line> lines;
    std::string layer() const { return layer_of(path); }
    bool is_top_level() const { return layer() == "cordon"; }
};

int problems = 0;
template <class... Parts>
void report(const source& file, std::size_t index, const Parts&... text) {
    std::cout << file.folder << '/' << file.path << ':' << index + 1 << ": ";
    (std::cout << ... << text) << '\n';
    ++problems;
}

const std::regex include_line(R"(^\s*#\s*include)");

std::vector<line> split(const std::vector<std::string>& text) {
    std::vector<line> lines;
    bool in_block_comment = false;
    for (const std::string& s : text) {
        line& out = lines.emplace_back();
        const bool is_include = std::regex_search(s, include_line);
        for (std::size_t i = 0; i < s.size(); ++i) {
            if (in_block_comment) {
                if (s.compare(i, 2, "*/") == 0) {
                    in_block_comment = false;
                    ++i;
                } else {
                    out.comment += s[i];
                }
            } else if (s.compare(i, 2, "/*") == 0) {
                in_block_comment = true;
                ++i;
            } else if (s.compare(i, 2, "//") == 0) {
                out.comment += s.substr(i + 2);
                out.comment += ' ';
                break;
            } else if (s[i] == '"' && !is_include) {
                for (out.code += s[i++]; i < s.size() && s[i] != '"'; ++i)
                    i += s[i] == '\\';
                out.code += '"';
            } else if (s[i] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(s[i - 1])))) {
                for (++i; i < s.size() && s[i] != '\''; ++i)
                    i += s[i] == '\\';
                out.code += "' '";
            } else {
                out.code += s[i];
            }
        }
    }
    return lines;
}

std::vector<source> read_sources(const fs::path& root, const std::string& folder) {
    static const std::set<std::string> extensions{".hpp", ".cpp", ".h", ".c"};
    std::vector<source> files;
    if (!fs::exists(root / folder)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
        if (!extensions.contains(entry.path().extension().string())) continue;
        source file;
        file.folder = folder;
        file.path = fs::relative(entry.path(), root / folder).generic_string();
        std::ifstream in(entry.path());
        for (std::string s; std::getline(in, s);)
            file.text.push_back(s);
        file.lines = split(file.text);
        files.push_back(std::move(file));
    }
    std::ranges::sort(files, {}, &source::path);
    return files;
}

// layering: a header includes its own directory and the layers before it. Layers of one rank do not know each other.
// A header on top is included by no layer. The layers that must work without an operating system include no hosted
// part of the standard library.
void check_layering(const std::vector<source>& files) {
    static const std::map<std::string, int> rank{
        {"core", 0},  {"platform", 1}, {"sync", 2}, {"frames", 3},    {"local", 4},    {"buddy", 5},
        {"cache", 5}, {"zone", 6},     {"lru", 6},  {"isolation", 7}, {"adapters", 8}, {"inspect", 8}};
    static const std::set<std::string> freestanding{"core",  "sync",  "frames", "local",    "lru",
                                                    "buddy", "cache", "zone",   "isolation"};
    static const std::set<std::string> hosted_exceptions{"cordon/sync/lock_rank.hpp"};
    static const std::string lru_bridge = "cordon/isolation/lru_migrator.hpp";
    static const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    static const std::regex hosted(
        R"((sys|linux)/.*|pthread\.h|unistd\.h|c?stdio(\.h)?|c?stdlib(\.h)?|c?errno(\.h)?|)"
        R"(chrono|condition_variable|deque|filesystem|forward_list|format|fstream|functional|future|iomanip|ios|)"
        R"(iostream|istream|list|locale|map|memory_resource|mutex|ostream|random|regex|semaphore|set|shared_mutex|)"
        R"(sstream|stdexcept|string|system_error|thread|unordered_map|unordered_set|vector)");

    for (const source& file : files) {
        if (!file.is_top_level() && !rank.contains(file.layer())) {
            report(file, 0, "unknown layer ", file.layer());
            continue;
        }
        for (std::size_t i = 0; i != file.lines.size(); ++i) {
            std::smatch match;
            if (!std::regex_search(file.lines[i].code, match, include)) continue;
            const bool quoted = match[1] == "\"";
            const std::string name = match[2];
            if (!name.starts_with("cordon/")) {
                if (quoted) report(file, i, "spell it #include \"cordon/...\": ", name);
                if (freestanding.contains(file.layer()) && !hosted_exceptions.contains(file.path) &&
                    std::regex_match(name, hosted))
                    report(file, i, "layer ", file.layer(), " must not include the hosted header <", name,
                           ">");
                continue;
            }
            if (!quoted) report(file, i, "spell it with quotes: ", name);
            if (file.is_top_level()) continue;
            const std::string from = file.layer();
            const std::string to = layer_of(name);
            if (!rank.contains(to))
                report(file, i, "layer ", from, " must not include the top-level header ", name);
            else if (to != from && rank.at(to) == rank.at(from))
                report(file, i, "layer ", from, " must not include its sibling ", to, ": ", name);
            else if (rank.at(to) > rank.at(from))
                report(file, i, "layer ", from, " must not include the later layer ", to, ": ", name);
            else if (from == "isolation" && to == "lru" && file.path != lru_bridge)
                report(file, i, "only isolation/lru_migrator.hpp joins isolation and lru: ", name);
        }
    }
}

// atomics: each operation with an order stronger than relaxed has a number in its comment and names its partner:
//     // (1) release: pairs with (2) and drain_gate.hpp (3)
// on a line of the statement or on the lines directly above it. A number is unique in its file; a partner exists; an
// acquire pairs with something that releases, and the other way round. Relaxed accesses and barriers may have numbers
// too: `(4) relaxed:`, `(5) light barrier:`, `(6) heavy barrier:`, `(7) fence:`.
struct label {
    int number;
    std::string order;
    std::size_t line;
    std::vector<std::pair<std::string, int>> partners; // file (empty: this one) and number
};

const std::regex strong_order(R"(\bmemory_order(_|::)(acquire|release|acq_rel|seq_cst|consume)\b)");
const std::regex label_form(
    R"(\((\d+)\)\s+(acquire|release|acq_rel|seq_cst|consume|relaxed|light|heavy|fence)\b[^:()]*:)");
const std::regex partner_form(R"((?:([\w/]+\.hpp)\s+)?\((\d+)\))");

// Returns: the labels in the comments of lines [first, end).
std::vector<label> labels_in(const source& file, std::size_t first, std::size_t end) {
    std::string text;
    std::vector<std::size_t> starts; // of each line's comment in the text
    for (std::size_t i = first; i != end; ++i) {
        starts.push_back(text.size());
        text += file.lines[i].comment;
        text += ' ';
    }
    std::vector<label> labels;
    std::vector<std::smatch> found;
    for (std::sregex_iterator i(text.begin(), text.end(), label_form), done; i != done; ++i)
        found.push_back(*i);
    for (std::size_t k = 0; k != found.size(); ++k) {
        const auto at = static_cast<std::size_t>(found[k].position());
        const auto row = static_cast<std::size_t>(std::ranges::upper_bound(starts, at) - starts.begin() - 1);
        label& out = labels.emplace_back(label{std::stoi(found[k][1]), found[k][2], first + row, {}});
        const auto stop = k + 1 == found.size() ? text.cend() : found[k + 1][0].first;
        const std::string body(found[k][0].second, stop);
        const std::size_t pairs = body.find("pairs with");
        if (pairs == std::string::npos) continue;
        const std::string partners = body.substr(pairs);
        for (std::sregex_iterator i(partners.begin(), partners.end(), partner_form), done; i != done; ++i)
            out.partners.emplace_back((*i)[1], std::stoi((*i)[2]));
    }
    return labels;
}

bool ends_with_one_of(const line& one, std::string_view characters) {
    const std::size_t last = one.code.find_last_not_of(" \t");
    return last != std::string::npos && characters.find(one.code[last]) != std::string_view::npos;
}

// Returns: the first line of the statement that line `at` is part of.
std::size_t statement_begin(const source& file, std::size_t at) {
    while (at != 0) {
        const line& before = file.lines[at - 1];
        if (before.is_blank() || before.is_directive() || ends_with_one_of(before, ";{}:")) break;
        --at;
    }
    return at;
}

// Returns: the line behind the last one of that statement.
std::size_t statement_end(const source& file, std::size_t at) {
    while (at + 1 < file.lines.size() && !ends_with_one_of(file.lines[at], ";{}"))
        ++at;
    return at + 1;
}

struct operation {
    std::size_t line;
    std::set<std::string> orders;
};

// Returns: the operations of lines [first, end). Orders inside the same innermost parenthesis are one operation.
std::vector<operation> operations_in(const source& file, std::size_t first, std::size_t end) {
    std::vector<operation> operations;
    // For each parenthesis open now: the operation it belongs to, or none yet, or that it is to be ignored.
    std::vector<std::size_t> open;
    constexpr std::size_t none = SIZE_MAX, ignored = SIZE_MAX - 1;
    for (std::size_t i = first; i != end; ++i) {
        const std::string& code = file.lines[i].code;
        for (std::size_t k = 0; k != code.size(); ++k) {
            if (code[k] == '(') {
                const bool is_compiler_fence =
                    std::string_view(code).substr(0, k).ends_with("atomic_signal_fence");
                open.push_back(is_compiler_fence ? ignored : none);
            } else if (code[k] == ')' && !open.empty()) {
                open.pop_back();
            }
            std::smatch match;
            const auto at = code.begin() + static_cast<std::ptrdiff_t>(k);
            if (!std::regex_search(at, code.end(), match, strong_order,
                                   std::regex_constants::match_continuous) ||
                (k != 0 && (std::isalnum(static_cast<unsigned char>(code[k - 1])) || code[k - 1] == '_')))
                continue;
            if (open.empty()) open.push_back(none);
            if (open.back() == ignored) continue;
            if (open.back() == none) {
                open.back() = operations.size();
                operations.push_back({i, {}});
            }
            operations[open.back()].orders.insert(match[2]);
        }
    }
    return operations;
}

bool releases(const std::string& order) {
    return order == "release" || order == "acq_rel" || order == "seq_cst";
}
bool acquires(const std::string& order) {
    return order == "acquire" || order == "consume" || order == "acq_rel" || order == "seq_cst";
}
bool is_strong(const std::string& order) {
    return releases(order) || acquires(order);
}

using label_table = std::map<std::string, std::map<int, label>>; // by path, by number

// Returns: the label `number` of the header whose path is, or ends with, `name`; null if there is none.
const label* find_label(const label_table& table, const std::string& name, int number) {
    for (const auto& [path, labels] : table)
        if (path == name || path.ends_with('/' + name))
            if (const auto at = labels.find(number); at != labels.end()) return &at->second;
    return nullptr;
}

void check_partners(const source& file, const label_table& table) {
    const auto labels = table.find(file.path);
    if (labels == table.end()) return;
    for (const auto& [number, self] : labels->second) {
        if (self.partners.empty() && is_strong(self.order))
            report(file, self.line, '(', number,
                   ") names no partner: `pairs with (N)` or `pairs with <file>.hpp (N)`");
        for (const auto& [name, partner] : self.partners) {
            const label* other = find_label(table, name.empty() ? file.path : name, partner);
            const char* space = name.empty() ? "" : " ";
            if (other == nullptr)
                report(file, self.line, '(', number, ") pairs with ", name, space, '(', partner,
                       "), which does not exist");
            else if (is_strong(self.order) && is_strong(other->order) &&
                     !(releases(self.order) && acquires(other->order)) &&
                     !(acquires(self.order) && releases(other->order)))
                report(file, self.line, '(', number, ") ", self.order, " cannot pair with ", name, space, '(',
                       partner, ") ", other->order);
        }
    }
}

void check_operations(const source& file) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
        if (!std::regex_search(file.lines[i].code, strong_order)) continue;
        const std::size_t first = statement_begin(file, i);
        const std::size_t end = statement_end(file, i);
        std::size_t top = first;
        while (top != 0 && file.lines[top - 1].is_comment_only())
            --top;
        std::vector<label> available = labels_in(file, top, end);
        for (const operation& one : operations_in(file, first, end)) {
            const auto fits =
                std::ranges::find_if(available, [&](const label& l) { return one.orders.contains(l.order); });
            const std::string& order = *one.orders.begin();
            if (fits == available.end())
                report(file, one.line, "memory_order_", order, " without a number: `(N) ", order,
                       ": pairs with ...`");
            else
                available.erase(fits);
        }
        i = end - 1;
    }
}

void check_atomics(const std::vector<source>& files) {
    label_table table;
    for (const source& file : files) {
        for (const label& one : labels_in(file, 0, file.lines.size())) {
            const auto [place, is_new] = table[file.path].emplace(one.number, one);
            if (!is_new)
                report(file, one.line, "number (", one.number, ") is taken by line ", place->second.line + 1);
        }
    }
    for (const source& file : files) {
        check_partners(file, table);
        check_operations(file);
    }
}

// length: no header is longer than 600 lines. Prints the median and the 90th percentile.
void check_length(const std::vector<source>& files) {
    std::vector<std::size_t> lengths;
    for (const source& file : files) {
        if (file.folder == "include") lengths.push_back(file.lines.size());
        if (file.lines.size() > 600)
            report(file, 600, "a file of ", file.lines.size(), " lines: the limit is 600");
    }
    std::ranges::sort(lengths);
    if (!lengths.empty())
        std::cout << lengths.size() << " headers, lines: median " << lengths[lengths.size() / 2]
                  << ", 90th percentile " << lengths[lengths.size() * 9 / 10] << ", longest "
                  << lengths.back() << '\n';
}

// macros: core/config.hpp defines them all, and calls them CORDON_...; conditions are there and in
// platform/default*.hpp.
void check_macros(const std::vector<source>& files) {
    static const std::regex directive(R"(^\s*#\s*(\w+)\s*(\w*))");
    for (const source& file : files) {
        const bool is_config = file.path == "cordon/core/config.hpp";
        const bool may_test = is_config || file.path.starts_with("cordon/platform/default");
        for (std::size_t i = 0; i != file.lines.size(); ++i) {
            std::smatch match;
            if (!std::regex_search(file.lines[i].code, match, directive)) continue;
            const std::string name = match[1];
            if (name == "define" || name == "undef") {
                if (!is_config)
                    report(file, i, "#", name, " outside core/config.hpp");
                else if (!match[2].str().starts_with("CORDON_"))
                    report(file, i, "macro ", match[2].str(), " is not called CORDON_...");
            } else if (!may_test && name.find("if") != std::string::npos && name != "endif") {
                report(file, i, "#", name, " outside core/config.hpp and platform/default*.hpp");
            }
        }
    }
}

// names: a header begins with `// cordon/<path>.hpp - <what in one line>.` and the licence, has #pragma once, and is
// called in snake_case.
void check_names(const std::vector<source>& files) {
    for (const source& file : files) {
        const auto text = [&](std::size_t i) { return i < file.text.size() ? file.text[i] : std::string{}; };
        if (!text(0).starts_with("// " + file.path + " - ") || !text(0).ends_with('.'))
            report(file, 0, "the first line must be `// ", file.path, " - <what in one line>.`");
        if (text(1) != "// SPDX-License-Identifier: BSL-1.0")
            report(file, 1, "the second line must be `// SPDX-License-Identifier: BSL-1.0`");
        if (std::ranges::find(file.text, "#pragma once") == file.text.end())
            report(file, 0, "#pragma once is missing");
        if (!std::regex_match(file.path, std::regex("[a-z0-9_/]+\\.hpp")))
            report(file, 0, "the file name is not snake_case");
    }
}

// includes: a header includes the standard headers whose names it uses, and no others. Where a name is not known here,
// its home is to be added.
const std::map<std::string, std::set<std::string>> names_of_std{
    {"algorithm", {"fill", "max", "min", "remove_if"}},
    {"atomic",
     {"atomic", "atomic_ref", "atomic_signal_fence", "memory_order", "memory_order_acq_rel",
      "memory_order_acquire", "memory_order_relaxed", "memory_order_release", "memory_order_seq_cst"}},
    {"bit",
     {"bit_ceil", "bit_width", "countl_zero", "countr_one", "countr_zero", "has_single_bit", "popcount"}},
    {"bitset", {"bitset"}},
    {"concepts",
     {"constructible_from", "convertible_to", "copy_constructible", "default_initializable", "same_as"}},
    {"cstddef", {"byte", "ptrdiff_t", "size_t"}},
    {"cstdint",
     {"INT64_MAX", "SIZE_MAX", "UINT32_MAX", "UINT64_MAX", "UINT8_MAX", "int32_t", "int64_t", "intmax_t",
      "uint16_t", "uint32_t", "uint64_t", "uint8_t", "uintptr_t"}},
    {"cstdlib", {"abort"}},
    {"limits", {"numeric_limits"}},
    {"memory_resource", {"pmr"}},
    {"new", {"bad_alloc", "launder", "new"}},
    {"span", {"span"}},
    {"stdexcept", {"invalid_argument"}},
    {"string_view", {"hash", "string_view"}},
    {"tuple", {"get", "tuple"}},
    {"type_traits",
     {"conditional_t", "decay_t", "is_const_v", "is_enum_v", "is_same_v", "is_trivially_copyable_v"}},
    {"utility", {"exchange", "move"}},
};

// Returns: the names of the standard library in the line: what stands behind std::, the limits of <cstdint>, and ::new.
std::vector<std::string> std_names_in(const std::string& code) {
    static const std::regex form(R"(\bstd::(\w+)|\b(U?INT\d+_MAX|SIZE_MAX)\b|::(new)\b)");
    std::vector<std::string> names;
    for (std::sregex_iterator i(code.begin(), code.end(), form), done; i != done; ++i)
        names.push_back((*i)[1].matched ? (*i)[1] : (*i)[2].matched ? (*i)[2] : (*i)[3]);
    return names;
}

void check_includes(const std::vector<source>& files) {
    static const std::regex include(R"(^\s*#\s*include\s*<([^>]+)>)");
    std::map<std::string, std::string> home;
    for (const auto& [header, names] : names_of_std)
        for (const std::string& name : names)
            home[name] = header;
    for (const source& file : files) {
        std::map<std::string, std::size_t> unused; // header, line
        std::set<std::string> included;
        for (std::size_t i = 0; i != file.lines.size(); ++i) {
            std::smatch match;
            if (!std::regex_search(file.lines[i].code, match, include)) continue;
            included.insert(match[1]);
            if (names_of_std.contains(match[1])) unused[match[1]] = i;
        }
        for (std::size_t i = 0; i != file.lines.size(); ++i) {
            if (file.lines[i].is_directive()) continue;
            for (const std::string& name : std_names_in(file.lines[i].code)) {
                const auto at = home.find(name);
                if (at == home.end()) {
                    report(file, i, "std::", name, " has no home in names_of_std");
                    continue;
                }
                unused.erase(at->second);
                if (included.insert(at->second).second)
                    report(file, i, name, " needs #include <", at->second, ">");
            }
        }
        for (const auto& [header, line] : unused)
            report(file, line, "nothing of <", header, "> is named");
    }
}

} // namespace

int main(int argc, char** argv) {
    const std::map<std::string, void (*)(const std::vector<source>&)> rules{
        {"layering", check_layering}, {"atomics", check_atomics}, {"includes", check_includes},
        {"length", check_length},     {"macros", check_macros},   {"names", check_names}};
    if (argc != 3 || !rules.contains(argv[1])) {
        std::cerr << "usage: lint layering|atomics|includes|length|macros|names <root>\n";
        return 2;
    }
    std::vector<source> files = read_sources(argv[2], "include");
    if (argv[1] == std::string{"length"}) // the one rule that is for tests and programs, too
        for (const char* folder : {"bench", "examples", "tests"})
            std::ranges::move(read_sources(argv[2], folder), std::back_inserter(files));
    rules.at(argv[1])(files);
    std::cout << argv[1] << ": " << files.size() << " files, " << problems << " problems\n";
    return problems != 0 || files.empty() ? 1 : 0;
}
