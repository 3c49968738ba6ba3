// support/measure.hpp - clocks, what a lap measured, and a hand to keep the compiler from thinking work away.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>

namespace bench {

inline double read_clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}
// The processor time of the calling thread: what others run on the machine in the meantime is not in it.
inline double thread_ns() {
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}
inline double wall_ns() {
    return read_clock_ns(CLOCK_MONOTONIC);
}
inline void sleep_ns(double ns) {
    const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(ns)};
    nanosleep(&pause, nullptr);
}

// Effects: the value is needed here, and all memory is as the program says: nothing stays in registers from one
// operation to the next, for no contestant.
template <class T>
inline void keep(T& value) {
    asm volatile("" : "+r"(value) : : "memory");
}

// What one figure of a lap came to; the sum over threads, over laps.
struct reading {
    double operations = 0;
    double cpu_ns = 0;  // processor time of the threads that worked
    double real_ns = 0; // wall-clock time
    double amount = 0;  // of anything that is not time: bytes, blocks, ...

    static reading of_amount(double amount) { return {.operations = 1, .amount = amount}; }
    static reading of_real_time(double ns, double operations = 1) {
        return {.operations = operations, .real_ns = ns};
    }
    reading& operator+=(const reading& other) {
        operations += other.operations;
        cpu_ns += other.cpu_ns;
        real_ns += other.real_ns;
        amount += other.amount;
        return *this;
    }
};

// Reads the time less what reading it takes: the clock of a thread is a system call, a microsecond and more in a virtual
// machine, which would weigh most on whoever is fast.
class stopwatch {
public:
    [[nodiscard]] reading read(double operations) const {
        const reading raw = read_raw();
        static const reading own = of_reading();
        return {.operations = operations,
                .cpu_ns = std::max(raw.cpu_ns - own.cpu_ns, 0.0),
                .real_ns = std::max(raw.real_ns - own.real_ns, 0.0)};
    }

private:
    [[nodiscard]] reading read_raw() const {
        const double cpu = thread_ns();
        return {.cpu_ns = cpu - cpu_, .real_ns = wall_ns() - real_};
    }
    // Returns: the medians of stopwatches that time nothing.
    static reading of_reading() {
        std::array<double, 1001> cpu;
        std::array<double, 1001> real;
        for (std::size_t i = 0; i != cpu.size(); ++i) {
            const reading nothing = stopwatch{}.read_raw();
            cpu[i] = nothing.cpu_ns;
            real[i] = nothing.real_ns;
        }
        std::ranges::nth_element(cpu, cpu.begin() + 500);
        std::ranges::nth_element(real, real.begin() + 500);
        return {.cpu_ns = cpu[500], .real_ns = real[500]};
    }

    double real_ = wall_ns();
    double cpu_ = thread_ns();
};

} // namespace bench
