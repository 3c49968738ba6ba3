// tests/sync/spin_lock_test.cpp - test-and-test-and-set excludes.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/spin_lock.hpp"

#include "support/catch.hpp"
#include "sync/lock_contract.hpp"

TEST_CASE("a spin lock keeps the contract of a lock", "[sync]") {
    check_lock_contract<cordon::spin_lock>();
}
