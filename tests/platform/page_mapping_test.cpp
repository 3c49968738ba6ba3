// tests/platform/page_mapping_test.cpp - an arena where the system has huge pages, cuts calls short, or lacks something.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/page_mapping.hpp"

#include "cordon/platform/arena.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

using namespace cordon;
using testing::in_child;
using testing::no_seccomp;
using testing::refuse_syscall;

namespace {

// What a machine does only at times, here when a test says so. The calls below stand before those of the C library.
struct {
    bool huge_pages = false; // there is a pool: ordinary pages stand in for its pages
    int cut_short = 0;       // so many calls fail with EINTR
    int out_of_memory = 0;   // so many with EAGAIN
} machine;

bool fails(int& times, int code) {
    if (times == 0) return false;
    --times;
    errno = code;
    return true;
}

constexpr arena_backing backings[] = {arena_backing::memfd, arena_backing::anonymous};
constexpr std::uint64_t page = 4096;

frame_range range(std::uint32_t first, std::uint64_t count) {
    return {frame{first}, frame_count{count}};
}

} // namespace

#ifdef __LP64__ // elsewhere the calls have other numbers and forms
constexpr bool has_stand_ins = true;

extern "C" {

void* mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) noexcept {
    if (machine.huge_pages) flags &= ~(MAP_HUGETLB | 63 << MAP_HUGE_SHIFT);
    return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, fd, offset));
}

int memfd_create(const char* name, unsigned flags) noexcept {
    if (machine.huge_pages) flags &= ~(MFD_HUGETLB | 63u << MAP_HUGE_SHIFT);
    return static_cast<int>(::syscall(SYS_memfd_create, name, flags));
}

int madvise(void* at, std::size_t size, int advice) noexcept {
    if (fails(machine.cut_short, EINTR)) return -1;
    return static_cast<int>(::syscall(SYS_madvise, at, size, advice));
}

int fallocate(int fd, int mode, off_t first, off_t bytes) {
    if (fails(machine.cut_short, EINTR)) return -1;
    return static_cast<int>(::syscall(SYS_fallocate, fd, mode, first, bytes));
}

int mincore(void* at, std::size_t size, unsigned char* present) noexcept {
    if (fails(machine.out_of_memory, EAGAIN)) return -1;
    return static_cast<int>(::syscall(SYS_mincore, at, size, present));
}

} // extern "C"
#else
constexpr bool has_stand_ins = false;
#endif

TEST_CASE("explicit huge pages are mapped, and discarded whole", "[platform]") {
    if (!has_stand_ins) return;
    for (const arena_backing backing : backings) {
        machine.huge_pages = true;
        arena ram{{.frames = frame_count{2048}, .backing = backing, .huge = huge_pages::explicit_2mib}};
        machine.huge_pages = false;
        REQUIRE(ram);
        REQUIRE(ram.populate(ram.frames()) == status::ok);
        CHECK(ram.resident_bytes() == 2048 * page);
        CHECK(ram.discard(range(0, 511)) == status::invalid_range);
        CHECK(ram.discard(range(1, 512)) == status::invalid_range);
        CHECK(ram.resident_bytes() == 2048 * page);
        CHECK(ram.discard(range(512, 1024)) == status::ok);
        CHECK(ram.resident_bytes() == 1024 * page);
    }
}

TEST_CASE("a call that is cut short is made again", "[platform]") {
    if (!has_stand_ins) return;
    arena ram{{.frames = frame_count{1024}, .backing = arena_backing::anonymous}};
    REQUIRE(ram);
    machine.cut_short = 2;
    CHECK(ram.populate(range(0, 512)) == status::ok);
    CHECK(machine.cut_short == 0);
    machine.out_of_memory = 2;
    CHECK(ram.resident_bytes() == 512 * page);
    CHECK(machine.out_of_memory == 0);

    arena file{{.frames = frame_count{1024}}};
    REQUIRE(file.populate(file.frames()) == status::ok);
    machine.cut_short = 2;
    CHECK(file.discard(range(0, 512)) == status::ok);
    CHECK(machine.cut_short == 0);
    CHECK(file.resident_bytes() == 512 * page);
}

TEST_CASE("each call that making an arena needs is named when it is refused", "[platform]") {
    const auto refused_with = [](long call, int code, arena_backing backing, os_error expected,
                                 huge_pages huge = huge_pages::none, int index = -1,
                                 std::uint32_t value = 0) {
        const int outcome = in_child([&] {
            if (!refuse_syscall(call, code, index, value)) return no_seccomp;
            const arena ram{{.frames = frame_count{64}, .backing = backing, .huge = huge}};
            if (ram || ram.error() != status::system_error || !ram.frames().empty()) return 1;
            return ram.system_error() == expected ? 0 : 2;
        });
        testing::check_child(outcome);
    };
    refused_with(SYS_memfd_create, EMFILE, arena_backing::memfd, {"memfd_create", EMFILE});
    refused_with(SYS_ftruncate, EFBIG, arena_backing::memfd, {"ftruncate", EFBIG});
    constexpr std::uint32_t fixed = MAP_NORESERVE | MAP_FIXED;
    refused_with(SYS_mmap, ENOMEM, arena_backing::memfd, {"mmap", ENOMEM}, huge_pages::none, 3,
                 MAP_SHARED | fixed);
    refused_with(SYS_mmap, ENOMEM, arena_backing::anonymous, {"mmap", ENOMEM}, huge_pages::none, 3,
                 MAP_PRIVATE | MAP_ANONYMOUS | fixed);
    refused_with(SYS_madvise, EINVAL, arena_backing::anonymous, {"madvise(MADV_HUGEPAGE)", EINVAL},
                 huge_pages::transparent);
}
