// explorer/explore.hpp - explore: runs a scenario under the schedules of a mode, and says what went wrong how.
// SPDX-License-Identifier: BSL-1.0
//
// A scenario is a default-constructible class; its constructor is the set up. It holds no memory but its own: it
// lies in one region, the world, which is copied back before each run.
//
//     static constexpr unsigned threads;    run(thread) is called on as many fibres
//     void run(unsigned thread);
//     void check();                         after each run that ends in bytes not seen before; may fail()
//     void handler(unsigned thread);        optional: a signal handler
//     std::string outcome() const;          optional: what a run came to, as a user can tell, in words
//     void label(names&) const;             optional: names of locations
#pragma once

#include "explorer/choosers.hpp"
#include "explorer/depth_first.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unordered_set>

namespace cordon::explorer {

struct options : machine_options {
    std::string name; // for EXPLORE_REPLAY
    reduction reduce = reduction::races;
    unsigned preemptions = unlimited;
    std::uint64_t random_runs = 0; // 0: every schedule
    unsigned pct_depth = 0;        // of random runs: 0 is a random walk
    std::uint64_t seed = 0;
    std::uint64_t most = 0; // runs, 0: no limit
    std::string weaken;     // a mutant: locations whose accesses lose their orders
    bool weaken_loads = false;
    bool weaken_stores = false;
};

struct search_result {
    bool ok = true;
    bool exhausted = false;       // each schedule within the bounds was run
    std::uint64_t executions = 0; // that ran to their end
    std::uint64_t pruned = 0;     // that were given up because they show nothing new
    unsigned restarts = 0;        // something was learnt
    double seconds = 0;           // of the processor
    std::string learnt;           // the contended locations, each with its size and a mask of its writers
    std::unordered_set<std::uint64_t> ends;      // of runs: hashes of every byte of the scenario
    std::map<std::string, std::string> outcomes; // what they came to, each with a schedule that leads there
    std::string failure;
    std::string schedule; // what replays it
    std::string trace;

    [[nodiscard]] std::string report() const {
        std::string text = std::to_string(executions) + " executions, " + std::to_string(pruned) +
                           " pruned, " + std::to_string(ends.size()) + " ends, " +
                           std::to_string(outcomes.size()) + " outcomes, " + std::to_string(seconds) + " s";
        if (!ok) text += "\n" + failure + "\nschedule: " + schedule + "\n" + trace;
        return text;
    }
};

// Ends the run as failed; in check() too.
struct check_failure {
    static inline std::string text;
};
inline void fail(const std::string& what) {
    if (machine* const m = machine::running()) m->fail(what);
    if (check_failure::text.empty()) check_failure::text = what;
}
inline void expect(bool holds, const char* what) {
    if (!holds) fail(what);
}
// Effects: a line of the trace, if there is one.
inline void say(const std::string& what) {
    if (machine* const m = machine::running()) m->say(what);
}

// One at a time.
class exploration {
public:
    static constexpr std::size_t largest_world = 32 * 1024;
    struct scenario_type {
        std::size_t bytes;
        void (*construct)(void*);
        void (*check)(void*);
        void (*label)(const void*, names&);
        std::string (*outcome)(const void*);
        scenario_functions functions;
    };

    exploration(const scenario_type& type, const options& how)
        : type_(type),
          options_(how),
          bytes_((type.bytes + 63) / 64 * 64),
          snapshot_(std::make_unique<std::byte[]>(bytes_)),
          machine_({world_, bytes_}, how) {
        std::memset(world_, 0, bytes_);
        type_.construct(world_);
        std::memcpy(snapshot_.get(), world_, bytes_);
        type_.label(world_, machine_.locations().labels());
        machine_.locations().weaken(how.weaken, how.weaken_loads, how.weaken_stores);
    }
    exploration(const exploration&) = delete;
    exploration& operator=(const exploration&) = delete;

    search_result run() {
        const std::clock_t start = std::clock();
        if (const char* const text = std::getenv("EXPLORE_REPLAY");
            text != nullptr && !options_.name.empty()) {
            const std::string_view wanted{text};
            if (wanted.starts_with(options_.name + ':')) {
                replay(wanted.substr(options_.name.size() + 1));
                std::fprintf(stderr, "%s\n%s", result_.report().c_str(),
                             result_.ok ? result_.trace.c_str() : "");
                return result_;
            }
        }
        if (options_.random_runs == 0)
            search();
        else
            sample();
        result_.learnt = machine_.locations().learnt();
        result_.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        return result_;
    }
    // Effects: runs the one schedule "learnt:letters", with a trace.
    search_result replay(std::string_view text) {
        machine_.locations().forget();
        const std::size_t colon = text.rfind(':');
        script steps{text.substr(colon + 1)};
        if (colon == text.npos || !machine_.locations().learn(text.substr(0, colon))) {
            result_.ok = false;
            result_.failure = "not a schedule of this scenario";
            return result_;
        }
        machine_.trace_into(&result_.trace);
        const bool failed = once(steps) == machine::outcome::failed;
        machine_.trace_into(nullptr);
        ++result_.executions;
        if (failed)
            note_failure();
        else if (!steps.exact()) {
            result_.ok = false;
            result_.failure = "the schedule does not fit the scenario any more";
        }
        return result_;
    }

private:
    machine::outcome once(chooser& by) {
        std::memcpy(world_, snapshot_.get(), bytes_);
        const machine::outcome how = machine_.run(world_, type_.functions, by);
        return how == machine::outcome::complete && !holds() ? machine::outcome::failed : how;
    }
    // Returns: whether check() is content with the end of this run.
    bool holds() {
        check_failure::text.clear();
        if (!result_.ends.insert(hash()).second) return true;
        if (type_.outcome != nullptr)
            result_.outcomes.try_emplace(type_.outcome(world_),
                                         machine_.locations().learnt() + ':' + machine_.schedule());
        type_.check(world_);
        return check_failure::text.empty();
    }
    // Of what differs from the start, so that what lay in the padding of objects says nothing; what a copy left there
    // does: it may tell two ends apart that are one outcome.
    [[nodiscard]] std::uint64_t hash() const {
        std::uint64_t h = bytes_;
        for (std::size_t at = 0; at != bytes_; at += 64) {
            const std::byte* const now = world_ + at;
            const std::byte* const then = snapshot_.get() + at;
            if (std::memcmp(now, then, 64) == 0) continue; // most lines
            for (unsigned n = 0; n != 64; n += 8) {
                h = (h ^ memory::get(now + n, 8) ^ memory::get(then + n, 8)) * 0x9e3779b97f4a7c15 + at;
                h ^= h >> 32;
            }
        }
        return h;
    }

