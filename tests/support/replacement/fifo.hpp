// support/replacement/fifo.hpp - fifo: evicts what came first. A reference simulator.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/replacement/queue.hpp"

namespace cordon::testing::replacement {

class fifo {
public:
    explicit fifo(std::uint64_t capacity) : capacity_(capacity) {}

    // Returns: whether the page was in the cache.
    bool access(request r) {
        if (pages_.find(r.id) != nullptr) return true;
        if (r.size > capacity_) return false;
        while (pages_.size() + r.size > capacity_)
            pages_.pop_oldest();
        pages_.push({r});
        return false;
    }

private:
    std::uint64_t capacity_;
    queue pages_;
};

} // namespace cordon::testing::replacement
