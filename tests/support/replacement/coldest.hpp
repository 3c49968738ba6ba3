// support/replacement/coldest.hpp - tracked, coldest: what the tests of replacement policies begin and end with.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru.hpp"

#include <cstdint>
#include <vector>

namespace cordon::testing::replacement {

using numbers = std::vector<std::uint32_t>;

// An LRU of one thread with frames 0, 1, ..., n - 1 added in this order; it has room for twice as many.
template <class Replacement>
struct tracked : lru<Replacement, single_threaded_policy> {
    explicit tracked(std::uint32_t n, const Replacement& how = {})
        : lru<Replacement, single_threaded_policy>(frame_range{frame{0}, frame_count{2 * n}}, 1, how) {
        for (std::uint32_t i = 0; i != n; ++i)
            (void)this->add(frame{i});
        (void)this->drain();
    }
    // Effects: touches the frame so many times.
    void use(std::uint32_t i, unsigned times = 1) {
        while (times-- != 0)
            this->touch(frame{i});
    }
    // Effects: evicts up to n frames. Returns: their numbers, in order.
    numbers coldest(std::uint32_t n) {
        numbers all;
        frame f;
        while (all.size() != n && this->isolate_coldest(root_group, {&f, 1}) == 1 && this->evicted(f))
            all.push_back(f.raw());
        return all;
    }
    // Effects: isolates the frame. Returns: its token.
    lru_token evict(std::uint32_t i) {
        return this->isolate(frame{i}) == status::ok ? *this->evicted(frame{i}) : lru_token{};
    }
};

} // namespace cordon::testing::replacement
