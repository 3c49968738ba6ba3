// cordon/zone/policy.hpp - zone_policy: what a policy has; bare_policy: the one that needs no operating system.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `zone` puts the buddy, the thread caches and the frame states together behind one lock: metadata.hpp
// lays them out, zone_base.hpp holds them, zone_source.hpp is what the caches draw from, zone_core.hpp allocates and frees.
// What a user sees is cordon::basic_zone (cordon/zone.hpp).
//
// A policy is one struct. Make your own by inheriting from one and overriding members:
//
//     struct my_policy : cordon::default_policy {
//         using zone_lock = cordon::ticket_lock<>;
//         static constexpr bool owner_tags = true;
//     };
//     cordon::basic_zone<my_policy> zone{...};
//
// A member that is built of others keeps those that it was built of: with another `atomics`, `clock` or `backoff` name
// zone_lock, isolation_lock and gate anew, too. A member that no policy has is ignored, so mind the spelling.
// Smaller pageblocks (pageblock_order 6 to 8) want a smaller max_order, too: at most 9 more.
// Features are turned off by null objects (null_lock, null_gate, null_annotator, null_tracer), which leave no code behind.
#pragma once

#include "cordon/cache/magazine.hpp"
#include "cordon/core/atomics.hpp"
#include "cordon/core/check.hpp"
#include "cordon/core/trace.hpp"
#include "cordon/local/drain_gate.hpp"
#include "cordon/local/lock_gate.hpp"
#include "cordon/platform/backoff.hpp"
#include "cordon/platform/freestanding.hpp"
#include "cordon/sync/concepts.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "cordon/zone/frame_info.hpp"

#include <concepts>

namespace cordon::inline v0 {

// Hears of each misuse before free() returns, with the zone unchanged and the zone lock free; and, while a zone is being
// destroyed, of each range and token that it should have outlived. It must not throw, and do no more with the zone than a
// signal handler may (zone.hpp): a run that was freed twice in one instant is found inside the gate, or by a drain at
// work.
template <class H>
concept misuse_handler = requires(const misuse_report& report) {
    H::on_misuse(report);
};

template <class P>
concept zone_parts = requires {
    { P::pageblock_order } -> std::convertible_to<unsigned>;
    { P::max_order } -> std::convertible_to<unsigned>;
    requires P::pageblock_order >= 6 && P::pageblock_order <= 9;
    requires P::max_order >= P::pageblock_order&& P::max_order <= P::pageblock_order + 9;
    { P::checks } -> std::convertible_to<check_level>;
    { P::owner_tags } -> std::convertible_to<bool>; // 4 bytes a frame
    typename P::atomics;                            // core/atomics.hpp
    requires clock_source<typename P::clock>;
    requires backoff<typename P::backoff>;
    requires basic_lockable<typename P::zone_lock>;    // guards the free memory
    requires try_lockable<typename P::isolation_lock>; // serialises drainers
    requires drain_gate<typename P::gate>;
    requires thread_slots<typename P::thread_slots>;
    requires metadata_memory<typename P::metadata_memory>;
    requires memory_annotator<typename P::memory_annotator>;
    requires tracer<typename P::tracer>;
    requires misuse_handler<typename P::misuse_handler>;
};
// And cached_orders: which orders, each once, and how many runs; those above a pageblock are left out (cache/magazine.hpp).
template <class P>
concept zone_policy = zone_parts<P> && caching_policy<P>;

// Ends the program without a word.
struct trap_on_misuse {
    [[noreturn]] static void on_misuse(const misuse_report&) { __builtin_trap(); }
};

// Several threads, no operating system: callers name their slots, spin, and place the metadata themselves.
struct bare_policy {
    static constexpr unsigned pageblock_order = 9;
    static constexpr unsigned max_order = 18;
    static constexpr cached_order cached_orders[] = {{0, 512}, {1, 128}, {2, 64}, {3, 64}, {4, 32},
                                                     {5, 16},  {6, 8},   {7, 8},  {8, 8},  {9, 16}};
    static constexpr check_level checks = check_level::cheap;
    static constexpr bool owner_tags = false;
    using atomics = std_atomics;
    using clock = no_clock;
    using backoff = pause_backoff;
    using zone_lock = spin_lock<atomics, backoff>;
    using isolation_lock = spin_lock<atomics, backoff>;
    using gate = lock_gate<atomics, clock, backoff>;
    using thread_slots = explicit_slots<64>;
    using metadata_memory = no_memory_source;
    using memory_annotator = null_annotator;
    using tracer = null_tracer;
    using misuse_handler = trap_on_misuse;
};
static_assert(zone_policy<bare_policy>);

} // namespace cordon::inline v0
