// tests/stress/traffic_test.cpp - threads, isolators, exits, forks and signals, with an oracle beside them.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/oracle.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

struct stress_policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 128}, {1, 32}, {3, 16}, {6, 4}};
    using misuse_handler = misuse_record;
};
using stress_zone = basic_zone<stress_policy>;

// Four slots for many threads: the others go uncached.
struct four_slots : process_thread_slots {
    static constexpr std::uint32_t max_slots = 4;
    [[nodiscard]] static slot_index current() noexcept { return few(process_thread_slots::current()); }
    [[nodiscard]] static slot_index peek() noexcept { return few(process_thread_slots::peek()); }

private:
    static slot_index few(slot_index s) noexcept { return s.raw() < max_slots ? s : slot_index::none(); }
};
struct crowded_policy : stress_policy {
    using thread_slots = four_slots;
};

frame_range frames(std::uint32_t blocks) {
    return {frame{0}, frame_count{blocks * small_block}};
}

struct run {
    frame head;
    order size;
};

// One thread's part: its runs, the oracle, what it saw go wrong.
template <class Zone>
class user {
public:
    user(Zone& zone, ownership_oracle& oracle, const sealed_now& sealed, std::uint32_t who)
        : zone_(zone), oracle_(oracle), sealed_(sealed), who_(who), random_(seed() + who) {}

    // Effects: one allocation or one free of an order that is cached.
    void step_cached(std::size_t max_held) {
        constexpr unsigned cached[] = {0, 0, 0, 0, 0, 0, 1, 3};
        if (runs_.size() < max_held && (runs_.empty() || random_.below(2) == 0))
            take(order{cached[random_.below(8)]});
        else
            give(random_.below(runs_.size()));
    }
    // Effects: one allocation or one free, of one run or of a batch.
    void step(std::size_t max_held) {
        const std::uint64_t dice = random_.below(100);
        if (runs_.size() < max_held && (runs_.empty() || dice < 46))
            take(order{dice < 4 ? static_cast<unsigned>(random_.below(7)) : 0});
        else if (runs_.size() + 16 < max_held && dice < 48)
            take_many();
        else if (!runs_.empty())
            give(random_.below(runs_.size()));
    }
    void give_all() {
        while (!runs_.empty())
            give(runs_.size() - 1);
    }

private:
    void take(order k) {
        const auto before = sealed_.look();
        if (const auto f = zone_.allocate(k)) keep(*f, k, before);
    }
    void take_many() {
        frame some[16];
        const auto before = sealed_.look();
        const std::size_t n = zone_.allocate_bulk(some);
        for (std::size_t i = 0; i != n; ++i)
            keep(some[i], order{0}, before);
    }
    void keep(frame f, order k, sealed_now::view before) {
        const bool leaked = before.contains(f.raw() / small_block) && before == sealed_.look();
        if (leaked) oracle_.wrong();
        oracle_.take(f, k, who_);
        runs_.push_back({f, k});
    }
    void give(std::size_t at) {
        const run r = runs_[at];
        runs_[at] = runs_.back();
        runs_.pop_back();
        oracle_.give(r.head, r.size, who_);
        zone_.free(r.head, r.size);
    }

    Zone& zone_;
    ownership_oracle& oracle_;
    const sealed_now& sealed_;
    std::uint32_t who_;
    rng random_;
    std::vector<run> runs_;
};

template <class Policy>
void traffic_under_isolation(unsigned threads, std::chrono::milliseconds time) {
    constexpr std::uint32_t blocks = 128;
    misuse_record::reset();
    basic_zone<Policy> zone{frames(blocks)};
    ownership_oracle oracle{zone.frames().count()};
    sealed_now sealed;
    std::atomic<bool> stop{false};
    std::vector<std::thread> users;
    for (unsigned t = 0; t != threads; ++t)
        users.emplace_back([&, t] {
            user<basic_zone<Policy>> me{zone, oracle, sealed, t + 1};
            while (!stop.load(std::memory_order_relaxed))
                me.step(300);
            me.give_all();
        });

    rng random{seed()};
    unsigned undone = 0;
    unsigned offlined = 0;
    unsigned claimed = 0;
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end || undone == 0) {
        const auto count = static_cast<std::uint32_t>(1 + random.below(16));
        const auto first = static_cast<std::uint32_t>(random.below(blocks - count));
        const auto level = random.below(8) == 0 ? isolation_level::exclusive : isolation_level::targeted;
        auto range = zone.isolate(block(zone, first, count), {.level = level});
        if (!range) {
            oracle.wrong();
            break;
        }
        sealed.seal(first, count);
        for (std::uint64_t spin = random.below(2000); spin != 0; --spin)
            cpu_relax();
        if (range->all_free()) {
            if (random.below(2) == 0) {
                if (range->offline() != status::ok) oracle.wrong();
                ++offlined;
                sealed.open();
                if (zone.online(block(zone, first, count)) != status::ok) oracle.wrong();
            } else {
                sealed.open();
                const auto mine = range->claim();
                if (!mine) oracle.wrong();
                for (const frame f : *mine)
                    oracle.take(f, order{0}, 99);
                for (const frame f : *mine) {
                    oracle.give(f, order{0}, 99);
                    zone.free(f);
                }
                ++claimed;
            }
        } else {
            sealed.open();
            range->undo();
            ++undone;
        }
        if (undone % 16 == 0 && !zone.validate()) oracle.wrong();
    }
    stop.store(true);
    for (auto& thread : users)
        thread.join();
    INFO(undone << " undone, " << offlined << " offline and online, " << claimed << " claimed");
    CHECK(oracle.mistakes() == 0);
    CHECK(misuse_record::count.load() == 0);
    REQUIRE(zone.drain() == status::ok);
    CHECK(zone.stats().free == zone.frames().count());
    CHECK(zone.exact_stats()->allocated.raw() == 0);
    CHECK(agrees(zone));
    CHECK(take_all(zone).size() == zone.frames().count().raw());
}

