// support/child.hpp - in_child: a lap in a process of its own, whose memory nobody has used before.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"
#include "support/patterns.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace bench {

// Returns: what the system call returns; an interrupt of the program (^C) only makes it begin anew.
template <class Call, class... Arguments>
auto uninterrupted(Call call, Arguments... arguments) {
    for (;;)
        if (const auto result = call(arguments...); result != -1 || errno != EINTR) return result;
}

// Effects: runs f in a child process. Returns: the readings that f returned there.
// Requires: no thread of this process holds a lock that f needs.
template <class F>
std::vector<reading> in_child(F f) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    const pid_t child = fork();
    if (child == 0) {
        const std::vector<reading> read = f();
        const std::size_t bytes = read.size() * sizeof(reading);
        _exit(write(ends[1], read.data(), bytes) == static_cast<ssize_t>(bytes) ? 0 : 1);
    }
    close(ends[1]);
    std::vector<reading> read;
    for (reading one; uninterrupted(::read, ends[0], &one, sizeof one) == sizeof one;)
        read.push_back(one);
    close(ends[0]);
    int outcome = 0;
    if (child < 0 || uninterrupted(waitpid, child, &outcome, 0) != child || outcome != 0)
        give_up("a child process failed");
    return read;
}

} // namespace bench
