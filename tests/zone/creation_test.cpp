// tests/zone/creation_test.cpp - zones of every size and place are made, quickly and without touching memory.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/creation.hpp"

#include "cordon/zone.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/skip.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace cordon;

namespace {

struct unchecked_policy : testing::small_policy {
    static constexpr check_level checks = check_level::none;
};
struct single_unchecked_policy : unchecked_policy {
    using gate = null_gate;
    using thread_slots = single_thread_slot;
};

using zone_type = basic_zone<single_threaded_policy>;

constexpr std::uint64_t tebibyte = std::uint64_t{1} << 28; // of 4 KiB frames

std::uint64_t resident_bytes(const zone_type& zone) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::span<const std::byte> memory = zone.internals().metadata_memory();
    std::vector<unsigned char> present(std::size_t{1} << 16);
    std::uint64_t pages = 0;
    for (std::size_t at = 0; at < memory.size(); at += present.size() * page) {
        const std::size_t part = std::min(memory.size() - at, present.size() * page);
        auto* const from = const_cast<std::byte*>(memory.data() + at);
        if (::mincore(from, part, present.data()) != 0) FAIL("mincore");
        const auto end = present.begin() + static_cast<std::ptrdiff_t>((part + page - 1) / page);
        pages += static_cast<std::uint64_t>(
            std::count_if(present.begin(), end, [](unsigned char p) { return (p & 1) != 0; }));
    }
    return pages * page;
}

// Returns: the shortest of some creations, in nanoseconds: the noise of the machine only adds.
std::uint64_t creation_ns(frame_range frames) {
    std::uint64_t best = UINT64_MAX;
    for (int n = 0; n != 7; ++n) {
        const auto start = std::chrono::steady_clock::now();
        const zone_type zone{frames};
        const auto end = std::chrono::steady_clock::now();
        REQUIRE(zone.error() == status::ok);
        best = std::min(best, static_cast<std::uint64_t>((end - start) / std::chrono::nanoseconds{1}));
    }
    return best;
}

void check_zone(frame_range frames) {
    zone_type zone{frames};
    CAPTURE(frames.first().raw(), frames.count().raw());
    REQUIRE(zone.error() == status::ok);
    REQUIRE(zone.frames() == frames);
    const zone_stats fresh = zone.stats();
    REQUIRE(fresh.managed == frames.count());
    REQUIRE(fresh.free == frames.count());
    REQUIRE(fresh.free_of_type[0] == frames.count());
    REQUIRE(fresh.allocated.raw() == 0);
    REQUIRE(zone.validate());

    const frame first = frames.first();
    const frame last{static_cast<std::uint32_t>(frames.end_raw() - 1)};
    for (const frame f : {first, last}) {
        REQUIRE(zone.state_of(f).state == frame_state::free);
        REQUIRE(zone.allocate_exact(f) == status::ok);
        REQUIRE(zone.state_of(f).state == frame_state::allocated);
        REQUIRE(zone.try_free(f) == status::ok);
        REQUIRE(zone.drain() == status::ok);
    }
    REQUIRE(zone.state_of(frame{static_cast<std::uint32_t>(frames.end_raw())}).state == frame_state::foreign);
    if (first.raw() != 0) REQUIRE(zone.state_of(frame{first.raw() - 1}).state == frame_state::foreign);
}

// The metadata of the largest zones takes 5 GiB of addresses.
bool no_room_or_time() {
    const bool no_room = sizeof(std::size_t) < 8;
    if (no_room) testing::skip("32 bits do not address the metadata");
    if (testing::is_short_of_time()) testing::skip("no time for the largest zones");
    return no_room || testing::is_short_of_time();
}

} // namespace

