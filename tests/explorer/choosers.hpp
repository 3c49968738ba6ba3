// explorer/choosers.hpp - choosers that need no memory: some schedules (random_walk, priorities), one (script).
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/machine.hpp"
#include "support/seed.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::explorer {

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
