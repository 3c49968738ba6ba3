// tests/faults/zone_faults_test.cpp - what the system refuses: memory for a zone, the barrier early and late.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <cerrno>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>

using namespace cordon;
using namespace cordon::testing;

namespace {

frame_range frames() {
    return {frame{0}, frame_count{16 * 512}};
}

bool refuse_barrier() {
    return refuse_syscall(SYS_membarrier, EPERM);
}
bool issue_is_refused() {
    return refuse_syscall(SYS_membarrier, EPERM, 0, MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

// Returns: 0 if the verbs work between two threads, or the number of the one that does not.
int verbs_fail(zone& z) {
    const frame f = *z.allocate();
    int failed = 0;
    std::thread{[&] {
        const auto g = z.allocate(order{3});
        if (!g) failed = 1;
        if (g) z.free(*g, order{3});
        z.free(f);
    }}.join();
    if (failed != 0) return failed;
    if (z.drain() != status::ok) return 2;
    if (!z.isolate(block(z, 2, 3))) return 3;
    if (!z.isolate(block(z, 2, 3), {.level = isolation_level::exclusive})) return 4;
    if (!z.allocate_contiguous(frame_count{1000})) return 5;
    if (!z.exact_stats()) return 6;
    return z.validate() ? 0 : 7;
}

} // namespace

TEST_CASE("a zone without memory for its metadata says so", "[faults]") {
    struct nothing {
        [[nodiscard]] static std::span<std::byte> map(std::size_t) noexcept { return {}; }
        static void unmap(std::span<std::byte>) noexcept {}
    };
    struct poor : default_policy {
        using metadata_memory = nothing;
    };
    basic_zone<poor> z{frames()};
    CHECK(z.error() == status::no_metadata);
    CHECK(z.allocate().error() == status::no_metadata);
    CHECK(z.try_free(frame{0}) == status::foreign_frame);
    CHECK_FALSE(z.isolate(block(z, 0)));
}

TEST_CASE("a system without the barrier gets gates that lock", "[faults]") {
    const int outcome = in_child([] {
        if (!refuse_barrier()) return no_seccomp;
        zone z{frames()};
        if (!z.internals().caches().needs_lock()) return 10;
        z.free(*z.allocate());
        return z.stats().cached.raw() == 0 ? 11 : verbs_fail(z);
    });
    CHECK((outcome == 0 || outcome == no_seccomp));
}

TEST_CASE("a barrier that is refused later fails what needs it; nothing is lost", "[faults]") {
    const int outcome = in_child([] {
        zone z{frames()};
        if (z.internals().caches().needs_lock()) return no_seccomp;
        const frame f = *z.allocate();
        if (verbs_fail(z) != 0) return 10;
        z.free(*z.allocate());
        const frame held = *z.allocate();
        const zone_stats before = z.stats();
        if (!issue_is_refused()) return no_seccomp;
        if (z.drain() != status::barrier_refused) return 11;
        if (z.isolate(block(z, 2)).error() != status::barrier_refused) return 12;
        if (z.disable_caches().error() != status::barrier_refused) return 13;
        if (z.stats().free != before.free || z.stats().cached != before.cached) return 14;
        if (z.stats().isolated_free.raw() != 0 || !z.validate()) return 15;
        z.free(held);
        z.free(f);
        // A fork now finds the zone as it is, and goes on.
        return in_child([&] { return z.allocate() ? 0 : 1; });
    });
    INFO("outcome " << outcome);
    CHECK((outcome == 0 || outcome == no_seccomp));
}
