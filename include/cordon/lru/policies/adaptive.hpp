// cordon/lru/policies/adaptive.hpp - replacement::adaptive: lirs with the share of cold frames that the traffic likes best.
// SPDX-License-Identifier: BSL-1.0
//
// No share suits all: a loop wants hardly any cold frames, a working set that moves wants all of them cold, which is a
// clock. Three small caches (duel.hpp) of each group run the policy on a sample of the contents: with 1 per cent of cold
// frames, and what comes back stays cold; with 10; with 100. The share of the real one moves towards the one that is
// ahead, a frame at each miss.
//
//     1 per cent, keeps hot   loops, scans, zigzags: any set that stays is as good as its size
//     10 per cent             skewed and mixed traffic: lirs
//     100 per cent            recency, working sets that move: a clock
//
// Another one is followed when its hits have come to exceed those of the one that is followed now by as many as it has
// pages: what it costs to fill a cache anew. A smaller lead comes and goes with the phases of the traffic; waiting until
// the loss equals the price of a change costs at most about twice what could not be avoided.
//
// The sample needs a name of the content that stays the same: the key of add(); without one, or with key 0, the share
// stays at 10 per cent. A touch writes only the age byte, so the small caches hear of all uses when the clock
// ticks, of the touches first: many hits between two misses are in one tick with these, and often before them. What
// comes from another group (move_group, merge_groups) is heard of from the next time that it is added.
//
// It takes 30 KiB for each group that there may be, committed when the group is used. On Zipf and web traffic
// s3_fifo is better by up to a few points; on loops and scans this one is better by tens.
#pragma once

#include "cordon/lru/policies/duel.hpp"
#include "cordon/lru/policies/lirs.hpp"

#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {
namespace replacement {

struct adaptive : lirs {
    static constexpr bool wants_keys = true;
    struct group_state : lirs::group_state {
        std::uint8_t followed; // number of the arm, from 1; 0: none yet
        std::uint8_t shift;    // one page of 2^shift is sampled
    };

    static constexpr std::size_t extra_bytes(std::uint64_t) { return arms{pages_an_arm}.bytes(); }
    template <class V>
    list_place insert(V& v, frame_index i, const arrival& a) const {
        const list_place place = lirs::insert(v, i, a);
        const arms all = arms_of(v);
        all.remove(i); // forgotten with what it held before
        if (a.key == 0) return place;
        steer(v);
        if (v.total() >> v.state().shift >= pages_an_arm) {
            ++v.state().shift;
            all.thin([&](std::uint32_t page) { return is_sampled(v, page); });
        }
        const std::uint32_t page = page_of(a.key);
        if (!is_sampled(v, page)) return place;
        all.put(i, page);
        all.access_later(*this, page, room(v));
        return place;
    }
    template <class V>
    std::uint32_t evicted(V& v, frame_index i) const {
        const std::uint32_t before = v.state().ticks;
        const std::uint32_t payload = lirs::evicted(v, i);
        arms_of(v).remove(i);
        if (v.state().ticks != before) judge(v);
        return payload;
    }
    template <class V>
    void moved(V& v, frame_index from, frame_index to) const {
        arms_of(v).rename(from, to);
    }
    template <class V>
    void tick(V& v) const {
        lirs::tick(v);
        judge(v);
    }

private:
    using arms = duel<lirs, 3>;
    static constexpr std::uint32_t pages_an_arm = 256;
    static constexpr std::uint16_t shares[3] = {share_of(0.01), share_of(0.1), share_of(1)};
    static constexpr unsigned keeper = 0; // the arm that keeps its hot frames
    static constexpr unsigned usual = 1;  // the arm with the share that there is without a sample

    // Returns: of an arm, as much as the sample is of the whole.
    template <class V>
    static std::uint32_t room(const V& v) {
        const std::uint32_t n = (v.total() + 1) >> v.state().shift;
        return n != 0 ? n : 1;
    }
    template <class V>
    static arms arms_of(const V& v) {
        arms all{pages_an_arm};
        all.attach(v.extra());
        for (unsigned a = 0; a != 3; ++a) {
            all.state(a).cold_share = shares[a];
            all.state(a).keeps_hot = a == keeper;
        }
        return all;
    }

    // Never 0, which is no page.
    static constexpr std::uint32_t page_of(std::uint64_t key) {
        key = (key ^ key >> 32) * 0xd6e8feb86659fd93;
        key = (key ^ key >> 32) * 0xd6e8feb86659fd93;
        return static_cast<std::uint32_t>(key >> 32) | 1;
    }
    template <class V>
    static bool is_sampled(const V& v, std::uint32_t page) {
        return (page >> 1 & ((1u << v.state().shift) - 1)) == 0;
    }

    // Effects: the arms hear of the touches since the last tick; the best of them is followed.
    template <class V>
    void judge(V& v) const {
        const arms all = arms_of(v);
        all.for_each([&](frame_index i, std::uint32_t page, bool is_new) {
            if (!v.holds(i)) return all.remove(i);
            const std::uint8_t age = v.age(i); // a scan may have cleared the bit, but the tick stays
            if (coldness(age, v.clock()) == 1 && (is_touched(age) || !is_new))
                all.access(*this, page, room(v));
        });
        all.catch_up(*this, room(v));
        auto& state = v.state();
        const unsigned best = all.leader(state.followed != 0 ? state.followed - 1u : usual, room(v));
        state.followed = static_cast<std::uint8_t>(best + 1);
        state.keeps_hot = best == keeper;
    }
    // Effects: the share moves by a frame.
    template <class V>
    void steer(V& v) const {
        auto& state = v.state();
        if (state.followed == 0) return;
        const std::uint32_t want = shares[state.followed - 1], step = 65536 / (v.total() + 1) + 1;
        const std::uint32_t now = state.cold_share != 0 ? state.cold_share : cold_share;
        const std::uint32_t next = now < want ? now + step : now > step ? now - step : 0;
        state.cold_share = static_cast<std::uint16_t>((now < want) == (next < want) ? next : want);
    }
};
static_assert(replacement_policy<adaptive>);

} // namespace replacement
} // namespace cordon::inline v0
