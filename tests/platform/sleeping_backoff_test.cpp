// tests/platform/sleeping_backoff_test.cpp - pauses, then sleeps.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/sleeping_backoff.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/skip.hpp"

#include <cerrno>

using namespace cordon;
using testing::no_seccomp;

TEST_CASE("a sleeping backoff gives the processor away only after its pauses", "[platform]") {
    // A refused nanosleep shows in errno.
    const auto attempts = [](int n) {
        return testing::in_child([&] {
            sleeping_backoff wait;
            if (!testing::refuse_syscall(SYS_clock_nanosleep, ENOSYS)) return no_seccomp;
            for (int i = 0; i != n; ++i) {
                errno = 0;
                wait();
                if (errno == ENOSYS) return i + 1;
            }
            wait.reset();
            errno = 0;
            wait();
            return errno == ENOSYS ? 100 : 0;
        });
    };
    const int first_sleep = attempts(100);
    if (first_sleep == no_seccomp) return testing::skip("no seccomp");
    // 1, 2, 4, 8, 16, 32 pauses come first, then bursts of 64
    CHECK(first_sleep == 7 + static_cast<int>(sleeping_backoff::bursts_before_sleep));
    CHECK(attempts(6) == 0); // and again after a reset
}
