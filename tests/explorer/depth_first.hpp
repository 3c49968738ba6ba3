// explorer/depth_first.hpp - depth_first: every schedule, but for those that are known to show nothing new.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/machine.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
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
        // Effects: none of the first n.
        void clear(std::size_t n) { std::fill_n(words_, n / 64 + 1, 0); }
        [[nodiscard]] bool contains(std::size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
        // Effects: the step i comes before, and what comes before that.
        void insert(std::size_t i, const past& of_i) {
            for (std::size_t w = 0; w <= i / 64; ++w)
                words_[w] |= of_i.words_[w];
            add(i);
        }
        void add(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << i % 64; }
        // Returns: whether both have one of the first n.
        [[nodiscard]] bool meets(const past& other, std::size_t n) const {
            for (std::size_t w = 0; w <= n / 64; ++w)
                if ((words_[w] & other.words_[w]) != 0) return true;
            return false;
        }

    private:
        std::uint64_t words_[machine::max_steps / 64 + 1]; // as far as clear() went
    };
    using steps_of_threads = std::array<std::uint32_t, max_threads>;
    struct choice {
        transition_set enabled;
        transition_set left; // to be tried
        transition_set done;
        transition_set asleep;
        transition last; // the step of the thread that ran before
        transition taken;
        unsigned preempted = 0;
        event happens;          // when `taken` is
        steps_of_threads steps; // the last one of each, this one included, counted from 1
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
        const imprint mine = imprints_[n] = imprint_of(c.happens);
        past& before = pasts_[n];
        before.clear(n);
        past of_thread; // what the thread had seen before this step
        of_thread.clear(n);
        races_.clear();
        const auto comes_behind = [&](std::size_t i, bool of_same_thread) {
            before.insert(i, pasts_[i]);
            if (of_same_thread) of_thread.insert(i, pasts_[i]);
        };
        // What it follows in its thread: a flush its store, all else the step before.
        choices_[n].steps = n == 0 ? steps_of_threads{} : choices_[n - 1].steps;
        std::uint32_t& step = choices_[n].steps[c.happens.what.thread()];
        if (const std::uint32_t behind = c.happens.is_flush() ? c.happens.source : step; behind != 0)
            comes_behind(behind - 1, true);
        if (!c.happens.is_flush()) step = static_cast<std::uint32_t>(n + 1);
        for (std::size_t i = n; i-- != 0;) {
            if (!mine.may_depend_on(imprints_[i]) || of_thread.contains(i)) continue;
            const event& earlier = choices_[i].happens;
            if (!depends(earlier, static_cast<std::uint32_t>(i + 1), c.happens)) continue;
            const bool of_same_thread = earlier.what.thread() == c.happens.what.thread();
            comes_behind(i, of_same_thread);
            if (!of_same_thread && can_race(earlier, c.happens)) races_.push_back(i);
        }
        for (const std::size_t i : races_)
            reverse(i);
    }
    // Effects: at the choice i something is tried that lets the last step come before what was done there: a first
    // step of those that need not come behind it (an initial, in source-DPOR).
    void reverse(std::size_t i) {
        choice& c = choices_[i];
        const transition_set known = c.left.with(c.done).with(c.asleep);
        transition found{};
        past others; // that need not come behind it
        const std::size_t n = choices_.size() - 1;
        others.clear(n);
        for (std::size_t j = i + 1; j <= n; ++j) {
            if (j != n && pasts_[j].contains(i)) continue;
            const bool initial = !pasts_[j].meets(others, j);
            others.add(j);
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
    // Of each choice, with races.
    std::unique_ptr<imprint[]> imprints_ = std::make_unique_for_overwrite<imprint[]>(machine::max_steps + 1);
    std::unique_ptr<past[]> pasts_ = std::make_unique_for_overwrite<past[]>(machine::max_steps + 1);
    std::vector<std::size_t> races_;
    std::size_t depth_ = 0;
    transition_set asleep_;
};

} // namespace cordon::explorer
