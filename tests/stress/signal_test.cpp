// tests/stress/signal_test.cpp - a signal handler that allocates and frees.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "stress/user.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <sys/time.h>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

// A handler that allocates and frees, wherever it interrupts its thread: outside the gate, where it uses the cache,
// or inside, where it goes past it or is refused. The threads' own calls stay with cached orders, one at a time: what takes
// the zone lock outside the gate is not for interruption.
namespace {

stress_zone* signal_zone;
ownership_oracle* signal_oracle;
std::atomic<std::uint64_t> handled{0};
std::atomic<std::uint64_t> refused{0};
std::atomic<std::uint64_t> wrong_in_handler{0};
constexpr std::uint32_t handler_owner = 1000;
constinit thread_local frame kept{}; // by this thread's handler, from one signal to another

// One signal allocates, the next one frees: what it took from under the interrupted code would be missed.
void allocate_or_free(int) {
    handled.fetch_add(1, std::memory_order_relaxed);
    if (kept.is_none()) {
        const auto f = signal_zone->allocate();
        if (!f) {
            refused.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        kept = *f;
        signal_oracle->take(kept, order{0}, handler_owner);
        return;
    }
    signal_oracle->give(kept, order{0}, handler_owner);
    const status outcome = signal_zone->try_free(kept);
    if (outcome == status::ok) {
        kept = frame::none();
        return;
    }
    signal_oracle->take(kept, order{0}, handler_owner); // still the handler's
    (outcome == status::re_entered ? refused : wrong_in_handler).fetch_add(1, std::memory_order_relaxed);
}

} // namespace

TEST_CASE("a signal handler may allocate and free wherever it interrupts its thread", "[stress]") {
    misuse_record::reset();
    stress_zone zone{frames(256)};
    signal_zone = &zone;
    ownership_oracle oracle{zone.frames().count()};
    const sealed_now sealed;
    signal_oracle = &oracle;
    const frame first = *zone.allocate(); // this thread has its slot before a handler asks for it

    struct sigaction action {};
    action.sa_handler = allocate_or_free;
    action.sa_flags = SA_RESTART;
    struct sigaction before {};
    REQUIRE(::sigaction(SIGPROF, &action, &before) == 0);
    // Effects: no handler runs on this thread any more; what it has kept is freed.
    const auto end_of_signals = [&] {
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGPROF);
        ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
        if (kept.is_none()) return;
        oracle.give(kept, order{0}, handler_owner);
        zone.free(kept);
        kept = frame::none();
    };
    std::atomic<bool> stop{false};
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> users;
    for (unsigned t = 0; t != 2; ++t)
        users.emplace_back([&, t] {
            user<stress_zone> me{zone, oracle, sealed, t + 1};
            me.step_cached(100);
            ready.fetch_add(1);
            while (!stop.load(std::memory_order_relaxed))
                me.step_cached(100);
            end_of_signals();
            me.give_all();
        });
    while (ready.load() != 2)
        std::this_thread::yield();
    // The timer's signals come at the ticks of the kernel; those sent by hand come at any moment.
    const itimerval every{{0, 100}, {0, 100}};
    REQUIRE(::setitimer(ITIMER_PROF, &every, nullptr) == 0);
    const auto end = std::chrono::steady_clock::now() + for_a_while(2000);
    while (std::chrono::steady_clock::now() < end || handled.load() < 100) {
        for (auto& thread : users)
            ::pthread_kill(thread.native_handle(), SIGPROF);
        std::this_thread::sleep_for(std::chrono::microseconds{10});
    }
    const itimerval never{};
    ::setitimer(ITIMER_PROF, &never, nullptr);
    stop.store(true);
    for (auto& thread : users)
        thread.join();
    end_of_signals();
    ::sigaction(SIGPROF, &before, nullptr);
    zone.free(first);
    INFO(handled.load() << " handled, " << refused.load() << " refused");
    CHECK(wrong_in_handler.load() == 0);
    CHECK(oracle.mistakes() == 0);
    CHECK(misuse_record::count.load() == 0);
    CHECK(zone.exact_stats()->allocated.raw() == 0);
    CHECK(agrees(zone));
}
