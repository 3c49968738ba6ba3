// support/measure.hpp - clocks, what a lap measured, and a hand to keep the compiler from thinking work away.
// SPDX-License-Identifier: BSL-1.0
#pragma once

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

class stopwatch {
public:
    [[nodiscard]] reading read(double operations) const {
        const double cpu = thread_ns();
        return {.operations = operations, .cpu_ns = cpu - cpu_, .real_ns = wall_ns() - real_};
    }

private:
    double real_ = wall_ns();
    double cpu_ = thread_ns();
};

} // namespace bench
