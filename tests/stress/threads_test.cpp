// tests/stress/threads_test.cpp - threads that come and go, and free after their slot is gone.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "stress/user.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <thread>

using namespace cordon;
using namespace cordon::testing;

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
