// cordon/platform/arena.hpp - arena: memory behind the frames, from memfd or anonymous pages.
// SPDX-License-Identifier: BSL-1.0
//
// The allocator hands out numbers; an arena is one way to put memory behind them, and no part of the library
// needs it. It maps everything at once and commits nothing: pages come at the first touch or with populate(),
// go with discard(), and resident_bytes() tells what is really there. How, is in page_mapping.hpp.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/types.hpp"
#include "cordon/platform/os_error.hpp"
#include "cordon/platform/page_mapping.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace cordon::inline v0 {

struct arena_options {
    frame_count frames{};
    frame first{0};                   // the number of the first frame
    std::uint64_t frame_bytes = 4096; // a power of two, at least the host's page
    arena_backing backing = arena_backing::memfd;
    huge_pages huge = huge_pages::none; // explicit: frames * frame_bytes is a multiple of the huge page
    int numa_node = -1;                 // -1: wherever the toucher runs
};

// Owns a mapping. Its frames are consecutive in memory and aligned in memory as their offset from the first is
// (up to 2 MiB, with 1 GiB pages up to that). Ranges given to it lie wholly inside it and are not empty, else
// status::invalid_range and nothing is done. Calls on one arena may run at the same time on several threads.
class arena {
public:
    // No memory and no frames, as after a move; no error either.
    arena() = default;
    explicit arena(frame_count frames) : arena(arena_options{.frames = frames}) {}
    // A failure leaves the arena empty: error() is invalid_range for frames that no zone could have either,
    // invalid_argument for other options that make no sense, or system_error, and then system_error() names the call.
    explicit arena(const arena_options& options) { error_ = make(options); }
    arena(arena&& other) noexcept
        : error_(other.error_),
          shift_(other.shift_),
          frames_(std::exchange(other.frames_, {})),
          pages_(std::move(other.pages_)) {}
    arena& operator=(arena&& other) noexcept { // to itself, too: each line leaves it as it was
        error_ = other.error_;
        shift_ = other.shift_;
        frames_ = std::exchange(other.frames_, {});
        pages_ = std::move(other.pages_);
        return *this;
    }

    [[nodiscard]] explicit operator bool() const { return !frames_.empty(); }
    // Returns: what the constructor came to.
    [[nodiscard]] status error() const { return error_; }
    // Returns: the call that failed last, in the constructor, discard or populate.
    [[nodiscard]] os_error system_error() const { return pages_.system_error(); }

    [[nodiscard]] frame_range frames() const { return frames_; }
    [[nodiscard]] std::size_t frame_bytes() const { return std::size_t{1} << shift_; }
    [[nodiscard]] std::size_t bytes() const { return memory().size(); }
    // Returns: the memfd, for mapping it elsewhere; -1 for anonymous pages. The arena owns it.
    [[nodiscard]] int fd() const { return pages_.fd(); }

    // Returns: the memory of all frames, one behind the other.
    [[nodiscard]] std::span<std::byte> memory() const { return pages_.memory(); }
    // Returns: the memory of the range; empty for a range that is not all here.
    [[nodiscard]] std::span<std::byte> memory(frame_range r) const {
        if (!frames_.contains(r)) return {};
        return {address(r.first()), static_cast<std::size_t>(r.count().raw() << shift_)};
    }
    // Returns: where the frame's memory starts; nullptr for a frame of elsewhere.
    [[nodiscard]] std::byte* address(frame f) const {
        return frames_.contains(f) ? memory().data() + ((f - frames_.first()).raw() << shift_) : nullptr;
    }
    // Returns: the frame that the byte lies in; none outside.
    [[nodiscard]] frame frame_of(const void* byte) const {
        const auto offset =
            reinterpret_cast<std::uintptr_t>(byte) - reinterpret_cast<std::uintptr_t>(memory().data());
        return offset < bytes() ? frames_.first() + frame_count{offset >> shift_} : frame::none();
    }

    // Effects: gives the memory of the range back to the system; it reads as zero afterwards. Explicit huge
    // pages go whole: a range that ends inside one is status::invalid_range.
    // Requires: nobody uses the memory, devices included.
    [[nodiscard]] status discard(frame_range range) {
        const std::span<std::byte> part = memory(range);
        return part.empty() ? status::invalid_range : pages_.discard(part);
    }
    // Effects: every page of the range is present, or the call fails: a shortage of huge pages, or of memory
    // on the bound node, is an error here and not a SIGBUS at some touch later. What is present keeps its
    // contents; a failure leaves some pages present.
    [[nodiscard]] status populate(frame_range range) {
        const std::span<std::byte> part = memory(range);
        return part.empty() ? status::invalid_range : pages_.populate(part);
    }

    // Returns: bytes of memory that the arena occupies now. Anonymous pages in swap do not count.
    // Cost: one system call for a memfd; one for each 16 MiB of anonymous arena.
    [[nodiscard]] std::size_t resident_bytes() const { return pages_.resident_bytes(); }

private:
    static status check(const arena_options& o) {
        const frame_range all{o.first, o.frames};
        if (!all.is_valid()) return status::invalid_range;
        const std::size_t huge_bytes = page_mapping::explicit_bytes(o.huge);
        constexpr std::uint64_t most = std::numeric_limits<std::ptrdiff_t>::max();
        const bool makes_sense = std::has_single_bit(o.frame_bytes) &&
                                 o.frame_bytes >= page_mapping::host_page() &&
                                 o.frame_bytes <= most / o.frames.raw() && o.numa_node >= -1 &&
                                 (huge_bytes == 0 || o.frames.bytes(o.frame_bytes) % huge_bytes == 0);
        return makes_sense ? status::ok : status::invalid_argument;
    }

    status make(const arena_options& o) {
        if (const status e = check(o); e != status::ok) return e;
        const auto bytes = static_cast<std::size_t>(o.frames.bytes(o.frame_bytes));
        const status outcome = pages_.map(bytes, o.backing, o.huge, o.numa_node);
        if (outcome != status::ok) return outcome;
        shift_ = static_cast<unsigned>(std::countr_zero(o.frame_bytes));
        frames_ = {o.first, o.frames};
        return status::ok;
    }

    status error_ = status::ok;
    unsigned shift_ = 12;
    frame_range frames_;
    page_mapping pages_;
};

} // namespace cordon::inline v0
