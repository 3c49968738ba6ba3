// cordon/platform/concepts.hpp - what the library asks of the system below it.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `platform` is all that the library knows of its surroundings, in seven small parts that a policy
// picks one by one: a process-wide barrier (barrier.hpp), a clock (clock.hpp), a way to wait (backoff.hpp),
// numbers for threads (thread_slot.hpp), memory for metadata (memory.hpp), memory behind the frames (arena.hpp),
// which the allocator itself never touches, and tools that watch who does (sanitizer_annotator.hpp). It includes
// core only.
//
//   - Each part is a class without virtual functions that models a concept of this file. A test, another
//     system or a model checker brings its own class.
//   - freestanding.hpp has the stand-in for each part where there is no operating system; posix/ and windows/ have
//     what the other headers ask of theirs. barrier.hpp, numa.hpp, arena.hpp and page_mapping.hpp are Linux. The
//     headers called default... alone decide.
//   - Where a part needs state of the process (thread slots), that state is constant-initialised and never
//     destroyed: usable before main, in static destructors, after fork.
//   - Failure is a value: false, an empty span, a status with an os_error (os_error.hpp). Nothing falls back
//     in silence to something weaker; a weaker part is another class.
#pragma once

#include "cordon/core/types.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

// The dear side of the asymmetric pair; the contract is in barrier.hpp.
// enable(): to be called before the first issue(); false: never use this barrier, take a gate without one.
// issue(): false: the system refused, nothing was ordered.
template <class B>
concept heavy_barrier = requires(B& barrier) {
    { barrier.enable() }
    noexcept->std::same_as<bool>;
    { barrier.issue() }
    noexcept->std::same_as<bool>;
};

// Nanoseconds since some moment; never goes back.
template <class C>
concept clock_source = requires {
    { C::now() }
    noexcept->std::same_as<std::uint64_t>;
};

// Called once for each failed attempt; waits longer each time, up to a bound. reset(): the next wait is the
// shortest again.
template <class B>
concept backoff = std::default_initializable<B> && requires(B& wait) {
    { wait() }
    noexcept;
    { wait.reset() }
    noexcept;
};

// Zeroed, page-aligned memory that costs nothing until it is written. map() returns an empty span when there
// is none; unmap() takes what map() returned.
template <class M>
concept metadata_memory = requires(std::size_t bytes, std::span<std::byte> memory) {
    { M::map(bytes) }
    noexcept->std::same_as<std::span<std::byte>>;
    { M::unmap(memory) }
    noexcept;
};

// Hears whose the memory of a run of frames is, for tools that watch each access. A run belongs to the caller alone
// meanwhile: on_free comes before another can be given it, on_allocate when it has been taken. They may be called
// with locks held, and must not wait, call the zone or throw.
// The constructor is told the zone's frames and zone_options::memory. A default one has no memory and hears nothing.
template <class A>
concept memory_annotator = std::default_initializable<A> &&
    std::constructible_from<A, frame_range, std::span<std::byte>> &&
    requires(const A& annotator, frame_range run) {
    annotator.on_allocate(run); // somebody's, with contents that nobody knows
    annotator.on_free(run);     // nobody's: free, cached, isolated or offline; no access is right
    annotator.on_restore(run);  // the embedder's, with its contents: a free was refused, or the zone ends
};

enum class fork_phase : std::uint8_t {
    prepare, // in the parent, before the fork: take the locks that the child must find in order
    parent,  // in the parent, after it: release them
    child,   // in the child: the same, and the threads of all other slots are gone
};

using thread_exit_function = void (*)(void* self, slot_index) noexcept;
using fork_function = void (*)(void* self, fork_phase, slot_index current) noexcept;

// Dense numbers for threads. current(): below max_slots, and no other thread's at that time; or none, then
// the caller works without a cache. peek(): the number if the thread has one by now, without a lock.
// A listener hears of each slot that falls free (thread_slot.hpp).
template <class S>
concept thread_slots =
    std::constructible_from<typename S::listener, thread_exit_function, fork_function, void*> &&
    requires(typename S::listener& listener) {
    { S::max_slots } -> std::convertible_to<std::uint32_t>;
    { S::current() }
    noexcept->std::same_as<slot_index>;
    { S::peek() }
    noexcept->std::same_as<slot_index>;
    { S::attach(listener) }
    noexcept;
    { S::detach(listener) }
    noexcept;
};

} // namespace cordon::inline v0
