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

// Depth first over all schedules: each run repeats the choices of the last one up to the deepest that has an
// alternative left. Sleep sets leave out a schedule that differs from one already run only in the order of
// steps that commute. A bound on preemptions drops runs that sleep sets count on, so it turns them off.
class depth_first final : public chooser {
public:
    depth_first(bool sleep_sets, unsigned preemptions)
        : sleep_sets_(sleep_sets && preemptions == unlimited), preemptions_(preemptions) {}

    void begin() override {
        depth_ = 0;
        asleep_ = {};
    }
    transition next(machine& m) override {
        if (depth_ != choices_.size()) {
            const choice& c = choices_[depth_++];
            if (depth_ == choices_.size()) fall_asleep(m, c);
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
        // The thread that ran goes on if it can: few switches come first, and are easy to read.
        c.taken = c.left.contains(c.last) ? c.last : c.left.first();
        choices_.push_back(c);
        ++depth_;
        fall_asleep(m, choices_.back());
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
    struct choice {
        transition_set enabled;
        transition_set left; // to be tried
        transition_set done;
        transition_set asleep;
        transition last; // the step of the thread that ran before
        transition taken;
        unsigned preempted = 0;
        [[nodiscard]] transition runs_on() const {
            return taken.kind() == move::flush || taken.kind() == move::kill
                       ? last
                       : transition{move::step, taken.thread()};
        }
    };
    // Returns: whether the thread that ran could have gone on, and another one runs.
    static bool preempts(const choice& c) {
        return c.enabled.contains(c.last) && c.runs_on() != c.last;
    }
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
    // What was tried before, or slept, sleeps on below this choice, unless what happens now makes a difference to it.
    void fall_asleep(machine& m, const choice& c) {
        if (!sleep_sets_) return;
        asleep_ = {};
        c.asleep.with(c.done).for_each([&](transition t) {
            if (t != c.taken && m.independent(t, c.taken)) asleep_.insert(t);
        });
    }

    bool sleep_sets_;
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
