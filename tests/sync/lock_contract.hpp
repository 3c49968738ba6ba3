// sync/lock_contract.hpp - what every lock that can be tried promises.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/atomics.hpp"
#include "cordon/platform/backoff.hpp"
#include "cordon/platform/sleeping_backoff.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"
#include "sync/stale_atomics.hpp"

#include <cstring>
#include <type_traits>

template <template <class, class> class Lock>
void check_lock_contract() {
    using sleeping = Lock<cordon::std_atomics, cordon::sleeping_backoff>;
    using plain = Lock<cordon::std_atomics, cordon::pause_backoff>;

    SECTION("one thread is in at a time") {
        sleeping lock;
        CHECK(count_together(lock) == sections_in_all());
    }
    SECTION("threads that only try exclude each other") {
        tried<sleeping> lock;
        CHECK(count_together(lock) == sections_in_all());
    }
    SECTION("it is tried without waiting") {
        plain lock;
        for (int round = 0; round != 2; ++round) {
            CHECK_FALSE(is_held(lock));
            lock.lock();
            CHECK(is_held(lock));
            lock.unlock();
        }
    }
    SECTION("taken between the look and the try, it is not had twice") {
        Lock<stale_atomics, cordon::pause_backoff> lock;
        lock.lock();
        stale_atomics::stale = true;
        CHECK(is_held(lock));
        stale_atomics::stale = false;
        lock.unlock();
        CHECK_FALSE(is_held(lock));
    }
    SECTION("zero bytes are an unlocked one") {
        static constinit plain lock;
        const unsigned char zeros[sizeof lock]{};
        CHECK(std::memcmp(&lock, zeros, sizeof lock) == 0);
        CHECK_FALSE(is_held(lock));
        lock.lock();
        CHECK(std::memcmp(&lock, zeros, sizeof lock) != 0);
        lock.unlock();
        STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<plain>);
    }
}
