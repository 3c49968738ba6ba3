/* asking.pml - drains that ask: the owner does the drainer's work if he comes by before the drainer does.
 * SPDX-License-Identifier: BSL-1.0
 *
 * Written from the text of local/drain_gate.hpp ("Asking"), not from its code. A drainer seals the only block, asks,
 * and unseals it again; it may lose patience with an owner at work, and then asks once more. Each owner frees into its
 * cache what it holds, unless the block is sealed, and allocates from there; past it, to and from the pool, when the
 * gate is closed or the cache has nothing to give or no room. Promise: no frame is handed out twice, none is lost, and
 * from the end of a drain until the block is unsealed no cache holds a frame.
 *
 * Without any one of these rules spin must find the frame that goes wrong:
 *   NO_BARRIER        the drainer issues none
 *   DRAINER_FENCE     a fence of the drainer's own in its place
 *   BARRIER_FIRST     the barrier before it asks
 *   SEALED_LATE       the block is sealed after the owners were asked
 *   NO_WAIT           who takes the work over does not wait for the owner
 *   NOT_WAITED_FOR    the drain ends while an owner still helps
 *   BLIND_HELP        the owner looks and then writes that he helps, in two steps
 *   UNANNOUNCED       the owner helps with busy = 0
 *   RELAXED_HELP      the owner reads what the drainer wrote before he knows that he was asked (no acquire)
 *   RELAXED_ASK       the question passes what it is about (no release; shows under PSO) */

#ifndef OWNERS
#define OWNERS 1
#endif
#ifndef OPERATIONS
#define OPERATIONS 3
#endif
#ifndef DRAINS
#define DRAINS 2
#endif

#define THREADS (OWNERS + 1)
#define WORDS (3 * OWNERS + 1)
#define busy(o) (3 * (o))
#define claimed(o) (3 * (o) + 1)
#define cache(o) (3 * (o) + 2) /* frame + 1, or 0 */
#define sealed (3 * OWNERS)

/* In claimed. */
#define asked 1
#define helping 2
#define draining 4

#include "memory.pml"

bit held[OWNERS + 1]; /* frame f + 1 is allocated */
bit pool[OWNERS + 1]; /* frame f + 1 is in the pool; it and what it knows of the seal are guarded by a lock */
bit pool_sealed;
bit promised; /* a drain has ended, the block is not open yet */

/* A read-modify-write acts on the memory. On x86-64 it empties the buffer; elsewhere only a release does. */
#ifdef PSO
#define before_change(t, w) (pending[cell(t, w)] == 0)
#else
#define before_change(t, w) fence(t)
#endif
inline change(t, w, from, to, done) {
    atomic {
        before_change(t, w) ->
        if
        :: memory[w] == (from) -> memory[w] = (to); done = 1
        :: else -> done = 0
        fi
    }
}
inline set_bits(t, w, bits) {
    atomic { before_change(t, w) -> memory[w] = memory[w] | (bits) }
}
inline clear_bits_release(t, w, bits) {
    atomic { fence(t) -> memory[w] = memory[w] & (7 - (bits)) }
}
#ifdef RELAXED_ASK
#define ask(t, w) set_bits(t, w, asked)
#else
#define ask(t, w) atomic { fence(t) -> memory[w] = memory[w] | asked }
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
        :: !pool_sealed && pool[1] -> pool[1] = 0; f = 1
#if OWNERS > 1
        :: !pool_sealed && pool[2] -> pool[2] = 0; f = 2
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
inline take_out(who, whose) {
    found = load(who, cache(whose));
    if
    :: found != 0 ->
        atomic { assert(!held[found]); to_pool(found) };
        store(who, cache(whose), 0)
    :: else
    fi;
    found = 0
}

