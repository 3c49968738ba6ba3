// support/replacement/queue.hpp - queue: pages in the order of their arrival, found by their id.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/replacement/trace.hpp"

#include <list>
#include <unordered_map>

namespace cordon::testing::replacement {

class queue {
public:
    struct entry {
        request page;
        unsigned uses = 0;
    };

    [[nodiscard]] std::uint64_t size() const { return size_; }
    // Returns: the entry of the page, or nullptr.
    [[nodiscard]] entry* find(page id) {
        const auto at = where_.find(id);
        return at == where_.end() ? nullptr : &*at->second;
    }
    void push(entry e) {
        order_.push_front(e);
        where_[e.page.id] = order_.begin();
        size_ += e.page.size;
    }
    void to_front(page id) { order_.splice(order_.begin(), order_, where_.at(id)); }
    entry pop_oldest() {
        const entry oldest = order_.back();
        remove(oldest.page.id);
        return oldest;
    }
    // Returns: whether the page was there.
    bool remove(page id) {
        const auto at = where_.find(id);
        if (at == where_.end()) return false;
        size_ -= at->second->page.size;
        order_.erase(at->second);
        where_.erase(at);
        return true;
    }

private:
    std::list<entry> order_; // newest first
    std::unordered_map<page, std::list<entry>::iterator> where_;
    std::uint64_t size_ = 0;
};

} // namespace cordon::testing::replacement
