// cordon/platform/page_mapping.hpp - page_mapping: pages of a memfd or anonymous ones, and the system calls on them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/core/status.hpp"
#include "cordon/platform/numa.hpp"
#include "cordon/platform/os_error.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
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

// Owns a mapping, or none. What arena.hpp says of frames holds here of the bytes in memory().
class page_mapping {
public:
    page_mapping() = default;
    page_mapping(page_mapping&& other) noexcept { take(other); }
    page_mapping& operator=(page_mapping&& other) noexcept {
        if (this == &other) return *this;
        release();
        take(other);
        return *this;
    }
    ~page_mapping() { release(); }

    [[nodiscard]] static std::size_t host_page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
    // Returns: the size of an explicit huge page; 0 for the others.
    [[nodiscard]] static constexpr std::size_t explicit_bytes(huge_pages huge) {
        switch (huge) {
        case huge_pages::explicit_2mib: return mib2;
        case huge_pages::explicit_1gib: return std::size_t{1} << 30;
        case huge_pages::none:
        case huge_pages::transparent: break;
        }
        return 0;
    }

    // Effects: maps so many bytes, aligned to 2 MiB or to the explicit huge page; all of it or nothing.
    // Requires: nothing is mapped; `bytes` is a multiple of the host's page and of the explicit huge page.
    status map(std::size_t bytes, arena_backing backing, huge_pages huge, int numa_node) {
        backing_ = backing;
        huge_bytes_ = explicit_bytes(huge);
        const status outcome = try_map(bytes, huge, numa_node);
        if (outcome != status::ok) release();
        return outcome;
    }

    [[nodiscard]] std::span<std::byte> memory() const { return memory_; }
    [[nodiscard]] int fd() const { return fd_; }
    // Returns: the call that failed last.
    [[nodiscard]] os_error system_error() const {
        const std::uint64_t failure = failure_.load(std::memory_order_relaxed);
        return {text_of(static_cast<call>(failure >> 32)), static_cast<int>(failure & UINT32_MAX)};
    }

    // Returns: invalid_range for a part that ends inside an explicit huge page.
    status discard(std::span<std::byte> part) {
        if (huge_bytes_ != 0 && ((offset_of(part) | part.size()) & (huge_bytes_ - 1)) != 0)
            return status::invalid_range;
        if (backing_ == arena_backing::anonymous)
            return check(call::discard, ::madvise(part.data(), part.size(), MADV_DONTNEED));
        return check(call::punch_hole, allocate_in_file(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, part));
    }

    status populate(std::span<std::byte> part) {
        int result;
        do
            result = ::madvise(part.data(), part.size(), madvise_populate_write);
        while (result != 0 && errno == EINTR);
        if (result == 0 || errno != EINVAL) return check(call::populate, result);
        // A kernel before 5.14. A file can be filled by a call that fails; private pages must be touched, and
        // explicit huge ones were reserved when they were mapped.
        if (backing_ == arena_backing::memfd) return check(call::fill, allocate_in_file(0, part));
        touch(part);
        return status::ok;
    }

    [[nodiscard]] std::size_t resident_bytes() const {
        if (memory_.empty()) return 0;
        if (backing_ == arena_backing::anonymous) return resident_anonymous_bytes();
        struct stat file {};
        ::fstat(fd_, &file);
        return static_cast<std::size_t>(file.st_blocks) * 512; // st_blocks has this unit everywhere
    }

private:
    static constexpr std::size_t mib2 = std::size_t{1} << 21;
    static constexpr int madvise_populate_write = 23; // MADV_POPULATE_WRITE; older C libraries lack the name

    // ---- failures ----

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

    // ---- mapping ----

    status try_map(std::size_t bytes, huge_pages huge, int numa_node) {
        if (const status s = open_file(bytes); s != status::ok) return s;
        if (const status s = huge_bytes_ != 0 ? map_huge(bytes) : map_aligned(bytes); s != status::ok)
            return s;
        if (numa_node != -1)
            if (const int code = bind_to_numa_node(memory_, numa_node); code != 0)
                return fail(call::bind, code);
        if (huge == huge_pages::transparent)
            return check(call::advise_huge, ::madvise(memory_.data(), bytes, MADV_HUGEPAGE));
        return status::ok;
    }

    status open_file(std::size_t bytes) {
        if (backing_ != arena_backing::memfd) return status::ok;
        const unsigned huge = huge_bytes_ != 0 ? MFD_HUGETLB | huge_size_flag() : 0;
        fd_ = ::memfd_create("cordon arena", MFD_CLOEXEC | huge);
        if (fd_ < 0) return fail(call::create_file, errno);
        return check(call::size_file, ::ftruncate(fd_, static_cast<off_t>(bytes)));
    }

