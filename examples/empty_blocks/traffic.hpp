// empty_blocks/traffic.hpp - traffic: threads whose tenants move all the time, and how fast they do.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tenants.hpp"

#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace demo {

using clock = std::chrono::steady_clock;
[[nodiscard]] inline double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

// Half of the runs are single frames, a quarter are pairs, ... up to order 4: three frames on average.
template <class Random>
[[nodiscard]] order random_order(Random& random) {
    return order{static_cast<unsigned>(std::countr_zero(random() | 16))};
}

template <class Random>
[[nodiscard]] std::size_t random_below(std::size_t n, Random& random) {
    return static_cast<std::size_t>(random() % n);
}

class traffic {
public:
    // Returns once every tenant has had its first run.
    traffic(tenants& all, std::size_t threads, std::uint64_t seed)
        : tenants_(all), moves_(std::make_unique<counter[]>(threads)) {
        for (std::size_t n = 0; n != threads; ++n) {
            const std::size_t first = all.count() * n / threads;
            const std::size_t end = all.count() * (n + 1) / threads;
            threads_.emplace_back([=, this] { live(n, first, end, seed + n); });
        }
        while (settled_.load() != threads)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    ~traffic() { stop(); }
    void stop() {
        stop_ = true;
        for (std::thread& t : threads_)
            t.join();
        threads_.clear();
    }

    // Returns: how often a tenant verified, freed, allocated and wrote a run.
    [[nodiscard]] std::uint64_t moves() const {
        std::uint64_t sum = 0;
        for (std::size_t n = 0; n != settled_.load(); ++n)
            sum += moves_[n].value.load(std::memory_order_relaxed);
        return sum;
    }

private:
    struct alignas(64) counter {
        std::atomic<std::uint64_t> value{0};
    };

    void live(std::size_t n, std::size_t first, std::size_t end, std::uint64_t seed) {
        std::mt19937_64 random{seed};
        for (std::size_t id = first; id != end; ++id)
            tenants_.move_house(id, random_order(random));
        ++settled_;
        for (std::uint64_t moves = 1; !stop_.load(std::memory_order_relaxed); ++moves) {
            tenants_.move_house(first + random_below(end - first, random), random_order(random));
            moves_[n].value.store(moves, std::memory_order_relaxed);
        }
    }

    tenants& tenants_;
    std::unique_ptr<counter[]> moves_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> settled_{0};
    std::atomic<bool> stop_{false};
};

// How many moves a second, between two moments.
class speedometer {
public:
    explicit speedometer(const traffic& t) : traffic_(t), moves_(t.moves()), start_(clock::now()) {}
    [[nodiscard]] double per_second() const {
        return static_cast<double>(traffic_.moves() - moves_) / seconds_since(start_);
    }

private:
    const traffic& traffic_;
    std::uint64_t moves_;
    clock::time_point start_;
};

} // namespace demo