/* Sets `inside` if the gate is open. */
inline enter(o) {
    store(o, busy(o), 1);
    if
    :: load(o, claimed(o)) == 0 -> inside = 1
    :: else -> store_release(o, busy(o), 0)
    fi
}
inline help(o) {
    if
    :: load(o, claimed(o)) == asked ->
#ifndef UNANNOUNCED
        store(o, busy(o), 1);
#endif
#ifdef RELAXED_HELP
        early = load(o, sealed);
        is_early = 1;
#endif
#ifdef BLIND_HELP
        if
        :: load(o, claimed(o)) == asked -> store(o, claimed(o), helping); won = 1
        :: else
        fi;
#else
        change(o, claimed(o), asked, helping, won);
#endif
        if
        :: won ->
            take_out(o, o);
            clear_bits_release(o, claimed(o), helping)
        :: else
        fi;
        won = 0;
        store_release(o, busy(o), 0)
    :: else
    fi
}

proctype owner(byte o) {
    byte mine, found, round, seen;
    bit inside, won, past, early, is_early;
    do
    :: round < OPERATIONS ->
        round++;
        enter(o);
        if
        :: !inside -> help(o); enter(o)
        :: else
        fi;
        past = 1;
        if
        :: inside ->
            if
            :: is_early -> seen = early; is_early = 0; early = 0
            :: else -> seen = load(o, sealed)
            fi;
            found = load(o, cache(o));
            if
            :: mine == 0 && found != 0 -> /* pop */
                mine = found;
                hand_out(mine);
                store(o, cache(o), 0);
                past = 0
            :: mine != 0 && found == 0 && !seen -> /* push */
                assert(!promised);
                held[mine] = 0;
                store(o, cache(o), mine);
                mine = 0;
                past = 0
            :: else
            fi;
            found = 0;
            seen = 0;
            inside = 0;
            store_release(o, busy(o), 0)
        :: else
        fi;
        if
        :: !past
        :: past && mine == 0 -> from_pool(mine)
        :: past && mine != 0 -> atomic { held[mine] = 0; to_pool(mine); mine = 0 }
        fi;
        past = 0
    :: else -> break
    od
}

/* What the drainer does for one owner behind the barrier; sets `late` if it loses patience. */
inline finish(d, o) {
    atomic {
        before_change(d, claimed(o)) ->
        if
        :: memory[claimed(o)] & asked -> memory[claimed(o)] = memory[claimed(o)] - asked + draining; won = 1
        :: else -> won = 0
        fi
    };
    if
    :: won ->
#ifdef NO_WAIT
        take_out(d, o);
#else
        if
        :: load(d, busy(o)) == 0 -> take_out(d, o)
        :: load(d, busy(o)) != 0 -> late = 1
        fi;
#endif
        clear_bits_release(d, claimed(o), draining)
    :: else ->
#ifndef NOT_WAITED_FOR
        if
        :: (load(d, claimed(o)) & helping) == 0
        :: (load(d, claimed(o)) & helping) != 0 -> late = 1
        fi
#endif
    fi;
    won = 0
}

proctype drainer(byte d) {
    byte o, found, round;
    bit won, late;
    do
    :: round < DRAINS ->
        round++;
#ifdef BARRIER_FIRST
        heavy_barrier();
#endif
#ifndef SEALED_LATE
        pool_sealed = 1;
        store(d, sealed, 1);
#endif
        do
        :: o < OWNERS -> ask(d, claimed(o)); o++
        :: else -> break
        od;
#ifdef SEALED_LATE
        pool_sealed = 1;
        store(d, sealed, 1);
#endif
#if defined(DRAINER_FENCE)
        fence(d);
#elif !defined(NO_BARRIER) && !defined(BARRIER_FIRST)
        heavy_barrier();
#endif
        o = 0;
        do
        :: o < OWNERS -> finish(d, o); o++
        :: else -> break
        od;
        o = 0;
        if
        :: !late ->
            d_step {
                promised = 1;
                do
                :: o < OWNERS -> assert(load(o, cache(o)) == 0); o++
                :: else -> break
                od;
                o = 0
            };
            promised = 0
        :: else
        fi;
        late = 0;
        pool_sealed = 0;
        store(d, sealed, 0)
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
        run drainer(OWNERS);
        i = 0
    }
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
