// tests/platform/arena_test.cpp - memory behind the frames, and its failures.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/arena.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/skip.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/resource.h>
#include <thread>
#include <type_traits>
#include <vector>

using namespace cordon;
using testing::in_child;
using testing::is_emulated;
using testing::no_seccomp;

static_assert(!std::is_copy_constructible_v<arena> && !std::is_copy_assignable_v<arena>);
static_assert(std::is_nothrow_move_constructible_v<arena> && std::is_nothrow_move_assignable_v<arena>);
static_assert(!std::is_convertible_v<frame_count, arena>);

namespace {

constexpr std::uint64_t page = 4096;

frame_range range(std::uint32_t first, std::uint64_t count) {
    return {frame{first}, frame_count{count}};
}

arena make(arena_backing backing, std::uint64_t frames = 1024, std::uint32_t first = 100) {
    return arena{{.frames = frame_count{frames}, .first = frame{first}, .backing = backing}};
}

bool reads_as(const arena& ram, frame_range frames, std::byte value) {
    return std::ranges::all_of(ram.memory(frames), [&](std::byte b) { return b == value; });
}

void fill(const arena& ram, frame_range frames, std::byte value) {
    std::ranges::fill(ram.memory(frames), value);
}

long read_number(const char* path) {
    long number = 0;
    if (std::FILE* file = std::fopen(path, "r")) {
        if (std::fscanf(file, "%ld", &number) != 1) number = 0;
        std::fclose(file);
    }
    return number;
}

bool has_huge_page_pool() {
    return read_number("/proc/sys/vm/nr_hugepages") != 0 ||
           read_number("/proc/sys/vm/nr_overcommit_hugepages") != 0;
}

// What an emulator only says that it does: advice, limits.
bool ignores_advice() {
    if (is_emulated())
        testing::skip("an emulator answers the system calls, and does not do what they ask for");
    return is_emulated();
}

} // namespace

TEST_CASE("an arena of a number of frames is a memfd of 4 KiB frames from 0 on", "[platform]") {
    const arena ram{frame_count{1000}};
    REQUIRE(ram);
    CHECK(ram.error() == status::ok);
    CHECK_FALSE(ram.system_error());
    CHECK(ram.frames() == range(0, 1000));
    CHECK(ram.frame_bytes() == 4096);
    CHECK(ram.bytes() == 4'096'000);
    CHECK(ram.fd() >= 0);
    CHECK(ram.resident_bytes() == 0);
}

TEST_CASE("frames and addresses convert both ways, and to nothing outside", "[platform]") {
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    const arena ram{
        {.frames = frame_count{64}, .first = frame{100}, .frame_bytes = 4 * page, .backing = backing}};
    REQUIRE(ram);
    std::byte* const base = ram.address(frame{100});
    CHECK(reinterpret_cast<std::uintptr_t>(base) % (1 << 21) == 0);
    CHECK(ram.address(frame{101}) == base + 4 * page);
    CHECK(ram.frame_of(base) == frame{100});
    CHECK(ram.frame_of(base + 4 * page - 1) == frame{100});
    CHECK(ram.frame_of(base + 4 * page) == frame{101});
    CHECK(ram.frame_of(base + ram.bytes() - 1) == frame{163});
    CHECK(ram.frame_of(base + ram.bytes()).is_none());
    CHECK(ram.frame_of(base - 1).is_none());
    CHECK(ram.frame_of(nullptr).is_none());
    CHECK(ram.address(frame{99}) == nullptr);
    CHECK(ram.address(frame{164}) == nullptr);
    CHECK(ram.address(frame::none()) == nullptr);
    CHECK((ram.fd() >= 0) == (backing == arena_backing::memfd));
}

TEST_CASE("the memory of an arena is that of its frames, one behind the other", "[platform]") {
    const arena ram = make(arena_backing::anonymous, 16);
    REQUIRE(ram);
    CHECK(ram.memory().data() == ram.address(frame{100}));
    CHECK(ram.memory().size() == 16 * page);
    CHECK(&ram.memory().back() == ram.address(frame{115}) + page - 1);
    CHECK(ram.memory(range(103, 4)).data() == ram.address(frame{103}));
    CHECK(ram.memory(range(103, 4)).size() == 4 * page);
    CHECK(ram.memory(ram.frames()).data() == ram.memory().data());
    CHECK(ram.memory(ram.frames()).size() == ram.memory().size());
}

