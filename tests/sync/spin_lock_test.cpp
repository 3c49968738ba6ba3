// tests/sync/spin_lock_test.cpp - test-and-test-and-set excludes.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/spin_lock.hpp"

#include "cordon/platform/sleeping_backoff.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"
#include "sync/stale_atomics.hpp"

#include <cstring>
#include <type_traits>

using lock_type = cordon::spin_lock<cordon::std_atomics, cordon::sleeping_backoff>;

TEST_CASE("a spin lock lets one thread in at a time", "[sync]") {
    lock_type lock;
    CHECK(count_together(lock) == sections_in_all());
}

TEST_CASE("a spin lock is tried without waiting", "[sync]") {
    cordon::spin_lock<> lock;
    for (int round = 0; round != 2; ++round) {
        CHECK_FALSE(is_held(lock));
        lock.lock();
        CHECK(is_held(lock));
        lock.unlock();
    }
}

TEST_CASE("a spin lock that is taken between the look and the try is not had twice", "[sync]") {
    cordon::spin_lock<stale_atomics> lock;
    lock.lock();
    stale_atomics::stale = true;
    CHECK(is_held(lock));
    stale_atomics::stale = false;
    lock.unlock();
    CHECK_FALSE(is_held(lock));
}

TEST_CASE("zero bytes are an unlocked spin lock", "[sync]") {
    static constinit cordon::spin_lock<> lock;
    const unsigned char zeros[sizeof lock]{};
    CHECK(std::memcmp(&lock, zeros, sizeof lock) == 0);
    CHECK_FALSE(is_held(lock));
    lock.lock();
    CHECK(std::memcmp(&lock, zeros, sizeof lock) != 0);
    lock.unlock();
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<cordon::spin_lock<>>);
}

TEST_CASE("threads that only try a spin lock exclude each other", "[sync]") {
    tried<lock_type> lock;
    CHECK(count_together(lock) == sections_in_all());
}