std::chrono::milliseconds for_a_while(unsigned ms) {
    return std::chrono::milliseconds{scaled(ms)};
}

} // namespace

TEST_CASE("no frame is handed out twice, and none of a sealed range, under traffic and isolation",
          "[stress]") {
    traffic_under_isolation<stress_policy>(3, for_a_while(3000));
}

TEST_CASE("more threads than slots: some go uncached, nothing is lost", "[stress]") {
    traffic_under_isolation<crowded_policy>(12, for_a_while(2000));
}

// A thread's frames that outlive its slot: freed by a thread_local destructor that runs after the slot is gone, and
// by a pthread key's, which runs later still.
namespace {

struct late_free {
    stress_zone* zone = nullptr;
    frame held;
    ~late_free() {
        if (zone != nullptr) zone->free(held);
    }
};

} // namespace

TEST_CASE("ten thousand threads come and go and leave no frame behind", "[stress]") {
    misuse_record::reset();
    stress_zone zone{frames(64)};
    pthread_key_t key;
    static stress_zone* key_zone;
    key_zone = &zone;
    REQUIRE(pthread_key_create(&key, [](void* held) {
                key_zone->free(frame{static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(held)) - 1});
            }) == 0);
    std::atomic<unsigned> failures{0};
    const unsigned rounds = scaled(10'000u) / 4 + 1;
    for (unsigned i = 0; i != rounds; ++i) {
        std::thread together[4];
        for (auto& thread : together)
            thread = std::thread{[&] {
                // Made before the slot's own hook, so destroyed after it.
                thread_local late_free last;
                last.zone = nullptr;
                frame some[8];
                for (frame& f : some) {
                    const auto r = zone.allocate();
                    if (!r) {
                        failures.fetch_add(1);
                        return;
                    }
                    f = *r;
                }
                for (unsigned n = 2; n != 8; ++n)
                    zone.free(some[n]);
                last.zone = &zone;
                last.held = some[0];
                if (pthread_setspecific(key, reinterpret_cast<void*>(std::uintptr_t{some[1].raw()} + 1)) != 0)
                    failures.fetch_add(1);
            }};
        for (auto& thread : together)
            thread.join();
    }
    pthread_key_delete(key);
    CHECK(failures.load() == 0);
    CHECK(misuse_record::count.load() == 0);
    const zone_stats stats = *zone.exact_stats();
    CHECK(stats.allocated.raw() == 0);
    CHECK(stats.cached.raw() == 0); // an exiting thread empties its cache
    CHECK(stats.free == zone.frames().count());
    CHECK(agrees(zone));
}

TEST_CASE("a thousand forks under traffic: each child has a whole zone", "[stress]") {
    misuse_record::reset();
    stress_zone zone{frames(64)};
    ownership_oracle oracle{zone.frames().count()};
    const sealed_now sealed;
    std::atomic<bool> stop{false};
    std::vector<std::thread> users;
    for (unsigned t = 0; t != 3; ++t)
        users.emplace_back([&, t] {
            user<stress_zone> me{zone, oracle, sealed, t + 1};
            while (!stop.load(std::memory_order_relaxed))
                me.step(200);
            me.give_all();
        });

    // What each thread may have between the zone and the oracle at the moment of the fork: a batch, or one run.
    constexpr std::uint64_t in_flight = 3 * small_block;
    const auto child = [&]() -> int {
        ::alarm(60);
        if (!zone.validate()) return 1;
        const auto stats = zone.exact_stats();
        if (!stats) return 2;
        const std::uint64_t held = oracle.held();
        if (stats->allocated.raw() + in_flight < held || stats->allocated.raw() > held + in_flight) return 3;
        if ((stats->free + stats->cached + stats->allocated) != stats->managed) return 4;
        // All that is free can be had, by this thread, once; and given back.
        const std::vector<frame> rest =
            take_all(zone, order{0}, migrate_type::movable, stress_policy::thread_slots::current());
        if (rest.size() != (stats->free + stats->cached).raw()) return 5;
        for (const frame f : rest)
            oracle.take(f, order{0}, 1000);
        for (const frame f : rest)
            zone.free(f);
        if (!zone.isolate(block(zone, 3, 5))) return 7;
        if (zone.drain() != status::ok || zone.stats().free.raw() != rest.size()) return 8;
        return zone.validate() ? 0 : 9;
    };
    unsigned failed = 0;
    int last = 0;
    const unsigned forks = scaled(1000u);
    for (unsigned i = 0; i != forks && failed == 0; ++i) {
        const std::uint64_t mistakes = oracle.mistakes();
        const pid_t pid = ::fork();
        if (pid == 0) {
            const int outcome = child();
            ::_exit(outcome != 0 ? outcome : oracle.mistakes() > mistakes + in_flight ? 10 : 0);
        }
        int state = 0;
        ::waitpid(pid, &state, 0);
        last = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        failed += last != 0;
    }
    stop.store(true);
    for (auto& thread : users)
        thread.join();
    INFO("the last child returned " << last);
    CHECK(failed == 0);
    CHECK(oracle.mistakes() == 0);
    CHECK(misuse_record::count.load() == 0);
    CHECK(zone.exact_stats()->allocated.raw() == 0);
    CHECK(agrees(zone));
}

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
