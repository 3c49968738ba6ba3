// support/watched_child.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/watched_child.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

namespace {

// Behind the last line of a child that has returned; a line has no such byte.
constexpr char end_of_work = '\0';

using steps = std::atomic<std::uint64_t>;
steps* map_steps() {
    void* const page =
        mmap(nullptr, sizeof(steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    return ::new (page) steps{0};
}

// Effects: appends what the child writes, until it is silent for good. Returns: false if it makes no step for as long as
// `patience`.
bool listen(int pipe, const steps& taken, std::chrono::milliseconds patience, std::string& text) {
    constexpr int look_every_ms = 20;
    using clock = std::chrono::steady_clock;
    std::uint64_t last = taken.load();
    clock::time_point moved = clock::now();
    for (;;) {
        pollfd end{pipe, POLLIN, 0};
        if (poll(&end, 1, look_every_ms) > 0) {
            char some[4096];
            const ssize_t n = read(pipe, some, sizeof some);
            if (n <= 0) return true;
            text.append(some, static_cast<std::size_t>(n));
        }
        if (const std::uint64_t now = taken.load(); now != last) {
            last = now;
            moved = clock::now();
        } else if (clock::now() - moved >= patience) {
            return false;
        }
    }
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        out.push_back(text.substr(at, end - at));
    return out;
}

std::string seconds(std::chrono::milliseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%g s", static_cast<double>(time.count()) / 1000);
    return text;
}

std::string ending(int outcome) {
    if (!WIFSIGNALED(outcome)) return "ended the process with code " + std::to_string(WEXITSTATUS(outcome));
    const int number = WTERMSIG(outcome);
    return "crashed with signal " + std::to_string(number) + " (" + strsignal(number) + ")";
}

} // namespace

void child_voice::say(const std::string& line) {
    const std::string text = line + '\n'; // as a whole: a pipe does not tear what is shorter than a page
    if (write(pipe_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    step();
}

std::vector<std::string> in_watched_child(std::chrono::milliseconds patience,
                                          const std::function<void(child_voice&)>& work) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    steps* const taken = map_steps();
    std::fflush(nullptr); // or a child that calls exit() prints it once more
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) {
        close(ends[0]);
        for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
            std::signal(crash, SIG_DFL); // this program's handlers are not for the child
        child_voice voice{*taken, ends[1]};
        work(voice);
        _exit(write(ends[1], &end_of_work, 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    std::string text;
    const bool moved = listen(ends[0], *taken, patience, text);
    close(ends[0]);
    if (!moved) kill(child, SIGKILL);
    int outcome = 0;
    while (waitpid(child, &outcome, 0) != child) {
    }
    munmap(taken, sizeof(steps));

    std::vector<std::string> out = lines_of(text);
    if (!moved)
        out.push_back("made no progress for " + seconds(patience));
    else if (text.empty() || text.back() != end_of_work)
        out.push_back(ending(outcome));
    return out;
}

} // namespace bench
