/* memory.pml - words behind store buffers: what a processor does with a store that an order does not forbid.
 * SPDX-License-Identifier: BSL-1.0
 *
 * Default: TSO (x86-64): each thread's stores reach the memory in order, and late. -DPSO: the stores of a thread to
 * different words pass each other; store_release waits for all that came before (Arm, POWER). -DSC: no buffers.
 * A thread sees its own stores at once. A load that passes an earlier load is modelled where it is switched on: the
 * model then reads the word early.
 *
 * The heavy barrier interrupts each processor and so empties each buffer. Here it waits until all are empty: whatever
 * is in them may be committed at any time, so that is the same.
 *
 * Define THREADS and WORDS (at most 8) before. */

#define cell(t, w) ((t) * WORDS + (w))
#define load(t, w) (pending[cell(t, w)] > 0 -> latest[cell(t, w)] : memory[w])
#define fence(t) (buffered[t] == 0)
#define heavy_barrier() (all_buffered == 0)

byte memory[WORDS];
chan buffer[THREADS] = [4] of { byte, byte }; /* word, value */
byte latest[THREADS * WORDS];                 /* what the thread itself reads while pending > 0 */
byte pending[THREADS * WORDS];
byte buffered[THREADS];
byte all_buffered;

inline commit(t, w, v) {
    memory[w] = v;
    v = 0;
    pending[cell(t, w)]--;
    buffered[t]--;
    all_buffered--;
    if
    :: pending[cell(t, w)] == 0 -> latest[cell(t, w)] = 0
    :: else
    fi
}

#ifdef SC
inline store(t, w, v) { memory[w] = v }
inline store_release(t, w, v) { memory[w] = v }
#else
inline append(t, w, v) {
    buffer[t] ! w, v;
    pending[cell(t, w)]++;
    latest[cell(t, w)] = v;
    buffered[t]++;
    all_buffered++
}
inline store(t, w, v) {
    atomic { nfull(buffer[t]) -> append(t, w, v) }
}
inline store_release(t, w, v) {
#ifdef PSO
    atomic { buffered[t] == pending[cell(t, w)] && nfull(buffer[t]) -> append(t, w, v) }
#else
    store(t, w, v)
#endif
}
#endif

proctype processor(byte t) {
    byte v;
#ifdef PSO
end:
    do
    :: atomic { buffer[t] ?? 0, v -> commit(t, 0, v) }
    :: atomic { buffer[t] ?? 1, v -> commit(t, 1, v) }
    :: atomic { buffer[t] ?? 2, v -> commit(t, 2, v) }
    :: atomic { buffer[t] ?? 3, v -> commit(t, 3, v) }
    :: atomic { buffer[t] ?? 4, v -> commit(t, 4, v) }
    :: atomic { buffer[t] ?? 5, v -> commit(t, 5, v) }
    :: atomic { buffer[t] ?? 6, v -> commit(t, 6, v) }
    :: atomic { buffer[t] ?? 7, v -> commit(t, 7, v) }
    od
#else
    byte w;
end:
    do
    :: atomic { buffer[t] ? w, v -> commit(t, w, v); w = 0 }
    od
#endif
}