    void search() {
        for (bool again = true; again;) {
            again = false;
            depth_first all{options_.reduce, options_.preemptions};
            do {
                const machine::outcome how = once(all);
                if (how == machine::outcome::learnt) {
                    ++result_.restarts;
                    again = true;
                    break;
                }
                count(how);
                if (!result_.ok || (options_.most != 0 && result_.executions >= options_.most)) return;
            } while (all.backtrack());
            if (again) {
                result_.executions = result_.pruned = 0;
                forget_ends();
            }
        }
        result_.exhausted = true;
    }
    void sample() {
        for (std::uint64_t n = 0; n != options_.random_runs && result_.ok; ++n) {
            machine::outcome how;
            do {
                const std::uint64_t seed = options_.seed + n;
                random_walk walk{seed};
                priorities pct{seed, options_.pct_depth, 64};
                how = once(options_.pct_depth == 0 ? static_cast<chooser&>(walk) : pct);
                result_.restarts += how == machine::outcome::learnt;
            } while (how == machine::outcome::learnt);
            count(how);
        }
    }
    void count(machine::outcome how) {
        if (how == machine::outcome::pruned)
            ++result_.pruned;
        else
            ++result_.executions;
        if (how != machine::outcome::failed) return;
        const std::string found = machine_.schedule();
        const std::string shortest = options_.random_runs == 0 ? found : minimised(found);
        machine_.trace_into(&result_.trace);
        script steps{shortest};
        forget_ends(); // check() must look again
        if (once(steps) != machine::outcome::failed) result_.trace += "it does not fail again\n";
        machine_.trace_into(nullptr);
        note_failure();
    }
    void forget_ends() {
        result_.ends.clear();
        result_.outcomes.clear();
    }
    void note_failure() {
        result_.ok = false;
        result_.failure = machine_.failure().empty() ? check_failure::text : machine_.failure();
        result_.schedule = options_.name + ':' + machine_.locations().learnt() + ':' + machine_.schedule();
    }

    [[nodiscard]] static std::size_t switches(const std::string& schedule) {
        std::size_t n = 0;
        for (std::size_t i = 1; i < schedule.size(); ++i)
            n += schedule[i] != schedule[i - 1];
        return n;
    }
    // Returns: a schedule that fails too, with fewer switches: drops one letter at a time while that helps.
    std::string minimised(std::string best) {
        const std::string known = machine_.locations().learnt();
        for (bool better = true; better;) {
            better = false;
            for (std::size_t i = 0; i < best.size() && !better; ++i) {
                std::string cut = best;
                cut.erase(i, 1);
                script steps{cut};
                forget_ends();
                const machine::outcome how = once(steps);
                if (how == machine::outcome::learnt) { // then the letters would mean something else
                    machine_.locations().forget();
                    (void)machine_.locations().learn(known);
                }
                if (how != machine::outcome::failed) continue;
                const std::string& tried = machine_.schedule();
                const auto cost = [](const std::string& s) { return std::pair{switches(s), s.size()}; };
                if (cost(tried) < cost(best)) {
                    best = tried;
                    better = true;
                }
            }
        }
        return best;
    }

    // One place for all: so ends of different searches are the same bytes, pointers included.
    alignas(4096) static inline std::byte world_[largest_world];

    scenario_type type_;
    options options_;
    std::size_t bytes_;
    std::unique_ptr<std::byte[]> snapshot_;
    machine machine_;
    search_result result_;
};

template <class S>
exploration::scenario_type scenario_type_of() {
    static_assert(sizeof(S) <= exploration::largest_world);
    exploration::scenario_type type{};
    type.bytes = sizeof(S);
    type.construct = [](void* at) { ::new (at) S; };
    type.check = [](void* at) { static_cast<S*>(at)->check(); };
    type.label = [](const void* at, names& labels) {
        if constexpr (requires(const S& s) { s.label(labels); }) static_cast<const S*>(at)->label(labels);
    };
    if constexpr (requires(const S& s) { s.outcome(); })
        type.outcome = [](const void* at) { return static_cast<const S*>(at)->outcome(); };
    type.functions.threads = S::threads;
    type.functions.run = [](void* at, unsigned thread) { static_cast<S*>(at)->run(thread); };
    if constexpr (requires(S & s) { s.handler(0u); })
        type.functions.handler = [](void* at, unsigned thread) { static_cast<S*>(at)->handler(thread); };
    return type;
}

template <class S>
search_result explore(const options& how) {
    return exploration{scenario_type_of<S>(), how}.run();
}
template <class S>
search_result replay(const options& how, std::string_view schedule) {
    return exploration{scenario_type_of<S>(), how}.replay(schedule);
}

} // namespace cordon::explorer
