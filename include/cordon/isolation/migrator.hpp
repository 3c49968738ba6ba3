// cordon/isolation/migrator.hpp - migrator: the embedder's side of moving a frame.
// SPDX-License-Identifier: BSL-1.0
//
// A migrator is called with no lock held, once for each allocation in the way:
//
//     migrate_outcome operator()(const busy_frame& from, frame to)    move: `to` is a fresh run of the same order, with
//                                                                     the owner tag of `from`
//     migrate_outcome operator()(const busy_frame& from)              evict: free it, nothing to move to
//
// The allocation may be freed by its owner at any time before the migrator has made sure of it, so a migrator
// locks its own record of the frame first. One without a record is on its way: between its owner and the zone, or it is
// the `to` of a migrator that is at work now (retry). What a migrator returns says who owns what now:
//
//     moved    the contents live in `to`, which is the embedder's; `from` is the library's, which frees it. A migrator
//              that evicts says so if it has moved them to a frame of its own
//     freed    the embedder freed `from`, or one of its threads is just about to; `to` goes back
//     retry    not now (pinned for a moment, a lock was taken): it is asked again until the deadline
//     failed   never: migrate finishes its pass over the others and gives up
//
// It may allocate, free and pin; it may throw: `to` goes back, the range stays isolated, the exception passes. If it ends
// the isolation (undo, claim, offline), migrate returns not_isolated; it does not destroy the range. What it says is
// believed, but for one thing:
//
//     freed, and `from` stays allocated    asked again, as after retry. When migrate_patience passes in a row have left
//                                          as many frames in use as before, that is the end, deadline or not:
//                                          migration_failed, with that frame as the blocker
//     freed or moved `from` twice, or      a double free, for the misuse handler
//     freed `to`
//     moved, but it was not                `from` is freed all the same; its contents are lost
#pragma once

#include "cordon/isolation/options.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

enum class migrate_outcome : std::uint8_t { moved, freed, retry, failed };

[[nodiscard]] constexpr std::string_view name(migrate_outcome outcome) {
    switch (outcome) {
    case migrate_outcome::moved: return "moved";
    case migrate_outcome::freed: return "freed";
    case migrate_outcome::retry: return "retry";
    case migrate_outcome::failed: return "failed";
    }
    return "unknown outcome";
}

template <class M>
concept moving_migrator = requires(M& migrate, const busy_frame& from, frame to) {
    { migrate(from, to) } -> std::same_as<migrate_outcome>;
};
template <class M>
concept evicting_migrator = requires(M& migrate, const busy_frame& from) {
    { migrate(from) } -> std::same_as<migrate_outcome>;
};
// Nested: of a disjunction g++ says no more than that "no operand is satisfied".
template <class M>
concept migrator = requires {
    requires moving_migrator<M> || evicting_migrator<M>;
};

// Passes over a range. With a backoff that sleeps they take 50 ms and more, in which a thread that is about to free a
// frame gets a processor.
inline constexpr unsigned migrate_patience = 1000;

// What a call of migrate came to. Counts are of frames.
struct migrate_report {
    // ok: the range is idle; timed_out, migration_failed, not_isolated, invalid_range; no_memory or re_entered, if no run
    // could be had to move to.
    status outcome = status::ok;
    frame_count moved;
    frame_count freed;  // by the embedder when it was asked
    frame_count failed; // or no run could be had to move them to
    std::uint64_t retries = 0;
    busy_frame blocker; // one that is still in the way, unless outcome is ok

    bool operator==(const migrate_report&) const = default;
};
// "timed_out: 29 frames moved, 1 frame freed, 0 frames failed, 4 retries; frame 42: allocated, order 0, movable block"
template <text_sink S>
S& operator<<(S& sink, const migrate_report& report) {
    print(print(sink << report.outcome, ": ") << report.moved, " moved, ");
    print(print(sink << report.freed, " freed, ") << report.failed, " failed, ");
    print_count(sink, report.retries, "retry", "retries");
    return report.outcome == status::ok ? sink : print(sink, "; ") << report.blocker;
}

} // namespace cordon::inline v0