    // The same bits for memfd_create and mmap. Requires: explicit huge pages.
    [[nodiscard]] unsigned huge_size_flag() const {
        return static_cast<unsigned>(std::countr_zero(huge_bytes_)) << MAP_HUGE_SHIFT;
    }
    [[nodiscard]] int mapping_flags() const {
        return backing_ == arena_backing::memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    }

    // The kernel aligns these by itself. Without MAP_NORESERVE, so that a shortage shows here.
    status map_huge(std::size_t bytes) {
        const int huge = backing_ == arena_backing::anonymous
                             ? MAP_HUGETLB | static_cast<int>(huge_size_flag())
                             : 0; // the file is made of huge pages already
        void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, mapping_flags() | huge, fd_, 0);
        if (at == MAP_FAILED) return fail(call::map_huge, errno);
        memory_ = {static_cast<std::byte*>(at), bytes};
        return status::ok;
    }

    // Reserves address space with room to align, gives the margins back, maps over the rest. If that fails,
    // whether the rest is still ours depends on the kernel, and another thread may have it: it is left alone.
    status map_aligned(std::size_t bytes) {
        void* const start =
            ::mmap(nullptr, bytes + mib2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) return fail(call::reserve, errno);
        const std::size_t margin = -reinterpret_cast<std::uintptr_t>(start) & (mib2 - 1);
        std::byte* const aligned = static_cast<std::byte*>(start) + margin;
        if (margin != 0) ::munmap(start, margin);
        ::munmap(aligned + bytes, mib2 - margin);
        void* const at = ::mmap(aligned, bytes, PROT_READ | PROT_WRITE,
                                mapping_flags() | MAP_NORESERVE | MAP_FIXED, fd_, 0);
        if (at == MAP_FAILED) return fail(call::map, errno);
        memory_ = {aligned, bytes};
        return status::ok;
    }

    void release() {
        if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
        if (fd_ >= 0) ::close(fd_);
        memory_ = {};
        fd_ = -1;
    }
    // Requires: nothing is mapped.
    void take(page_mapping& other) {
        backing_ = other.backing_;
        huge_bytes_ = other.huge_bytes_;
        memory_ = std::exchange(other.memory_, {});
        fd_ = std::exchange(other.fd_, -1);
        failure_.store(other.failure_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }

    // ---- pages ----

    [[nodiscard]] std::size_t offset_of(std::span<std::byte> part) const {
        return static_cast<std::size_t>(part.data() - memory_.data());
    }

    [[nodiscard]] int allocate_in_file(int mode, std::span<std::byte> part) const {
        int result;
        do
            result =
                ::fallocate(fd_, mode, static_cast<off_t>(offset_of(part)), static_cast<off_t>(part.size()));
        while (result != 0 && errno == EINTR);
        return result;
    }

    // An exchange of zero for zero: writes an absent page and leaves a present one alone. (An or with 0 would be
    // removed by the optimiser.) Free frames may be populated: AddressSanitizer does not look, and the builtin is not
    // a function where it would.
    CORDON_NO_SANITIZE_ADDRESS static void touch(std::span<std::byte> part) {
        const std::size_t page = host_page();
        for (std::byte *at = part.data(), *const end = at + part.size(); at < end; at += page) {
            auto& byte = reinterpret_cast<unsigned char&>(*at);
            unsigned char zero = 0;
            __atomic_compare_exchange_n(&byte, &zero, static_cast<unsigned char>(0), false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        }
    }

    [[nodiscard]] std::size_t resident_anonymous_bytes() const {
        const std::size_t page = host_page();
        unsigned char present[4096];
        const std::size_t step = sizeof present * page;
        std::size_t pages = 0;
        for (std::size_t at = 0; at < memory_.size(); at += step) {
            const std::size_t left = memory_.size() - at;
            const std::size_t part = left < step ? left : step;
            // EAGAIN; the mapping rules the others out.
            while (::mincore(memory_.data() + at, part, present) != 0)
                ;
            for (std::size_t i = 0; i != part / page; ++i)
                pages += present[i] & 1u;
        }
        return pages * page;
    }

    arena_backing backing_ = arena_backing::memfd;
    std::size_t huge_bytes_ = 0;
    std::span<std::byte> memory_;
    int fd_ = -1;
    std::atomic<std::uint64_t> failure_{0};
};

} // namespace cordon::inline v0
