// cordon/lru/policies/s3_fifo.hpp - replacement::s3_fifo: a small queue on probation, a main queue, ghosts.
// SPDX-License-Identifier: BSL-1.0
//
// Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO Queues are All You Need for Cache Eviction", SOSP 2023. A new frame goes
// through a small queue, a tenth of all; one that is touched Threshold times there goes on to the main queue, which is a
// clock with a counter of up to 3. What leaves the small queue is remembered, and goes to the main queue if it comes
// back before as many others have left it as nine tenths of the frames. The ghosts cost nothing: a token holds the
// number of its eviction.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <bit>
#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

// The paper, and libCacheSim, have a threshold of 2; 1 is better where the small queue is short for its traffic.
template <unsigned Threshold = 1>
struct s3_fifo : replacement_base {
    static_assert(Threshold >= 1 && Threshold <= 3);
    static constexpr unsigned lists = 2;
    static constexpr unsigned passes = 6;
    static constexpr unsigned small = 0;
    static constexpr unsigned main = 1;
    struct group_state {
        std::uint32_t remembered; // frames that left the small queue for good, so far
        std::uint32_t in_small;   // victims that are looked for there, until they are found or it is empty
    };

    static constexpr std::uint8_t touched(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(age < 3 ? age + 1 : age);
    }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t) {
        return static_cast<std::uint8_t>(age < 3 ? 3 - age : 0);
    }
    template <class V>
    list_place insert(V& v, frame_index, const arrival& a) const {
        return {a.known && refault(v, a.payload).activate ? main : small};
    }
    template <class V>
    unsigned next(V& v) const {
        const std::uint32_t on_small = v.size(small), on_main = v.size(main), total = on_small + on_main;
        if (total == 0) return lists;
        if (on_small != 0 && v.state().in_small != 0) return small;
        return on_small == 0 || on_main > total - total / 10 ? main : small;
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        const std::uint8_t uses = v.age(i);
        const bool stays = uses >= (list == small ? Threshold : 1);
        std::uint32_t& in_small = v.state().in_small;
        if (list == main)
            in_small = 0;
        else if (stays)
            in_small += in_small == 0;
        else
            in_small -= in_small != 0;
        if (!stays) return decision::evict();
        v.set_age(i, static_cast<std::uint8_t>(list == small ? 0 : uses - 1));
        return decision::keep(main);
    }
    // What is to be reclaimed next is at the old end of the small queue, and is looked for there: as often as it is put
    // there, but not oftener than there are frames.
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        if (at != putback_at::tail) return {v.list_of(i)};
        std::uint32_t& in_small = v.state().in_small;
        in_small += in_small <= v.size(small); // the frame itself is not counted yet
        return {small, list_end::oldest};
    }

    template <class V>
    std::uint32_t evicted(V& v, frame_index i) const {
        if (v.list_of(i) != small) return 0;
        return from_small | (++v.state().remembered >> shift(v) & number_mask);
    }
    template <class V>
    refault_info refault(const V& v, std::uint32_t payload) const {
        if ((payload & from_small) == 0) return {.distance = UINT64_MAX};
        const std::uint32_t steps = ((v.state().remembered >> shift(v)) - payload) & number_mask;
        const std::uint64_t distance = std::uint64_t{steps} << shift(v);
        // The frame that comes back is not counted yet.
        return {distance < (std::uint64_t{v.total()} + 1) * 9 / 10, distance};
    }

private:
    static constexpr std::uint32_t from_small = 1u << (lru_token::payload_bits - 1);
    static constexpr std::uint32_t number_mask = from_small - 1;

    // The number of an eviction is kept in steps of 2^shift, so that it reaches over twice as many as there are frames.
    template <class V>
    static unsigned shift(const V& v) {
        const unsigned bits = static_cast<unsigned>(std::bit_width(v.frames())) + 1;
        constexpr unsigned kept = lru_token::payload_bits - 1;
        return bits > kept ? bits - kept : 0;
    }
};
static_assert(replacement_policy<s3_fifo<>>);

} // namespace replacement
} // namespace cordon::inline v0
