// tests/stress/signal_test.cpp - a signal handler that allocates and frees.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "stress/user.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <csignal>
#include <sys/time.h>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

// A handler that allocates and frees, wherever it interrupts its thread: outside the gate, where it uses the cache,
// or inside, where it goes past it or is refused. The threads' own calls stay with cached orders and find memory:
// what takes the zone lock outside the gate is not for interruption.
namespace {

stress_zone* signal_zone;
std::atomic<std::uint64_t> handled{0};
std::atomic<std::uint64_t> refused{0};
std::atomic<std::uint64_t> wrong_in_handler{0};

void allocate_in_handler(int) {
    const auto f = signal_zone->allocate();
    if (!f) {
        refused.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    // Inside the gate with the zone lock held below: the frame stays the handler's, which here means lost.
    const status back = signal_zone->try_free(*f);
    if (back == status::re_entered)
        refused.fetch_add(1, std::memory_order_relaxed);
    else if (back != status::ok)
        wrong_in_handler.fetch_add(1, std::memory_order_relaxed);
    handled.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

TEST_CASE("a signal handler may allocate and free wherever it interrupts its thread", "[stress]") {
    misuse_record::reset();
    stress_zone zone{frames(256)};
    signal_zone = &zone;
    ownership_oracle oracle{zone.frames().count()};
    const sealed_now sealed;
    REQUIRE(zone.allocate()); // this thread has its slot before a handler asks for it

    struct sigaction action {};
    action.sa_handler = allocate_in_handler;
    action.sa_flags = SA_RESTART;
    struct sigaction before {};
    REQUIRE(::sigaction(SIGPROF, &action, &before) == 0);
    std::atomic<bool> stop{false};
    std::vector<std::thread> users;
    std::atomic<unsigned> ready{0};
    for (unsigned t = 0; t != 2; ++t)
        users.emplace_back([&, t] {
            user<stress_zone> me{zone, oracle, sealed, t + 1};
            me.step_cached(100);
            ready.fetch_add(1);
            while (!stop.load(std::memory_order_relaxed))
                me.step_cached(100);
            me.give_all();
        });
    while (ready.load() != 2)
        std::this_thread::yield();
    const itimerval every{{0, 100}, {0, 100}};
    REQUIRE(::setitimer(ITIMER_PROF, &every, nullptr) == 0);
    std::this_thread::sleep_for(for_a_while(2000));
    const itimerval never{};
    ::setitimer(ITIMER_PROF, &never, nullptr);
    stop.store(true);
    for (auto& thread : users)
        thread.join();
    ::sigaction(SIGPROF, &before, nullptr);
    INFO(handled.load() << " handled, " << refused.load() << " refused");
    CHECK(handled.load() != 0);
    CHECK(wrong_in_handler.load() == 0);
    CHECK(oracle.mistakes() == 0);
    CHECK(misuse_record::count.load() == 0);
    CHECK(agrees(zone));
}
