// cordon/lru/group.hpp - lru_group: a group's lock, lists, clock and figures.
// SPDX-License-Identifier: BSL-1.0
//
// The route of a group says whether it is live, or whose frames its frames are now. A merge redirects the id: the frames
// keep the old one, an alias, in their words until somebody who may write the word meets them. Routes make a forest, as in
// union-find: a merge sets one link, and a look-up under the group's lock lets all links that it came by lead there at
// once. A link also says how far the clock of the alias is from that of where it leads: the age bytes of its frames keep
// their meaning, and a tick has no alias to go to.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/lru/hand.hpp"
#include "cordon/lru/links.hpp"
#include "cordon/lru/policy.hpp"
#include "cordon/lru/ring.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <type_traits>

namespace cordon::inline v0 {

//     bits 31..29 kind | 23..12 to | 7..0 clock
//
// A touch reads it: so an alias is told by the sign, and the clock is where a byte is.
class group_route {
public:
    enum class kind : std::uint32_t { free, live, closing, alias = 4 };

    constexpr group_route() = default;
    explicit constexpr group_route(std::uint32_t raw) : raw_(raw) {}
    constexpr group_route(kind k, group_id to, std::uint8_t clock = 0)
        : raw_(static_cast<std::uint32_t>(k) << 29 | to.raw() << 12 | clock) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    [[nodiscard]] constexpr kind what() const { return static_cast<kind>(raw_ >> 29); }
    [[nodiscard]] constexpr bool is_alias() const { return raw_ >> 31 != 0; }
    // Returns: whose frames the group's are, or where that is told; of a group that is no alias, itself.
    [[nodiscard]] constexpr group_id to() const { return group_id{raw_ >> 12 & (group_id::limit - 1)}; }
    // Returns: the group's clock; of an alias, what it is ahead of that of `to`.
    [[nodiscard]] constexpr std::uint8_t clock() const { return static_cast<std::uint8_t>(raw_); }

private:
    std::uint32_t raw_ = 0;
};

template <class R, class P>
using lists_of =
    std::conditional_t<R::kind == list_kind::linked, linked_lists<typename P::atomics>,
                       std::conditional_t<R::kind == list_kind::ring, ring_lists<typename P::atomics>,
                                          hand_lists<typename P::atomics>>>;

// Lives in metadata memory: zero bytes are a group that was never made.
template <class R, class P>
struct alignas(cache_line_bytes) lru_group {
    using atomics = typename P::atomics;
    using lists_type = lists_of<R, P>;
    using lock_type = group_lock_t<P>;
    template <class T>
    using atomic = typename atomics::template atomic<T>;
    static constexpr unsigned tick_times = 64;

    static_assert(R::lists >= 1 && R::lists <= lists_type::max_lists,
                  "a group has one list of a hand, up to 4 rings, up to 32 linked lists");
    static_assert(std::is_trivially_copyable_v<typename R::group_state>,
                  "the state of a group starts as zero bytes");

    // Under the lock. The figures are read without it.
    alignas(lock_type) std::byte lock_bytes[sizeof(lock_type)];
    std::uint32_t lock_made;         // under the control lock
    atomic<std::uint32_t> clamp_due; // ages are to be clamped before they wrap
    typename R::group_state state;
    typename lists_type::list lists[R::lists];
    std::uint64_t tick_ns[tick_times]; // when tick number n happened, and 1: at n % tick_times; 0: not known
    struct figures {
        atomic<std::uint64_t> added, scanned, isolated, kept, culled, evicted, refaulted, activated, ticks;
        atomic<std::uint64_t> stolen; // without the lock
        atomic<std::uint64_t> by_distance[miss_curve::powers + 1];
    } count;

    static_assert(alignof(lock_type) <= cache_line_bytes);
    [[nodiscard]] lock_type& lock() { return *std::launder(reinterpret_cast<lock_type*>(lock_bytes)); }
    [[nodiscard]] bool has_lock() const { return lock_made != 0; }
    // Effects: the first time there is a lock; it stays (groups.hpp).
    void make_lock() {
        if (!has_lock()) renew_lock();
        lock_made = 1;
    }
    void renew_lock() { ::new (static_cast<void*>(lock_bytes)) lock_type; }
    void destroy_lock() {
        if (has_lock()) lock().~lock_type();
    }
    // Effects: all but the lock and the route are as of a group that was never made.
    void reset(lists_type& all) {
        clamp_due.store(0, std::memory_order_relaxed);
        for (std::uint64_t& tick : tick_ns)
            tick = 0;
        state = typename R::group_state{};
        for (auto& one : lists)
            all.reset(one);
        for (atomic<std::uint64_t>* figure :
             {&count.added, &count.scanned, &count.isolated, &count.kept, &count.culled, &count.evicted,
              &count.refaulted, &count.activated, &count.ticks, &count.stolen})
            figure->store(0, std::memory_order_relaxed);
        for (auto& figure : count.by_distance)
            figure.store(0, std::memory_order_relaxed);
    }

    // Effects: counts; under the lock.
    static void bump(atomic<std::uint64_t>& figure, std::uint64_t n = 1) {
        figure.store(figure.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
};

} // namespace cordon::inline v0
