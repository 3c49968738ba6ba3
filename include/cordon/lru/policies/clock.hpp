// cordon/lru/policies/clock.hpp - replacement::clock: FIFO with K more chances for frames that are touched.
// SPDX-License-Identifier: BSL-1.0
//
// The clock of Corbato (1968), as a FIFO whose oldest frame goes round again while its counter is not zero: the same
// order of evictions as a hand over a circle, and a removed frame leaves no gap to mend.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

// A touch adds 1 to the counter, up to K; the hand takes 1 away. With list_kind::hand it is that circle itself: 5 bytes a
// frame in all, for one group or a few (hand.hpp).
template <unsigned K = 1, list_kind Kind = list_kind::ring>
struct clock : replacement_base {
    static_assert(K >= 1 && K <= 250);
    static constexpr list_kind kind = Kind;
    static constexpr unsigned passes = K + 2;

    static constexpr std::uint8_t touched(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(age < K ? age + 1 : age);
    }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(age < K ? K - age : 0);
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        const std::uint8_t chances = v.age(i);
        if (chances == 0) return decision::evict();
        v.set_age(i, static_cast<std::uint8_t>(chances - 1));
        return decision::keep(list);
    }
};
static_assert(replacement_policy<clock<>>);

} // namespace replacement
} // namespace cordon::inline v0
