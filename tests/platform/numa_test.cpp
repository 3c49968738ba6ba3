// tests/platform/numa_test.cpp - nodes and binding.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/numa.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/skip.hpp"

#include <cerrno>
#include <sys/mman.h>

using namespace cordon;

TEST_CASE("the kernel's lists of nodes are counted", "[platform]") {
    CHECK(detail::count_listed("0\n") == 1);
    CHECK(detail::count_listed("0-3") == 4);
    CHECK(detail::count_listed("0-3,8\n") == 5);
    CHECK(detail::count_listed("0,2,4-5,10-19\n") == 14);
    CHECK(detail::count_listed("0-3;8") == 5); // whatever stands between them
    CHECK(detail::count_listed("") == 0);
    CHECK(detail::count_listed("\n") == 0);
}

TEST_CASE("a system that does not tell its nodes has one", "[platform]") {
    const bool opens = GENERATE(false, true);
    const int outcome = testing::in_child([&] {
        const bool refused = opens ? testing::refuse_syscall(SYS_read, EIO, 2, 256)
                                   : testing::refuse_syscall(SYS_openat, ENOENT, 2, O_RDONLY | O_CLOEXEC);
        if (!refused) return testing::no_seccomp;
        return numa_node_count() == 1 ? 0 : 1;
    });
    testing::check_child(outcome);
}

TEST_CASE("there is a NUMA node, and memory can be bound to an existing one only", "[platform]") {
    CHECK(numa_node_count() >= 1);
    constexpr std::size_t bytes = 1 << 16;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    const std::span<std::byte> memory{static_cast<std::byte*>(at), bytes};
    if (const int code = bind_to_numa_node(memory, 0); code == ENOSYS || code == EPERM) {
        testing::skip("mbind is not to be had here");
    } else {
        CHECK(code == 0);
        memory[0] = std::byte{1};
        CHECK(bind_to_numa_node(memory, 1023) == EINVAL);
        CHECK(bind_to_numa_node(memory, 1024) == EINVAL);
    }
    ::munmap(at, bytes);
}
