/* isolation.pml - sealing a block under live traffic, undoing it, two isolators, and owners that stop.
 * SPDX-License-Identifier: BSL-1.0
 *
 * Written from the design (drain_gate.hpp "Why this seals a block", protocol.hpp's steps), not from the code. One
 * block with one frame; each owner has a cache that holds it or not. Owner 0 has the frame at the start. Owners
 * allocate when they have no frame, free when they have it. Isolators seal the block, then undo it.
 *
 * Promises: once a seal has returned, no allocation returns the frame until the undo begins; at the end the frame is in
 * one place, the free count says whether it is free in the map, no gate is claimed, and the block is as it was.
 *
 * EXCLUSIVE closes and empties the caches first and marks the block then, as the patch of 2014 did.
 * STOPS: owner 0 may stop for ever, anywhere in its gate (not while it holds the zone lock), and a drain may reach its
 * deadline at any moment: then the seal is undone and reports so.
 *
 * Each of these takes one rule away, and then spin must find what it was for:
 *   NO_BARRIER, DRAINER_FENCE, BARRIER_FIRST    as in gate.pml
 *   NO_DRAIN            the seal marks the block and leaves the caches alone
 *   DRAIN_FIRST         drain, then mark (EXCLUSIVE does, with the caches closed in between)
 *   SKIP_EMPTY          the drain passes by a cache that looks empty
 *   TRAITS_OUTSIDE      a free reads the block's state before it enters the gate
 *   REMEMBERED_TRAITS   a free that goes to the map acts on the state it read before it had the lock
 *   REFILL_TRAITS       so does a refill
 *   UNDO_NOT_COUNTED    the undo forgets the frames that were freed meanwhile
 *   MARKED_TWICE        an isolator does not look whether the block is isolated already
 *   WAIT_FOREVER        no deadline
 *   IGNORE_DEADLINE     the deadline passed and the seal says that it holds
 *   TAKE_ANYWAY         the deadline passed and the drain empties the cache all the same
 *   KEEP_CLAIMS         ... and leaves the gates claimed
 *   KEEP_MARK           ... and leaves the block isolated */

#ifndef OWNERS
#define OWNERS 2
#endif
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#ifndef ISOLATORS
#define ISOLATORS 1
#endif

#define THREADS (OWNERS + ISOLATORS)
#define WORDS (3 * OWNERS + 1)
#define isolated (3 * OWNERS)
#define busy(o) (3 * (o))
#define claimed(o) (3 * (o) + 1)
#define cache(o) (3 * (o) + 2) /* 1: it holds the frame */

#include "memory.pml"

bit allocated;
bit map;         /* the frame is in the block's map; zone lock */
bit counted = 0; /* free frames that the zone counts; zone lock */
bit zone_lock, isolation_lock;
byte sealed;     /* isolators whose seal has returned */
byte stopped;

/* A lock's exchange and its release store leave no store of the thread behind. */
inline take_lock(t, lock) {
    atomic { fence(t) && lock == 0 -> lock = 1 }
}
inline drop_lock(t, lock) {
    atomic { fence(t) -> lock = 0 }
}
inline count_up() {
    d_step { assert(counted == 0); counted = 1 }
}
inline count_down() {
    d_step { assert(counted == 1); counted = 0 }
}
inline hand_out() {
    d_step {
        assert(sealed == 0);
        assert(!allocated && !map);
        allocated = 1
    }
}

/* Where owner 0 may die or be descheduled for ever. */
#ifdef STOPS
#define may_stop :: o == 0 && stopped == 0 -> stopped = 1; goto gone
#else
#define may_stop
#endif
#define pause if :: skip may_stop fi

inline enter(o, open) {
    store(o, busy(o), 1);
    open = (load(o, claimed(o)) == 0)
}
inline leave(o) { store_release(o, busy(o), 0) }

inline allocate(o) {
    enter(o, open);
    pause;
    if
    :: open && load(o, cache(o)) == 1 ->
        hand_out();
        mine = 1;
        store(o, cache(o), 0)
    :: open && load(o, cache(o)) == 0 ->
        /* refill and pop; full caches and refills take the zone lock inside the gate */
#ifdef REFILL_TRAITS
        traits = load(o, isolated);
#endif
        take_lock(o, zone_lock);
#ifndef REFILL_TRAITS
        traits = load(o, isolated);
#endif
        take_from_map(o);
        drop_lock(o, zone_lock)
    :: else
    fi;
    pause;
    leave(o);
    if
    :: !open ->
        take_lock(o, zone_lock);
        traits = load(o, isolated);
        take_from_map(o);
        drop_lock(o, zone_lock)
    :: else
    fi
}
inline take_from_map(o) {
    if
    :: map == 1 && traits == 0 ->
        map = 0;
        count_down();
        hand_out();
        mine = 1
    :: else
    fi
}

inline free(o) {
#ifdef TRAITS_OUTSIDE
    traits = load(o, isolated);
#endif
    enter(o, open);
#ifndef TRAITS_OUTSIDE
    traits = load(o, isolated);
#endif
    pause;
    if
    :: open && traits == 0 ->
        mine = 0;
        allocated = 0;
        store(o, cache(o), 1)
    :: else
    fi;
    pause;
    leave(o);
    if
    :: mine == 1 ->
        take_lock(o, zone_lock);
#ifndef REMEMBERED_TRAITS
        traits = load(o, isolated);
#endif
        mine = 0;
        allocated = 0;
        map = 1;
        if
        :: traits == 0 -> count_up()
        :: else
        fi;
        drop_lock(o, zone_lock)
    :: else
    fi
}

