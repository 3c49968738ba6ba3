// cordon/lru/policies/generations.hpp - replacement::generations: lists by age; a touched frame joins the youngest.
// SPDX-License-Identifier: BSL-1.0
//
// Linux' multi-generational LRU (mm/vmscan.c, Documentation/mm/multigen_lru.rst) without its tiers. The oldest
// generation is evicted from; a frame of it that was touched moves to the youngest. When it is empty, the next one is
// the oldest; when two are left, a new youngest one is opened, and the clock ticks. age() opens one as well, as long as
// there are lists for it. A new frame starts old, so that what is used once leaves first; one that comes back soon
// after its eviction starts young.
#pragma once

#include "cordon/lru/policies/tick_byte.hpp"

#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

template <unsigned N = 4>
struct generations : tick_byte {
    static_assert(N >= 3 && N <= 32);
    static constexpr list_kind kind = N <= 4 ? list_kind::ring : list_kind::linked;
    static constexpr unsigned lists = N;
    struct group_state {
        std::uint8_t youngest; // list
        std::uint8_t spare;    // generations beside the two that there always are
    };

    template <class V>
    list_place insert(V& v, frame_index, const arrival& a) const {
        const auto& state = v.state();
        if (a.known && this->refault(v, a.payload).activate) return {state.youngest};
        return {generation(state, state.spare < 2 ? oldest(state) : oldest(state) - 1)};
    }
    template <class V>
    unsigned next(V& v) const {
        auto& state = v.state();
        unsigned list = generation(state, oldest(state));
        while (v.size(list) == 0) {
            if (v.total() == 0) return lists;
            if (state.spare == 0) tick(v);
            --state.spare;
            list = generation(state, oldest(state));
        }
        return list;
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned) const {
        const std::uint8_t age = v.age(i);
        if (!is_touched(age)) return decision::evict();
        v.set_age(i, untouched(age));
        return decision::keep(v.state().youngest);
    }
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        const auto& state = v.state();
        const unsigned last = generation(state, oldest(state)), list = v.list_of(i);
        if (at == putback_at::head) return {state.youngest};
        if (at == putback_at::tail) return {last, list_end::oldest};
        // The list of a generation that is over becomes that of the youngest one in time.
        return {number(state, list) > oldest(state) ? last : list};
    }
    template <class V>
    void tick(V& v) const {
        v.advance();
        auto& state = v.state();
        if (state.spare == N - 2) return;
        state.youngest = static_cast<std::uint8_t>((state.youngest + 1) % N);
        ++state.spare;
    }

private:
    // Generations are numbered from the youngest, 0.
    static constexpr unsigned oldest(const group_state& s) { return s.spare + 1u; }
    static constexpr unsigned generation(const group_state& s, unsigned number) {
        return (s.youngest + N - number) % N;
    }
    static constexpr unsigned number(const group_state& s, unsigned list) {
        return (s.youngest + N - list) % N;
    }
};
static_assert(replacement_policy<generations<>>);

} // namespace replacement
} // namespace cordon::inline v0
