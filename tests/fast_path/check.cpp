// check.cpp - reads a disassembly, walks the ways a hit can take, and says what should not be on them.
// SPDX-License-Identifier: BSL-1.0
//
//     check <output of objdump -d --no-show-raw-insn> <symbol>...      of x86-64 (AT&T syntax) or aarch64
//     check mix <the same> <symbol>...                                 prints what the shortest way is made of
//
// A way leads from a symbol's entry along branches, taken and not, to a ret, and has no call in it: each slow path is a
// call. There must be such a way, and each one must
//
//     hold no atomic read-modify-write and no fence (an acquire load and a release store of aarch64 are neither),
//     store 1 to a word (busy), then load the word behind it (claimed), then store something, then 0 to busy: the drain
//     gate, with a push or a pop inside.
//
// Which accesses go to the same word is found by following registers through copies and added constants.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct instruction {
    std::uint64_t at = 0;
    std::string symbol; // the function, without .cold
    std::string text;
    std::string name; // the mnemonic, behind a prefix
    std::vector<std::string> operands;
};

struct program {
    bool arm = false;
    std::map<std::uint64_t, instruction> code;
    std::map<std::string, std::uint64_t> entries;
};

// Splits at commas that are in no bracket.
std::vector<std::string> split(std::string_view operands) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (const char c : operands) {
        depth += (c == '(' || c == '[') - (c == ')' || c == ']');
        if (c == ',' && depth == 0)
            parts.emplace_back();
        else if (c != ' ' || !parts.back().empty())
            parts.back() += c;
    }
    if (parts.back().empty()) parts.pop_back();
    return parts;
}

program read(std::istream& in) {
    static const std::regex header(R"(^([0-9a-f]+) <(.+)>:$)");
    static const std::regex comment(R"(\s*(//|# ).*)");
    static const std::regex code(
        R"(^ *([0-9a-f]+):\t((?:lock |rep |notrack |data16 |cs )*)([a-z][a-z0-9_.]*)\s*(.*))");
    program p;
    std::string symbol;
    std::smatch m;
    for (std::string line; std::getline(in, line);) {
        line = std::regex_replace(line, comment, "");
        if (line.find("file format") != std::string::npos) p.arm = line.find("aarch64") != std::string::npos;
        if (std::regex_match(line, m, header)) {
            symbol = m[2];
            p.entries[symbol] = std::stoull(m[1], nullptr, 16);
            if (symbol.ends_with(".cold")) symbol.resize(symbol.size() - 5);
        } else if (std::regex_match(line, m, code)) {
            const std::uint64_t at = std::stoull(m[1], nullptr, 16);
            p.code[at] = {at, symbol, m[2].str() + m[3].str() + ' ' + m[4].str(), m[3], split(m[4].str())};
        }
    }
    return p;
}

bool is_memory(const std::string& operand) {
    return operand.find_first_of("([") != std::string::npos || operand.find(':') != std::string::npos;
}

// ---- what an instruction does to the flow ----

// GCC for aarch64 calls a helper for a read-modify-write that the oldest processors do not have.
bool is_atomic_helper(const instruction& i) {
    return i.name == "bl" && i.text.find("<__aarch64_") != std::string::npos;
}
bool is_call(const program& p, const instruction& i) {
    return p.arm ? (i.name == "bl" && !is_atomic_helper(i)) || i.name == "blr" : i.name.starts_with("call");
}
bool is_jump(const program& p, const instruction& i) {
    return p.arm ? i.name == "b" || i.name == "br" : i.name.starts_with("jmp");
}
bool is_branch(const program& p, const instruction& i) {
    return p.arm ? i.name.starts_with("b.") || i.name.starts_with("cb") || i.name.starts_with("tb")
                 : i.name[0] == 'j';
}
// Returns: where it jumps to; 0 if that is in a register or in another function.
std::uint64_t target(const program& p, const instruction& i) {
    if (i.operands.empty()) return 0;
    std::uint64_t at = 0;
    const std::string& to = i.operands.back();
    std::from_chars(to.data(), to.data() + to.size(), at, 16);
    const auto found = p.code.find(at);
    const bool inside =
        found != p.code.end() && found->second.symbol == i.symbol && at != p.entries.at(i.symbol);
    return inside ? at : 0;
}