TEST_CASE("a memfd mapped elsewhere shows the frames' contents", "[platform]") {
    const arena ram = make(arena_backing::memfd);
    REQUIRE(ram);
    fill(ram, range(103, 1), std::byte{0x5a});
    void* const again = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, ram.fd(), 3 * page);
    REQUIRE(again != MAP_FAILED);
    CHECK(static_cast<const std::byte*>(again)[17] == std::byte{0x5a});
    ::munmap(again, page);
}

TEST_CASE("populate commits, discard gives back and leaves zeros", "[platform]") {
    if (ignores_advice()) return;
    arena ram = make(GENERATE(arena_backing::memfd, arena_backing::anonymous));
    REQUIRE(ram);
    REQUIRE(ram.resident_bytes() == 0);

    CHECK(ram.populate(range(100, 512)) == status::ok);
    CHECK(ram.resident_bytes() == 512 * page);
    fill(ram, ram.frames(), std::byte{0xee});
    CHECK(ram.resident_bytes() == 1024 * page);
    CHECK(ram.populate(ram.frames()) == status::ok);
    CHECK(reads_as(ram, ram.frames(), std::byte{0xee}));

    CHECK(ram.discard(range(200, 300)) == status::ok);
    CHECK(ram.resident_bytes() == 724 * page);
    CHECK(reads_as(ram, range(100, 100), std::byte{0xee}));
    CHECK(reads_as(ram, range(200, 300), std::byte{0}));
    CHECK(reads_as(ram, range(500, 624), std::byte{0xee}));

    CHECK(ram.discard(ram.frames()) == status::ok);
    CHECK(ram.resident_bytes() == 0);
}

