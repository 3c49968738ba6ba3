// support/lrus.hpp - policies and helpers of the tests of the LRU.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "support/slots.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace cordon::testing {

struct small_lru_policy : default_policy {
    using thread_slots = chosen_slots;
};

// One FIFO list, on either container; touches do not matter.
struct ring_fifo : replacement_base {};
struct linked_fifo : replacement_base {
    static constexpr list_kind kind = list_kind::linked;
};
struct linked_clock : replacement::clock<1, list_kind::linked> {};

template <class R, class P = small_lru_policy>
using small_lru = lru<R, P>;

// How often the lock of a group was taken, and how often by who held another one.
struct group_lock_count {
    static constexpr bool wants_contention = false;
    static inline std::atomic<std::uint32_t> taken{0};
    static inline std::atomic<std::uint32_t> together{0};
    static inline thread_local std::uint32_t held = 0;

    void before_lock() {}
    void acquired(bool) {
        ++taken;
        together += held++ != 0;
    }
    void released() { --held; }
};
// `Base`, and its group locks are counted.
template <class Base>
struct counted_groups : Base {
    using group_lock = observed_lock<spin_lock<>, group_lock_count>;
};

[[nodiscard]] inline frame_range some_frames(std::uint32_t n, std::uint32_t first = 1000) {
    return {frame{first}, frame_count{n}};
}

// Returns: the frames on a list of the group, oldest first. Requires: nobody uses the LRU.
template <class R, class P>
[[nodiscard]] std::vector<frame> on_list(lru<R, P>& tracker, group_id g = root_group, unsigned list = 0) {
    auto& core = tracker.internals();
    std::vector<frame> all;
    core.lists().for_each(core.list_at(g, list), [&](auto entry) {
        const frame_index i{entry.frame};
        if (core.is_current(g, list, entry, core.peek(i))) all.push_back(core.frame_at(i));
        return true;
    });
    return all;
}

// Returns: up to n of the coldest frames, isolated.
template <class R, class P>
[[nodiscard]] std::vector<frame> coldest(lru<R, P>& tracker, std::size_t n, group_id g = root_group) {
    std::vector<frame> out(n);
    out.resize(tracker.isolate_coldest(g, out));
    return out;
}

} // namespace cordon::testing
