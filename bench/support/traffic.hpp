// support/traffic.hpp - traffic: threads that allocate and free until they are told to stop, and count it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/crew.hpp"
#include "support/measure.hpp"
#include "support/statistics.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <pthread.h>
#include <thread>

namespace bench {

// Each thread allocates a burst of 1 to 1023 frames and frees it: mostly hits, some refills and spills.
template <class Frames>
class traffic {
public:
    traffic(Frames& frames, unsigned threads) {
        for (unsigned w = 0; w != threads; ++w) {
            lane& mine = lanes_.emplace_back();
            mine.thread = std::thread([this, &frames, &mine, w] { drive(frames, mine, w); });
        }
        for (lane& l : lanes_)
            while (l.operations == 0)
                std::this_thread::yield();
    }
    ~traffic() {
        stop_ = true;
        for (lane& l : lanes_)
            l.thread.join();
    }
    traffic(const traffic&) = delete;
    traffic& operator=(const traffic&) = delete;

    // Returns: since the begin; the difference of two is what happened between them.
    reading read() {
        reading sum{.real_ns = wall_ns()};
        for (lane& l : lanes_) {
            clockid_t clock{};
            pthread_getcpuclockid(l.thread.native_handle(), &clock);
            sum.cpu_ns += read_clock_ns(clock);
            sum.operations += static_cast<double>(l.operations.load(std::memory_order_relaxed));
        }
        return sum;
    }

private:
    struct alignas(64) lane {
        std::atomic<std::uint64_t> operations{0};
        std::thread thread;
    };

    void drive(Frames& frames, lane& mine, unsigned worker) {
        pin_to(worker);
        auto entered = frames.enter(worker);
        random_numbers numbers{worker};
        std::array<std::uint32_t, 1023> held;
        for (std::uint64_t operations = 0; !stop_.load(std::memory_order_relaxed);) {
            const std::size_t burst = 1 + numbers.below(1023);
            for (std::size_t i = 0; i != burst; ++i)
                keep(held[i] = entered.get(0));
            for (std::size_t i = 0; i != burst; ++i)
                entered.put(held[i], 0);
            operations += 2 * burst;
            mine.operations.store(operations, std::memory_order_relaxed);
        }
    }

    std::atomic<bool> stop_{false};
    std::deque<lane> lanes_;
};

} // namespace bench
