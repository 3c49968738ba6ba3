// tests/platform/barrier_test.cpp - the asymmetric pair, and a system that refuses it.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/barrier.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/skip.hpp"

#include "cordon/core/atomics.hpp"
#include "cordon/platform/clock.hpp"
#include "cordon/platform/sleeping_backoff.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

using namespace cordon;
using testing::in_child;
using testing::no_seccomp;
using testing::refuse_syscall;

TEST_CASE("membarrier can be enabled, again too, and issued", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) return testing::skip("this system has no membarrier");
    CHECK(barrier.issue());
    CHECK(barrier.enable());
    CHECK(barrier.issue());
}

TEST_CASE("a fork child can enable and issue membarrier", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) return testing::skip("this system has no membarrier");
    CHECK(in_child([&] { return barrier.enable() && barrier.issue() ? 0 : 1; }) == 0);
}

TEST_CASE("a refused membarrier is reported at enabling or at issuing", "[platform]") {
    const int code = GENERATE(EPERM, ENOSYS, ENOMEM);
    const bool late = GENERATE(false, true);
    const int outcome = in_child([&] {
        membarrier barrier;
        if (late && !barrier.enable()) return no_seccomp;
        if (!refuse_syscall(SYS_membarrier, code)) return no_seccomp;
        return (late ? barrier.issue() : barrier.enable()) ? 1 : 0;
    });
    testing::check_child(outcome);
}

TEST_CASE("a membarrier that cannot be registered is not enabled", "[platform]") {
    const int outcome = in_child([] {
        if (!refuse_syscall(SYS_membarrier, EPERM, 0, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
            return no_seccomp;
        return membarrier{}.enable() ? 1 : 0;
    });
    testing::check_child(outcome);
}

TEST_CASE("behind a heavy barrier no owner is inside that passed a light one unseen", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) return testing::skip("this system has no membarrier");
    // A line each, or the lines' own order hides what the barriers do.
    struct alignas(cache_line_bytes) flag : std::atomic<bool> {};
    flag busy{}, claimed{}, inside{}, started{}, stop{};
    std::thread owner([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            busy.store(true, std::memory_order_relaxed);
            std_atomics::light_barrier();
            if (!claimed.load(std::memory_order_acquire)) { // (1) acquire: pairs with (2)
                inside.store(true, std::memory_order_relaxed);
                cpu_relax();
                inside.store(false, std::memory_order_relaxed);
            }
            busy.store(false, std::memory_order_release); // (3) release: pairs with (4)
            started.store(true, std::memory_order_relaxed);
            cpu_relax();
        }
    });
    // Other load can make a round as long as a time slice: a time, not a number of rounds.
    while (!started.load(std::memory_order_relaxed))
        std::this_thread::yield();
    const std::uint64_t end = monotonic_clock::now() + testing::scaled(std::uint64_t{1'000'000'000});
    int refused = 0, violations = 0;
    for (int round = 0; monotonic_clock::now() < end; ++round) {
        claimed.store(true, std::memory_order_relaxed);
        refused += !barrier.issue();
        sleeping_backoff wait;
        while (busy.load(std::memory_order_acquire)) // (4) acquire: pairs with (3)
            wait();
        for (int look = 0; look != 20; ++look) {
            violations += inside.load(std::memory_order_relaxed);
            cpu_relax();
        }
        claimed.store(false, std::memory_order_release); // (2) release: pairs with (1)
        for (int i = round % 32; i != 0; --i)            // so that claims meet the owner everywhere
            cpu_relax();
    }
    stop.store(true, std::memory_order_relaxed);
    owner.join();
    CHECK(refused == 0);
    CHECK(violations == 0);
}
