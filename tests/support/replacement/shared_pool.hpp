// support/replacement/shared_pool.hpp - shared_pool: many that share one pool of frames, and one of them that scans.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru.hpp"
#include "support/replacement/generators.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace cordon::testing::replacement {

struct shared_pool_options {
    std::uint32_t tenants = 1000;       // number 0 may scan; the others draw by Zipf's law
    std::uint32_t frames_a_tenant = 16; // in the mean
    std::uint32_t pages_a_tenant = 64;
    std::uint64_t accesses = 400'000; // half of them the scanner's, if it scans
    std::uint64_t life = 1'000;       // accesses until one of the others ends, and a new one takes its place
    bool own_groups = true;           // else all are in the root group
    std::uint64_t seed = 1;
};

// A tenant that needs a frame while none is free takes its own coldest if it has its share, else the largest one's.
template <class Replacement>
class shared_pool {
public:
    using options = shared_pool_options;

    explicit shared_pool(const options& o)
        : options_(o),
          lru_{frame_range{frame{0}, frame_count{std::uint64_t{o.tenants} * o.frames_a_tenant}},
               o.own_groups ? o.tenants + 1 : 1},
          held_(o.tenants, 0),
          content_(static_cast<std::size_t>(lru_.frames().count().raw())) {
        for (std::uint32_t f = static_cast<std::uint32_t>(content_.size()); f != 0; --f)
            unused_.push_back(frame{f - 1});
        for (std::uint32_t t = 0; t != o.tenants; ++t)
            groups_.push_back(new_group());
    }

    // Returns: the hit ratio of those that do not scan, in per cent, of the second half of the accesses.
    double run(bool scans) {
        const zipf draw{options_.pages_a_tenant, 0.8};
        rng random{options_.seed};
        std::uint64_t hits = 0, all = 0;
        for (std::uint64_t n = 0; n != options_.accesses; ++n) {
            const bool scanner = n % 2 == 0;
            const auto t = static_cast<std::uint32_t>(1 + random.below(options_.tenants - 1));
            const page p = draw(random);
            if (n % options_.life == options_.life - 1) replace(t);
            if (scanner) {
                if (scans) (void)access(0, scanned_++);
                continue;
            }
            const bool hit = access(t, p);
            if (n < options_.accesses / 2) continue;
            hits += hit;
            ++all;
        }
        return 100 * static_cast<double>(hits) / static_cast<double>(all);
    }
    // Returns: verbs that failed.
    [[nodiscard]] std::uint64_t errors() const { return errors_; }
    [[nodiscard]] std::uint64_t groups_made() const { return groups_made_; }
    [[nodiscard]] auto& tracker() { return lru_; }

private:
    struct owned {
        std::uint32_t tenant;
        std::uint64_t page; // of all tenants
    };

    group_id new_group() {
        if (!options_.own_groups) return root_group;
        const result<group_id> made = lru_.create_group();
        errors_ += !made;
        ++groups_made_;
        return made.value_or(root_group);
    }
    bool access(std::uint32_t tenant, page p) {
        const std::uint64_t id = std::uint64_t{tenant} << 40 | p;
        if (const auto at = where_.find(id); at != where_.end()) return lru_.touch(at->second), true;
        if (unused_.empty()) evict(held_[tenant] >= options_.frames_a_tenant ? tenant : largest());
        const frame f = unused_.back();
        unused_.pop_back();
        errors_ += lru_.add(f, groups_[tenant]) != status::ok;
        content_[f.raw()] = {tenant, id};
        where_[id] = f;
        ++held_[tenant];
        return false;
    }
    void evict(std::uint32_t tenant) {
        errors_ += lru_.reclaim(groups_[tenant], frame_count{1}, take(), forget()).reclaimed.raw() != 1;
    }
    // Effects: the tenant is gone, with its frames and its group; a new one has its number.
    void replace(std::uint32_t tenant) {
        if (!options_.own_groups) {
            for (const frame f : lru_.frames())
                if (content_[f.raw()].page != 0 && content_[f.raw()].tenant == tenant) {
                    errors_ += lru_.isolate(f) != status::ok || !lru_.evicted(f);
                    forget()(f, {});
                }
            return;
        }
        while (held_[tenant] != 0)
            if (lru_.reclaim(groups_[tenant], frame_count{64}, take(), forget()).reclaimed.raw() == 0) break;
        errors_ += held_[tenant] != 0;
        errors_ += lru_.remove_group(groups_[tenant]) != status::ok;
        groups_[tenant] = new_group();
    }
    [[nodiscard]] static auto take() {
        return [](frame) { return verdict::reclaim; };
    }
    [[nodiscard]] auto forget() {
        return [this](frame f, lru_token) {
            where_.erase(content_[f.raw()].page);
            --held_[content_[f.raw()].tenant];
            content_[f.raw()] = {};
            unused_.push_back(f);
        };
    }
    [[nodiscard]] std::uint32_t largest() const {
        return static_cast<std::uint32_t>(std::max_element(held_.begin(), held_.end()) - held_.begin());
    }

    options options_;
    cordon::lru<Replacement, single_threaded_policy> lru_;
    std::vector<group_id> groups_; // of each tenant
    std::vector<std::uint32_t> held_;
    std::vector<owned> content_; // of each frame
    std::vector<frame> unused_;
    std::unordered_map<std::uint64_t, frame> where_;
    page scanned_ = 1;
    std::uint64_t errors_ = 0;
    std::uint64_t groups_made_ = 0;
};

// Returns: percentage points of hits that a scanning tenant costs the others.
template <class Replacement>
double cost_of_a_scanner(const shared_pool_options& how) {
    shared_pool<Replacement> quiet{how}, noisy{how};
    return quiet.run(false) - noisy.run(true);
}

} // namespace cordon::testing::replacement
