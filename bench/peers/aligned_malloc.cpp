// peers/aligned_malloc.cpp - aligned memory of the malloc that the library is linked with: the C library's, jemalloc's,
// mimalloc's, tcmalloc's. CMake says in PEER_NAME which it is.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <cstdlib>

// How each is asked to give back what it keeps; those of the others are null.
extern "C" {
[[gnu::weak]] int malloc_trim(std::size_t);                                      // the C library's
[[gnu::weak]] int mallctl(const char*, void*, std::size_t*, void*, std::size_t); // jemalloc's
[[gnu::weak]] void mi_collect(bool);                                             // mimalloc's
[[gnu::weak]] void MallocExtension_ReleaseFreeMemory();                          // tcmalloc's
}

namespace {
constexpr unsigned frame_shift = 12;
int no_state; // the process has one malloc
} // namespace

const char* peer_name() {
    return PEER_NAME;
}
void* peer_create(uint64_t, unsigned) {
    return &no_state;
}
void peer_destroy(void*) {}

uint64_t peer_allocate(void*, unsigned, unsigned order) {
    const std::size_t bytes = std::size_t{1} << (frame_shift + order);
    const void* const memory = std::aligned_alloc(bytes, bytes);
    return memory == nullptr ? peer_no_frame : reinterpret_cast<uintptr_t>(memory) >> frame_shift;
}
void peer_free(void*, unsigned, uint64_t frame, unsigned) {
    std::free(reinterpret_cast<void*>(frame << frame_shift));
}
void peer_drain(void*) {
    if (mallctl != nullptr)
        mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0); // 4096: all arenas
    else if (mi_collect != nullptr)
        mi_collect(true);
    else if (MallocExtension_ReleaseFreeMemory != nullptr)
        MallocExtension_ReleaseFreeMemory();
    else if (malloc_trim != nullptr)
        malloc_trim(0);
}
void* peer_address(void*, uint64_t frame) {
    return reinterpret_cast<void*>(frame << frame_shift);
}
