// cordon/lru/policies/two_list.hpp - replacement::two_list: inactive and active, as in Linux.
// SPDX-License-Identifier: BSL-1.0
//
// Linux, mm/vmscan.c and mm/workingset.c. A new frame is inactive. Touched once, it goes round once more; touched again,
// it becomes active. When the inactive list is short for the active one, the oldest active frame is made inactive,
// touched or not. A frame that comes back starts active if it was evicted no longer ago than there are active frames:
// with so much more room it would not have been evicted. (Linux counts activations in that distance as well.)
//
// The lists are compared once for a batch of frames, 32 as in Linux, fewer in a small group. Else a scan of two lists in
// balance would go from one to the other at each look.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

struct two_list : replacement_base {
    static constexpr unsigned lists = 2;
    static constexpr unsigned inactive = 0;
    static constexpr unsigned active = 1;
    struct group_state {
        std::uint32_t list;  // where the batch is
        std::uint32_t looks; // left of it
    };

    // The bits of the byte: touched since it was looked at; touched before that, too.
    static constexpr std::uint8_t accessed = 1;
    static constexpr std::uint8_t referenced = 2;

    static constexpr std::uint8_t touched(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(age == 0 ? accessed : accessed | referenced);
    }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(3 - age);
    }
    template <class V>
    list_place insert(V& v, frame_index, const arrival& a) const {
        return {a.known && refault(v, a.payload).activate ? active : inactive};
    }
    template <class V>
    unsigned next(V& v) const {
        auto& batch = v.state();
        if (batch.looks == 0 || v.size(batch.list) == 0) {
            const std::uint32_t on_inactive = v.size(inactive), on_active = v.size(active),
                                total = on_inactive + on_active;
            if (total == 0) return lists;
            batch.list = std::uint64_t{on_inactive} * ratio(total) < on_active ? active : inactive;
            batch.looks = total < most_looks * frames_a_look ? total / frames_a_look + 1 : most_looks;
        }
        --batch.looks;
        return batch.list;
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        const std::uint8_t age = v.age(i);
        if (list == inactive && (age & accessed) == 0) return decision::evict();
        const bool again = list == inactive && (age & referenced) != 0;
        v.set_age(i, list == inactive && !again ? referenced : 0);
        return decision::keep(again ? active : inactive);
    }
    // Nothing is evicted from the active list.
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        if (at == putback_at::tail) return {inactive, list_end::oldest};
        return {v.list_of(i)};
    }
    template <class V>
    refault_info refault(const V& v, std::uint32_t payload) const {
        const std::uint64_t distance = v.distance(payload);
        return {distance <= v.size(active), distance};
    }

private:
    static constexpr std::uint32_t most_looks = 32;
    static constexpr std::uint32_t frames_a_look = 64;

    // Active frames for each inactive one: 1 below 1 GiB of frames of 4 KiB, then sqrt(10 GiB).
    static constexpr std::uint32_t ratio(std::uint32_t frames) {
        const std::uint32_t square = 10 * (frames >> 18);
        std::uint32_t root = 1;
        while ((root + 1) * (root + 1) <= square)
            ++root;
        return root;
    }
};
static_assert(replacement_policy<two_list>);

} // namespace replacement
} // namespace cordon::inline v0
