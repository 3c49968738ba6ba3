// support/replacement/belady.hpp - belady: evicts what is needed again last. The optimum, knowing the future.
// SPDX-License-Identifier: BSL-1.0
//
// Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966. No
// policy that admits each page it misses has fewer misses, for pages of one size.
#pragma once

#include "support/replacement/trace.hpp"

#include <set>
#include <span>
#include <unordered_map>
#include <utility>

namespace cordon::testing::replacement {

// For each request, the position of the next one for the same page; of the last one, a number beyond the trace,
// larger for later ones, so that no two are equal.
inline std::vector<std::uint64_t> next_uses(std::span<const request> requests) {
    std::vector<std::uint64_t> next(requests.size());
    std::unordered_map<page, std::uint64_t> seen;
    for (std::size_t i = requests.size(); i-- != 0;) {
        const auto [at, is_last] = seen.try_emplace(requests[i].id, i);
        next[i] = is_last ? requests.size() + i : std::exchange(at->second, i);
    }
    return next;
}

// Returns: the number of misses.
inline std::uint64_t belady_misses(std::span<const request> requests, std::uint64_t capacity) {
    const std::vector<std::uint64_t> next = next_uses(requests);
    std::set<std::pair<std::uint64_t, std::uint64_t>> cached; // next use, size
    std::uint64_t size = 0, misses = 0;
    for (std::size_t i = 0; i != requests.size(); ++i) {
        const request r = requests[i];
        if (cached.erase({i, r.size}) == 1)
            size -= r.size;
        else if (++misses; r.size > capacity)
            continue;
        for (; size + r.size > capacity; cached.erase(std::prev(cached.end())))
            size -= cached.rbegin()->second;
        cached.emplace(next[i], r.size);
        size += r.size;
    }
    return misses;
}

// Returns: the number of misses of a simulator.
template <class Simulator>
std::uint64_t misses(Simulator&& cache, std::span<const request> requests) {
    std::uint64_t count = 0;
    for (const request r : requests)
        count += cache.access(r) ? 0 : 1;
    return count;
}

} // namespace cordon::testing::replacement
