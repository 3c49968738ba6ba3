// cordon/sync/null_lock.hpp - null_lock: the lock of a program with one thread.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/sync/concepts.hpp"

namespace cordon::inline v0 {

// Requires: no two threads use what it stands for. Cost: nothing.
class CORDON_CAPABILITY("lock") null_lock {
public:
    constexpr null_lock() = default;
    null_lock(const null_lock&) = delete;
    null_lock& operator=(const null_lock&) = delete;

    constexpr void lock() CORDON_ACQUIRE() {}
    [[nodiscard]] constexpr bool try_lock() CORDON_TRY_ACQUIRE(true) { return true; }
    constexpr void unlock() CORDON_RELEASE() {}
};
static_assert(try_lockable<null_lock>);

} // namespace cordon::inline v0
