// tests/bench/crew_test.cpp - where workers run, and what a lap of a child process is.
// SPDX-License-Identifier: BSL-1.0
#include "support/child.hpp"
#include "support/crew.hpp"

#include "support/catch.hpp"

#include <csignal>
#include <sched.h>
#include <unistd.h>

using namespace bench;

namespace {

std::vector<int> processors_of(pid_t thread) {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(thread, sizeof set, &set);
    std::vector<int> out;
    for (int p = 0; p != CPU_SETSIZE; ++p)
        if (CPU_ISSET(p, &set)) out.push_back(p);
    return out;
}
void give(const std::vector<int>& processors) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int p : processors)
        CPU_SET(p, &set);
    sched_setaffinity(getpid(), sizeof set, &set);
}

} // namespace

TEST_CASE("workers stay on the processors that the process was given, one on each", "[bench]") {
    const std::vector<int> all = processors_of(getpid());
    give({all.back()}); // as taskset does
    std::vector<std::vector<int>> of_worker(2);
    crew{2}.run(2, [&](unsigned worker) { of_worker[worker] = processors_of(0); });
    CHECK(of_worker[0] == std::vector{all.back()});
    CHECK(of_worker[1] == std::vector{all.back()}); // not pinned, but where else
    give(all);
    crew{2}.run(2, [&](unsigned worker) { of_worker[worker] = processors_of(0); });
    CHECK(of_worker[0] == std::vector{all[0]});
    CHECK(of_worker[1] == (all.size() == 1 ? all : std::vector{all[1]}));
}

TEST_CASE("a lap in a child survives an interrupt of the program", "[bench]") {
    struct sigaction action {
    }, before{};
    action.sa_handler = [](int) {};
    sigaction(SIGINT, &action, &before); // without SA_RESTART
    const auto read = in_child([parent = getpid()] {
        for (int i = 0; i != 20; ++i) { // the parent waits for what is read, then for the end
            kill(parent, SIGINT);
            sleep_ns(5e6);
        }
        return std::vector{reading::of_amount(7), reading::of_amount(8)};
    });
    sigaction(SIGINT, &before, nullptr);
    REQUIRE(read.size() == 2);
    CHECK(read[1].amount == 8);
}
