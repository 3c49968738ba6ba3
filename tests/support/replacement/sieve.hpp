// support/replacement/sieve.hpp - sieve: a clock whose hand leaves survivors in place. A reference simulator.
// SPDX-License-Identifier: BSL-1.0
//
// Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for Web Caches", NSDI 2024.
#pragma once

#include "support/replacement/trace.hpp"

#include <iterator>
#include <list>
#include <unordered_map>

namespace cordon::testing::replacement {

class sieve {
public:
    explicit sieve(std::uint64_t capacity) : capacity_(capacity), hand_(order_.end()) {}
    sieve(const sieve&) = delete;
    sieve& operator=(const sieve&) = delete;

    // Returns: whether the page was in the cache.
    bool access(request r) {
        if (const auto at = where_.find(r.id); at != where_.end()) return at->second->visited = true;
        if (r.size > capacity_) return false;
        for (; size_ + r.size > capacity_; evict()) {
        }
        order_.push_back({r, false});
        where_[r.id] = std::prev(order_.end());
        size_ += r.size;
        return false;
    }

private:
    struct entry {
        request page;
        bool visited;
    };

    // The hand goes from the oldest page to the newest, then starts again at the oldest.
    void evict() {
        const auto wrap = [this] {
            if (hand_ == order_.end()) hand_ = order_.begin();
        };
        for (wrap(); hand_->visited; wrap())
            (hand_++)->visited = false;
        size_ -= hand_->page.size;
        where_.erase(hand_->page.id);
        hand_ = order_.erase(hand_); // end(), if that was the newest: pages that come meanwhile do not matter
    }

    std::uint64_t capacity_;
    std::uint64_t size_ = 0;
    std::list<entry> order_; // oldest first
    std::list<entry>::iterator hand_;
    std::unordered_map<page, std::list<entry>::iterator> where_;
};

} // namespace cordon::testing::replacement
