// cordon/platform/arena.hpp - arena: memory behind the frames, from memfd or anonymous pages.
// SPDX-License-Identifier: BSL-1.0
//
// The allocator hands out numbers; an arena is one way to put memory behind them, and no part of the library
// needs it. It maps everything at once and commits nothing: pages come at the first touch or with populate(),
// go with discard(), and resident_bytes() tells what is really there.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/core/status.hpp"
#include "cordon/core/types.hpp"
#include "cordon/platform/numa.hpp"
#include "cordon/platform/os_error.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <limits>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <memory>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cordon::inline v0 {

enum class arena_backing : std::uint8_t {
    memfd,     // a file in memory: can be mapped again elsewhere; a fork child shares it
    anonymous, // private pages; a fork child has a copy
};

enum class huge_pages : std::uint8_t {
    none,          // nothing asked for: the system's default
    transparent,   // asked for where the kernel finds them
    explicit_2mib, // from the kernel's pool, reserved when the arena is made
    explicit_1gib,
};

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
    // A failure leaves the arena empty: error() is invalid_argument for options that make no sense, or
    // system_error, and then system_error() names the call.
    explicit arena(const arena_options& options) {
        error_ = create(options);
        if (error_ != status::ok) release();
    }
    arena(arena&& other) noexcept
        : error_(other.error_),
          backing_(other.backing_),
          shift_(other.shift_),
          huge_bytes_(other.huge_bytes_),
          frames_(std::exchange(other.frames_, {})),
          base_(std::exchange(other.base_, nullptr)),
          fd_(std::exchange(other.fd_, -1)),
          failure_(other.failure_.load(std::memory_order_relaxed)) {}
    arena& operator=(arena&& other) noexcept {
        if (this == &other) return *this;
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
        return *this;
    }
    ~arena() { release(); }

    [[nodiscard]] explicit operator bool() const { return base_ != nullptr; }
    // Returns: what the constructor came to.
    [[nodiscard]] status error() const { return error_; }
    // Returns: the call that failed last, in the constructor, discard or populate.
    [[nodiscard]] os_error system_error() const {
        const std::uint64_t failure = failure_.load(std::memory_order_relaxed);
        return {text_of(static_cast<call>(failure >> 32)), static_cast<int>(failure & UINT32_MAX)};
    }

    [[nodiscard]] frame_range frames() const { return frames_; }
    [[nodiscard]] std::uint64_t frame_bytes() const { return std::uint64_t{1} << shift_; }
    [[nodiscard]] std::uint64_t bytes() const { return frames_.count().raw() << shift_; }
    // Returns: the memfd, for mapping it elsewhere; -1 for anonymous pages. The arena owns it.
    [[nodiscard]] int fd() const { return fd_; }

    // Returns: the memory of all frames, one behind the other.
    [[nodiscard]] std::span<std::byte> memory() const { return {base_, size()}; }
    // Returns: where the frame's memory starts; nullptr for a frame of elsewhere.
    [[nodiscard]] std::byte* address(frame f) const {
        return frames_.contains(f) ? base_ + ((f - frames_.first()).raw() << shift_) : nullptr;
    }
    // Returns: the frame that the byte lies in; none outside.
    [[nodiscard]] frame frame_of(const void* byte) const {
        const auto offset = reinterpret_cast<std::uintptr_t>(byte) - reinterpret_cast<std::uintptr_t>(base_);
        return offset < bytes() ? frames_.first() + frame_count{offset >> shift_} : frame::none();
    }

    // Effects: gives the memory of the range back to the system; it reads as zero afterwards. Explicit huge
    // pages go whole: a range that ends inside one is status::invalid_range.
    // Requires: nobody uses the memory, devices included.
    status discard(frame_range range) {
        if (!has(range)) return status::invalid_range;
        const std::span<std::byte> memory = memory_of(range);
        if (huge_bytes_ != 0 && ((offset_of(memory) | memory.size()) & (huge_bytes_ - 1)) != 0)
            return status::invalid_range;
        if (backing_ == arena_backing::anonymous)
            return check(call::discard, ::madvise(memory.data(), memory.size(), MADV_DONTNEED));
        return check(call::punch_hole, allocate_in_file(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, memory));
    }

    // Effects: every page of the range is present, or the call fails: a shortage of huge pages, or of memory
    // on the bound node, is an error here and not a SIGBUS at some touch later. What is present keeps its
    // contents; a failure leaves some pages present.
    status populate(frame_range range) {
        if (!has(range)) return status::invalid_range;
        const std::span<std::byte> memory = memory_of(range);
        int result;
        do
            result = ::madvise(memory.data(), memory.size(), madvise_populate_write);
        while (result != 0 && errno == EINTR);
        if (result == 0 || errno != EINVAL) return check(call::populate, result);
        // A kernel before 5.14. A file can be filled by a call that fails; private pages must be touched, and
        // explicit huge ones were reserved when they were mapped.
        if (backing_ == arena_backing::memfd) return check(call::fill, allocate_in_file(0, memory));
        touch(memory);
        return status::ok;
    }

    // Returns: bytes of memory that the arena occupies now. Anonymous pages in swap do not count.
    // Cost: one system call for a memfd; one for each 16 MiB of anonymous arena.
    [[nodiscard]] std::uint64_t resident_bytes() const {
        if (!*this) return 0;
        if (backing_ == arena_backing::anonymous) return resident_anonymous_bytes();
        struct stat file {};
        ::fstat(fd_, &file);
        return static_cast<std::uint64_t>(file.st_blocks) * 512; // st_blocks has this unit everywhere
    }

