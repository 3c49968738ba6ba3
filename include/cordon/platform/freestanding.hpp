// cordon/platform/freestanding.hpp - the parts of a platform that has no operating system.
// SPDX-License-Identifier: BSL-1.0
//
// Each part says plainly what it lacks, so that the layers above take another way instead of a weaker
// promise: without a barrier the gates are locks, without a memory source the embedder places the metadata.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

class no_barrier {
public:
    [[nodiscard]] bool enable() const noexcept { return false; }
    [[nodiscard]] bool issue() const noexcept { return false; }
};
static_assert(heavy_barrier<no_barrier>);

// Time stands still at 0: deadline::immediate() has passed, every other deadline never passes.
struct no_clock {
    [[nodiscard]] static std::uint64_t now() noexcept { return 0; }
};
static_assert(clock_source<no_clock>);

struct no_memory_source {
    [[nodiscard]] static std::span<std::byte> map(std::size_t) noexcept { return {}; }
    static void unmap(std::span<std::byte>) noexcept {}
};
static_assert(metadata_memory<no_memory_source>);

// Nobody watches the memory.
struct null_annotator {
    constexpr null_annotator() = default;
    constexpr null_annotator(frame_range, std::span<std::byte>) {}
    CORDON_ALWAYS_INLINE static constexpr void on_allocate(frame_range) {}
    CORDON_ALWAYS_INLINE static constexpr void on_free(frame_range) {}
    CORDON_ALWAYS_INLINE static constexpr void on_restore(frame_range) {}
};
static_assert(memory_annotator<null_annotator>);

// For slots that never fall free behind the embedder's back: nothing to hear.
class null_slot_listener {
public:
    null_slot_listener(thread_exit_function, fork_function, void*) noexcept {}
    null_slot_listener(const null_slot_listener&) = delete;
    null_slot_listener& operator=(const null_slot_listener&) = delete;
};

// For a program of one thread; a second thread breaks it.
class single_thread_slot {
public:
    using listener = null_slot_listener;
    static constexpr std::uint32_t max_slots = 1;
    [[nodiscard]] static slot_index current() noexcept { return slot_index{0}; }
    [[nodiscard]] static slot_index peek() noexcept { return slot_index{0}; }
    static void attach(listener&) noexcept {}
    static void detach(listener&) noexcept {}
};
static_assert(thread_slots<single_thread_slot>);

// The caller names its slot at each call (a virtual CPU, a worker's number); calls that name none go uncached.
template <std::uint32_t N>
class explicit_slots {
public:
    using listener = null_slot_listener;
    static constexpr std::uint32_t max_slots = N;
    [[nodiscard]] static slot_index current() noexcept { return slot_index::none(); }
    [[nodiscard]] static slot_index peek() noexcept { return slot_index::none(); }
    static void attach(listener&) noexcept {}
    static void detach(listener&) noexcept {}
};
static_assert(thread_slots<explicit_slots<1>>);

} // namespace cordon::inline v0
