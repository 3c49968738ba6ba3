// peers/mmap.cpp - the kernel itself: a mapping for each run, one system call (more for alignment) each way.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <cstddef>
#include <sys/mman.h>

namespace {
constexpr unsigned frame_shift = 12;
int no_state;

void* map(std::size_t bytes) {
    return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}
} // namespace

const char* peer_name() {
    return "mmap";
}
void* peer_create(uint64_t, unsigned) {
    return &no_state;
}
void peer_destroy(void*) {}

uint64_t peer_allocate(void*, unsigned, unsigned order) {
    const std::size_t bytes = std::size_t{1} << (frame_shift + order);
    if (order == 0) {
        void* const page = map(bytes);
        return page == MAP_FAILED ? peer_no_frame : reinterpret_cast<uintptr_t>(page) >> frame_shift;
    }
    // Twice as much holds an aligned run; what lies around it goes back.
    void* const twice = map(2 * bytes);
    if (twice == MAP_FAILED) return peer_no_frame;
    const auto begin = reinterpret_cast<uintptr_t>(twice);
    const uintptr_t run = (begin + bytes - 1) & ~(bytes - 1);
    if (run != begin) munmap(twice, run - begin);
    if (run != begin + bytes) munmap(reinterpret_cast<void*>(run + bytes), begin + bytes - run);
    return run >> frame_shift;
}
void peer_free(void*, unsigned, uint64_t frame, unsigned order) {
    munmap(reinterpret_cast<void*>(frame << frame_shift), std::size_t{1} << (frame_shift + order));
}
void* peer_address(void*, uint64_t frame) {
    return reinterpret_cast<void*>(frame << frame_shift);
}
