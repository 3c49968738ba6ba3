// tests/faults/zone_faults_test.cpp - what the system refuses: memory for a zone, the barrier in nine ways.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cordon.hpp"

#include "faults/zone_picture.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <cerrno>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace cordon;
using namespace cordon::testing;

namespace {

frame_range frames() {
    return {frame{0}, frame_count{16 * 512}};
}

// Returns: 0 if the verbs work between two threads, or the number of the one that does not.
template <class Policy>
int verbs_fail(basic_zone<Policy>& z) {
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

// Effects: makes a zone on which the verbs work. Returns: 0 if they do, and if its gates lock as they should.
int works(bool by_locks) {
    zone z{frames()};
    if (z.internals().caches().needs_lock() != by_locks) return 10;
    z.free(*z.allocate());
    return z.stats().cached.raw() == 0 ? 11 : verbs_fail(z);
}

// Returns: 0 if all verbs that need the barrier say that it is refused, and change nothing.
template <class Policy>
int refused_everywhere(basic_zone<Policy>& z) {
    const frame held = *z.allocate();
    const zone_picture before = picture_of(z);
    const auto refused = [&](status said) {
        return said == status::barrier_refused && picture_of(z).same(before);
    };
    if (!refused(z.drain())) return 20;
    if (!refused(z.drain(block(z, 0)))) return 21;
    if (!refused(z.isolate(block(z, 2)).error())) return 22;
    if (!refused(z.isolate(block(z, 2), {.level = isolation_level::exclusive}).error())) return 23;
    if (!refused(z.disable_caches().error())) return 24;
    if (!refused(z.allocate_contiguous(frame_count{1000}).error())) return 25;
    if (!refused(z.exact_stats().error())) return 26;
    if (!refused(z.poison(held))) return 27;
    if (!refused(z.compact([](const busy_frame&) { return migrate_outcome::failed; }).outcome)) return 28;
    if (!z.validate() || z.validate({.quiesce = true}).caches_checked) return 29;
    z.free(held);
    return z.allocate(order{9}) ? 0 : 30;
}

// Returns: 0, or which promise is broken, when the barrier works for `times` drains and is refused from then on, to a
// process in which another thread has a cache, too.
int refused_late(int times, int code) {
    zone z{frames()};
    if (z.internals().caches().needs_lock()) return no_seccomp;
    std::atomic<int> step{0};
    std::thread peer{[&] {
        z.free(*z.allocate());
        step = 1;
        while (step != 2)
            std::this_thread::yield();
        for (int n = 0; n != 100; ++n) // the hit path goes on as it was
            z.free(*z.allocate());
    }};
    while (step != 1)
        std::this_thread::yield();
    int outcome = verbs_fail(z);
    for (; times != 0 && outcome == 0; --times)
        if (z.drain() != status::ok) outcome = 12;
    z.free(*z.allocate());
    if (outcome == 0 && !refuse_syscall(SYS_membarrier, code, 0, MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        outcome = no_seccomp;
    if (outcome == 0) outcome = refused_everywhere(z);
    step = 2;
    peer.join();
    if (outcome == 0 && !z.validate()) outcome = 13;
    // A fork now finds the zone as it is. The child cannot have the barrier, either, and takes locks.
    return outcome != 0 ? outcome
                        : in_child([&] { return z.drain() == status::ok && z.exact_stats() ? 0 : 1; });
}

// A barrier that forgets to register.
struct unregistered {
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept { return membarrier{}.issue(); }
};
// A kernel on which a fork child does not inherit the registration.
struct uninherited {
    static inline std::atomic<pid_t> registered{0};
    [[nodiscard]] bool enable() const noexcept {
        registered = ::getpid();
        return membarrier{}.enable();
    }
    [[nodiscard]] bool issue() const noexcept { return registered == ::getpid() && membarrier{}.issue(); }
};
template <class Barrier>
struct with_barrier : default_policy {
    using gate = membarrier_gate<atomics, Barrier, clock, backoff>;
};

// Returns: what the hidden test case of that name comes to in a process behind execve, which inherits no registration.
int in_new_process(const char* test_case, bool needs_membarrier = true) {
    return in_child([&] {
        if (needs_membarrier && !membarrier{}.enable()) return no_seccomp;
        ::execl("/proc/self/exe", "zone_faults_test", test_case, static_cast<char*>(nullptr));
        return no_seccomp;
    });
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

// The nine rows: what a system can answer to membarrier.

TEST_CASE("membarrier, row 1: a system that does not know it gets gates that lock", "[faults]") {
    check_child(in_child([] { return refuse_syscall(SYS_membarrier, ENOSYS) ? works(true) : no_seccomp; }));
}

TEST_CASE("membarrier, row 2: a query that is not permitted is not needed", "[faults]") {
    check_child(in_child([] {
        zone z{frames()};
        if (z.internals().caches().needs_lock()) return no_seccomp;
        return refuse_syscall(SYS_membarrier, EPERM, 0, MEMBARRIER_CMD_QUERY) ? works(false) : no_seccomp;
    }));
}

TEST_CASE("membarrier, row 3: a system without the expedited command gets gates that lock", "[faults]") {
    check_child(in_child([] { // Linux 4.3 to 4.13
        return refuse_syscall(SYS_membarrier, EINVAL, 0, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
                       refuse_syscall(SYS_membarrier, EINVAL, 0, MEMBARRIER_CMD_PRIVATE_EXPEDITED)
                   ? works(true)
                   : no_seccomp;
    }));
}

TEST_CASE("membarrier, row 4: a system that does not register the process gets gates that lock", "[faults]") {
    const int code = GENERATE(EPERM, ENOMEM, EINVAL);
    const std::uint32_t command = // a refusal of the barrier itself shows at once, too
        GENERATE(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    check_child(in_child(
        [&] { return refuse_syscall(SYS_membarrier, code, 0, command) ? works(true) : no_seccomp; }));
}

TEST_CASE(
    "membarrier, row 5: one that is not permitted from some call on fails what needs it; nothing is lost",
    "[faults]") {
    const int times = GENERATE(0, 1, 5);
    check_child(in_child([&] { return refused_late(times, EPERM); }));
}

TEST_CASE("membarrier, row 6: one that has no memory any more fails what needs it; nothing is lost",
          "[faults]") {
    const int times = GENERATE(0, 1, 5);
    check_child(in_child([&] { return refused_late(times, ENOMEM); }));
}

TEST_CASE("membarrier, row 7: a fork child has the barrier, or locks", "[faults]") {
    SECTION("inherited, or registered again") {
        check_child(in_child([] {
            zone z{frames()};
            if (z.internals().caches().needs_lock()) return no_seccomp;
            z.free(*z.allocate());
            return in_child([&] { return z.internals().caches().needs_lock() ? 1 : verbs_fail(z); });
        }));
    }
    SECTION("not inherited") {
        check_child(in_child([] {
            basic_zone<with_barrier<uninherited>> z{frames()};
            if (z.internals().caches().needs_lock()) return no_seccomp;
            return in_child([&] { return z.internals().caches().needs_lock() ? 1 : verbs_fail(z); });
        }));
    }
    SECTION("the child cannot register") {
        check_child(in_child([] {
            zone z{frames()};
            lru tracker{frames()};
            if (z.internals().caches().needs_lock()) return no_seccomp;
            z.free(*z.allocate());
            (void)tracker.add(frame{1});
            if (!refuse_syscall(SYS_membarrier, EPERM)) return no_seccomp;
            return in_child([&] {
                if (!z.internals().caches().needs_lock()) return 14;
                (void)tracker.add(frame{2});
                if (tracker.drain() != status::ok || tracker.stats().listed != frame_count{2}) return 15;
                return verbs_fail(z);
            });
        }));
    }
}

TEST_CASE("membarrier, row 8: a process behind execve registers anew", "[faults]") {
    check_child(in_new_process("a new process has the barrier when a zone is made"));
    // Filters are inherited, the registration is not.
    check_child(in_child([] {
        if (!refuse_syscall(SYS_membarrier, EPERM, 0, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
            return no_seccomp;
        return in_new_process("a new process that cannot register locks", false);
    }));
}

TEST_CASE("membarrier, row 9: a process that never registered is refused, and nothing is lost", "[faults]") {
    check_child(in_new_process("a new process that does not register is refused"));
}

TEST_CASE("a new process has the barrier when a zone is made", "[.exec]") {
    CHECK_FALSE(membarrier{}.issue());
    CHECK(works(false) == 0);
    CHECK(membarrier{}.issue());
}

TEST_CASE("a new process that cannot register locks", "[.exec]") {
    CHECK(works(true) == 0);
}

TEST_CASE("a new process that does not register is refused", "[.exec]") {
    basic_zone<with_barrier<unregistered>> z{frames()};
    REQUIRE_FALSE(z.internals().caches().needs_lock());
    z.free(*z.allocate());
    CHECK(refused_everywhere(z) == 0);
    CHECK(membarrier{}.enable());
    CHECK(verbs_fail(z) == 0);
}
