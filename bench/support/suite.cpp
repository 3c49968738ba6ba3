// support/suite.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/suite.hpp"

#include "support/patterns.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <regex>

namespace bench {

namespace {

class name_filter {
public:
    explicit name_filter(const std::string& text)
        : negative_(text.starts_with('-')), wanted_(text.substr(negative_ ? 1 : 0)) {}
    [[nodiscard]] bool passes(const std::string& name) const {
        return std::regex_search(name, wanted_) != negative_;
    }

private:
    bool negative_;
    std::regex wanted_;
};

outcome empty_outcome(const question& q, const figure& f, std::size_t contestant) {
    return {.measured = f,
            .arguments = q.arguments,
            .contestant = q.contestants[contestant].name,
            .is_first = contestant == 0,
            .threads = q.threads};
}

// Returns: whether some figure of the contestant is wanted.
bool is_wanted(const question& q, std::size_t contestant, const name_filter& filter) {
    return std::any_of(q.figures.begin(), q.figures.end(), [&](const figure& f) {
        return filter.passes(empty_outcome(q, f, contestant).name());
    });
}

// One question while it is being asked.
class race {
public:
    race(const question& q, const name_filter& filter, const std::function<bool()>& stop) : question_(q) {
        for (std::size_t c = 0; c != q.contestants.size() && !stop(); ++c) {
            if (!is_wanted(q, c, filter)) continue;
            runner& r = runners_.emplace_back();
            for (const figure& f : q.figures)
                r.outcomes.push_back(empty_outcome(q, f, c));
            on_stage = r.outcomes.front().name();
            r.next = q.contestants[c].make();
        }
    }

    // The round that is not counted: caches warm, pages present, and so many laps as fill it: the first of them is cold,
    // so it is not for the first to say how many there are.
    void warm_up(const flags& chosen, const std::function<bool()>& stop) {
        for (runner& r : runners_) {
            const double end = wall_ns() + 1e9 * chosen.min_time;
            double shortest = std::numeric_limits<double>::max();
            for (std::uint32_t lap = 0; lap == 0 || (lap < chosen.laps || wall_ns() < end); ++lap) {
                if (stop()) return;
                const double start = wall_ns();
                r.lap();
                shortest = std::min(shortest, wall_ns() - start);
            }
            constexpr double most = 1e9;
            const double wanted = std::ceil(1e9 * chosen.min_time / std::max(shortest, 1.0));
            r.laps = std::max(chosen.laps, static_cast<std::uint32_t>(std::clamp(wanted, 1.0, most)));
        }
    }
    // Returns: false if it was stopped, and the round does not count.
    bool round(unsigned number, const std::function<bool()>& stop) {
        if (runners_.empty()) return false; // stopped before the first was made
        std::vector<std::vector<reading>> read(runners_.size(),
                                               std::vector<reading>(question_.figures.size()));
        for (const std::size_t i : order_of_round(number, runners_.size()))
            for (std::uint32_t l = 0; l != runners_[i].laps; ++l) {
                if (stop()) return false;
                const std::vector<reading> one = runners_[i].lap();
                for (std::size_t f = 0; f != read[i].size(); ++f)
                    read[i][f] += one[f];
            }
        for (std::size_t i = 0; i != runners_.size(); ++i)
            for (std::size_t f = 0; f != read[i].size(); ++f)
                record(runners_[i].outcomes[f], read[i][f]);
        return true;
    }
    void finish(const name_filter& filter, std::vector<outcome>& out) {
        // Figure by figure, so that what is compared stands together.
        for (std::size_t f = 0; f != question_.figures.size(); ++f) {
            const outcome* const base = base_of(f);
            for (runner& r : runners_) {
                outcome& o = r.outcomes[f];
                if (base != nullptr) {
                    o.base = base->contestant;
                    o.ratios = ratios(o.values(), base->values());
                }
                if (!o.operations.empty() && filter.passes(o.name())) out.push_back(o);
            }
        }
    }

private:
    struct runner {
        std::vector<reading> lap() {
            on_stage = outcomes.front().name();
            return next();
        }

        bench::lap next;
        std::uint32_t laps = 1;
        std::vector<outcome> outcomes; // one for each figure
    };

    [[nodiscard]] const outcome* base_of(std::size_t figure) const {
        const outcome* best = nullptr;
        for (const runner& r : runners_) {
            const outcome& o = r.outcomes[figure];
            if (o.operations.empty() ||
                std::ranges::find(question_.bases, o.contestant) == question_.bases.end())
                continue;
            if (best == nullptr || o.is_better_than(*best)) best = &o;
        }
        return best;
    }
    static void record(outcome& o, const reading& sum) {
        const double n = sum.operations;
        if (n == 0) return;
        o.operations.push_back(n);
        o.cpu_ns.push_back(sum.cpu_ns / n);
        o.real_ns.push_back(sum.real_ns / n);
        o.amount.push_back(sum.amount / n);
    }

    const question& question_;
    std::vector<runner> runners_;
};

} // namespace

std::vector<std::size_t> order_of_round(unsigned round, std::size_t contestants) {
    const bool mirrored = round / contestants % 2 != 0;
    std::vector<std::size_t> out;
    for (std::size_t turn = 0; turn != contestants; ++turn) {
        const std::size_t t = mirrored ? contestants - 1 - turn : turn;
        // 0, 1, -1, 2, -2, ...: the steps between neighbours are all different.
        const std::size_t zigzag = t % 2 != 0 ? (t + 1) / 2 : contestants - t / 2;
        out.push_back((round + zigzag) % contestants);
    }
    return out;
}

std::vector<std::string> suite::names(const flags& chosen) const {
    const name_filter filter{chosen.filter};
    std::vector<std::string> out;
    for (const question& q : questions_)
        for (const figure& f : q.figures)
            for (std::size_t c = 0; c != q.contestants.size(); ++c)
                if (std::string name = empty_outcome(q, f, c).name(); filter.passes(name))
                    out.push_back(std::move(name));
    return out;
}

std::string suite::name_of_two() const {
    std::vector<std::string> all = names({});
    std::ranges::sort(all);
    const auto twice = std::ranges::adjacent_find(all);
    return twice != all.end() ? *twice : "";
}

std::vector<outcome> suite::run(const flags& chosen, const progress& tell, const keeper& keep,
                                const std::function<bool()>& stop) const {
    const name_filter filter{chosen.filter};
    std::vector<const question*> asked;
    for (const question& q : questions_)
        for (std::size_t c = 0; c != q.contestants.size(); ++c)
            if (is_wanted(q, c, filter)) {
                asked.push_back(&q);
                break;
            }
    const std::uint64_t all = asked.size() * (std::uint64_t{chosen.repetitions} + 1);
    std::uint64_t done = 0;
    std::vector<outcome> out;
    for (const question* q : asked) {
        if (stop()) break;
        const std::string at = q->figures.front().name + '/' + q->arguments;
        tell(at, done, all);
        race laps{*q, filter, stop};
        laps.warm_up(chosen, stop);
        for (unsigned round = 0; round != chosen.repetitions; ++round) {
            tell(at, ++done, all);
            if (!laps.round(round, stop)) break;
        }
        ++done;
        laps.finish(filter, out);
        keep(out);
    }
    return out;
}

} // namespace bench
