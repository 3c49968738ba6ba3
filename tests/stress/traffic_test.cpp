// tests/stress/traffic_test.cpp - traffic and an isolator, with an oracle beside them.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "stress/user.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

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
                const auto got = range->claim();
                if (!got) oracle.wrong();
                for (const frame f : *got)
                    oracle.take(f, order{0}, 99);
                for (const frame f : *got) {
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

} // namespace

TEST_CASE("no frame is handed out twice, and none of a sealed range, under traffic and isolation",
          "[stress]") {
    traffic_under_isolation<stress_policy>(3, for_a_while(3000));
}

TEST_CASE("more threads than slots: some go uncached, nothing is lost", "[stress]") {
    traffic_under_isolation<crowded_policy>(12, for_a_while(2000));
}
