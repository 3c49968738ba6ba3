// cordon/sync/lock_rank.hpp - rank_checker: reports a wrong lock order at the first try, in one thread.
// SPDX-License-Identifier: BSL-1.0
//
// A wrong order deadlocks only when two threads meet in it; the rank of a lock makes it visible whenever it
// is taken. Hosted (thread_local): only policies with full checks include this header.
#pragma once

#include "cordon/core/text.hpp"
#include "cordon/platform/fatal.hpp"

#include <string_view>

namespace cordon::inline v0 {

// The lock order of sync/concepts.hpp. A thread may wait for a lock only when its level is above the levels
// of all locks that the thread holds. (`zone` alone would shadow cordon::zone, says g++.)
enum class lock_rank : unsigned { registry, isolation_lock, cache, zone_lock, lruvec };

[[nodiscard]] constexpr unsigned level(lock_rank rank) {
    return static_cast<unsigned>(rank == lock_rank::lruvec ? lock_rank::zone_lock : rank);
}

[[nodiscard]] constexpr std::string_view name(lock_rank rank) {
    switch (rank) {
    case lock_rank::registry: return "registry";
    case lock_rank::isolation_lock: return "isolation";
    case lock_rank::cache: return "cache";
    case lock_rank::zone_lock: return "zone";
    case lock_rank::lruvec: return "lruvec";
    }
    return "unknown rank";
}

// The locks that this thread holds, counted by rank.
class held_ranks {
public:
    static void add(lock_rank rank) { ++counts_[static_cast<unsigned>(rank)]; }
    static void remove(lock_rank rank) { --counts_[static_cast<unsigned>(rank)]; }

    // Effects: calls report(held) with the highest held rank that forbids to wait for `wanted`, if any.
    template <class Report>
    static void check(lock_rank wanted, Report report) {
        for (unsigned i = ranks; i-- != 0 && level(lock_rank{i}) >= level(wanted);)
            if (counts_[i] != 0) return report(lock_rank{i});
    }

private:
    static constexpr unsigned ranks = static_cast<unsigned>(lock_rank::lruvec) + 1;
    static inline constinit thread_local unsigned counts_[ranks]{};
};

// The default handler.
struct abort_on_wrong_order {
    [[noreturn]] void operator()(lock_rank held, lock_rank wanted) const {
        text_buffer<128> text;
        print(print(text, "cordon: wrong lock order: waits for "), name(wanted));
        print(print(text, " while it holds "), name(held));
        fatal(text.view());
    }
};

// An observer for observed_lock.hpp. Handler is called as handler(held, wanted) before the thread waits; when
// it returns, the lock is taken all the same. try_lock() never waits, so it cannot deadlock and is not
// checked, but the lock it takes counts as held.
template <lock_rank Rank, class Handler = abort_on_wrong_order>
class rank_checker {
public:
    static constexpr bool wants_contention = false;

    void before_lock() {
        held_ranks::check(Rank, [](lock_rank held) { Handler{}(held, Rank); });
    }
    void acquired(bool) { held_ranks::add(Rank); }
    void released() { held_ranks::remove(Rank); }
};

} // namespace cordon::inline v0
