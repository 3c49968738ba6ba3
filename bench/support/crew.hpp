// support/crew.hpp - crew: threads that stay, each on a processor of its own, and start together.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"

#include <atomic>
#include <barrier>
#include <functional>
#include <sched.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {

// Effects: the calling thread runs on one processor only, number `index` of those that the process was given (taskset,
// isolated processors), if it has so many; else wherever the system puts it.
inline void pin_to(unsigned index) {
    cpu_set_t given;
    if (sched_getaffinity(getpid(), sizeof given, &given) != 0)
        return; // the main thread's, which is never pinned
    for (int processor = 0; processor != CPU_SETSIZE; ++processor) {
        if (!CPU_ISSET(processor, &given) || index-- != 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

class crew {
public:
    using work = std::function<void(unsigned worker)>;

    explicit crew(unsigned workers) : begin_(workers + 1), end_(workers + 1) {
        for (unsigned w = 0; w != workers; ++w)
            threads_.emplace_back([this, w] { serve(w); });
    }
    ~crew() {
        begin(0, {});
        for (std::thread& t : threads_)
            t.join();
    }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;

    // Effects: workers 0 to active - 1 run f at the same time; returns when all have.
    void run(unsigned active, work f) {
        begin(active, std::move(f));
        end_.arrive_and_wait();
    }
    // Returns: the sum of the readings that f(worker) returns.
    template <class Lap>
    std::vector<reading> measure(unsigned active, Lap f) {
        std::vector<std::vector<reading>> read(active);
        run(active, [&](unsigned worker) {
            const auto one = f(worker);
            read[worker].assign(one.begin(), one.end());
        });
        for (unsigned w = 1; w != active; ++w)
            for (std::size_t i = 0; i != read[0].size(); ++i)
                read[0][i] += read[w][i];
        return read[0];
    }

private:
    void begin(unsigned active, work f) {
        work_ = std::move(f);
        active_ = active;
        arrived_ = 0;
        begin_.arrive_and_wait();
    }
    void serve(unsigned worker) {
        pin_to(worker);
        for (;;) {
            begin_.arrive_and_wait();
            if (active_ == 0) return;
            if (worker < active_) {
                // Woken one after the other: wait until all of them run.
                for (++arrived_; arrived_ != active_;)
                    std::this_thread::yield();
                work_(worker);
            }
            end_.arrive_and_wait();
        }
    }

    std::barrier<> begin_;
    std::barrier<> end_;
    unsigned active_ = 0; // written while all workers wait
    work work_;
    std::atomic<unsigned> arrived_{0};
    std::vector<std::thread> threads_;
};

} // namespace bench
