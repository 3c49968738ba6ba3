// tests/zone/metadata_test.cpp - how large the metadata is, and that its parts do not overlap.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/metadata.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <memory>
#include <vector>

using namespace cordon;

namespace {

struct unchecked_policy : default_policy {
    static constexpr check_level checks = check_level::none;
    using thread_slots = explicit_slots<1>;
};

struct checked_policy : unchecked_policy {
    static constexpr check_level checks = check_level::cheap;
};
struct tagged_policy : checked_policy {
    static constexpr bool owner_tags = true;
};

template <class Policy>
std::size_t bytes_for(std::uint64_t frames) {
    return zone_metadata<Policy>{nullptr, zone_geometry<Policy>{{frame{0}, frame_count{frames}}}, 2, 16}
        .bytes();
}

} // namespace

TEST_CASE("metadata without checks is at most 0.006 percent of the managed bytes", "[zone]") {
    constexpr std::uint64_t frames = 1u << 24; // 64 GiB of 4 KiB frames
    const std::size_t bytes = bytes_for<unchecked_policy>(frames);
    INFO(bytes << " bytes");
    CHECK(static_cast<double>(bytes) / static_cast<double>(frames * 4096) <= 0.00006);
}

TEST_CASE("checks cost a byte a frame, owner tags four", "[zone]") {
    constexpr std::uint64_t frames = 1u << 20;
    const std::size_t plain = bytes_for<unchecked_policy>(frames);
    const std::size_t checked = bytes_for<checked_policy>(frames);
    const std::size_t tagged = bytes_for<tagged_policy>(frames);
    CHECK(checked - plain >= frames);
    CHECK(checked - plain < frames + 4 * 4096);
    CHECK(tagged - checked >= 4 * frames);
    CHECK(tagged - checked < 4 * frames + 4 * 4096);
}

TEST_CASE("the parts of the metadata lie behind each other, each on a cache line", "[zone]") {
    using policy = testing::small_policy;
    using metadata = zone_metadata<policy>;
    const zone_geometry<policy> geo{{frame{0}, frame_count{100'000}}};
    const metadata measured{nullptr, geo, 4, 16};
    std::vector<std::byte> memory(measured.bytes() + 4096);
    void* at = memory.data();
    std::size_t space = memory.size();
    auto* const base = static_cast<std::byte*>(std::align(cache_line_bytes, measured.bytes(), at, space));
    REQUIRE(base != nullptr);
    const metadata placed{base, geo, 4, 16};
    CHECK(placed.bytes() == measured.bytes());

    struct part {
        std::size_t at;
        std::size_t size;
    };
    const auto of = [&](const auto* first, std::size_t n) {
        return part{static_cast<std::size_t>(reinterpret_cast<const std::byte*>(first) - base),
                    n * sizeof(*first)};
    };
    std::vector<part> parts{
        of(placed.head, 1),
        of(placed.buddy_parts.traits, geo.blocks()),
        of(placed.buddy_parts.fills, geo.blocks()),
        of(placed.buddy_parts.maps, geo.blocks()),
        of(placed.marks_of_regions, geo.regions() * regions::pools),
        of(placed.states_cells, 100'000),
        of(placed.tag_cells, 100'000),
        of(placed.cache_slots, thread_caches<policy>::slot_count),
    };
    std::sort(parts.begin(), parts.end(), [](part a, part b) { return a.at < b.at; });
    for (std::size_t i = 0; i != parts.size(); ++i) {
        CHECK(parts[i].at % cache_line_bytes == 0);
        CHECK(parts[i].at + parts[i].size <= (i + 1 == parts.size() ? placed.bytes() : parts[i + 1].at));
    }
}

TEST_CASE("no slot shares its cache sets with the state bytes of the lowest frames", "[zone]") {
    const zone_geometry<default_policy> geo{frame_range{frame{0}, frame_count{1u << 20}}};
    std::byte* const base = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 30);
    const zone_metadata<default_policy> placed{base, geo, 0, 0};
    const auto within_page = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at) % 4096; };
    CHECK(within_page(placed.states_cells) == 0);
    for (unsigned s = 0; s != 3; ++s)
        CHECK(within_page(&placed.cache_slots[s]) == 2048);
}
