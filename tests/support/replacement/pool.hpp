// support/replacement/pool.hpp - pool: a page cache over cordon::lru, with the interface of the simulators.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru.hpp"
#include "support/replacement/trace.hpp"

#include <unordered_map>

namespace cordon::testing::replacement {

// Uses the public verbs only, by one thread: touch at a hit; isolate_coldest, evicted and add at a miss.
template <class Replacement>
class pool {
public:
    explicit pool(std::size_t capacity, const Replacement& how = {})
        : lru_{cordon::frame_range{cordon::frame{0}, cordon::frame_count{capacity}}, 1, how},
          content_(capacity) {}

    // Returns: whether the page was in the cache.
    bool access(request r) {
        if (const auto at = where_.find(r.id); at != where_.end()) return lru_.touch(at->second), true;
        const cordon::frame f = where_.size() < content_.size() ? unused() : evict();
        const auto token = tokens_.find(r.id);
        errors_ +=
            lru_.add(f, cordon::root_group, token == tokens_.end() ? cordon::lru_token{} : token->second,
                     r.id) != cordon::status::ok;
        if (token != tokens_.end()) tokens_.erase(token);
        content_[f.raw()] = r.id;
        where_[r.id] = f;
        return false;
    }
    // Returns: verbs that failed.
    [[nodiscard]] std::uint64_t errors() const { return errors_; }
    [[nodiscard]] auto& tracker() { return lru_; }

private:
    [[nodiscard]] cordon::frame unused() const {
        return cordon::frame{static_cast<std::uint32_t>(where_.size())};
    }
    cordon::frame evict() {
        cordon::frame f;
        errors_ += lru_.isolate_coldest(cordon::root_group, {&f, 1}) != 1;
        const page id = content_.at(f.raw());
        const cordon::result<cordon::lru_token> token = lru_.evicted(f);
        if (token)
            tokens_[id] = *token;
        else
            ++errors_;
        where_.erase(id);
        return f;
    }

    cordon::lru<Replacement, cordon::single_threaded_policy> lru_;
    std::vector<page> content_; // of each frame
    std::unordered_map<page, cordon::frame> where_;
    std::unordered_map<page, cordon::lru_token> tokens_;
    std::uint64_t errors_ = 0;
};

} // namespace cordon::testing::replacement