private:
    static constexpr std::size_t mib2 = std::size_t{1} << 21;
    static constexpr int madvise_populate_write = 23; // MADV_POPULATE_WRITE; older C libraries lack the name

    // A failure is one word, because several threads may fail at once: the call and its errno.
    enum class call : std::uint32_t {
        none,
        create_file,
        size_file,
        reserve,
        map,
        map_huge,
        bind,
        advise_huge,
        discard,
        punch_hole,
        populate,
        fill
    };
    static constexpr const char* text_of(call c) {
        switch (c) {
        case call::none: break;
        case call::create_file: return "memfd_create";
        case call::size_file: return "ftruncate";
        case call::reserve: return "mmap (address space)";
        case call::map: return "mmap";
        case call::map_huge: return "mmap (explicit huge pages)";
        case call::bind: return "mbind";
        case call::advise_huge: return "madvise(MADV_HUGEPAGE)";
        case call::discard: return "madvise(MADV_DONTNEED)";
        case call::punch_hole: return "fallocate(FALLOC_FL_PUNCH_HOLE)";
        case call::populate: return "madvise(MADV_POPULATE_WRITE)";
        case call::fill: return "fallocate";
        }
        return nullptr;
    }

    status fail(call c, int code) {
        failure_.store(std::uint64_t{static_cast<std::uint32_t>(c)} << 32 | static_cast<std::uint32_t>(code),
                       std::memory_order_relaxed);
        return status::system_error;
    }
    status check(call c, int result) { return result == 0 ? status::ok : fail(c, errno); }

    static std::size_t host_page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

    // Returns: 0 unless explicit.
    static constexpr std::uint64_t explicit_bytes(huge_pages huge) {
        switch (huge) {
        case huge_pages::explicit_2mib: return mib2;
        case huge_pages::explicit_1gib: return std::uint64_t{1} << 30;
        case huge_pages::none:
        case huge_pages::transparent: break;
        }
        return 0;
    }

    static bool makes_sense(const arena_options& o) {
        const std::uint64_t huge_bytes = explicit_bytes(o.huge);
        constexpr std::uint64_t most = std::numeric_limits<std::ptrdiff_t>::max();
        const std::uint64_t frames = o.frames.raw();
        return frames != 0 && frames <= UINT32_MAX - o.first.raw() && std::has_single_bit(o.frame_bytes) &&
               o.frame_bytes >= host_page() && o.frame_bytes <= most / frames && o.numa_node >= -1 &&
               (huge_bytes == 0 || o.frames.bytes(o.frame_bytes) % huge_bytes == 0);
    }

    status create(const arena_options& o) {
        if (!makes_sense(o)) return status::invalid_argument;
        backing_ = o.backing;
        huge_bytes_ = explicit_bytes(o.huge);
        shift_ = static_cast<unsigned>(std::countr_zero(o.frame_bytes));
        frames_ = {o.first, o.frames};
        if (status s = open_file(); s != status::ok) return s;
        if (status s = huge_bytes_ != 0 ? map_huge() : map_aligned(); s != status::ok) return s;
        if (o.numa_node != -1)
            if (const int code = bind_to_numa_node(memory_of(frames_), o.numa_node); code != 0)
                return fail(call::bind, code);
        if (o.huge == huge_pages::transparent)
            return check(call::advise_huge, ::madvise(base_, size(), MADV_HUGEPAGE));
        return status::ok;
    }

    status open_file() {
        if (backing_ != arena_backing::memfd) return status::ok;
        const unsigned huge = huge_bytes_ != 0 ? MFD_HUGETLB | huge_size_flag() : 0;
        fd_ = ::memfd_create("cordon arena", MFD_CLOEXEC | huge);
        if (fd_ < 0) return fail(call::create_file, errno);
        return check(call::size_file, ::ftruncate(fd_, static_cast<off_t>(bytes())));
    }

    // The same bits for memfd_create and mmap. Requires: explicit huge pages.
    unsigned huge_size_flag() const {
        return static_cast<unsigned>(std::countr_zero(huge_bytes_)) << MAP_HUGE_SHIFT;
    }
    int mapping_flags() const {
        return backing_ == arena_backing::memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    }
    std::size_t size() const { return static_cast<std::size_t>(bytes()); }

    // The kernel aligns these by itself. Without MAP_NORESERVE, so that a shortage shows here.
    status map_huge() {
        const int huge = backing_ == arena_backing::anonymous
                             ? MAP_HUGETLB | static_cast<int>(huge_size_flag())
                             : 0; // the file is made of huge pages already
        void* const at = ::mmap(nullptr, size(), PROT_READ | PROT_WRITE, mapping_flags() | huge, fd_, 0);
        if (at == MAP_FAILED) return fail(call::map_huge, errno);
        base_ = static_cast<std::byte*>(at);
        return status::ok;
    }

    // Reserves address space with room to align, gives the margins back, maps over the rest. If that fails,
    // whether the rest is still ours depends on the kernel, and another thread may have it: it is left alone.
    status map_aligned() {
        void* const start =
            ::mmap(nullptr, size() + mib2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) return fail(call::reserve, errno);
        const auto margin = static_cast<std::size_t>(-reinterpret_cast<std::uintptr_t>(start) & (mib2 - 1));
        std::byte* const aligned = static_cast<std::byte*>(start) + margin;
        if (margin != 0) ::munmap(start, margin);
        ::munmap(aligned + size(), mib2 - margin);
        void* const at = ::mmap(aligned, size(), PROT_READ | PROT_WRITE,
                                mapping_flags() | MAP_NORESERVE | MAP_FIXED, fd_, 0);
        if (at == MAP_FAILED) return fail(call::map, errno);
        base_ = aligned;
        return status::ok;
    }

    void release() {
        if (base_ != nullptr) ::munmap(base_, size());
        if (fd_ >= 0) ::close(fd_);
        base_ = nullptr;
        fd_ = -1;
        frames_ = {};
    }

    // A count near 2^64 would wrap the end of the range: it is compared first.
    bool has(frame_range r) const {
        return !r.empty() && r.count() <= frames_.count() && frames_.contains(r);
    }
    std::span<std::byte> memory_of(frame_range r) const {
        return {address(r.first()), static_cast<std::size_t>(r.count().raw() << shift_)};
    }
    std::uint64_t offset_of(std::span<std::byte> memory) const {
        return static_cast<std::uint64_t>(memory.data() - base_);
    }

    int allocate_in_file(int mode, std::span<std::byte> memory) const {
        int result;
        do
            result = ::fallocate(fd_, mode, static_cast<off_t>(offset_of(memory)),
                                 static_cast<off_t>(memory.size()));
        while (result != 0 && errno == EINTR);
        return result;
    }

    // An exchange of zero for zero: writes an absent page and leaves a present one alone. (An or with 0 would be
    // removed by the optimiser.) Free frames may be populated: AddressSanitizer does not look, and the builtin is not
    // a function where it would.
    CORDON_NO_SANITIZE_ADDRESS static void touch(std::span<std::byte> memory) {
        const std::size_t page = host_page();
        for (std::byte *at = memory.data(), *const end = at + memory.size(); at < end; at += page) {
            auto& byte = reinterpret_cast<unsigned char&>(*at);
            unsigned char zero = 0;
            __atomic_compare_exchange_n(&byte, &zero, static_cast<unsigned char>(0), false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        }
    }

    std::uint64_t resident_anonymous_bytes() const {
        const std::size_t page = host_page();
        unsigned char present[4096];
        std::uint64_t pages = 0;
        for (std::size_t at = 0; at < size(); at += sizeof present * page) {
            const std::size_t part = std::min(size() - at, sizeof present * page);
            while (::mincore(base_ + at, part, present) != 0) // EAGAIN; the mapping rules the others out
                ;
            for (std::size_t i = 0; i != part / page; ++i)
                pages += present[i] & 1u;
        }
        return pages * page;
    }

    status error_ = status::ok;
    arena_backing backing_ = arena_backing::memfd;
    unsigned shift_ = 12;
    std::uint64_t huge_bytes_ = 0;
    frame_range frames_;
    std::byte* base_ = nullptr;
    int fd_ = -1;
    std::atomic<std::uint64_t> failure_{0};
};

} // namespace cordon::inline v0
