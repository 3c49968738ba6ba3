// tests/faults/system_calls_test.cpp - each system call of an arena and of the default platform fails, by number.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cordon.hpp"

#include "faults/system_calls.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/skip.hpp"
#include "support/zones.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <sys/mman.h>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

#ifdef SYS_mmap2
constexpr long map_call = SYS_mmap2; // what mmap() makes on machines of 32 bits
#else
constexpr long map_call = SYS_mmap;
#endif

// What a child tells: written there, read here.
struct findings {
    unsigned pairs;
    unsigned runs;
    char wrong[400]; // the first of what went wrong
};
findings* shared_findings() {
    void* const at =
        ::mmap(nullptr, sizeof(findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? nullptr : ::new (at) findings{};
}

// What a process has: bytes mapped, files open.
struct resources {
    long pages = 0;
    int files = 0;
    bool operator==(const resources&) const = default;
    [[nodiscard]] static resources now() {
        resources r;
        char text[128] = {};
        const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        if (::read(fd, text, sizeof text - 1) > 0) r.pages = std::strtol(text, nullptr, 10);
        ::close(fd);
        for (int f = 0; f != 64; ++f)
            r.files += ::fcntl(f, F_GETFD) != -1;
        return r;
    }
};

// What an arena says when a call fails.
struct call_reply {
    long number;
    std::string_view call; // that system_error() names; empty: it does without
};

struct arena_operation {
    const char* name;
    arena_options options;
    status (*run)(arena&, const arena_options&);
    std::vector<call_reply> replies;
    int code = ENOMEM;       // of the failure
    bool made_before = true; // the arena that it works on
};

status make(arena& ram, const arena_options& options) {
    ram = arena{options};
    return ram.error();
}
status discard_some(arena& ram, const arena_options&) {
    return ram.discard({frame{8}, frame_count{16}});
}
status populate_some(arena& ram, const arena_options&) {
    return ram.populate({frame{8}, frame_count{16}});
}
status destroy(arena& ram, const arena_options&) {
    ram = arena{};
    return status::ok;
}
status move_away(arena& ram, const arena_options&) {
    arena elsewhere{std::move(ram)};
    ram = std::move(elsewhere);
    return ram ? status::ok : status::system_error;
}

const std::vector<arena_operation>& arena_operations() {
    static constexpr arena_backing file = arena_backing::memfd, pages = arena_backing::anonymous;
    const auto options = [](arena_backing backing, huge_pages huge = huge_pages::none, int node = -1) {
        return arena_options{
            .frames = frame_count{1024}, .backing = backing, .huge = huge, .numa_node = node};
    };
    const call_reply memfd{SYS_memfd_create, "memfd_create"}, sized{SYS_ftruncate, "ftruncate"},
        reserved{map_call, "mmap (address space)"}, mapped{map_call, "mmap"}, trimmed{SYS_munmap, ""},
        bound{SYS_mbind, "mbind"}, advised{SYS_madvise, "madvise(MADV_HUGEPAGE)"},
        huge{map_call, "mmap (explicit huge pages)"};
    static const std::vector<arena_operation> all{
        {"a memfd", options(file), make, {memfd, sized, reserved, trimmed, mapped}, ENOMEM, false},
        {"anonymous pages", options(pages), make, {reserved, trimmed, mapped}, ENOMEM, false},
        {"a memfd, transparent huge pages",
         options(file, huge_pages::transparent),
         make,
         {memfd, sized, reserved, trimmed, mapped, advised},
         EINVAL,
         false},
        {"anonymous pages, transparent huge pages",
         options(pages, huge_pages::transparent),
         make,
         {reserved, trimmed, mapped, advised},
         EINVAL,
         false},
        {"a memfd on a node",
         options(file, huge_pages::none, 0),
         make,
         {memfd, sized, reserved, trimmed, mapped, bound},
         EPERM,
         false},
        {"anonymous pages on a node",
         options(pages, huge_pages::none, 0),
         make,
         {reserved, trimmed, mapped, bound},
         EPERM,
         false},
        {"a memfd of explicit huge pages",
         options(file, huge_pages::explicit_2mib),
         make,
         {memfd, sized, huge},
         ENOMEM,
         false},
        {"explicit huge pages", options(pages, huge_pages::explicit_2mib), make, {huge}, ENOMEM, false},
        {"discard of a memfd",
         options(file),
         discard_some,
         {{SYS_fallocate, "fallocate(FALLOC_FL_PUNCH_HOLE)"}},
         ENOSPC},
        {"discard of anonymous pages",
         options(pages),
         discard_some,
         {{SYS_madvise, "madvise(MADV_DONTNEED)"}},
         EAGAIN},
        {"populate of a memfd",
         options(file),
         populate_some,
         {{SYS_madvise, "madvise(MADV_POPULATE_WRITE)"}},
         ENOMEM},
        {"populate of anonymous pages",
         options(pages),
         populate_some,
         {{SYS_madvise, "madvise(MADV_POPULATE_WRITE)"}},
         EFAULT},
        {"populate of a memfd by an old kernel",
         options(file),
         populate_some,
         {{SYS_madvise, ""}, {SYS_fallocate, "fallocate"}},
         EINVAL},
        {"populate of anonymous pages by an old kernel",
         options(pages),
         populate_some,
         {{SYS_madvise, ""}},
         EINVAL},
        {"destruction", options(file), destroy, {trimmed}},
        {"move", options(file), move_away, {}},
    };
    return all;
}

// Of one operation in which one call, or all from one on, fail.
class arena_run {
public:
    arena_run(failing_system_calls& calls, const arena_operation& op, findings& out)
        : calls_(calls), op_(op), out_(out) {}

    void operator()() {
        unsigned points = 0;
        {
            arena ram = prepared();
            calls_.count();
            usual_ = op_.run(ram, op_.options);
            points = calls_.stop();
        }
        for (unsigned n = 1; n <= points; ++n)
            for (const fault_mode mode : {fault_mode::once, fault_mode::from_then_on})
                fail(n, mode);
    }

private:
    static constexpr std::byte written{0x5a};

    arena prepared() const {
        if (!op_.made_before) return arena{};
        arena ram{op_.options};
        if (ram) *ram.address(frame{8}) = written;
        return ram;
    }
    // Returns: the reply to the first of the failed calls that the operation does not make up for; "" if there is none.
    // How often a margin is trimmed depends on where the system puts the mapping.
    [[nodiscard]] std::string_view expected() const {
        const auto calls = calls_.calls();
        for (std::size_t at = 0; at != calls.size(); ++at) {
            if (!calls[at].failed) continue;
            auto nth = std::count_if(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(at),
                                     [&](const auto& c) { return c.number == calls[at].number; });
            std::string_view found = "a call that nobody expected";
            for (const call_reply& reply : op_.replies)
                if (reply.number == calls[at].number) {
                    found = reply.call;
                    if (nth-- == 0) break;
                }
            if (!found.empty()) return found;
        }
        return {};
    }
    [[nodiscard]] bool failed(long number) const {
        for (const auto& c : calls_.calls())
            if (c.failed && c.number == number) return true;
        return false;
    }
    void fail(unsigned n, fault_mode mode) {
        const resources before = resources::now();
        {
            arena ram = prepared();
            calls_.fail(n, mode, op_.code);
            const status said = op_.run(ram, op_.options);
            if (calls_.stop() < n) return; // fewer margins this time
            ++out_.runs;
            out_.pairs += mode == fault_mode::once;
            check(ram, said, expected(), n);
        }
        const resources after = resources::now();
        // A margin that was not trimmed, or a reservation that could not be mapped over, stays.
        const bool space_stays = failed(SYS_munmap) || failed(map_call);
        expect(after.files == before.files, "a file is left open", n);
        expect(after.pages == before.pages || space_stays, "address space is left", n);
    }
    void check(arena& ram, status said, std::string_view call, unsigned n) {
        if (call.empty()) return expect(said == usual_, "an unexpected outcome", n);
        expect(said == status::system_error, "the failure is not told", n);
        expect(ram.system_error().call == call, "another call is named", n);
        expect(ram.system_error().code == op_.code, "another code is told", n);
        if (op_.made_before) {
            expect(ram && ram.error() == status::ok, "the arena is lost", n);
            expect(*ram.address(frame{8}) == written, "its contents are lost", n);
        } else {
            expect(!ram && ram.frames().empty() && ram.fd() == -1, "half an arena is left", n);
        }
        expect(op_.run(ram, op_.options) == usual_, "it does not work when it is tried again", n);
    }
    void expect(bool holds, const char* what, unsigned n) {
        if (!holds && out_.wrong[0] == 0)
            std::snprintf(out_.wrong, sizeof out_.wrong, "%s, call %u: %s", op_.name, n, what);
    }

    failing_system_calls& calls_;
    const arena_operation& op_;
    findings& out_;
    status usual_ = status::ok;
};

// ---- the default platform ----

struct zone_operation {
    const char* name;
    status (*run)(zone&);
    void (*before)(zone&) = nullptr;
};

frame cached_frame(zone& z) {
    for (const frame f : z.frames())
        if (z.state_of(f).state == frame_state::cached) return f;
    return frame::none();
}
status undone(result<zone::isolated_range> made) {
    return made.error();
}
const std::vector<zone_operation>& zone_operations() {
    static const std::vector<zone_operation> all{
        {"drain", [](zone& z) { return z.drain(); }},
        {"drain of a range", [](zone& z) { return z.drain(block(z, 1)); }},
        {"disable_caches", [](zone& z) { return z.disable_caches().error(); }},
        {"isolate", [](zone& z) { return undone(z.isolate(block(z, 1))); }},
        {"isolate, exclusive",
         [](zone& z) { return undone(z.isolate(block(z, 1), {.level = isolation_level::exclusive})); }},
        {"allocate_exact",
         [](zone& z) {
             const frame f = cached_frame(z);
             const status e = z.allocate_exact(f);
             if (e == status::ok) z.free(f);
             return e;
         }},
        {"allocate_contiguous",
         [](zone& z) {
             const auto got = z.allocate_contiguous(frame_count{600});
             if (got)
                 for (const frame f : *got)
                     z.free(f);
             return got.error();
         }},
        {"set_migrate_type", [](zone& z) { return z.set_migrate_type(block(z, 2), migrate_type::lent); }},
        {"poison", [](zone& z) { return z.poison(cached_frame(z)); }},
        {"compact",
         [](zone& z) {
             return z.compact([](const busy_frame&) { return migrate_outcome::failed; }).outcome;
         }},
        {"exact_stats", [](zone& z) { return z.exact_stats().error(); }},
        {"validate",
         [](zone& z) {
             return z.validate({.quiesce = true}).caches_checked ? status::ok : status::barrier_refused;
         }},
    };
    return all;
}

constexpr frame_range zone_frames{frame{0}, frame_count{8 * 512}};

// A thread with a cache, and an allocation.
void use(zone& z) {
    const frame f = *z.allocate();
    z.free(*z.allocate(order{1}), order{1});
    z.free(f);
}

class zone_run {
public:
    zone_run(failing_system_calls& calls, findings& out) : calls_(calls), out_(out) {}

    // Effects: metadata that cannot be mapped, then a barrier that is not to be had.
    void make() {
        name_ = "creation";
        calls_.count();
        { const zone made{zone_frames}; }
        const unsigned points = calls_.stop();
        for (unsigned n = 1; n <= points; ++n)
            for (const fault_mode mode : {fault_mode::once, fault_mode::from_then_on}) {
                calls_.fail(n, mode, EPERM);
                std::optional<zone> z{zone_frames};
                calls_.stop();
                ++out_.runs;
                out_.pairs += mode == fault_mode::once;
                const auto seen = calls_.calls();
                if (seen.size() < n) continue; // the call that takes it down
                if (seen[n - 1].number == map_call) {
                    expect(z->error() == status::no_metadata, "a zone in no memory", n);
                    continue;
                }
                expect(z->error() == status::ok && z->internals().caches().needs_lock(),
                       "not a gate that locks", n);
                use(*z);
                expect(z->drain() == status::ok && z->validate({.quiesce = true}).caches_checked,
                       "locks do not do", n);
            }
    }
    void operator()(const zone_operation& op) {
        name_ = op.name;
        unsigned points = 0;
        {
            zone z{zone_frames};
            use(z);
            calls_.count();
            expect(op.run(z) == status::ok, "does not work", 0);
            points = calls_.stop();
            expect(points != 0, "needs no barrier", 0);
        }
        for (unsigned n = 1; n <= points; ++n)
            for (const fault_mode mode : {fault_mode::once, fault_mode::from_then_on}) {
                zone z{zone_frames};
                use(z);
                const zone_stats before = z.stats();
                calls_.fail(n, mode, ENOMEM);
                const status said = op.run(z);
                calls_.stop();
                ++out_.runs;
                out_.pairs += mode == fault_mode::once;
                const zone_stats after = z.stats();
                expect(said == status::barrier_refused, "the refusal is not told", n);
                expect(after.allocated == before.allocated && after.isolated_free == before.isolated_free &&
                           after.free + after.cached == before.free + before.cached,
                       "something was lost", n);
                expect(bool{z.validate({.quiesce = true})}, "the zone is not whole", n);
                expect(op.run(z) == status::ok, "it does not work when it is tried again", n);
            }
    }

private:
    void expect(bool holds, const char* what, unsigned n) {
        if (!holds && out_.wrong[0] == 0)
            std::snprintf(out_.wrong, sizeof out_.wrong, "%s, call %u: %s", name_, n, what);
    }
    failing_system_calls& calls_;
    findings& out_;
    const char* name_ = "";
};

// Effects: body(calls, findings) in a child in which these calls can fail.
template <class Body>
void with_failing_calls(std::initializer_list<long> numbers, unsigned least, Body body) {
    findings* const found = shared_findings();
    REQUIRE(found != nullptr);
    const int outcome = in_child([&] {
        auto& calls = *new failing_system_calls{numbers}; // until the process ends
        if (!calls) return no_seccomp;
        body(calls, *found);
        return 0;
    });
    if (outcome == no_seccomp) {
        skip("seccomp does not let a process look at its calls here");
    } else {
        CHECK(outcome == 0);
        CHECK(std::string_view{found->wrong} == "");
        std::fprintf(stderr, "%u pairs of operation and call, %u runs\n", found->pairs, found->runs);
        CHECK(found->pairs >= least);
    }
    ::munmap(found, sizeof *found);
}

} // namespace

TEST_CASE(
    "each system call of an arena fails: it says which, nothing is left behind or lost, and then it works",
    "[faults]") {
    with_failing_calls(
        {SYS_memfd_create, SYS_ftruncate, map_call, SYS_munmap, SYS_mbind, SYS_madvise, SYS_fallocate}, 35,
        [](failing_system_calls& calls, findings& out) {
            for (const arena_operation& op : arena_operations())
                arena_run{calls, op, out}();
        });
}

TEST_CASE("system calls that were interrupted are made again", "[faults]") {
    with_failing_calls(
        {SYS_madvise, SYS_fallocate, SYS_mincore}, 0, [](failing_system_calls& calls, findings& out) {
            for (const arena_backing backing : {arena_backing::memfd, arena_backing::anonymous}) {
                arena ram{{.frames = frame_count{1024}, .backing = backing}};
                calls.fail(1, fault_mode::once, EINTR);
                const bool populated =
                    ram.populate({frame{0}, frame_count{8}}) == status::ok && calls.stop() == 2;
                calls.fail(1, fault_mode::once, backing == arena_backing::memfd ? EINTR : EAGAIN);
                const bool counted = ram.resident_bytes() == 8 * 4096;
                const bool discarded = ram.discard({frame{0}, frame_count{8}}) == status::ok &&
                                       calls.stop() == 2 + (backing == arena_backing::anonymous);
                if (!populated || !counted || !discarded) out.wrong[0] = '!';
            }
        });
}

TEST_CASE(
    "each barrier of a zone on the default platform fails: it says so, nothing is lost, and then it works",
    "[faults]") {
    with_failing_calls({map_call, SYS_membarrier}, 14, [](failing_system_calls& calls, findings& out) {
        zone_run run{calls, out};
        run.make();
        for (const zone_operation& op : zone_operations())
            run(op);
    });
}
