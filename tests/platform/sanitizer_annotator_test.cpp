// tests/platform/sanitizer_annotator_test.cpp - what AddressSanitizer and memcheck know of each frame, asked of them.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/sanitizer_annotator.hpp"

#include "cordon/platform/arena.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/skip.hpp"

#include <cerrno>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

using namespace cordon;

extern "C" int __asan_address_is_poisoned(const volatile void* address);

namespace {

enum class permission { unwatched, full, undefined, none };

// Returns: what a read of the byte would be to the tool that watches this process.
permission permission_of(const std::byte* byte) {
    if constexpr (has_address_sanitizer)
        return __asan_address_is_poisoned(byte) != 0 ? permission::none : permission::full;
#if __has_include(<valgrind/memcheck.h>)
    unsigned char undefined_bits = 0;
    switch (VALGRIND_GET_VBITS(byte, &undefined_bits, 1)) {
    case 0: return permission::unwatched;
    case 3: return permission::none;
    default: return undefined_bits == 0 ? permission::full : permission::undefined;
    }
#else
    return permission::unwatched;
#endif
}

// As permission_of, of all bytes of a frame; unwatched where they differ.
permission permission_of(const arena& ram, frame f) {
    const std::byte* const first = ram.address(f);
    for (std::uint64_t at = 1; at != ram.frame_bytes(); ++at)
        if (permission_of(first + at) != permission_of(first)) return permission::unwatched;
    return permission_of(first);
}

bool watched() {
    const std::byte mine{};
    return permission_of(&mine) != permission::unwatched;
}

// Nothing to check where nothing watches.
bool is(const arena& ram, frame f, permission expected) {
    if (!watched()) return true;
    if (has_address_sanitizer && expected == permission::undefined)
        expected = permission::full; // it knows no contents
    return permission_of(ram, f) == expected;
}

constexpr frame_range frames{frame{100}, frame_count{8}};
frame_range run(std::uint32_t first, std::uint64_t count) {
    return {frame{first}, frame_count{count}};
}

struct fixture {
    arena ram{arena_options{.frames = frames.count(), .first = frames.first()}};
    sanitizer_annotator annotator{frames, ram.memory()};
    ~fixture() { annotator.on_restore(frames); }
};

} // namespace

TEST_CASE("a frame can be touched from its allocation to its free, to the byte", "[platform]") {
    const fixture world;
    CHECK(is(world.ram, frame{100}, permission::full));
    world.annotator.on_free(frames);
    for (const frame f : frames)
        CHECK(is(world.ram, f, permission::none));
    world.annotator.on_allocate(run(102, 4));
    for (const frame f : frames)
        CHECK(is(world.ram, f, run(102, 4).contains(f) ? permission::undefined : permission::none));
    *world.ram.address(frame{105}) = std::byte{1};
    world.annotator.on_free(run(102, 2));
    CHECK(is(world.ram, frame{103}, permission::none));
    CHECK(is(world.ram, frame{104}, permission::undefined));
    world.annotator.on_restore(run(102, 1));
    CHECK(is(world.ram, frame{102}, permission::full));
    CHECK(is(world.ram, frame{103}, permission::none));
}

TEST_CASE("runs that are not of the zone, and empty ones, are left alone", "[platform]") {
    const fixture world;
    const sanitizer_annotator half{run(102, 4), world.ram.memory().subspan(2 * 4096, std::size_t{4} * 4096)};
    half.on_free(run(101, 1));
    half.on_free(run(101, 2));
    half.on_free(run(105, 2));
    half.on_free(run(102, 5));
    half.on_free(run(102, UINT64_MAX));
    half.on_free(run(103, 0));
    for (const frame f : frames)
        CHECK(is(world.ram, f, permission::full));
    half.on_free(run(102, 4));
    CHECK(is(world.ram, frame{101}, permission::full));
    CHECK(is(world.ram, frame{102}, permission::none));
    CHECK(is(world.ram, frame{105}, permission::none));
    CHECK(is(world.ram, frame{106}, permission::full));
}

TEST_CASE("an annotator without memory does nothing", "[platform]") {
    for (const sanitizer_annotator& nothing : {sanitizer_annotator{}, sanitizer_annotator{frames, {}}}) {
        nothing.on_free(frames);
        nothing.on_allocate(frames);
        nothing.on_restore(frames);
        nothing.on_free({});
    }
    SUCCEED();
}

TEST_CASE("free frames can be populated, also where the system leaves it to us", "[platform]") {
    if (!has_address_sanitizer && watched())
        return testing::skip("memcheck looks at each access, the library's own included");
    const int outcome = testing::in_child([] {
        arena ram{arena_options{
            .frames = frames.count(), .first = frames.first(), .backing = arena_backing::anonymous}};
        const sanitizer_annotator annotator{frames, ram.memory()};
        annotator.on_free(frames);
        if (!testing::refuse_syscall(SYS_madvise, EINVAL, 2, 23)) return testing::no_seccomp;
        if (ram.populate(frames) != status::ok) return 1;
        return ram.resident_bytes() == ram.bytes() ? 0 : 2;
    });
    testing::check_child(outcome);
}
