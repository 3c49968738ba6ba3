// tests/platform/child.hpp - in_child, last_words_of, refuse_syscall: what would spoil the test's own process is done in a fork.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch.hpp"
#include "support/skip.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cordon::testing {

// Returns: what a dying program wrote, without what an emulator adds.
inline std::string_view own_words(std::string_view text) {
    return text.substr(0, text.find("qemu: "));
}

// Returns: whether an emulator (qemu's user mode) answers system calls: its madvise says yes to advice that there is not,
// and does nothing.
inline bool is_emulated() {
    return ::madvise(nullptr, 0, 9999) == 0;
}

// What a child returns that cannot do its work because refuse_syscall returned false, or there is nothing to refuse.
inline constexpr int no_seccomp = 77;

// What in_child comes to where there could be none, or it could not be waited for.
inline constexpr int no_child = -1;

// Returns: what `body` returned in a fork child, 0 to 127; 128 + the signal that ended it (SIGALRM after 20 s); no_child.
template <class Body>
int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        ::_exit(body());
    }
    if (child == -1) return no_child;
    int state = 0;
    while (::waitpid(child, &state, 0) == -1)
        if (errno != EINTR) return no_child;
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

// Effects: fails unless the child came to 0; skips where it could not do its work.
inline void check_child(int outcome) {
    INFO("outcome " << outcome);
    if (outcome == no_seccomp)
        skip("no seccomp, or no membarrier");
    else
        CHECK(outcome == 0);
}

// Returns: what `body` wrote on standard error in a fork child, and what it came to (in_child). A signal that ends it does
// so at once, past the test framework's handler.
struct last_words {
    std::string text;
    int outcome;
};
template <class Body>
last_words last_words_of(Body body) {
    int ends[2];
    if (::pipe(ends) != 0) return {"no pipe", 0};
    last_words heard;
    heard.outcome = in_child([&]() -> int {
        std::signal(SIGABRT, SIG_DFL);
        ::dup2(ends[1], STDERR_FILENO);
        return body();
    });
    ::close(ends[1]);
    char text[4096];
    const ssize_t size = ::read(ends[0], text, sizeof text);
    ::close(ends[0]);
    heard.text = own_words({text, static_cast<std::size_t>(size < 0 ? 0 : size)});
    return heard;
}

// Effects: from now on the system call `number` fails with `code` in all threads of this process, or comes to 0 if the
// code is 0; when its argument `index` is `value`, if an index is given. Needs no privilege. Returns: false where seccomp is not to be had.
inline bool refuse_syscall(long number, int code, int index = -1, std::uint32_t value = 0) {
    const auto load = [](std::size_t offset) {
        return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
    };
    const auto equal = [](std::uint32_t to, unsigned char otherwise_skip) {
        return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, otherwise_skip, to};
    };
    const auto end = [](std::uint32_t verdict) { return sock_filter{BPF_RET | BPF_K, 0, 0, verdict}; };
    const bool any = index < 0;
    sock_filter filter[] = {
        load(offsetof(seccomp_data, nr)),
        equal(static_cast<std::uint32_t>(number), 3),
        // The low half of the argument, on little-endian machines.
        any ? load(offsetof(seccomp_data, nr))
            : load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(index)),
        equal(any ? static_cast<std::uint32_t>(number) : value, 1),
        end(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(code)),
        end(SECCOMP_RET_ALLOW),
    };
    sock_fprog program{sizeof filter / sizeof *filter, filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

} // namespace cordon::testing
