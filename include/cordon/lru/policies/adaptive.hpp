// cordon/lru/policies/adaptive.hpp - replacement::adaptive: lirs with the share of cold frames that the traffic likes best.
// SPDX-License-Identifier: BSL-1.0
//
// No share suits all: a loop wants hardly any cold frames, a working set that moves wants all of them cold, which is a
// clock. Three small caches (duel.hpp) run the policy with 1, 10 and 100 per cent on a sample of the contents; the
// share of the real one moves towards the best of them, a frame at each miss.
//
// The sample needs a name of the content that stays the same: the key of add(); without one, or with key 0, the share
// stays at 10 per cent. A touch writes only the age byte, so the small caches hear of all uses when the clock
// ticks, of the touches first: many hits between two misses are in one tick with these, and often before them. One group is judged, by default the root group; the others have the share of 10 per cent.
//
// On Zipf and web traffic s3_fifo is better by up to a few points; on loops and scans this one is better by tens.
#pragma once

#include "cordon/lru/policies/duel.hpp"
#include "cordon/lru/policies/lirs.hpp"

#include <bit>

namespace cordon::inline v0 {
namespace replacement {

struct adaptive : lirs {
    static constexpr bool wants_keys = true;
    struct group_state : lirs::group_state {
        std::uint8_t best; // number of the arm, from 1; 0: none yet
    };

    group_id judged = root_group;

    constexpr adaptive() = default;
    explicit constexpr adaptive(group_id g) : judged(g) {}

    static constexpr std::size_t extra_bytes(std::uint64_t frames) {
        return arms{room(static_cast<std::uint32_t>(frames))}.bytes();
    }
    template <class V>
    list_place insert(V& v, frame_index i, const arrival& a) const {
        const list_place place = lirs::insert(v, i, a);
        if (v.group() != judged || a.key == 0) return place;
        steer(v);
        const std::uint64_t hash = hash_of(a.key);
        if (!is_sampled(v, hash)) return place;
        const arms all = arms_of(v);
        all.put(i, page_of(hash));
        all.access_later(*this, page_of(hash), arm_room(v));
        return place;
    }
    template <class V>
    std::uint32_t evicted(V& v, frame_index i) const {
        const std::uint32_t before = v.state().ticks;
        const std::uint32_t payload = lirs::evicted(v, i);
        if (v.group() == judged) {
            arms_of(v).remove(i);
            if (v.state().ticks != before) judge(v);
        }
        return payload;
    }
    template <class V>
    void tick(V& v) const {
        lirs::tick(v);
        if (v.group() == judged) judge(v);
    }

private:
    using arms = duel<lirs, 3>;
    static constexpr std::uint16_t shares[3] = {share_of(0.01), share_of(0.1), share_of(1)};
    static constexpr std::uint32_t ticks_a_verdict = ticks_a_turn / 2;

    // Of an arm: a page for each 128 frames, but enough to judge by.
    static constexpr std::uint32_t room(std::uint32_t frames) {
        return frames / 128 < 256 ? 256 : frames / 128 & ~7u;
    }
    // One page of 2^n is sampled; as many of them as fit into an arm.
    template <class V>
    static unsigned sample_shift(const V& v) {
        return static_cast<unsigned>(std::bit_width(v.total() / room(v.frames())));
    }
    template <class V>
    static std::uint32_t arm_room(const V& v) {
        const std::uint32_t n = (v.total() + 1) >> sample_shift(v);
        return n != 0 ? n : 1;
    }
    template <class V>
    static arms arms_of(const V& v) {
        arms all{room(v.frames())};
        all.attach(v.extra());
        for (unsigned a = 0; a != 3; ++a)
            all.state(a).cold_share = shares[a];
        return all;
    }

    static constexpr std::uint64_t hash_of(std::uint64_t key) {
        key = (key ^ key >> 32) * 0xd6e8feb86659fd93;
        key = (key ^ key >> 32) * 0xd6e8feb86659fd93;
        return key ^ key >> 32;
    }
    // Never 0, which is no page.
    static constexpr std::uint32_t page_of(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 32) | 1;
    }
    template <class V>
    static bool is_sampled(const V& v, std::uint64_t hash) {
        return (hash & ((std::uint64_t{1} << sample_shift(v)) - 1)) == 0;
    }

    // Effects: the arms hear of the touches since the last tick; now and then the best of them is chosen.
    template <class V>
    void judge(V& v) const {
        const arms all = arms_of(v);
        all.for_each([&](frame_index i, std::uint32_t page, bool is_new) {
            const std::uint8_t age = v.age(i); // a scan may have cleared the bit, but the tick stays
            if (coldness(age, v.clock()) == 1 && (is_touched(age) || !is_new))
                all.access(*this, page, arm_room(v));
        });
        all.catch_up(*this, arm_room(v));
        auto& state = v.state();
        if (state.ticks % ticks_a_verdict != 0) return;
        unsigned best = state.best != 0 ? state.best - 1u : 1;
        for (unsigned a = 0; a != 3; ++a) // a better one must be clearly better
            if (all.score(a) > all.score(best) + all.score(best) / 50 + 4) best = a;
        state.best = static_cast<std::uint8_t>(best + 1);
        all.decay();
    }
    // Effects: the share moves by a frame.
    template <class V>
    void steer(V& v) const {
        auto& state = v.state();
        if (state.best == 0) return;
        const std::uint32_t want = shares[state.best - 1], step = 65536 / (v.total() + 1) + 1;
        const std::uint32_t now = state.cold_share != 0 ? state.cold_share : cold_share;
        const std::uint32_t next = now < want ? now + step : now > step ? now - step : 0;
        state.cold_share = static_cast<std::uint16_t>((now < want) == (next < want) ? next : want);
    }
};
static_assert(replacement_policy<adaptive>);

} // namespace replacement
} // namespace cordon::inline v0
