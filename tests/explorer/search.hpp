// explorer/search.hpp - the choosers: every schedule (depth_first), some of them (random_walk, priorities), one (script).
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/machine.hpp"
#include "support/seed.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::explorer {

inline constexpr unsigned unlimited = std::numeric_limits<unsigned>::max();

// What leaves out schedules that show nothing new.
enum class reduction : std::uint8_t {
    none,
    sleep, // sleep sets: not one that differs only in the order of steps that commute
    races, // and an alternative is tried only where two steps of a run were seen to race
};

// Depth first over all schedules: each run repeats the choices of the last one up to the deepest that has an
// alternative left. The reductions are Godefroid's sleep sets and source-DPOR (Abdulla et al., POPL 2014); the agents
// are the threads and the queues of their buffers. A bound on preemptions drops runs that both count on, so it turns
// them off; while threads compete for a budget (of deaths, of signals), everything is tried.
class depth_first final : public chooser {
public:
    depth_first(reduction how, unsigned preemptions)
        : reduction_(preemptions == unlimited ? how : reduction::none), preemptions_(preemptions) {}

    void begin() override {
        depth_ = 0;
        asleep_ = {};
    }
    transition next(machine& m) override {
        if (depth_ != choices_.size()) {
            choice& c = choices_[depth_++];
            if (depth_ == choices_.size()) settle(m, c);
            return c.taken;
        }
        choice c;
        c.preempted = choices_.empty() ? 0 : choices_.back().preempted + preempts(choices_.back());
        c.enabled = m.enabled();
        if (c.enabled.empty()) return {};
        c.asleep = asleep_;
        c.last = choices_.empty() ? transition{} : choices_.back().runs_on();
        c.left = c.enabled.without(asleep_);
        if (preemptions_ != unlimited) c.left = affordable(c);
        if (c.left.empty()) return prune;
        if (reduction_ == reduction::races && !m.budgets_are_shared()) {
            // One agent is enough, to begin with, if it can step and none of its moves sleeps. Of the others, what
            // they can do besides a step is tried here: nothing races with a death.
            transition_set apart;
            c.left.for_each([&](transition t) {
                const transition step{move::step, t.thread()};
                const bool whole =
                    t.kind() == move::flush ||
                    (c.enabled.contains(step) && of_agent(c.enabled, t).without(c.left).empty());
                if (!whole) apart.insert(t);
            });
            const transition_set awake = c.left.without(apart);
            if (!awake.empty()) c.left = of_agent(awake, preferred(awake, c.last)).with(apart);
        }
        c.taken = preferred(c.left, c.last);
        choices_.push_back(c);
        ++depth_;
        settle(m, choices_.back());
        return c.taken;
    }
    // Effects: the next run takes another way. Returns: false if there is none.
    bool backtrack() {
        while (!choices_.empty()) {
            choice& c = choices_.back();
            c.left.erase(c.taken);
            c.done.insert(c.taken);
            if (!c.left.empty()) {
                c.taken = c.left.first();
                return true;
            }
            choices_.pop_back();
        }
        return false;
    }

private:
    // The steps of a run that come before one.
    class past {
    public:
        [[nodiscard]] bool contains(std::size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
        // Effects: the step i comes before, and what comes before that.
        void insert(std::size_t i, const past& of_i) {
            for (std::size_t w = 0; w <= i / 64; ++w)
                words_[w] |= of_i.words_[w];
            words_[i / 64] |= std::uint64_t{1} << i % 64;
        }

    private:
        std::array<std::uint64_t, machine::max_steps / 64 + 1> words_{};
    };
    struct choice {
        transition_set enabled;
        transition_set left; // to be tried
        transition_set done;
        transition_set asleep;
        transition last; // the step of the thread that ran before
        transition taken;
        unsigned preempted = 0;
        event happens; // when `taken` is
        past before;
        [[nodiscard]] transition runs_on() const {
            return taken.kind() == move::flush || taken.kind() == move::kill
                       ? last
                       : transition{move::step, taken.thread()};
        }
    };
    // The thread that ran goes on if it can: few switches come first, and are easy to read.
    static transition preferred(transition_set all, transition last) {
        return all.contains(last) ? last : all.first();
    }
    // Returns: whether the thread that ran could have gone on, and another one runs.
    static bool preempts(const choice& c) { return c.enabled.contains(c.last) && c.runs_on() != c.last; }
    [[nodiscard]] transition_set affordable(const choice& c) const {
        if (c.preempted < preemptions_) return c.left;
        transition_set result;
        c.left.for_each([&](transition t) {
            choice tried = c;
            tried.taken = t;
            if (!preempts(tried)) result.insert(t);
        });
        return result;
    }
    static bool same_agent(transition a, transition b) {
        return a.kind() == move::flush || b.kind() == move::flush ? a == b : a.thread() == b.thread();
    }
    static transition_set of_agent(transition_set all, transition agent) {
        transition_set result;
        all.for_each([&](transition t) {
            if (same_agent(t, agent)) result.insert(t);
        });
        return result;
    }

