// support/replacement/pool.hpp - pool: a page cache over cordon::lru, with the interface of the simulators.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru.hpp"
#include "support/replacement/trace.hpp"

#include <unordered_map>
#include <vector>

namespace cordon::testing::replacement {

// Uses the public verbs only, by one thread: touch at a hit; isolate_coldest, evicted and add at a miss. Each group
// has pages and `capacity` frames of its own.
template <class Replacement>
class pool {
public:
    explicit pool(std::size_t capacity, const Replacement& how = {}, std::uint32_t groups = 1)
        : lru_{cordon::frame_range{cordon::frame{0}, cordon::frame_count{capacity * groups}}, groups, how},
          capacity_(capacity),
          content_(capacity * groups),
          groups_(groups) {
        for (std::uint32_t g = 1; g < groups; ++g)
            errors_ += lru_.create_group().value_or(cordon::root_group) != cordon::group_id{g};
    }

    // Returns: whether the page was in the cache of the group.
    bool access(request r, std::uint32_t number = 0) {
        group& in = groups_[number];
        const cordon::group_id id{number};
        if (const auto at = in.where.find(r.id); at != in.where.end()) return lru_.touch(at->second), true;
        const cordon::frame f =
            in.where.size() < capacity_
                ? cordon::frame{static_cast<std::uint32_t>(number * capacity_ + in.where.size())}
                : evict(in, id);
        const auto token = in.tokens.find(r.id);
        errors_ += lru_.add(f, id, token == in.tokens.end() ? cordon::lru_token{} : token->second, r.id) !=
                   cordon::status::ok;
        if (token != in.tokens.end()) in.tokens.erase(token);
        content_[f.raw()] = r.id;
        in.where[r.id] = f;
        return false;
    }
    // Returns: verbs that failed.
    [[nodiscard]] std::uint64_t errors() const { return errors_; }
    [[nodiscard]] auto& tracker() { return lru_; }

private:
    struct group {
        std::unordered_map<page, cordon::frame> where;
        std::unordered_map<page, cordon::lru_token> tokens;
    };
    cordon::frame evict(group& from, cordon::group_id g) {
        cordon::frame f;
        errors_ += lru_.isolate_coldest(g, {&f, 1}) != 1;
        const page id = content_.at(f.raw());
        const cordon::result<cordon::lru_token> token = lru_.evicted(f);
        if (token)
            from.tokens[id] = *token;
        else
            ++errors_;
        from.where.erase(id);
        return f;
    }

    cordon::lru<Replacement, cordon::single_threaded_policy> lru_;
    std::size_t capacity_;      // of each group
    std::vector<page> content_; // of each frame
    std::vector<group> groups_;
    std::uint64_t errors_ = 0;
};

} // namespace cordon::testing::replacement
