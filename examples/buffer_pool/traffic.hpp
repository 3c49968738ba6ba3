// buffer_pool/traffic.hpp - traffic: threads that read and write pages; most by Zipf's law, some in scans.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "pool.hpp"
#include "yardstick.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

namespace demo {

using clock = std::chrono::steady_clock;
[[nodiscard]] inline double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

// Pages with the popularity 1 / rank^0.9, as Gray et al. draw them ("Quickly Generating Billion-Record Synthetic
// Databases", SIGMOD 1994); neighbours in rank lie far apart in the file.
class zipf {
public:
    explicit zipf(std::uint32_t pages) : pages_(pages) {
        for (std::uint32_t rank = 1; rank <= pages; ++rank)
            sum_ += std::pow(rank, -theta);
        const double two = 1 + std::pow(2, -theta);
        eta_ = (1 - std::pow(2.0 / pages, 1 - theta)) / (1 - two / sum_);
    }
    template <class Random>
    [[nodiscard]] std::uint32_t operator()(Random& random) const {
        const double u = std::uniform_real_distribution{}(random);
        const double rank = u * sum_ < 1 ? 0
                            : u * sum_ < 1 + std::pow(0.5, theta)
                                ? 1
                                : pages_ * std::pow(eta_ * u - eta_ + 1, 1 / (1 - theta));
        return static_cast<std::uint32_t>(static_cast<std::uint64_t>(rank) * 2654435761 % pages_);
    }

private:
    static constexpr double theta = 0.9;
    std::uint32_t pages_;
    double sum_ = 0;
    double eta_ = 0;
};

class traffic {
public:
    traffic(pool& p, yardstick& measure, std::size_t threads, std::uint64_t seed)
        : pool_(p), yardstick_(measure), pages_(p.pages()), done_(std::make_unique<counter[]>(threads)) {
        for (std::size_t n = 0; n != threads; ++n)
            threads_.emplace_back(
                [=, this](const std::stop_token& stop) { live(stop, done_[n].value, seed + n); });
    }
    void stop() {
        for (std::jthread& t : threads_)
            t.request_stop();
        for (std::jthread& t : threads_)
            t.join();
        count_ = accesses();
        threads_.clear();
    }
    [[nodiscard]] std::uint64_t accesses() const {
        std::uint64_t sum = count_;
        for (std::size_t n = 0; n != threads_.size(); ++n)
            sum += done_[n].value.load(std::memory_order_relaxed);
        return sum;
    }

private:
    struct alignas(64) counter {
        std::atomic<std::uint64_t> value{0};
    };
    static constexpr unsigned write_one_in = 5;

    void live(const std::stop_token& stop, std::atomic<std::uint64_t>& done, std::uint64_t seed) {
        std::mt19937_64 random{seed};
        // A scan reads a sixteenth as many pages as there are frames; scans are a fifth of all accesses.
        const auto scan = static_cast<std::uint32_t>(pool_.zone().frames().count().raw() / 16);
        for (std::uint32_t at = 0, left = 0; !stop.stop_requested();) {
            if (left == 0 && random() % (4 * scan) == 0) {
                left = scan;
                at = static_cast<std::uint32_t>(random() % (pool_.pages() - scan));
            }
            const std::uint32_t page = left != 0 ? at++ : pages_(random);
            left -= left != 0;
            yardstick_.access(page, pool_.access(page, random() % write_one_in == 0));
            done.fetch_add(1, std::memory_order_relaxed);
        }
    }

    pool& pool_;
    yardstick& yardstick_;
    zipf pages_;
    std::unique_ptr<counter[]> done_;
    std::uint64_t count_ = 0;
    std::vector<std::jthread> threads_; // the last: they use the others
};

} // namespace demo
