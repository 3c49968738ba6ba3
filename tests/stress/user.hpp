// tests/stress/user.hpp - user: one thread's part of the traffic, checked against an oracle.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/oracle.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace cordon::testing {

struct stress_policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 128}, {1, 32}, {3, 16}, {6, 4}};
    using misuse_handler = misuse_record;
};
using stress_zone = basic_zone<stress_policy>;

inline frame_range frames(std::uint32_t blocks) {
    return {frame{0}, frame_count{blocks * small_block}};
}

struct run {
    frame head;
    order size;
};

// One thread's part: its runs, the oracle, what it saw go wrong.
template <class Zone>
class user {
public:
    user(Zone& zone, ownership_oracle& oracle, const sealed_now& sealed, std::uint32_t who)
        : zone_(zone), oracle_(oracle), sealed_(sealed), who_(who), random_(seed() + who) {}

    // Effects: one allocation or one free of an order that is cached.
    void step_cached(std::size_t max_held) {
        constexpr unsigned cached[] = {0, 0, 0, 0, 0, 0, 1, 3};
        if (runs_.size() < max_held && (runs_.empty() || random_.below(2) == 0))
            take(order{cached[random_.below(8)]});
        else
            give(random_.below(runs_.size()));
    }
    // Effects: one allocation or one free, of one run or of a batch.
    void step(std::size_t max_held) {
        const std::uint64_t dice = random_.below(100);
        if (runs_.size() < max_held && (runs_.empty() || dice < 46))
            take(order{dice < 4 ? static_cast<unsigned>(random_.below(7)) : 0});
        else if (runs_.size() + 16 < max_held && dice < 48)
            take_many();
        else if (!runs_.empty())
            give(random_.below(runs_.size()));
    }
    void give_all() {
        while (!runs_.empty())
            give(runs_.size() - 1);
    }

private:
    void take(order k) {
        const auto before = sealed_.look();
        if (const auto f = zone_.allocate(k)) keep(*f, k, before);
    }
    void take_many() {
        frame some[16];
        const auto before = sealed_.look();
        const std::size_t n = zone_.allocate_bulk(some);
        for (std::size_t i = 0; i != n; ++i)
            keep(some[i], order{0}, before);
    }
    void keep(frame f, order k, sealed_now::view before) {
        const bool leaked = before.contains(f.raw() / small_block) && before == sealed_.look();
        if (leaked) oracle_.wrong();
        oracle_.take(f, k, who_);
        runs_.push_back({f, k});
    }
    void give(std::size_t at) {
        const run r = runs_[at];
        runs_[at] = runs_.back();
        runs_.pop_back();
        oracle_.give(r.head, r.size, who_);
        zone_.free(r.head, r.size);
    }

    Zone& zone_;
    ownership_oracle& oracle_;
    const sealed_now& sealed_;
    std::uint32_t who_;
    rng random_;
    std::vector<run> runs_;
};

inline std::chrono::milliseconds for_a_while(unsigned ms) {
    return std::chrono::milliseconds{scaled(ms)};
}

} // namespace cordon::testing
