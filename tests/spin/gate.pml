/* gate.pml - the drain gate: owners that never lock, a drainer that empties their caches.
 * SPDX-License-Identifier: BSL-1.0
 *
 * Written from the text of local/drain_gate.hpp, not from its code. Each cache holds one frame or none. An owner
 * allocates when it has no frame and frees when it has one, through its cache; past it, to and from the pool, when the
 * gate is closed or the cache has nothing to give or no room. Promise: no frame is handed out twice, none is lost, and
 * every drain ends.
 *
 * Each order and each test of the protocol can be switched off, and then spin must find the frame that goes wrong:
 *   NO_BARRIER        the drainer issues none
 *   DRAINER_FENCE     a fence of the drainer's own in its place
 *   BARRIER_FIRST     the barrier before the claims
 *   CHECK_FIRST       the owner tests `claimed`, then sets `busy` (a compiler without the light barrier may)
 *   NO_RECHECK        the owner does not test `claimed`
 *   NO_WAIT           the drainer does not wait for the owner
 *   RELAXED_RECHECK   the owner reads its cache before `claimed` (no acquire)
 *   RELAXED_LEAVE     busy = 0 passes what the owner stored in its cache (no release; shows under PSO)
 *   RELAXED_WAIT      the drainer reads the cache before `busy` (no acquire)
 *   RELAXED_RELEASE   claimed = 0 passes what the drainer stored in the cache (no release; shows under PSO)
 *   RELEASE_FIRST     claimed = 0 before the frames are out
 *   NO_MUTEX          two drainers at once
 *   REFUSED_GOES_ON   the barrier was refused and the drain goes on (REFUSABLE: the barrier may be refused) */

#ifndef OWNERS
#define OWNERS 1
#endif
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#ifndef DRAINERS
#define DRAINERS 1
#endif
#ifndef DRAINS
#define DRAINS 1
#endif

#define THREADS (OWNERS + DRAINERS)
#define WORDS (3 * OWNERS)
#define busy(o) (3 * (o))
#define claimed(o) (3 * (o) + 1)
#define cache(o) (3 * (o) + 2) /* frame + 1, or 0 */

#include "memory.pml"

/* Who has the frame by right; the assertions compare it with what the caches say. */
bit held[OWNERS + 1]; /* frame f + 1 is allocated */
bit pool[OWNERS + 1]; /* frame f + 1 is in the pool, which a lock guards */
bit mutex;

#ifdef RELAXED_LEAVE
#define store_busy_0 store
#else
#define store_busy_0 store_release
#endif
#ifdef RELAXED_RELEASE
#define store_claimed_0 store
#else
#define store_claimed_0 store_release
#endif

inline hand_out(f) {
    d_step {
        assert(!held[f] && !pool[f]);
        held[f] = 1
    }
}
inline from_pool(f) {
    atomic {
        if
        :: pool[1] -> pool[1] = 0; f = 1
#if OWNERS > 1
        :: pool[2] -> pool[2] = 0; f = 2
#endif
        :: else -> f = 0
        fi;
        if
        :: f != 0 -> hand_out(f)
        :: else
        fi
    }
}
inline to_pool(f) {
    d_step {
        assert(!pool[f]);
        pool[f] = 1
    }
}

proctype owner(byte o) {
    byte mine, found, closed, round;
    do
    :: round < OPERATIONS ->
        round++;
#ifdef CHECK_FIRST
        closed = load(o, claimed(o));
        store(o, busy(o), 1);
#else
        store(o, busy(o), 1);
#ifdef RELAXED_RECHECK
        found = load(o, cache(o));
#endif
        closed = load(o, claimed(o));
#endif
#ifdef NO_RECHECK
        closed = 0;
#endif
        if
        :: closed == 0 ->
#ifndef RELAXED_RECHECK
            found = load(o, cache(o));
#endif
            if
            :: mine == 0 && found != 0 -> /* pop */
                mine = found;
                hand_out(mine);
                store(o, cache(o), 0)
            :: mine != 0 && found == 0 -> /* push */
                held[mine] = 0;
                store(o, cache(o), mine);
                mine = 0
            :: else -> closed = 1
            fi
        :: else
        fi;
        found = 0;
        store_busy_0(o, busy(o), 0);
        if
        :: closed == 0
        :: closed != 0 && mine == 0 -> from_pool(mine)
        :: closed != 0 && mine != 0 -> atomic { held[mine] = 0; to_pool(mine); mine = 0 }
        fi;
        closed = 0
    :: else -> break
    od
}

inline take_out(d, o) {
#ifndef NO_WAIT
#ifdef RELAXED_WAIT
    do
    :: found = load(d, cache(o));
        if
        :: load(d, busy(o)) == 0 -> break
        :: else
        fi
    od;
#else
    load(d, busy(o)) == 0;
    found = load(d, cache(o));
#endif
#else
    found = load(d, cache(o));
#endif
#ifdef RELEASE_FIRST
    store_claimed_0(d, claimed(o), 0);
#endif
    if
    :: found != 0 ->
        atomic { assert(!held[found]); to_pool(found) };
        store(d, cache(o), 0)
    :: else
    fi;
    found = 0;
#ifndef RELEASE_FIRST
    store_claimed_0(d, claimed(o), 0)
#endif
}

proctype drainer(byte d) {
    byte o, found, round;
    bit refused;
    do
    :: round < DRAINS ->
        round++;
#ifndef NO_MUTEX
        atomic { mutex == 0 -> mutex = 1 };
#endif
#ifdef BARRIER_FIRST
        heavy_barrier();
#endif
        o = 0;
        do
        :: o < OWNERS -> store(d, claimed(o), 1); o++
        :: else -> break
        od;
#if defined(DRAINER_FENCE)
        fence(d);
#elif defined(REFUSABLE)
        if
        :: heavy_barrier()
        :: refused = 1
        fi;
#elif !defined(NO_BARRIER) && !defined(BARRIER_FIRST)
        heavy_barrier();
#endif
#ifdef REFUSED_GOES_ON
        refused = 0;
#endif
        o = 0;
        do
        :: o < OWNERS && !refused -> take_out(d, o); o++
        :: o < OWNERS && refused -> store_claimed_0(d, claimed(o), 0); o++
        :: else -> break
        od;
        o = 0;
        refused = 0;
#ifndef NO_MUTEX
        fence(d); /* an unlock is a release */
        mutex = 0
#endif
    :: else -> break
    od
}

init {
    byte i;
    atomic {
        do
        :: i < THREADS -> run processor(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < OWNERS -> memory[cache(i)] = i + 1; run owner(i); i++
        :: else -> break
        od;
        do
        :: i < THREADS -> run drainer(i); i++
        :: else -> break
        od;
        i = 0
    }
    /* Processes end in the reverse order of their start: the processors, which never do, remain. */
    atomic {
        _nr_pr == THREADS + 1 && all_buffered == 0 ->
        do
        :: i < OWNERS ->
            assert(memory[busy(i)] == 0 && memory[claimed(i)] == 0);
            i++
        :: else -> break
        od;
        i = 1;
        do
        :: i <= OWNERS ->
            assert(held[i] + pool[i] + (memory[cache(0)] == i)
#if OWNERS > 1
                + (memory[cache(1)] == i)
#endif
                == 1);
            i++
        :: else -> break
        od
    }
}
