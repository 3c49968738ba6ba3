// cordon/lru/policy.hpp - lru_policy: what the LRU asks of a policy; the design of the layer.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `lru` tracks which frames of a range are warm. It knows no zone: frames are numbers, and what they
// hold is the embedder's. A frame has one age byte, which is all that a touch writes, and one state word
// (state_word.hpp): where the frame is, how often it is referenced, and its group. Groups (group.hpp; Linux: one lruvec
// of a memcg) are the partition of the lock: each has a lock, its lists and a clock.
//
// Rules, all checked by tests/lru:
//
//   1 The place in the word is the claim. isolate() is one compare-exchange that takes the place `listed` (or
//     `batched`) away and takes the reference: exactly one of N isolators wins, and none wins a frame that is gone.
//   2 The group of a claimed frame changes only by its claimant. So the lock to take is known. Others lock the
//     group that they read, and read it again under the lock.
//   3 Lists change under the lock of their group. Link first, flag last, the flag under that lock.
//   4 A claimed frame may still be linked. Whoever holds the lock may unlink it; the claimant's own unlink then
//     finds it unlinked and does nothing.
//   5 No two group locks at once, at a fork neither. No group lock, no gate and no claim of the library's own while a
//     callback runs.
//   6 An entry of a batch, and an entry of a ring, is a hint: the word decides. So a frame can be stolen from
//     another thread's batch by its word alone.
//
// Rule 1 came from Alex Shi's series for Linux 5.11 ("the LRU flag is the claim"). Its patch for munlock, in its
// sixteenth version, had a second flag, Mlocked, and tested it after the claim:
//
//     adder                                           unlocker of the patch
//                                                     test-and-clear LRU: not set yet, not ours
//     Mlocked is set: link as unevictable, set LRU
//                                                     clear Mlocked; nobody sorts the frame again: stranded
//
// Here pins and place share one word, so no order of two flags can be wrong. The step that makes a frame
// unevictable compares the whole word: it fails if the last pin has gone. The unpin that takes the last pin of an
// unevictable frame takes the claim in the same step, so exactly one thread links it again. The other way round,
// a pin that comes between the decision to link and the flag leaves a pinned frame on a list. That is harmless: no
// claim for reclaim succeeds while a pin is counted, and the next scan culls it.
#pragma once

#include "cordon/local/drain_gate.hpp"
#include "cordon/platform/concepts.hpp"
#include "cordon/sync/concepts.hpp"

namespace cordon::inline v0 {

// The members of the one policy struct (zone/policy.hpp) that the LRU uses. `group_lock`, if the policy has it, is the
// lock of a group; else it is the zone lock's type.
template <class P>
concept lru_policy = requires {
    typename P::atomics;
    requires clock_source<typename P::clock>;
    requires backoff<typename P::backoff>;
    requires try_lockable<typename P::zone_lock>;
    requires try_lockable<typename P::isolation_lock>; // serialises drains, and changes of groups
    requires drain_gate<typename P::gate>;
    requires thread_slots<typename P::thread_slots>;
    requires metadata_memory<typename P::metadata_memory>;
};

namespace detail {

template <class P>
struct group_lock_of {
    using type = typename P::zone_lock;
};
template <class P>
requires try_lockable<typename P::group_lock>
struct group_lock_of<P> {
    using type = typename P::group_lock;
};

} // namespace detail

template <class P>
using group_lock_t = typename detail::group_lock_of<P>::type;

} // namespace cordon::inline v0
