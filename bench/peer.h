/* bench/peer.h - how a page-frame allocator joins the benchmarks: a shared library with these functions.
 * SPDX-License-Identifier: BSL-1.0
 *
 *     cc -O2 -shared -fPIC -Ibench my_peer.c -o libmy_peer.so
 *     build/bench/bench/bench_frames --peer ./libmy_peer.so            measure it beside cordon
 *     build/bench/bench/bench_frames --peer ./libmy_peer.so --verify   does it lose frames, hand one out twice, crash?
 *
 * peers/example.c is the smallest one. Frames are numbers; a run of order k is 2^k frames in a row that begins at a
 * multiple of 2^k. A peer may number its frames as it likes (the address of the memory / 4096 will do), as long as
 * one number means one frame. Block b is the frames 512 b to 512 b + 511. A peer need not touch memory behind the
 * frames. Threads are numbered from 0; a number is used by one thread at a time, and all of them at the same time.
 * Several allocators of one peer live at the same time. One that has no runs of some order says peer_no_frame when it is
 * asked for one, and is left out of what needs them.
 */
#ifndef CORDON_BENCH_PEER_H
#define CORDON_BENCH_PEER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is said instead of a frame when there is none. */
static const uint64_t peer_no_frame = UINT64_MAX;

/* The name in tables: short, without spaces. */
const char* peer_name(void);

/* An allocator with `frames` free frames (a multiple of 512), for threads 0 to threads - 1. NULL: it cannot be made. */
void* peer_create(uint64_t frames, unsigned threads);
void peer_destroy(void* self);

/* The first frame of a run of 2^order frames (orders 0 to 10 are asked for), or peer_no_frame if there is none. Caches of
 * other threads may hide frames from a thread only if there is a peer_drain. */
uint64_t peer_allocate(void* self, unsigned thread, unsigned order);
/* A run that peer_allocate returned to any thread, with the order that it was asked for. */
void peer_free(void* self, unsigned thread, uint64_t frame, unsigned order);

/* Optional: what thread caches hold is free for all again, and memory that is kept behind free frames goes back to the
 * system, as far as the peer does that when it is asked. Called while no thread is inside. */
void peer_drain(void* self);
/* Optional: block `block`, of which no frame is allocated, is handed out no more, not in a larger run either. 0: so it
 * is; else: it cannot be done. Called after peer_drain, if there is one, while no thread is inside. */
int peer_offline(void* self, uint64_t block);
/* Optional: the memory behind an allocated frame, 4096 bytes, if the peer has any. */
void* peer_address(void* self, uint64_t frame);

#ifdef __cplusplus
}
#endif

#endif