using way = std::vector<const instruction*>;

// Effects: appends each way from `at` on that repeats no instruction and calls nothing.
void walk(const program& p, std::uint64_t at, way& so_far, std::set<std::uint64_t>& seen,
          std::vector<way>& found) {
    const std::size_t length = so_far.size();
    std::vector<std::uint64_t> entered;
    for (auto i = p.code.find(at);
         i != p.code.end() && found.size() < 1000 && seen.insert(i->first).second;) {
        entered.push_back(i->first);
        const instruction& now = i->second;
        so_far.push_back(&now);
        if (now.name.starts_with("ret")) found.push_back(so_far);
        if (now.name.starts_with("ret") || is_call(p, now)) break;
        const std::uint64_t to = is_jump(p, now) || is_branch(p, now) ? target(p, now) : 0;
        if (is_jump(p, now)) {
            i = p.code.find(to);
            continue;
        }
        if (to != 0) walk(p, to, so_far, seen, found);
        if (++i != p.code.end() && i->second.symbol != now.symbol) break;
    }
    for (const std::uint64_t e : entered)
        seen.erase(e);
    so_far.resize(length);
}

// ---- what an instruction does to memory ----

bool is_atomic(const program& p, const instruction& i) {
    static const std::regex arm_atomic(
        "(ld|st)a?x[rp].*|stlx[rp].*|cas.*|swp.*|(ld|st)(add|clr|eor|set|[su]max|[su]min)[alhb]*"
        "|dmb|dsb|isb");
    if (p.arm) return is_atomic_helper(i) || std::regex_match(i.name, arm_atomic);
    if (i.text.starts_with("lock ") || i.name.ends_with("fence") || i.name.starts_with("cmpxchg") ||
        i.name.starts_with("xadd"))
        return true;
    return i.name.starts_with("xchg") && std::any_of(i.operands.begin(), i.operands.end(), is_memory);
}

// A number known up to a constant: `name` is of the unknown part, empty for a known number.
struct value {
    std::string name;
    long offset = 0;
    bool operator==(const value&) const = default;
};

class machine {
public:
    explicit machine(bool arm) : arm_(arm) {}

    struct access {
        enum { none, load, store } kind = none;
        value address;
        value stored;
    };

