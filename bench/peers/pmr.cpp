// peers/pmr.cpp - std::pmr::synchronized_pool_resource, with memory from the heap.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <memory_resource>
#include <new>

namespace {
constexpr unsigned frame_shift = 12;
using pool = std::pmr::synchronized_pool_resource;
} // namespace

const char* peer_name() {
    return "pmr";
}
void* peer_create(uint64_t, unsigned) {
    // Pools for runs up to order 9; larger ones go to the heap.
    return new (std::nothrow) pool(std::pmr::pool_options{
        .max_blocks_per_chunk = 512, .largest_required_pool_block = 512u << frame_shift});
}
void peer_destroy(void* self) {
    delete static_cast<pool*>(self);
}

uint64_t peer_allocate(void* self, unsigned, unsigned order) {
    const std::size_t bytes = std::size_t{1} << (frame_shift + order);
    try {
        return reinterpret_cast<uintptr_t>(static_cast<pool*>(self)->allocate(bytes, bytes)) >> frame_shift;
    } catch (const std::bad_alloc&) {
        return peer_no_frame;
    }
}
void peer_free(void* self, unsigned, uint64_t frame, unsigned order) {
    const std::size_t bytes = std::size_t{1} << (frame_shift + order);
    static_cast<pool*>(self)->deallocate(reinterpret_cast<void*>(frame << frame_shift), bytes, bytes);
}
void* peer_address(void*, uint64_t frame) {
    return reinterpret_cast<void*>(frame << frame_shift);
}
