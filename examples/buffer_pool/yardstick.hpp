// buffer_pool/yardstick.hpp - what LRU and Belady's optimum would have made of the same accesses.
// SPDX-License-Identifier: BSL-1.0
//
// One page in so many is followed, by a hash of its number, in a cache that is smaller by the same factor (SHARDS,
// FAST 2015): a small cache sees the same mixture as a large one. All ratios are of these pages, the pool's, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace demo {

class yardstick {
public:
    struct phase {
        const char* name;
        std::size_t frames; // of the pool
        std::size_t start;  // in the trace
        std::uint64_t hits; // of the pool
    };
    struct ratios {
        double pool, lru, belady;
    };

    explicit yardstick(std::uint64_t one_in) : one_in_(one_in) {}

    void access(std::uint32_t page, bool was_hit) {
        if ((page * 0x9e3779b97f4a7c15 >> 32) % one_in_ != 0) return;
        const std::lock_guard hold{mutex_};
        trace_.push_back(page);
        phases_.back().hits += was_hit;
    }
    // Effects: from now on the pool has so many frames.
    void enter(const char* name, std::size_t frames) {
        const std::lock_guard hold{mutex_};
        phases_.push_back({name, frames, trace_.size(), 0});
    }
    [[nodiscard]] const std::vector<phase>& phases() const { return phases_; }
    // Returns: the share of hits in each phase. Requires: the traffic has ended.
    [[nodiscard]] std::vector<ratios> measure() const {
        std::vector<std::size_t> next(trace_.size());
        std::unordered_map<std::uint32_t, std::size_t> seen;
        for (std::size_t t = trace_.size(); t-- != 0;) {
            const auto [at, is_new] = seen.try_emplace(trace_[t], t);
            next[t] = is_new ? trace_.size() + t : at->second;
            at->second = t;
        }
        // Both are a cache ordered by a number for each page, whose last one is evicted: the time since its last use,
        // the time of its next use (so Belady may leave a page out at once).
        const auto lru = replay([&](std::size_t t) { return trace_.size() - t; });
        const auto belady = replay([&](std::size_t t) { return next[t]; });
        std::vector<ratios> all;
        for (std::size_t p = 0; p != phases_.size(); ++p) {
            const std::size_t end = p + 1 == phases_.size() ? trace_.size() : phases_[p + 1].start;
            const auto n = static_cast<double>(end == phases_[p].start ? 1 : end - phases_[p].start);
            all.push_back({static_cast<double>(phases_[p].hits) / n, static_cast<double>(lru[p]) / n,
                           static_cast<double>(belady[p]) / n});
        }
        return all;
    }

private:
    template <class Rank>
    [[nodiscard]] std::vector<std::uint64_t> replay(Rank rank) const {
        std::set<std::pair<std::size_t, std::uint32_t>> order;
        std::unordered_map<std::uint32_t, std::size_t> ranks;
        std::vector<std::uint64_t> hits;
        for (std::size_t t = 0; t != trace_.size(); ++t) {
            while (hits.size() != phases_.size() && phases_[hits.size()].start <= t)
                hits.push_back(0);
            const auto [at, is_new] = ranks.try_emplace(trace_[t], 0);
            if (!is_new) {
                ++hits.back();
                order.erase({at->second, trace_[t]});
            }
            at->second = rank(t);
            order.insert({at->second, trace_[t]});
            while (order.size() > phases_[hits.size() - 1].frames / one_in_) {
                ranks.erase(order.rbegin()->second);
                order.erase(std::prev(order.end()));
            }
        }
        hits.resize(phases_.size());
        return hits;
    }

    std::uint64_t one_in_;
    std::mutex mutex_;
    std::vector<std::uint32_t> trace_;
    std::vector<phase> phases_;
};

} // namespace demo
