// support/replacement/s3_fifo.hpp - s3_fifo: a small queue, a main queue, a ghost queue. A reference simulator.
// SPDX-License-Identifier: BSL-1.0
//
// Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023. Details where the text leaves a choice
// are those of libCacheSim: the main queue is evicted from only when it exceeds its share or the small one is empty,
// a promotion resets the counter, and what is larger than the small queue is not admitted.
#pragma once

#include "support/replacement/queue.hpp"

#include <algorithm>

namespace cordon::testing::replacement {

// Remembers the last pages, as many as fit into its capacity; a recalled one makes room.
class exact_ghosts {
public:
    static constexpr bool asked_last = false; // before room is made
    explicit exact_ghosts(std::uint64_t capacity) : capacity_(capacity) {}
    void remember(request r) {
        if (r.size > capacity_) return;
        while (ghosts_.size() + r.size > capacity_)
            ghosts_.pop_oldest();
        ghosts_.push({r});
    }
    bool recall(page id) { return ghosts_.remove(id); }

private:
    std::uint64_t capacity_;
    queue ghosts_;
};

// Remembers the last `capacity` pages, recalled or not: the running number of an eviction is enough to tell.
class window_ghosts {
public:
    static constexpr bool asked_last = true; // when the page enters, after the eviction that made room for it
    explicit window_ghosts(std::uint64_t capacity) : capacity_(capacity) {}
    void remember(request r) { number_[r.id] = ++evictions_; }
    bool recall(page id) {
        const auto at = number_.find(id);
        const bool known = at != number_.end() && evictions_ - at->second < capacity_;
        if (at != number_.end()) number_.erase(at);
        return known;
    }

private:
    std::uint64_t capacity_;
    std::uint64_t evictions_ = 0;
    std::unordered_map<page, std::uint64_t> number_;
};

template <class Ghosts = exact_ghosts>
class s3_fifo {
public:
    explicit s3_fifo(std::uint64_t capacity, unsigned threshold = 2)
        : capacity_(capacity),
          small_share_(capacity / 10),
          threshold_(threshold),
          ghosts_(capacity * 9 / 10) {}

    // Returns: whether the page was in the cache.
    bool access(request r) {
        for (queue* q : {&small_, &main_})
            if (queue::entry* known = q->find(r.id)) return ++known->uses, true;
        bool remembered = !Ghosts::asked_last && ghosts_.recall(r.id);
        if (r.size > std::max<std::uint64_t>(small_share_, 1)) return false;
        while (small_.size() + main_.size() + r.size > capacity_)
            main_.size() > capacity_ - small_share_ || small_.size() == 0 ? evict_main() : evict_small();
        if (Ghosts::asked_last) remembered = ghosts_.recall(r.id);
        (remembered ? main_ : small_).push({r});
        return false;
    }

private:
    void evict_small() {
        while (small_.size() != 0) {
            const queue::entry oldest = small_.pop_oldest();
            if (oldest.uses < threshold_) return ghosts_.remember(oldest.page);
            main_.push({oldest.page});
        }
    }
    void evict_main() {
        queue::entry oldest = main_.pop_oldest();
        for (; oldest.uses != 0; oldest = main_.pop_oldest())
            main_.push({oldest.page, std::min(oldest.uses, 3u) - 1});
    }

    std::uint64_t capacity_, small_share_;
    unsigned threshold_;
    queue small_, main_;
    Ghosts ghosts_;
};

} // namespace cordon::testing::replacement
