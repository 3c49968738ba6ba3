// cordon/platform/numa.hpp - how many NUMA nodes there are, and memory from one of them; without libnuma.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <limits>
#include <linux/mempolicy.h>
#include <span>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace cordon::inline v0 {

namespace detail {

// Returns: how many numbers the list names, in the kernel's notation: "0-3,8" names 5.
[[nodiscard]] constexpr int count_listed(std::string_view list) {
    int count = 0;
    int first = -1;
    int number = -1;
    const auto close = [&] {
        if (number >= 0) count += first >= 0 ? number - first + 1 : 1;
        first = number = -1;
    };
    for (const char c : list) {
        if (c >= '0' && c <= '9')
            number = (number < 0 ? 0 : number * 10) + (c - '0');
        else if (c == '-') {
            first = number;
            number = -1;
        } else
            close();
    }
    close();
    return count;
}

} // namespace detail

// Returns: the number of nodes that are online; 1 where the system does not tell.
[[nodiscard]] inline int numa_node_count() noexcept {
    const int fd = ::open("/sys/devices/system/node/online", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 1;
    char text[256];
    const ssize_t size = ::read(fd, text, sizeof text);
    ::close(fd);
    const int count = size > 0 ? detail::count_listed({text, static_cast<std::size_t>(size)}) : 0;
    return count > 0 ? count : 1;
}

// Effects: pages of `memory` that are not present yet will come from `node` and no other, whoever touches
// them first. Requires: memory starts at a page boundary; node is not negative. Returns: 0, or errno.
[[nodiscard]] inline int bind_to_numa_node(std::span<std::byte> memory, int node) noexcept {
    constexpr int bits = std::numeric_limits<unsigned long>::digits;
    constexpr int nodes = 1024; // the kernel's own limit
    if (node >= nodes) return EINVAL;
    unsigned long mask[nodes / bits] = {};
    mask[node / bits] = 1ul << node % bits;
    // The kernel reads one bit less than it is told.
    return ::syscall(SYS_mbind, memory.data(), memory.size(), MPOL_BIND, mask, nodes + 1, 0) == 0 ? 0 : errno;
}

} // namespace cordon::inline v0
