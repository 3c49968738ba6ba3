// cordon/sync/concepts.hpp - what a lock is: basic_lockable, try_lockable.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `sync` holds the locks and all that is said about locks. Its rules:
//
// A lock is a policy. Whoever needs one takes its type as a template parameter and asks for no more than the
// concepts below: std::mutex, the locks of this layer, and no lock at all (null_lock.hpp) are equally good.
// What a lock could tell (figures, wrong order) is told to an observer wrapped around it (observed_lock.hpp);
// without an observer the wrapper is the lock.
//
// A function that needs a lock held takes the proof, held<L>, which only guard<L> makes (guard.hpp).
//
// The lock order of the library, outermost first. A thread waits only for a lock further right than every
// lock it holds; lock_rank.hpp checks that:
//
//     thread-slot registry -> isolation lock -> cache gate -> zone lock -> nothing
//                                                             lruvec lock -> nothing
//
// An lruvec lock is that of a group of the LRU. It ranks beside the zone lock: the two are never nested, nor are two of
// one kind. Of the LRU's other locks, the control lock ranks as an isolation lock, the gate of a batch as a cache gate,
// and the slots' lock as an lruvec lock.
//
// Callbacks of the embedder (migrator, LRU callback, pressure callback) run with no lock held. Only a fork() holds the
// locks of several zones at once: it takes them under the registry lock, and no other thread ever holds those of two.
//
// Lock operations are not noexcept: a checker's atomics policy may unwind out of them.
#pragma once

#include <concepts>

namespace cordon::inline v0 {

// lock() waits until the caller alone holds the lock; what holders did before unlock() is visible then.
template <class L>
concept basic_lockable = requires(L& lock) {
    lock.lock();
    lock.unlock();
};

// try_lock() does not wait. It may fail though nobody holds the lock.
template <class L>
concept try_lockable = basic_lockable<L> && requires(L& lock) {
    { lock.try_lock() } -> std::convertible_to<bool>;
};

} // namespace cordon::inline v0
