// cordon/platform/sanitizer_annotator.hpp - sanitizer_annotator: AddressSanitizer and valgrind know which frames are free.
// SPDX-License-Identifier: BSL-1.0
//
// A frame that belongs to nobody may not be touched, so that a stale pointer is reported where it is used:
//
//                     AddressSanitizer                     memcheck, in any build
//     free            poisoned: "use-after-poison"         no access: "Invalid read", "Invalid write"
//     allocated       accessible                           accessible, undefined until it is written
//
// "Free" is any frame that nobody has allocated: free, cached, isolated, offline or poisoned for good. The system may
// still be told to discard or populate it (arena.hpp).
//
// Cost: AddressSanitizer keeps a byte for 8. They are written at each call, and for all frames when a zone is made and
// when it ends, which commits an eighth of the memory. memcheck keeps large equal ranges as one.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// The interface of AddressSanitizer, which is linked where it is used.
extern "C" {
void __asan_poison_memory_region(const volatile void* first, std::size_t bytes);
void __asan_unpoison_memory_region(const volatile void* first, std::size_t bytes);
}

namespace cordon::inline v0 {

class sanitizer_annotator {
public:
    sanitizer_annotator() = default;
    // Requires: the memory starts at a multiple of 8 and so does each frame: what AddressSanitizer can tell apart.
    sanitizer_annotator(frame_range frames, std::span<std::byte> memory)
        : frames_(memory.empty() ? frame_range{} : frames),
          memory_(memory.data()),
          frame_bytes_(memory.empty() ? 0 : static_cast<std::size_t>(memory.size() / frames.count().raw())) {}

    void on_allocate(frame_range run) const {
        const std::span<std::byte> memory = memory_of(run);
        if constexpr (has_address_sanitizer) __asan_unpoison_memory_region(memory.data(), memory.size());
        tell_memcheck(request::make_undefined, memory);
    }
    void on_free(frame_range run) const {
        const std::span<std::byte> memory = memory_of(run);
        tell_memcheck(request::make_no_access, memory);
        if constexpr (has_address_sanitizer) __asan_poison_memory_region(memory.data(), memory.size());
    }
    void on_restore(frame_range run) const {
        const std::span<std::byte> memory = memory_of(run);
        if constexpr (has_address_sanitizer) __asan_unpoison_memory_region(memory.data(), memory.size());
        tell_memcheck(request::make_defined, memory);
    }

private:
    // As in memcheck.h, which numbers them for good.
    enum class request : std::uint32_t {
        make_no_access = std::uint32_t{'M'} << 24 | std::uint32_t{'C'} << 16,
        make_undefined,
        make_defined,
    };
    static void tell_memcheck(request what, std::span<std::byte> memory) {
        if (!memory.empty()) valgrind_request(static_cast<std::uint32_t>(what), memory.data(), memory.size());
    }
    // Returns: nothing for a run that is not of the zone, which a zone without checks believes.
    [[nodiscard]] std::span<std::byte> memory_of(frame_range run) const {
        if (run.empty() || run.count() > frames_.count() || !frames_.contains(run)) return {};
        return {memory_ + (run.first() - frames_.first()).raw() * frame_bytes_,
                static_cast<std::size_t>(run.count().raw()) * frame_bytes_};
    }

    frame_range frames_;
    std::byte* memory_ = nullptr;
    std::size_t frame_bytes_ = 0;
};
static_assert(memory_annotator<sanitizer_annotator>);

} // namespace cordon::inline v0
