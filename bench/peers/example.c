/* peers/example.c - the smallest peer: frame numbers on a stack, behind one lock; order 0 only.
 * SPDX-License-Identifier: BSL-1.0 */
#include "peer.h"

#include <pthread.h>
#include <stdlib.h>

struct stack {
    pthread_mutex_t lock;
    uint64_t count;
    uint64_t frames[];
};

const char* peer_name(void) {
    return "example";
}

void* peer_create(uint64_t frames, unsigned threads) {
    (void)threads;
    struct stack* s = malloc(sizeof *s + frames * sizeof s->frames[0]);
    if (s == NULL) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    for (s->count = 0; s->count != frames; ++s->count)
        s->frames[s->count] = s->count;
    return s;
}
void peer_destroy(void* self) {
    free(self);
}

uint64_t peer_allocate(void* self, unsigned thread, unsigned order) {
    struct stack* s = self;
    (void)thread;
    pthread_mutex_lock(&s->lock);
    const uint64_t frame = s->count != 0 && order == 0 ? s->frames[--s->count] : peer_no_frame;
    pthread_mutex_unlock(&s->lock);
    return frame;
}
void peer_free(void* self, unsigned thread, uint64_t frame, unsigned order) {
    struct stack* s = self;
    (void)thread, (void)order;
    pthread_mutex_lock(&s->lock);
    s->frames[s->count++] = frame;
    pthread_mutex_unlock(&s->lock);
}