TEST_CASE("zones of any size start anywhere", "[zone]") {
    for (const std::uint32_t first : {0u, 1u, 511u, 512u, 513u, 262'143u, 262'144u, 4'000'000'000u})
        for (const std::uint32_t count : {1u, 2u, 511u, 512u, 513u, 262'143u, 262'144u, 262'145u, 600'001u})
            check_zone({frame{first}, frame_count{count}});
}

TEST_CASE("a zone of one frame has that frame", "[zone]") {
    zone_type zone{frame_range{frame{777}, frame_count{1}}};
    CHECK(zone.allocate(order{1}).error() == status::no_memory);
    const result<frame> only = zone.allocate();
    REQUIRE(only);
    CHECK(*only == frame{777});
    CHECK(zone.allocate().error() == status::no_memory);
    CHECK(zone.try_free(*only) == status::ok);
}

TEST_CASE("every frame of a small zone is given out once", "[zone]") {
    for (const std::uint32_t count : {1u, 63u, 511u, 512u, 513u, 1500u}) {
        const frame_range frames{frame{300}, frame_count{count}};
        zone_type zone{frames};
        std::vector<frame> all;
        while (const result<frame> f = zone.allocate())
            all.push_back(*f);
        std::sort(all.begin(), all.end());
        CAPTURE(count);
        REQUIRE(std::equal(all.begin(), all.end(), frames.begin(), frames.end()));
    }
}

TEST_CASE("the largest zone has 2^32 - 1 frames", "[zone]") {
    if (no_room_or_time()) return;
    check_zone({frame{0}, frame_count{UINT32_MAX}});
    check_zone({frame{1}, frame_count{UINT32_MAX - 1}});
    check_zone({frame{UINT32_MAX - 1}, frame_count{1}});
    zone_type zone{frame_range{frame{0}, frame_count{UINT32_MAX}}};
    const result<frame> huge = zone.allocate(order{18});
    REQUIRE(huge);
    CHECK(huge->is_aligned(order{18}));
    CHECK(zone.try_free(*huge, order{18}) == status::ok);
    CHECK(zone.stats().free == frame_count{UINT32_MAX});
    // Its last region lacks one frame.
    CHECK(zone.allocate_exact(frame{UINT32_MAX - 511}, order{9}) == status::invalid_range);
    CHECK(zone.allocate_exact(frame{UINT32_MAX - 1023}, order{9}) == status::ok);
}

TEST_CASE("a tebibyte of frames is ready within a millisecond", "[zone]") {
    if (no_room_or_time()) return;
    if (has_address_sanitizer) return testing::skip("instrumented accesses are not what is timed");
    CHECK(creation_ns({frame{0}, frame_count{tebibyte}}) <= 1'000'000);
}

TEST_CASE("fresh zones hold next to no memory", "[zone]") {
    if (no_room_or_time()) return;
    const zone_type terabyte{frame_range{frame{0}, frame_count{tebibyte}}};
    CHECK(resident_bytes(terabyte) <= 1u << 20);
    // 16,384 regions of 128 bytes are the floor of the largest zone.
    const zone_type largest{frame_range{frame{0}, frame_count{UINT32_MAX}}};
    CHECK(resident_bytes(largest) <= 3u << 20);
}

TEST_CASE("holes may lie anywhere and in any order, and their frames never exist", "[zone]") {
    const frame_range frames{frame{1000}, frame_count{600'000}};
    const auto hole = [](std::uint32_t first, std::uint32_t end) {
        return frame_range{frame{first}, frame_count{end - first}};
    };
    const frame_range holes[] = {hole(500'000, 540'000), hole(1000, 1001),       hole(262'000, 262'200),
                                 hole(2048, 2560),       hole(600'999, 601'000), hole(1001, 1003)};
    zone_type zone{zone_options{.frames = frames, .holes = holes}};
    REQUIRE(zone.error() == status::ok);
    std::uint64_t absent = 0;
    bool right = true;
    for (const frame f : frames) {
        const bool in_hole =
            std::any_of(std::begin(holes), std::end(holes), [&](frame_range h) { return h.contains(f); });
        right = right && zone.state_of(f).state == (in_hole ? frame_state::absent : frame_state::free);
        absent += in_hole;
    }
    CHECK(right);
    CHECK(zone.stats().managed.raw() == frames.count().raw() - absent);
    CHECK(zone.stats().free == zone.stats().managed);
    CHECK(zone.allocate_exact(frame{2048}, order{9}) == status::absent);
    CHECK(zone.allocate_exact(frame{1002}) == status::absent);
    CHECK(zone.try_free(frame{500'000}) == status::free_of_absent);
    CHECK(zone.validate());
}

TEST_CASE("options that make no sense make no zone", "[zone]") {
    const frame_range frames{frame{100}, frame_count{1000}};
    const auto refused = [](frame_range all, std::span<const frame_range> holes) {
        zone_type zone{zone_options{.frames = all, .holes = holes}};
        return zone.error() == status::invalid_range && zone.allocate().error() == status::invalid_range &&
               zone.try_free(all.first()) == status::foreign_frame;
    };
    CHECK(refused({}, {}));
    CHECK(refused({frame{1}, frame_count{UINT32_MAX}}, {}));
    CHECK(refused({frame{5}, frame_count{UINT64_MAX - 2}}, {}));
    const frame_range overlapping[] = {{frame{200}, frame_count{10}}, {frame{209}, frame_count{1}}};
    CHECK(refused(frames, overlapping));
    for (const frame_range hole :
         {frame_range{frame{99}, frame_count{2}}, frame_range{frame{1099}, frame_count{2}},
          frame_range{frame{200}, frame_count{0}}, frame_range{frame{200}, frame_count{UINT64_MAX}}})
        CHECK(refused(frames, {&hole, 1}));
}

TEST_CASE("a zone without metadata says so", "[zone]") {
    const zone_options options{.frames = {frame{0}, frame_count{1000}}};
    const std::size_t bytes = zone_type::metadata_bytes(options);
    REQUIRE(bytes != 0);
    CHECK(zone_type::metadata_bytes(zone_options{}) == 0);
    struct alignas(cache_line_bytes) line {
        std::byte bytes[cache_line_bytes];
    };
    std::vector<line> lines(bytes / sizeof(line) + 2);
    const std::span<std::byte> memory{lines[0].bytes, lines.size() * sizeof(line)};
    CHECK(zone_type::place({}, options).error() == status::no_metadata);
    CHECK(zone_type::place(memory.first(bytes - 1), options).error() == status::no_metadata);
    CHECK(zone_type::place(memory.subspan(1, bytes), options).error() == status::no_metadata);
    CHECK(zone_type::place(memory.first(bytes), options).error() == status::ok);
}

TEMPLATE_TEST_CASE("a free to a zone that could not be made is refused, with states and without", "[zone]",
                   testing::small_policy, unchecked_policy, single_unchecked_policy) {
    basic_zone<TestType> zone{frame_range{}};
    const frame f{12345};
    for (const slot_index s : {testing::nobody, testing::mine})
        for (const order k : {order{0}, order{2}}) { // cached, and not
            CHECK(zone.try_free(s, f, k) == status::foreign_frame);
            testing::misuse_record::reset();
            zone.free(s, f, k);
            CHECK(testing::misuse_record::count == 1);
            CHECK(testing::misuse_record::last.what == status::foreign_frame);
        }
    CHECK(zone.try_free(f) == status::foreign_frame);
    zone.free_bulk(std::span{&f, 1});
    CHECK(testing::misuse_record::count == 2);
    CHECK(zone.allocate(testing::mine).error() == status::invalid_range);
}
