// support/busy_traffic.hpp - traffic: threads beside a test that isolates, and what they see of sealed blocks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/zone.hpp"

#include "support/oracle.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace cordon::testing {

// An allocation that lives.
struct live_run {
    frame head;
    order size;
};

// Threads that allocate and free all the time, with an oracle beside them.
template <class Zone>
class traffic {
public:
    traffic(Zone& zone, unsigned threads, std::uint32_t max_held = 64)
        : zone_(zone), oracle_(zone.frames().count()) {
        for (unsigned t = 0; t != threads; ++t)
            threads_.emplace_back([this, t, max_held] { work(t + 1, max_held); });
    }
    ~traffic() { stop(); }
    void stop() {
        stop_.store(true);
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
    }
    [[nodiscard]] ownership_oracle& oracle() { return oracle_; }
    [[nodiscard]] sealed_now& sealed() { return sealed_; }
    [[nodiscard]] std::uint64_t leaks() const { return leaks_.load(); }
    [[nodiscard]] std::uint64_t operations() const { return operations_.load(); }

private:
    void work(std::uint32_t who, std::uint32_t max_held) {
        rng random{seed() + who};
        std::vector<live_run> live;
        while (!stop_.load(std::memory_order_relaxed)) {
            if (live.size() < max_held && (live.empty() || random.below(2) == 0)) {
                const order k{static_cast<unsigned>(random.below(10) == 0 ? random.below(4) : 0)};
                const auto before = sealed_.look();
                const auto f = zone_.allocate(k);
                if (!f) continue;
                if (before == sealed_.look() && before.contains(f->raw() / small_block)) leaks_.fetch_add(1);
                oracle_.take(*f, k, who);
                live.push_back({*f, k});
            } else if (!live.empty()) {
                const std::size_t at = random.below(live.size());
                const live_run run = live[at];
                live[at] = live.back();
                live.pop_back();
                oracle_.give(run.head, run.size, who);
                zone_.free(run.head, run.size);
            }
            operations_.fetch_add(1, std::memory_order_relaxed);
        }
        for (const live_run run : live) {
            oracle_.give(run.head, run.size, who);
            zone_.free(run.head, run.size);
        }
    }

    Zone& zone_;
    ownership_oracle oracle_;
    sealed_now sealed_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> leaks_{0};
    std::atomic<std::uint64_t> operations_{0};
    std::vector<std::thread> threads_;
};

} // namespace cordon::testing
