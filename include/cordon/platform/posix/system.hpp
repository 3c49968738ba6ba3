// cordon/platform/posix/system.hpp - host_system: what the parts of this layer ask of a POSIX system.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

namespace cordon::inline v0 {

struct host_system {
    class mutex {
    public:
        void lock() noexcept { ::pthread_mutex_lock(&mutex_); }
        void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

    private:
        pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    };

    // Effects: the first call of the process has the three called around each fork(). Without memory for them (ENOMEM)
    // a fork goes unheard, as one by vfork does.
    template <void (*Before)(), void (*InParent)(), void (*InChild)()>
    static void at_fork() noexcept {
        static constinit pthread_once_t once = PTHREAD_ONCE_INIT;
        ::pthread_once(&once, [] { ::pthread_atfork(Before, InParent, InChild); });
    }

    template <void (*Leave)(std::uint32_t) noexcept>
    static bool at_thread_exit(std::uint32_t value) noexcept {
        struct hook {
            std::uint32_t value;
            ~hook() { Leave(value); }
        };
        thread_local const hook last{value};
        return true;
    }

    // Cost: about 20 ns (vDSO; no system call on the usual clock sources).
    static std::uint64_t now() noexcept {
        timespec time{};
        ::clock_gettime(CLOCK_MONOTONIC, &time);
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
               static_cast<std::uint64_t>(time.tv_nsec);
    }

    static void sleep_shortly() noexcept {
        const timespec moment{0, 1}; // and the system's timer slack
        ::nanosleep(&moment, nullptr);
    }

    // Private and without reserve: pages are committed when they are first written, and a fork child has its
    // own copy.
    static void* map(std::size_t bytes) noexcept {
        void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return memory == MAP_FAILED ? nullptr : memory;
    }
    static void unmap(void* memory, std::size_t bytes) noexcept { ::munmap(memory, bytes); }
};

} // namespace cordon::inline v0