TEST_CASE("resident bytes of a large arena are exact", "[platform]") {
    arena ram = make(GENERATE(arena_backing::memfd, arena_backing::anonymous), 10'000, 0);
    REQUIRE(ram);
    for (const std::uint32_t f : {0u, 4095u, 4096u, 8191u, 9999u})
        fill(ram, range(f, 1), std::byte{1});
    CHECK(ram.resident_bytes() == 5 * page);
}

TEST_CASE("ranges outside the arena are refused and nothing is done", "[platform]") {
    arena ram = make(GENERATE(arena_backing::memfd, arena_backing::anonymous));
    REQUIRE(ram);
    fill(ram, ram.frames(), std::byte{7});
    for (const frame_range bad :
         {range(99, 1), range(99, 2), range(1124, 1), range(1123, 2), range(100, 1025), range(100, 0),
          range(100, UINT64_MAX), range(100, UINT64_MAX - 99), frame_range{frame::none(), frame_count{1}},
          frame_range{}}) {
        CHECK(ram.discard(bad) == status::invalid_range);
        CHECK(ram.populate(bad) == status::invalid_range);
        CHECK(ram.memory(bad).empty());
    }
    CHECK(reads_as(ram, ram.frames(), std::byte{7}));
    CHECK_FALSE(ram.system_error());
    CHECK(ram.error() == status::ok);
}

TEST_CASE("options that make no sense are refused", "[platform]") {
    const auto is_refused = [](status why, const arena_options& options) {
        const arena ram{options};
        return !ram && ram.error() == why && ram.frames().empty() && ram.fd() == -1 && !ram.system_error();
    };
    const auto refused = [&](const arena_options& options) {
        return is_refused(status::invalid_argument, options);
    };
    const frame_count one{1};
    CHECK(refused({.frames = one, .frame_bytes = 0}));
    CHECK(refused({.frames = one, .frame_bytes = 2048}));
    CHECK(refused({.frames = one, .frame_bytes = 12288}));
    CHECK(refused({.frames = frame_count{1 << 20}, .frame_bytes = std::uint64_t{1} << 44}));
    CHECK(refused({.frames = one, .numa_node = -2}));
    CHECK(refused({.frames = frame_count{511}, .huge = huge_pages::explicit_2mib}));
    CHECK(refused({.frames = frame_count{512}, .huge = huge_pages::explicit_1gib}));

    // As a zone says.
    for (const frame_range frames :
         {range(0, 0), range(1, UINT32_MAX), range(UINT32_MAX, 1), range(0, std::uint64_t{1} << 40),
          range(0, UINT64_MAX), range(9, UINT64_MAX)})
        CHECK(is_refused(status::invalid_range, {.frames = frames.count(), .first = frames.first()}));
}

TEST_CASE("a moved-from arena is empty and safe to use", "[platform]") {
    arena from = make(GENERATE(arena_backing::memfd, arena_backing::anonymous));
    REQUIRE(from);
    std::byte* const base = from.address(frame{100});
    fill(from, range(100, 1), std::byte{3});
    arena to = std::move(from);
    CHECK(to.address(frame{100}) == base);
    CHECK(reads_as(to, range(100, 1), std::byte{3}));

    CHECK_FALSE(from);
    CHECK(from.frames().empty());
    CHECK(from.bytes() == 0);
    CHECK(from.fd() == -1);
    CHECK(from.resident_bytes() == 0);
    CHECK(from.address(frame{100}) == nullptr);
    CHECK(from.memory(range(100, 1)).empty());
    CHECK(from.frame_of(base).is_none());
    CHECK(from.frame_of(nullptr).is_none());
    CHECK(from.discard(range(100, 1)) == status::invalid_range);
    CHECK(from.populate(range(100, 1)) == status::invalid_range);

    from = std::move(to);
    CHECK(from);
    CHECK_FALSE(to);
    CHECK(reads_as(from, range(100, 1), std::byte{3}));
    arena& self = from;
    from = std::move(self);
    CHECK(from);
    CHECK(reads_as(from, range(100, 1), std::byte{3}));
}

TEST_CASE("an arena gives its memory and its address space back", "[platform]") {
    int fd = -1;
    std::byte* base = nullptr;
    {
        const arena ram = make(arena_backing::memfd);
        fd = ram.fd();
        base = ram.address(frame{100});
    }
    CHECK(::fcntl(fd, F_GETFD) == -1);
    unsigned char present[1];
    CHECK(::mincore(base, page, present) == -1);
}

TEST_CASE("address space that runs out is a system error with text", "[platform]") {
    if (ignores_advice()) return;
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    CHECK(in_child([&] {
              std::FILE* const file = std::fopen("/proc/self/statm", "r");
              unsigned long pages = 0;
              if (file == nullptr || std::fscanf(file, "%lu", &pages) != 1) return 1;
              std::fclose(file);
              const rlim_t limit = static_cast<rlim_t>(pages * page) + (rlim_t{1} << 28);
              const rlimit most{limit, limit};
              if (::setrlimit(RLIMIT_AS, &most) != 0) return 2;
              const arena ram = make(backing, std::uint64_t{1} << 17); // 512 MiB
              if (ram || !ram.frames().empty() || ram.fd() != -1) return 3;
              if (ram.error() != status::system_error) return 4;
              if (ram.system_error().code != ENOMEM) return 5;
              text_buffer<128> text;
              text << ram.system_error();
              return text.view() == "mmap (address space): Cannot allocate memory (errno 12)" ? 0 : 6;
          }) == 0);
}

TEST_CASE("explicit huge pages without a pool are a system error when the arena is made", "[platform]") {
    if (ignores_advice()) return;
    if (has_huge_page_pool()) return testing::skip("this machine has a pool of huge pages");
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    const arena ram{{.frames = frame_count{1024}, .backing = backing, .huge = huge_pages::explicit_2mib}};
    CHECK_FALSE(ram);
    CHECK(ram.error() == status::system_error);
    text_buffer<128> text;
    text << ram.system_error();
    CHECK(text.view() == "mmap (explicit huge pages): Cannot allocate memory (errno 12)");
}

TEST_CASE("explicit huge pages are discarded whole", "[platform]") {
    if (read_number("/proc/sys/vm/nr_hugepages") < 4)
        return testing::skip("this machine has no pool of 4 huge pages");
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    arena ram{{.frames = frame_count{2048}, .backing = backing, .huge = huge_pages::explicit_2mib}};
    if (!ram) return testing::skip("the pool of huge pages is in use");
    CHECK(ram.populate(ram.frames()) == status::ok);
    CHECK(ram.resident_bytes() == ram.bytes());
    CHECK(ram.discard(range(0, 511)) == status::invalid_range);
    CHECK(ram.discard(range(1, 512)) == status::invalid_range);
    CHECK(ram.resident_bytes() == ram.bytes());
    CHECK(ram.discard(range(512, 1024)) == status::ok);
    CHECK(ram.resident_bytes() == ram.bytes() / 2);
}

TEST_CASE("transparent huge pages can be asked for", "[platform]") {
    if (ignores_advice()) return;
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    arena ram{{.frames = frame_count{2048}, .backing = backing, .huge = huge_pages::transparent}};
    if (ram.error() == status::system_error && ram.system_error().code == EINVAL)
        return testing::skip("this kernel has no transparent huge pages");
    REQUIRE(ram);
    CHECK(ram.populate(ram.frames()) == status::ok);
    CHECK(ram.resident_bytes() == ram.bytes());
    CHECK(ram.discard(range(0, 1)) == status::ok);
    CHECK(reads_as(ram, range(0, 1), std::byte{0}));
}

TEST_CASE("an arena can be bound to a NUMA node that exists", "[platform]") {
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    arena ram{{.frames = frame_count{64}, .backing = backing, .numa_node = 0}};
    if (!ram && (ram.system_error().code == ENOSYS || ram.system_error().code == EPERM))
        return testing::skip("mbind is not to be had here");
    REQUIRE(ram);
    CHECK(ram.populate(ram.frames()) == status::ok);
    const arena nowhere{{.frames = frame_count{64}, .backing = backing, .numa_node = 1000}};
    CHECK(nowhere.error() == status::system_error);
    CHECK(nowhere.system_error() == os_error{"mbind", EINVAL});
}

TEST_CASE("a refused discard or populate is a system error that names the call", "[platform]") {
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    const bool file = backing == arena_backing::memfd;
    const int outcome = in_child([&] {
        arena ram = make(backing);
        if (!testing::refuse_syscall(SYS_madvise, EPERM) || !testing::refuse_syscall(SYS_fallocate, ENOSPC))
            return no_seccomp;
        if (ram.discard(ram.frames()) != status::system_error) return 1;
        if (ram.system_error() != (file ? os_error{"fallocate(FALLOC_FL_PUNCH_HOLE)", ENOSPC}
                                        : os_error{"madvise(MADV_DONTNEED)", EPERM}))
            return 2;
        if (ram.populate(ram.frames()) != status::system_error) return 3;
        if (ram.system_error() != os_error{"madvise(MADV_POPULATE_WRITE)", EPERM}) return 4;
        return ram && ram.error() == status::ok ? 0 : 5;
    });
    testing::check_child(outcome);
}

TEST_CASE("populate works on kernels that cannot populate by madvise", "[platform]") {
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    const int outcome = in_child([&] {
        arena ram = make(backing);
        fill(ram, range(300, 8), std::byte{0x77});
        if (!testing::refuse_syscall(SYS_madvise, EINVAL, 2, 23)) return no_seccomp;
        if (ram.populate(range(200, 512)) != status::ok) return 1;
        if (ram.resident_bytes() != 512 * page) return 2;
        if (!reads_as(ram, range(300, 8), std::byte{0x77})) return 3;
        if (backing == arena_backing::anonymous) return 0;
        if (!testing::refuse_syscall(SYS_fallocate, ENOSPC)) return no_seccomp;
        if (ram.populate(range(200, 600)) != status::system_error) return 4;
        return ram.system_error() == os_error{"fallocate", ENOSPC} ? 0 : 5;
    });
    testing::check_child(outcome);
}

TEST_CASE("several threads may discard and populate one arena", "[platform]") {
    if (ignores_advice()) return;
    arena ram = make(GENERATE(arena_backing::memfd, arena_backing::anonymous), 1024, 0);
    REQUIRE(ram);
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (std::uint32_t t = 0; t != 4; ++t)
        threads.emplace_back([&, t] {
            const frame_range mine = range(t * 256, 256);
            const auto count = [&](status s) {
                failures.fetch_add(s != status::ok, std::memory_order_relaxed);
            };
            for (int i = 0; i != 20; ++i) {
                count(ram.populate(mine));
                count(ram.discard(mine));
            }
            count(ram.populate(mine));
        });
    for (std::thread& t : threads)
        t.join();
    CHECK(failures == 0);
    CHECK(ram.resident_bytes() == ram.bytes());
}

TEST_CASE("a fork child shares a memfd arena and has a copy of an anonymous one", "[platform]") {
    const auto backing = GENERATE(arena_backing::memfd, arena_backing::anonymous);
    const arena ram = make(backing);
    fill(ram, range(100, 1), std::byte{1});
    REQUIRE(in_child([&] {
                if (!reads_as(ram, range(100, 1), std::byte{1})) return 1;
                fill(ram, range(100, 1), std::byte{2});
                return 0;
            }) == 0);
    CHECK(reads_as(ram, range(100, 1), backing == arena_backing::memfd ? std::byte{2} : std::byte{1}));
}
