// cordon/lru/policies/lirs.hpp - replacement::lirs: what was used twice in a short time stays, by generations.
// SPDX-License-Identifier: BSL-1.0
//
// Jiang, Zhang: "LIRS: An Efficient Low Inter-reference Recency Set Replacement Policy", SIGMETRICS 2002, quantised: not
// a stack of all recencies, but a clock that ticks 16 times while as many frames are evicted as there are. Most
// frames are hot, a share is cold. A new frame is cold. If it is touched, the gap between its arrival and the touch
// is compared with the age of the oldest hot frame: if it is shorter, the two change places. A frame that comes back after
// its eviction is judged by the gap since. So a loop or a scan that does not fit leaves most of the frames alone,
// which is where LRU, CLOCK, SIEVE and two lists keep nothing.
//
// The whole memory of a frame is its byte, the tick of its last use: at most one store in a tick. When a frame of the
// cold list came is not noted; it is known by the length of that list, which a frame goes through in one step an eviction.
#pragma once

#include "cordon/lru/policies/tick_byte.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

// A part of all frames, in 65536ths; 1.0 is all of them.
constexpr std::uint16_t share_of(double part) {
    return static_cast<std::uint16_t>(part * 65536 > 65535 ? 65535 : part * 65536);
}

struct lirs : tick_byte {
    static constexpr unsigned lists = 2;
    static constexpr unsigned cold_list = 0;
    static constexpr unsigned hot_list = 1;
    static constexpr unsigned ticks_a_turn = 16; // a turn: as many evictions as there are frames
    struct group_state {
        std::uint32_t ticks;
        std::uint32_t evictions;   // since the last tick
        std::uint32_t last_cooled; // since when the hot frame that became cold last was hot
        bool has_cooled;           // one did
        bool keeps_hot;            // a frame that comes back is cold, so that hot ones stay
        std::uint16_t cold_share;  // 0: that of the policy
    };

    // Of the frames that are cold, at least one. With all of them the policy is a clock.
    std::uint16_t cold_share = share_of(0.1);

    constexpr lirs() = default;
    explicit constexpr lirs(double share) : cold_share(share_of(share)) {}

    template <class V>
    list_place insert(V& v, frame_index, const arrival& a) const {
        const bool came_back = a.known && !v.state().keeps_hot && refault(v, a.payload).activate;
        const unsigned list = has_room(v) || (has_hot(v) && came_back) ? hot_list : cold_list;
        return {list};
    }
    template <class V>
    unsigned next(V& v) const {
        const std::uint32_t hot = v.size(hot_list), cold = v.size(cold_list);
        if (hot + cold == 0) return lists;
        return cold == 0 || hot > hot + cold - cold_target(v, hot + cold) ? hot_list : cold_list;
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        const std::uint8_t age = v.age(i);
        const std::uint32_t unused = coldness(age, v.clock());
        if (is_touched(age)) {
            v.set_age(i, untouched(age));
            const bool is_hot = list == hot_list || (has_hot(v) && came_sooner(v, unused)) || has_room(v);
            return decision::keep(is_hot ? hot_list : cold_list);
        }
        if (list == cold_list) return decision::evict();
        v.state().last_cooled = v.state().ticks - unused;
        v.state().has_cooled = true;
        return decision::keep(cold_list);
    }
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        if (at == putback_at::tail) return {cold_list, list_end::oldest};
        return {v.list_of(i)};
    }
    // The token holds the tick of the last use that is known.
    template <class V>
    std::uint32_t evicted(V& v, frame_index i) const {
        const std::uint32_t used = v.state().ticks - coldness(v.age(i), v.clock());
        if (++v.state().evictions * ticks_a_turn >= v.total()) tick(v);
        return used & lru_token::payload_mask;
    }
    template <class V>
    refault_info refault(const V& v, std::uint32_t payload) const {
        const std::uint32_t gap = (v.state().ticks - payload) & lru_token::payload_mask;
        return {gap < hot_age(v), std::uint64_t{gap} * v.total() / ticks_a_turn};
    }
    template <class V>
    void tick(V& v) const {
        v.advance();
        ++v.state().ticks;
        v.state().evictions = 0;
    }

private:
    static constexpr std::uint32_t oldest_age = 30; // ticks; about two turns

    template <class V>
    std::uint32_t cold_target(const V& v, std::uint32_t total) const {
        const std::uint64_t share = v.state().cold_share != 0 ? v.state().cold_share : cold_share;
        const auto target = static_cast<std::uint32_t>(total * (share + 1) >> 16);
        return target != 0 ? target : 1;
    }
    // Returns: whether any frame may be hot. Where none may, one made hot all the same would lose a touch to the scan
    // that cools it.
    template <class V>
    bool has_hot(const V& v) const {
        return cold_target(v, v.total()) < v.total();
    }
    // Returns: whether there are fewer hot frames than there may be.
    template <class V>
    bool has_room(const V& v) const {
        const std::uint32_t total = v.total();
        return v.size(hot_list) + cold_target(v, total) < total;
    }
    // Returns: whether from the arrival of the oldest cold frame to its touch, which is so many ticks ago, fewer ticks went
    // by than the oldest hot frame is old. It has been cold for size * ticks_a_turn / total ticks, rounded down.
    template <class V>
    static bool came_sooner(const V& v, std::uint32_t since_touch) {
        const std::uint64_t age = hot_age(v);
        return age != 0 && std::uint64_t{v.size(cold_list)} * ticks_a_turn < (age + since_touch) * v.total();
    }
    // Returns: ticks; the oldest hot frame is not older, and was not long ago that old.
    template <class V>
    static std::uint32_t hot_age(const V& v) {
        const auto& state = v.state();
        const std::uint32_t age = state.ticks - state.last_cooled;
        return state.has_cooled && age < oldest_age ? age : oldest_age;
    }
};
static_assert(replacement_policy<lirs>);

} // namespace replacement
} // namespace cordon::inline v0
