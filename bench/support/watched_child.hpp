// support/watched_child.hpp - in_watched_child: work that may crash or hang, in a process of its own.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

// How the child is heard while it works.
class child_voice {
public:
    child_voice(std::atomic<std::uint64_t>& steps, int pipe) : steps_(steps), pipe_(pipe) {}
    // Effects: shows that it goes on. From any thread.
    void step() { steps_.fetch_add(1, std::memory_order_relaxed); }
    // Effects: the line is in the result, whatever becomes of the child. From any thread.
    void say(const std::string& line);

private:
    std::atomic<std::uint64_t>& steps_;
    int pipe_;
};

// Effects: calls work() in a fork child; one that shows no step for as long as `patience` is killed.
// Returns: what it said, and how it ended if not by returning: "crashed with signal 11 (Segmentation fault)",
// "ended the process with code 3", "made no progress for 10 s". Requires: no thread of this process holds a lock that
// work() needs.
std::vector<std::string> in_watched_child(std::chrono::milliseconds patience,
                                          const std::function<void(child_voice&)>& work);

} // namespace bench
