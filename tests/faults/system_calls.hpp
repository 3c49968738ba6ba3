// tests/faults/system_calls.hpp - failing_system_calls: real system calls of this thread fail by number, unprivileged.
// SPDX-License-Identifier: BSL-1.0
//
// A seccomp filter hands the chosen calls to a second thread of the same process, which lets each go on or answers it
// with an error. Nothing is installed in the library, and the kernel's own answers come back for all other calls. A
// filter stays: use it in a fork child (platform/child.hpp).
#pragma once

#include "faults/fault_points.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cordon::testing {

class failing_system_calls {
public:
    // Effects: from now on the calls with these numbers of this thread can be counted and failed. Requires: lives as
    // long as the process.
    explicit failing_system_calls(std::initializer_list<long> numbers) {
        std::thread{[this] { answer(); }}.detach();
        listener_.store(install(numbers));
    }
    failing_system_calls(const failing_system_calls&) = delete;
    failing_system_calls& operator=(const failing_system_calls&) = delete;

    // Returns: false where the system does not let a process look at its own calls.
    [[nodiscard]] explicit operator bool() const { return listener_.load() >= 0; }

    void count() { fail(0, fault_mode::once, 0); }
    // `code`: the errno of a call that fails.
    void fail(unsigned nth, fault_mode mode, int code) {
        nth_ = nth;
        mode_ = mode;
        code_ = code;
        seen_ = 0;
        counting_.store(true);
    }
    // Returns: how many calls there were.
    unsigned stop() {
        counting_.store(false);
        return seen_.load();
    }
    struct call {
        long number;
        bool failed;
    };
    // Returns: the calls, in their order; the first of them, if there were many.
    [[nodiscard]] std::span<const call> calls() const {
        return std::span{calls_}.first(std::min<std::size_t>(seen_.load(), calls_.size()));
    }

private:
    static int install(std::initializer_list<long> numbers) {
        std::vector<sock_filter> filter{
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offsetof(seccomp_data, nr))}};
        for (const long number : numbers) {
            filter.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(number)});
            filter.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF});
        }
        filter.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
        sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused;
        const long fd =
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        return fd < 0 ? refused : static_cast<int>(fd);
    }
    // The thread that lets calls go on. The caller of one waits for it here, so what he wrote is seen.
    void answer() {
        while (listener_.load() == undecided)
            std::this_thread::yield();
        if (listener_.load() == refused) return;
        for (;;) {
            seccomp_notif asked{};
            if (::ioctl(listener_.load(), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
            seccomp_notif_resp answered{};
            answered.id = asked.id;
            if (fails(asked.data.nr))
                answered.error = -code_;
            else
                answered.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
            (void)::ioctl(listener_.load(), SECCOMP_IOCTL_NOTIF_SEND, &answered);
        }
    }
    bool fails(long number) {
        if (!counting_.load()) return false;
        const unsigned n = seen_.load() + 1;
        const bool does = nth_ != 0 && (n == nth_ || (n > nth_ && mode_ == fault_mode::from_then_on));
        if (n <= calls_.size()) calls_[n - 1] = {number, does};
        seen_.store(n);
        return does;
    }

    static constexpr int undecided = -1, refused = -2;
    std::atomic<int> listener_{undecided};
    std::atomic<bool> counting_{false};
    std::atomic<unsigned> nth_{0};
    std::atomic<fault_mode> mode_{fault_mode::once};
    std::atomic<int> code_{0};
    std::atomic<unsigned> seen_{0};
    std::array<call, 64> calls_{};
};

} // namespace cordon::testing