    access step(const instruction& i) {
        access done;
        const std::vector<std::string>& o = i.operands;
        const auto memory = std::find_if(o.begin(), o.end(), is_memory);
        const bool computes_address =
            i.name.starts_with("lea") || i.name.starts_with("nop") || i.name == "adrp";
        if (memory != o.end() && !computes_address) {
            done.address = address_of(*memory);
            const bool stores = arm_ ? i.name.starts_with("st") : memory + 1 == o.end() && !reads_only(i);
            done.kind = stores ? access::store : access::load;
            if (stores && !(arm_ ? i.name.starts_with("stp") : !i.name.starts_with("mov")))
                done.stored = get(o.front());
        }
        if (!o.empty() && done.kind != access::store) follow(i);
        return done;
    }

private:
    static bool reads_only(const instruction& i) {
        return i.name.starts_with("cmp") || i.name.starts_with("test") || i.operands.size() == 1;
    }
    // %eax, %ax and %al are %rax; w0 is x0.
    std::string full(std::string name) const {
        if (arm_) {
            if (name.starts_with("w")) name[0] = 'x';
            return name;
        }
        if (name.starts_with("%")) name.erase(0, 1);
        if (name.size() == 3 && name[0] == 'e') name[0] = 'r';
        if (name.size() == 2 && name[1] == 'l') name = "r" + name.substr(0, 1) + "x";
        if (name.size() == 2 && name[0] != 'r') name = "r" + name;
        if (name.size() > 2 && name[0] == 'r' &&
            (name.back() == 'd' || name.back() == 'b' || name.back() == 'w'))
            name.pop_back();
        return name;
    }
    static bool is_constant(const std::string& operand) {
        return operand.starts_with('$') || operand.starts_with('#');
    }
    static long number(std::string_view digits) {
        const bool negative = digits.starts_with('-');
        if (negative) digits.remove_prefix(1);
        const bool hex = digits.starts_with("0x");
        if (hex) digits.remove_prefix(2);
        std::uint64_t n = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), n, hex ? 16 : 10);
        return negative ? -static_cast<long>(n) : static_cast<long>(n);
    }
    value get(const std::string& operand) {
        if (is_constant(operand)) return {"", number(std::string_view(operand).substr(1))};
        const std::string reg = full(operand);
        if (reg == "xzr") return {};
        const auto known = registers_.find(reg);
        return known != registers_.end() ? known->second : registers_[reg] = fresh();
    }
    value fresh() { return {'v' + std::to_string(++values_), 0}; }

    // disp(base,index,scale); [base, index or #disp, ...]
    value address_of(const std::string& operand) {
        if (arm_) {
            const std::vector<std::string> part = split(operand.substr(1, operand.find(']') - 1));
            value at = get(part[0]);
            if (part.size() > 1 && is_constant(part[1]))
                at.offset += number(std::string_view(part[1]).substr(1));
            if (part.size() > 1 && !is_constant(part[1]))
                at.name += '+' + operand.substr(operand.find(',')) + get(part[1]).name;
            return at;
        }
        const std::size_t open = operand.find('(');
        if (open == std::string::npos || operand.find(':') != std::string::npos) return {operand, 0};
        const std::vector<std::string> part = split(operand.substr(open + 1, operand.size() - open - 2));
        value at = part[0].empty() ? value{} : get(part[0]);
        at.offset += number(operand.substr(0, open));
        for (std::size_t i = 1; i < part.size(); ++i)
            at.name +=
                i == 1 ? '+' + get(part[1]).name + '+' + std::to_string(get(part[1]).offset) : '*' + part[i];
        return at;
    }

    // The register that the instruction writes is the last operand on x86, the first one on aarch64.
    void follow(const instruction& i) {
        const std::vector<std::string>& o = i.operands;
        const std::string& into = arm_ ? o.front() : o.back();
        if (is_memory(into) || is_constant(into) || (!arm_ && reads_only(i) && i.name != "pop")) return;
        if (arm_ && (i.name.starts_with("cmp") || i.name.starts_with("cmn") || i.name.starts_with("tst") ||
                     i.name.starts_with("b.") || i.name.starts_with("cb") || i.name.starts_with("tb")))
            return;
        if (arm_ && i.name == "ldp") registers_[full(o[1])] = fresh();
        registers_[full(into)] = result(i);
    }
    value result(const instruction& i) {
        const std::vector<std::string>& o = i.operands;
        const bool plain_move = i.name == "mov" || i.name == "movl" || i.name == "movq";
        if (plain_move && o.size() == 2 && !is_memory(o[arm_ ? 1 : 0])) return get(o[arm_ ? 1 : 0]);
        if (!arm_ && i.name.starts_with("lea") && o.size() == 2) return address_of(o[0]);
        const bool adds = i.name.starts_with("add");
        if (arm_ && o.size() == 3 && is_constant(o[2]) && (adds || i.name == "sub"))
            return plus(get(o[1]), o[2], adds);
        if (!arm_ && o.size() == 2 && is_constant(o[0]) && (adds || i.name.starts_with("sub")))
            return plus(get(o[1]), o[0], adds);
        if (!arm_ && i.name.starts_with("xor") && o.size() == 2 && o[0] == o[1]) return {};
        return fresh();
    }
    static value plus(value v, const std::string& constant, bool adds) {
        const long n = number(std::string_view(constant).substr(1));
        v.offset += adds ? n : -n;
        return v;
    }

    bool arm_;
    int values_ = 0;
    std::map<std::string, value> registers_;
};

