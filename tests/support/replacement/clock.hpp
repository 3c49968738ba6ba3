// support/replacement/clock.hpp - clock: first in, first out, with a second chance. A reference simulator.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/replacement/queue.hpp"

#include <algorithm>

namespace cordon::testing::replacement {

// The counter of a page is 0 when it comes, and saturates at most_uses.
class clock {
public:
    explicit clock(std::uint64_t capacity, unsigned most_uses = 1)
        : capacity_(capacity), most_uses_(most_uses) {}

    // Returns: whether the page was in the cache.
    bool access(request r) {
        if (queue::entry* known = pages_.find(r.id)) {
            known->uses = std::min(known->uses + 1, most_uses_);
            return true;
        }
        if (r.size > capacity_) return false;
        while (pages_.size() + r.size > capacity_) {
            const queue::entry oldest = pages_.pop_oldest();
            if (oldest.uses != 0) pages_.push({oldest.page, oldest.uses - 1});
        }
        pages_.push({r});
        return false;
    }

private:
    std::uint64_t capacity_;
    unsigned most_uses_;
    queue pages_;
};

} // namespace cordon::testing::replacement