proctype owner(byte o) {
    byte round;
    bit mine, open, traits;
    mine = (o == 0);
    do
    :: round < OPERATIONS ->
        round++;
        if
        :: mine -> free(o)
        :: else -> allocate(o)
        fi;
        open = 0;
        traits = 0
    :: else -> break
    od;
gone:
    skip
}

/* Effects: outside = whether the owner is; it may be a while, or for ever. */
inline wait(t, o) {
    if
#ifdef SKIP_EMPTY
    :: load(t, cache(o)) == 0 -> outside = 1
#endif
    :: load(t, busy(o)) == 0 -> outside = 1
#if defined(STOPS) && !defined(WAIT_FOREVER)
    :: load(t, busy(o)) == 1 -> outside = 0
#endif
    fi
}
inline take_out(t, o) {
    if
    :: load(t, cache(o)) == 1 ->
        take_lock(t, zone_lock);
        assert(!map);
        map = 1;
        if
        :: load(t, isolated) == 0 -> count_up()
        :: else
        fi;
        drop_lock(t, zone_lock);
        store(t, cache(o), 0)
    :: else
    fi
}
inline claim_all(t, value) {
    o = 0;
    do
    :: o < OWNERS && value == 1 -> store(t, claimed(o), 1); o++
    :: o < OWNERS && value == 0 -> store_release(t, claimed(o), 0); o++
    :: else -> break
    od;
    o = 0
}
/* Effects: outside = whether all owners were. */
inline empty_caches(t) {
#ifndef BARRIER_FIRST
#if defined(DRAINER_FENCE)
    fence(t);
#elif !defined(NO_BARRIER)
    heavy_barrier();
#endif
#endif
    o = 0;
    outside = 1;
    do
    :: o < OWNERS && outside == 1 ->
        wait(t, o);
#ifndef TAKE_ANYWAY
        if
        :: outside == 1 -> take_out(t, o)
        :: else
        fi;
#else
        take_out(t, o);
        outside = 1;
#endif
        o++
    :: else -> break
    od;
    o = 0
}
/* Effects: the block is absent from the index: its frames are not counted as free. */
inline mark(t) {
    take_lock(t, zone_lock);
    admitted = 1;
#ifndef MARKED_TWICE
    if
    :: load(t, isolated) == 1 -> admitted = 0
    :: else
    fi;
#endif
    if
    :: admitted ->
        if
        :: map == 1 && load(t, isolated) == 0 -> count_down()
        :: else
        fi;
        store(t, isolated, 1)
    :: else
    fi;
    drop_lock(t, zone_lock)
}
inline unmark(t) {
    take_lock(t, zone_lock);
#ifndef UNDO_NOT_COUNTED
    if
    :: map == 1 && load(t, isolated) == 1 -> count_up()
    :: else
    fi;
#endif
    store(t, isolated, 0);
    drop_lock(t, zone_lock)
}

proctype isolator(byte t) {
    byte o;
    bit admitted, outside;
    take_lock(t, isolation_lock);
#ifdef BARRIER_FIRST
    heavy_barrier();
#endif
#if defined(EXCLUSIVE)
    claim_all(t, 1);
    empty_caches(t);
    if
    :: outside -> mark(t)
    :: else
    fi;
#elif defined(DRAIN_FIRST)
    claim_all(t, 1);
    empty_caches(t);
    claim_all(t, 0);
    mark(t);
#else
    mark(t);
#ifdef NO_DRAIN
    outside = 1;
#else
    if
    :: admitted ->
        claim_all(t, 1);
        empty_caches(t);
#ifndef KEEP_CLAIMS
        claim_all(t, 0)
#else
        if
        :: outside -> claim_all(t, 0)
        :: else
        fi
#endif
    :: else
    fi;
#endif
#endif
#ifdef IGNORE_DEADLINE
    outside = 1;
#endif
#ifndef KEEP_MARK
    if
    :: admitted && !outside -> unmark(t)
    :: else
    fi;
#endif
    if
    :: admitted && outside -> sealed++
    :: else
    fi;
    drop_lock(t, isolation_lock);
    if
    :: admitted && outside ->
        sealed--;
        unmark(t)
    :: else
    fi;
#ifdef EXCLUSIVE
    take_lock(t, isolation_lock);
    claim_all(t, 0);
    drop_lock(t, isolation_lock);
#endif
    admitted = 0;
    outside = 0
}

init {
    byte i, places;
    atomic {
        allocated = 1;
        do
        :: i < THREADS -> run processor(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < OWNERS -> run owner(i); i++
        :: i >= OWNERS && i < THREADS -> run isolator(i); i++
        :: else -> break
        od;
        i = 0
    }
    atomic {
        _nr_pr == THREADS + 1 && all_buffered == 0 ->
        do
        :: i < OWNERS ->
            assert(memory[claimed(i)] == 0);
            assert(memory[busy(i)] == 0 || (i == 0 && stopped));
            places = places + memory[cache(i)];
            i++
        :: else -> break
        od;
        assert(places + allocated + map == 1);
        assert(memory[isolated] == 0 && counted == map && sealed == 0)
    }
}
