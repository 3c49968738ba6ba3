// explorer/litmus_test.cpp - the explorer by itself: what each memory model shows of the standard shapes.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/atomics.hpp"
#include "explorer/judge.hpp"

#include <algorithm>
#include <string>
#include <string_view>

using namespace cordon;
using namespace cordon::explorer;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

// Where the one heavy barrier of a shape is: in the middle of which thread.
enum class heavy { nowhere, first, second };

struct shape {
    atomics::atomic<std::uint32_t> x{};
    atomics::atomic<std::uint32_t> y{};
    std::uint32_t r[4] = {};

    void check() {}
    void label(names& names) const {
        names.add(x, "x");
        names.add(y, "y");
    }
    // What was read, and what is left in x and y: a digit each.
    [[nodiscard]] std::string outcome() const {
        std::string digits;
        for (const std::uint32_t value : {x.raw_value, y.raw_value, r[0], r[1], r[2], r[3]})
            digits += static_cast<char>('0' + value);
        return digits;
    }
    static void middle(bool here) {
        if (here) (void)model_barrier{}.issue();
    }
};
template <heavy H>
struct sb : shape { // store buffering
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            x.store(1, relaxed);
            middle(H == heavy::first);
            r[0] = y.load(relaxed);
        } else {
            y.store(1, relaxed);
            middle(H == heavy::second);
            r[1] = x.load(relaxed);
        }
    }
};

// Returns: whether an outcome is a shape's weak one: x, y, r[0] to r[3], a dot for any value.
[[nodiscard]] bool fits(std::string_view weak, std::string_view outcome) {
    return std::ranges::equal(weak, outcome, [](char w, char value) { return w == '.' || w == value; });
}

template <heavy H>
struct mp : shape { // message passing
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            x.store(1, relaxed);
            middle(H == heavy::first);
            y.store(1, relaxed);
        } else {
            r[0] = y.load(relaxed);
            middle(H == heavy::second);
            r[1] = x.load(relaxed);
        }
    }
};
struct mp_release : shape {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            x.store(1, relaxed);
            y.store(1, release);
        } else {
            r[0] = y.load(acquire);
            r[1] = x.load(relaxed);
        }
    }
};
template <heavy H>
struct lb : shape { // load buffering
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        auto& mine = thread == 0 ? x : y;
        auto& other = thread == 0 ? y : x;
        r[thread] = mine.load(relaxed);
        middle(H == (thread == 0 ? heavy::first : heavy::second));
        other.store(1, relaxed);
    }
};
template <heavy H>
struct r_shape : shape {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            x.store(1, relaxed);
            middle(H == heavy::first);
            y.store(1, relaxed);
        } else {
            y.store(2, relaxed);
            middle(H == heavy::second);
            r[0] = x.load(relaxed);
        }
    }
};
template <heavy H>
struct s_shape : shape {
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        if (thread == 0) {
            x.store(2, relaxed);
            middle(H == heavy::first);
            y.store(1, relaxed);
        } else {
            r[0] = y.load(relaxed);
            middle(H == heavy::second);
            x.store(1, relaxed);
        }
    }
};
template <heavy H>
struct two_writes : shape { // 2+2W
    static constexpr unsigned threads = 2;
    void run(unsigned thread) {
        auto& first = thread == 0 ? x : y;
        auto& second = thread == 0 ? y : x;
        first.store(1, relaxed);
        middle(H == (thread == 0 ? heavy::first : heavy::second));
        second.store(2, relaxed);
    }
};
template <heavy H>
struct iriw : shape { // independent reads of independent writes
    static constexpr unsigned threads = 4;
    void run(unsigned thread) {
        switch (thread) {
        case 0: return x.store(1, relaxed);
        case 1: return y.store(1, relaxed);
        case 2:
            r[0] = x.load(relaxed);
            middle(H == heavy::first);
            r[1] = y.load(relaxed);
            return;
        default:
            r[2] = y.load(relaxed);
            middle(H == heavy::second);
            r[3] = x.load(relaxed);
        }
    }
};
template <heavy H>
struct corr : shape { // coherence of reads; the second thread is a reader too
    static constexpr unsigned threads = 3;
    void run(unsigned thread) {
        if (thread == 0) return x.store(1, relaxed);
        r[2 * thread - 2] = x.load(relaxed);
        middle(H == (thread == 1 ? heavy::first : heavy::second));
        r[2 * thread - 1] = x.load(relaxed);
    }
};

struct expectation {
    bool sc;
    bool tso;
    bool pso;
};
constexpr expectation never{false, false, false};

template <class S>
search_result run(memory_model model, reduction reduce = reduction::races, bool all_visible = false) {
    options how;
    how.model = model;
    how.reduce = reduce;
    how.all_visible = all_visible;
    search_result found = explore<S>(how);
    searches.count(found);
    return found;
}

// The weak outcome shows exactly where it should, and sleep sets and quiet locations hide no outcome.
template <class S>
void judge(const char* name, std::string_view weak, expectation expected) {
    const bool allowed[] = {expected.sc, expected.tso, expected.pso};
    for (const memory_model model : {memory_model::sc, memory_model::tso, memory_model::pso}) {
        const search_result found = run<S>(model);
        INFO(name << ", model " << static_cast<int>(model) << ": " << found.report());
        REQUIRE(found.ok);
        REQUIRE(found.exhausted);
        const bool seen =
            std::ranges::any_of(found.outcomes, [&](const auto& one) { return fits(weak, one.first); });
        CHECK(seen == allowed[static_cast<unsigned>(model)]);
        const search_result sleeping = run<S>(model, reduction::sleep);
        const search_result awake = run<S>(model, reduction::none);
        CHECK(sleeping.ends == found.ends);
        CHECK(awake.ends == found.ends);
        CHECK(sleeping.executions == found.executions);
        CHECK(awake.executions >= sleeping.executions);
        CHECK(awake.pruned == 0);
        CHECK(run<S>(model, reduction::races, true).ends == found.ends);
    }
}
template <template <heavy> class S>
void judge(const char* name, std::string_view weak, expectation expected) {
    judge<S<heavy::nowhere>>(name, weak, expected);
    judge<S<heavy::first>>(name, weak, never);
    judge<S<heavy::second>>(name, weak, never);
}

} // namespace

TEST_CASE("litmus shapes show their weak outcomes where the model allows them, and no barrier is on a side",
          "[explorer]") {
    judge<sb>("SB", "..00..", {false, true, true});
    judge<mp>("MP", "..10..", {false, false, true});
    judge<mp_release>("MP+rel+acq", "..10..", never);
    judge<lb>("LB", "..11..", never);
    judge<r_shape>("R", ".20...", {false, true, true});
    judge<s_shape>("S", "2.1...", {false, false, true});
    judge<two_writes>("2+2W", "11....", {false, false, true});
    judge<iriw>("IRIW", "..1010", never);
    judge<corr>("CoRR", "..10..", never);
}
