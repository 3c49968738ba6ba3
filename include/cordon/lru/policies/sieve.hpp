// cordon/lru/policies/sieve.hpp - replacement::sieve: a clock whose survivors keep their place in the queue.
// SPDX-License-Identifier: BSL-1.0
//
// Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024. One queue, and a hand that goes from the
// oldest frame to the newest; it clears the bit of a touched frame and leaves it where it is, and evicts the others.
//
// A hand in the middle of a queue must be mended when its frame leaves. So the queue is two lists, cut at the hand:
//
//     oldest [ passed: survivors in their order ] hand [ ahead: not yet looked at ] newest
//
// The hand's step is to take the oldest of `ahead`. Its way back to the start is to swap the names of the two lists,
// which happens as soon as `ahead` is empty: before anything is added, as a frame that comes then is behind survivors.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

struct sieve : replacement_base {
    static constexpr unsigned lists = 2;
    static constexpr unsigned passes = 3;
    struct group_state {
        std::uint8_t ahead; // which of the two lists it is
    };

    template <class V>
    list_place insert(V& v, frame_index, const arrival&) const {
        return {ahead(v)};
    }
    template <class V>
    unsigned next(V& v) const {
        const unsigned list = ahead(v);
        return v.size(list) != 0 ? list : lists;
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        if (v.age(i) == 0) return decision::evict();
        v.set_age(i, 0);
        return decision::keep(1 - list);
    }
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        if (at == putback_at::head) return {ahead(v)};
        if (at == putback_at::tail) return {ahead(v), list_end::oldest};
        return {v.list_of(i)};
    }

private:
    template <class V>
    static unsigned ahead(V& v) {
        auto& state = v.state();
        if (v.size(state.ahead) == 0) state.ahead = static_cast<std::uint8_t>(1 - state.ahead);
        return state.ahead;
    }
};
static_assert(replacement_policy<sieve>);

} // namespace replacement
} // namespace cordon::inline v0
