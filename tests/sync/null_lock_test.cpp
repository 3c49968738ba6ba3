// tests/sync/null_lock_test.cpp - the lock that is none.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/null_lock.hpp"

#include "cordon/sync/concepts.hpp"
#include "cordon/sync/guard.hpp"
#include "support/catch.hpp"

#include <type_traits>

TEST_CASE("a null lock is an empty lock", "[sync]") {
    STATIC_REQUIRE(std::is_empty_v<cordon::null_lock>);
    STATIC_REQUIRE(cordon::try_lockable<cordon::null_lock>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<cordon::null_lock>);
}

TEST_CASE("a null lock is always there to be taken", "[sync]") {
    constinit static cordon::null_lock lock;
    cordon::guard section{lock};
    CHECK(section.proof().of(lock));
    const bool again = lock.try_lock();
    CHECK(again);
}