    // Effects: takes note of what `c.taken` comes behind and races with, and who sleeps below it.
    void settle(machine& m, choice& c) {
        if (reduction_ == reduction::none) return;
        c.happens = m.describe(c.taken);
        // What was tried before, or slept, sleeps on, unless what happens now makes a difference to it.
        asleep_ = {};
        c.asleep.with(c.done).for_each([&](transition t) {
            if (t != c.taken && m.independent(m.describe(t), c.happens)) asleep_.insert(t);
        });
        if (reduction_ == reduction::races) find_races(c);
    }
    void find_races(choice& c) {
        const std::size_t n = choices_.size() - 1;
        c.before = {};
        past of_thread; // what the thread had seen before this step
        for (std::size_t i = n; i-- != 0;) {
            const choice& earlier = choices_[i];
            const bool same_thread = earlier.happens.what.thread() == c.happens.what.thread();
            if (!depends(earlier.happens, static_cast<std::uint32_t>(i + 1), c.happens)) continue;
            c.before.insert(i, earlier.before);
            if (same_thread) of_thread.insert(i, earlier.before);
        }
        for (std::size_t i = n; i-- != 0;) {
            const event& earlier = choices_[i].happens;
            if (earlier.what.thread() != c.happens.what.thread() && !of_thread.contains(i) &&
                can_race(earlier, c.happens))
                reverse(i, c.before);
        }
    }
    // Effects: at the choice i something is tried that lets the last step, whose past is `all`, come before what was
    // done there: a first step of those that need not come behind it (an initial, in source-DPOR).
    void reverse(std::size_t i, const past& all) {
        choice& c = choices_[i];
        const transition_set known = c.left.with(c.done).with(c.asleep);
        transition found{};
        for (std::size_t j = i + 1; j != choices_.size(); ++j) {
            const bool last = j + 1 == choices_.size();
            if (!last && choices_[j].before.contains(i)) continue;
            bool initial = true;
            for (std::size_t k = i + 1; k != j && initial; ++k)
                initial = !(last ? all.contains(k) && !choices_[k].before.contains(i)
                                 : choices_[j].before.contains(k));
            if (!initial) continue;
            const transition_set moves = of_agent(c.enabled, choices_[j].taken);
            if (moves.empty()) continue;
            if (moves.without(known).empty()) return;
            found = moves.first();
        }
        const transition_set more = found == transition{} ? c.enabled : of_agent(c.enabled, found);
        c.left = c.left.with(more.without(c.done).without(c.asleep));
    }

    reduction reduction_;
    unsigned preemptions_;
    std::vector<choice> choices_;
    std::size_t depth_ = 0;
    transition_set asleep_;
};

// Any enabled transition, each as likely.
class random_walk final : public chooser {
public:
    explicit random_walk(std::uint64_t seed) : random_(seed) {}
    void begin() override {}
    transition next(machine& m) override {
        transition_set left = m.enabled();
        if (left.empty()) return {};
        for (std::uint64_t skip = random_.below(left.size()); skip != 0; --skip)
            left.erase(left.first());
        return left.first();
    }

private:
    testing::rng random_;
};

// PCT (Burckhardt et al. 2010): each transition letter has a random priority, the highest that is enabled is
// taken; at d - 1 random places the one that was about to run becomes the lowest. Finds a mistake that needs d
// orderings with probability 1 / (n k^(d-1)) a run, for n letters and runs of k steps.
class priorities final : public chooser {
public:
    priorities(std::uint64_t seed, unsigned d, unsigned k) : random_(seed), d_(d), k_(k) {}
    void begin() override {
        for (std::uint64_t& p : priority_)
            p = random_() | lowest;
        changes_.clear();
        for (unsigned i = 1; i < d_; ++i)
            changes_.push_back(static_cast<unsigned>(random_.below(k_)));
        step_ = 0;
    }
    transition next(machine& m) override {
        const transition_set enabled = m.enabled();
        if (enabled.empty()) return {};
        transition t = highest(enabled);
        for (std::size_t i = 0; i != changes_.size(); ++i)
            if (changes_[i] == step_) {
                priority_[t.number()] = i;
                t = highest(enabled);
            }
        ++step_;
        return t;
    }

private:
    static constexpr std::uint64_t lowest = std::uint64_t{1} << 32;
    [[nodiscard]] transition highest(transition_set enabled) const {
        transition best = enabled.first();
        enabled.for_each([&](transition t) {
            if (priority_[t.number()] > priority_[best.number()]) best = t;
        });
        return best;
    }
    testing::rng random_;
    unsigned d_;
    unsigned k_;
    std::array<std::uint64_t, 64> priority_{};
    std::vector<unsigned> changes_;
    unsigned step_ = 0;
};

// One schedule, as its text. What is not enabled is skipped, and behind the end the first thread that can runs:
// so a schedule that was cut still leads somewhere.
class script final : public chooser {
public:
    explicit script(std::string_view letters) : letters_(letters) {}
    void begin() override {
        at_ = 0;
        exact_ = true;
    }
    transition next(machine& m) override {
        const transition_set enabled = m.enabled();
        if (enabled.empty()) return {};
        while (at_ != letters_.size()) {
            const transition t{static_cast<unsigned>(transition::letters.find(letters_[at_++]) & 63)};
            if (enabled.contains(t)) return last_ = t;
            exact_ = false;
        }
        exact_ = false;
        return last_ = enabled.contains(last_) ? last_ : enabled.first();
    }
    // Returns: whether each letter was taken, and no other.
    [[nodiscard]] bool exact() const { return exact_ && at_ == letters_.size(); }

private:
    std::string letters_;
    std::size_t at_ = 0;
    bool exact_ = true;
    transition last_{};
};

} // namespace cordon::explorer
