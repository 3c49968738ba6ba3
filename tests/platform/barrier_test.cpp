// tests/platform/barrier_test.cpp - the asymmetric pair, and a system that refuses it.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/barrier.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"

#include "cordon/core/atomics.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

using namespace cordon;
using testing::in_child;
using testing::no_seccomp;
using testing::refuse_syscall;

static_assert(heavy_barrier<membarrier> && heavy_barrier<no_barrier>);

TEST_CASE("membarrier can be enabled, again too, and issued", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) {
        WARN("skipped: this system has no membarrier");
        return;
    }
    CHECK(barrier.issue());
    CHECK(barrier.enable());
    CHECK(barrier.issue());
}

TEST_CASE("a fork child can enable and issue membarrier", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) {
        WARN("skipped: this system has no membarrier");
        return;
    }
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
    if (outcome == no_seccomp)
        WARN("skipped: no seccomp or no membarrier");
    else
        CHECK(outcome == 0);
}

TEST_CASE("a membarrier that cannot be registered is not enabled", "[platform]") {
    const int outcome = in_child([] {
        if (!refuse_syscall(SYS_membarrier, EPERM, 0, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
            return no_seccomp;
        return membarrier{}.enable() ? 1 : 0;
    });
    if (outcome == no_seccomp)
        WARN("skipped: no seccomp");
    else
        CHECK(outcome == 0);
}

TEST_CASE("a light and a heavy barrier never let both sides miss the other", "[platform]") {
    membarrier barrier;
    if (!barrier.enable()) {
        WARN("skipped: this system has no membarrier");
        return;
    }
    constexpr int rounds = 20'000;
    std::atomic<int> busy{0}, claimed{0}, at_owner{0}, at_drainer{0};
    int owner_saw = 0, both_missed = 0;
    std::thread owner([&] {
        for (int round = 1; round <= rounds; ++round) {
            while (at_drainer.load(std::memory_order_acquire) != round) // (1) acquire: pairs with (2)
                cpu_relax();
            busy.store(round, std::memory_order_relaxed);
            std_atomics::light_barrier();
            owner_saw = claimed.load(std::memory_order_relaxed);
            at_owner.store(round, std::memory_order_release); // (3) release: pairs with (4)
        }
    });
    for (int round = 1; round <= rounds; ++round) {
        at_drainer.store(round, std::memory_order_release); // (2) release: pairs with (1)
        claimed.store(round, std::memory_order_relaxed);
        const bool issued = barrier.issue();
        const int drainer_saw = busy.load(std::memory_order_relaxed);
        while (at_owner.load(std::memory_order_acquire) != round) // (4) acquire: pairs with (3)
            std::this_thread::yield();
        both_missed += !issued || (drainer_saw != round && owner_saw != round);
    }
    owner.join();
    CHECK(both_missed == 0);
}
