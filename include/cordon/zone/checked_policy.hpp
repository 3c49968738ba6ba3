// cordon/zone/checked_policy.hpp - checked_policy: default_policy with the library looking over its own shoulder.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/sync/lock_rank.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/zone/default_policy.hpp"

namespace cordon::inline v0 {

// Each operation audits the blocks that it touched, and each lock checks that it is taken in the order of
// sync/lock_rank.hpp. For tests and for hunting; several times slower.
struct checked_policy : default_policy {
    static constexpr check_level checks = check_level::full;
    using zone_lock = observed_lock<default_policy::zone_lock, rank_checker<lock_rank::zone_lock>>;
    using isolation_lock =
        observed_lock<default_policy::isolation_lock, rank_checker<lock_rank::isolation_lock>>;
};
static_assert(zone_policy<checked_policy>);

} // namespace cordon::inline v0
