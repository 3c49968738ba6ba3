// tests/sync/concepts_test.cpp - what counts as a lock.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/concepts.hpp"

#include "support/catch.hpp"

#include <mutex>

namespace {

struct lock_without_try {
    void lock();
    void unlock();
};
struct try_returns_nothing : lock_without_try {
    void try_lock();
};

} // namespace

TEST_CASE("a lock has lock and unlock, and may have try_lock", "[sync]") {
    STATIC_REQUIRE(cordon::basic_lockable<std::mutex>);
    STATIC_REQUIRE(cordon::try_lockable<std::mutex>);
    STATIC_REQUIRE(cordon::basic_lockable<lock_without_try>);
    STATIC_REQUIRE_FALSE(cordon::try_lockable<lock_without_try>);
    STATIC_REQUIRE_FALSE(cordon::try_lockable<try_returns_nothing>);
    STATIC_REQUIRE_FALSE(cordon::basic_lockable<int>);
}