// Returns: what is wrong with the way; nothing if it is a hit as it should be.
std::string fault(const program& p, const way& w) {
    for (const instruction* i : w)
        if (is_atomic(p, *i)) return "an atomic read-modify-write or a fence: " + i->text;
    machine state(p.arm);
    enum { outside, busy, inside, left } gate = outside;
    value word;
    bool changes = false;
    for (const instruction* i : w) {
        const machine::access done = state.step(*i);
        const value behind{word.name, word.offset + 4};
        if (done.kind == machine::access::store && done.stored == value{"", 1} && gate == outside) {
            gate = busy;
            word = done.address;
        } else if (done.kind == machine::access::load && gate == busy && done.address == behind) {
            gate = inside;
        } else if (done.kind == machine::access::store && gate != outside && done.address == word) {
            if (gate == busy) return "no load of claimed between busy = 1 and busy = 0: " + i->text;
            if (done.stored == value{}) gate = left;
        } else if (done.kind == machine::access::store && gate == inside) {
            changes = true;
        }
    }
    if (gate != left) return (gate == outside ? "no busy = 1: " : "no busy = 0: ") + w.back()->text;
    return changes ? "" : "nothing is stored inside the gate: " + w.back()->text;
}

std::vector<way> ways_of(const program& p, const std::string& symbol) {
    std::vector<way> ways;
    const auto entry = p.entries.find(symbol);
    if (entry != p.entries.end()) {
        way so_far;
        std::set<std::uint64_t> seen;
        walk(p, entry->second, so_far, seen, ways);
    }
    return ways;
}

// Returns: faults found; prints each way's length, or what is wrong with it.
int judge(const program& p, const std::string& symbol) {
    const std::vector<way> ways = ways_of(p, symbol);
    int faults = 0;
    if (ways.empty()) {
        std::cout << symbol << ": no way to ret without a call\n";
        ++faults;
    }
    for (const way& w : ways) {
        const std::string wrong = fault(p, w);
        std::cout << symbol << ": " << (wrong.empty() ? std::to_string(w.size()) + " instructions" : wrong)
                  << '\n';
        if (wrong.empty()) continue;
        ++faults;
        for (const instruction* i : w)
            std::cout << "    " << i->text << '\n';
    }
    return faults;
}

// Effects: prints the ways that there are, and of the shortest one its loads, stores, conditional branches, atomic
// read-modify-writes and fences, and all instructions. An instruction that adds to memory is a store.
int mix(const program& p, const std::string& symbol) {
    const std::vector<way> ways = ways_of(p, symbol);
    if (ways.empty()) {
        std::cout << symbol << " no way to ret without a call\n";
        return 1;
    }
    const way& w =
        *std::min_element(ways.begin(), ways.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
    machine state(p.arm);
    int loads = 0, stores = 0, branches = 0, atomics = 0;
    for (const instruction* i : w) {
        const machine::access done = state.step(*i);
        loads += done.kind == machine::access::load;
        stores += done.kind == machine::access::store;
        branches += is_branch(p, *i) && !is_jump(p, *i);
        atomics += is_atomic(p, *i);
    }
    std::cout << symbol << ' ' << ways.size() << ' ' << loads << ' ' << stores << ' ' << branches << ' '
              << atomics << ' ' << w.size() << '\n';
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool mixes = !words.empty() && words.front() == "mix";
    if (mixes) words.erase(words.begin());
    if (words.size() < 2) {
        std::cerr << "usage: check [mix] <disassembly> <symbol>...\n";
        return 2;
    }
    std::ifstream file(words[0]);
    const program p = read(file);
    int faults = 0;
    for (std::size_t i = 1; i != words.size(); ++i)
        faults += mixes ? mix(p, words[i]) : judge(p, words[i]);
    return faults == 0 ? 0 : 1;
}
