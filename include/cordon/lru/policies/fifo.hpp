// cordon/lru/policies/fifo.hpp - replacement::fifo: what came first goes first, touched or not.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/replacement.hpp"

namespace cordon::inline v0 {
namespace replacement {

// The least that a policy can be; what the others are measured against. A touch only tells age_histogram.
struct fifo : replacement_base {
    static constexpr unsigned passes = 1;
};
static_assert(replacement_policy<fifo>);

} // namespace replacement
} // namespace cordon::inline v0
