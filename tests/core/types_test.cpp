// tests/core/types_test.cpp - strong numbers: explicit in, raw() out, arithmetic where it means something.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/types.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

using namespace cordon;

namespace {

template <class A, class B>
concept addable = requires(A a, B b) {
    a + b;
};
template <class A, class B>
concept comparable = requires(A a, B b) {
    a == b;
};

} // namespace

TEST_CASE("numbers of different kinds do not mix", "[core]") {
    STATIC_REQUIRE_FALSE(std::convertible_to<std::uint32_t, frame>);
    STATIC_REQUIRE_FALSE(std::convertible_to<unsigned, order>);
    STATIC_REQUIRE_FALSE(std::convertible_to<frame, std::uint32_t>);
    STATIC_REQUIRE_FALSE(std::constructible_from<frame, block_index>);
    STATIC_REQUIRE_FALSE(comparable<frame, block_index>);
    STATIC_REQUIRE_FALSE(comparable<slot_index, block_index>);
    STATIC_REQUIRE_FALSE(addable<frame, frame>);
    STATIC_REQUIRE_FALSE(addable<frame, order>);
    STATIC_REQUIRE(std::same_as<decltype(frame{} - frame{}), frame_count>);
    STATIC_REQUIRE(std::same_as<decltype(frame{} + frame_count{}), frame>);
}

TEST_CASE("a default frame and a default slot are none", "[core]") {
    CHECK(frame{}.is_none());
    CHECK(frame{} == frame::none());
    CHECK_FALSE(frame{0}.is_none());
    CHECK(slot_index{}.is_none());
    CHECK_FALSE(slot_index{0}.is_none());
    CHECK(frame_count{}.raw() == 0);
    CHECK(order{}.raw() == 0);
    CHECK(block_index{}.raw() == 0);
}

TEST_CASE("counts of frames add, subtract and turn into bytes", "[core]") {
    CHECK(frame_count{40} + frame_count{2} == frame_count{42});
    CHECK(frame_count{40} - frame_count{2} == frame_count{38});
    CHECK((frame_count{1} += frame_count{2}) == frame_count{3});
    CHECK((frame_count{3} -= frame_count{2}) == frame_count{1});
    CHECK(frame_count{1} < frame_count{2});
    CHECK(frame_count{UINT32_MAX}.bytes(std::uint64_t{1} << 30) == std::uint64_t{UINT32_MAX} << 30);
}

TEST_CASE("an order is a power of two of frames", "[core]") {
    CHECK(order{0}.frames() == frame_count{1});
    CHECK(order{9}.frames() == frame_count{512});
    CHECK(order{63}.frames() == frame_count{std::uint64_t{1} << 63});
    CHECK(order{300}.raw() == 255);
    CHECK(order{255}.raw() == 255);
    CHECK(order{2} < order{3});
}

TEST_CASE("a frame is aligned to an order when its number is a multiple of it", "[core]") {
    for (std::uint32_t f = 0; f != 64; ++f)
        for (unsigned k = 0; k != 7; ++k)
            REQUIRE(frame{f}.is_aligned(order{k}) == (f % (1u << k) == 0));
}

TEST_CASE("frames are counted from each other", "[core]") {
    frame f{40};
    CHECK(f + frame_count{2} == frame{42});
    CHECK(frame{42} - f == frame_count{2});
    CHECK(++f == frame{41});
    CHECK(frame{1} < frame{2});
    CHECK(frame{UINT32_MAX - 1} - frame{0} == frame_count{UINT32_MAX - 1});
}

TEST_CASE("a range holds the frames from its first up to its end", "[core]") {
    const frame_range range{frame{10}, frame_count{4}};
    CHECK(std::vector<frame>(range.begin(), range.end()) ==
          std::vector<frame>{frame{10}, frame{11}, frame{12}, frame{13}});
    CHECK(range.end_raw() == 14);
    CHECK_FALSE(range.contains(frame{9}));
    CHECK(range.contains(frame{10}));
    CHECK(range.contains(frame{13}));
    CHECK_FALSE(range.contains(frame{14}));
    STATIC_REQUIRE(std::forward_iterator<frame_range::iterator>);
    frame_range::iterator at = range.begin();
    CHECK(*at++ == frame{10});
    CHECK(*at == frame{11});
}

TEST_CASE("an empty range holds nothing", "[core]") {
    CHECK(frame_range{}.empty());
    CHECK(frame_range{}.begin() == frame_range{}.end());
    CHECK_FALSE(frame_range{}.contains(frame{0}));
    CHECK_FALSE(frame_range(frame{3}, frame_count{1}).empty());
}

TEST_CASE("ranges contain and overlap as their frames do", "[core]") {
    const auto frames = [](std::uint32_t first, std::uint32_t end) {
        return frame_range{frame{first}, frame_count{end - first}};
    };
    for (std::uint32_t a = 0; a != 6; ++a)
        for (std::uint32_t b = a; b != 7; ++b)
            for (std::uint32_t c = 0; c != 6; ++c)
                for (std::uint32_t d = c; d != 7; ++d) {
                    CAPTURE(a, b, c, d);
                    REQUIRE(frames(a, b).contains(frames(c, d)) == (c >= a && d <= b));
                    REQUIRE(frames(a, b).overlaps(frames(c, d)) == (std::max(a, c) < std::min(b, d)));
                    std::vector<frame> both;
                    for (const frame f : frames(a, b))
                        if (frames(c, d).contains(f)) both.push_back(f);
                    const frame_range common = frames(a, b).intersection(frames(c, d));
                    REQUIRE(std::vector<frame>(common.begin(), common.end()) == both);
                }
}

TEST_CASE("the end of a range does not wrap", "[core]") {
    CHECK(frame_range(frame{UINT32_MAX}, frame_count{UINT32_MAX}).end_raw() == 2 * std::uint64_t{UINT32_MAX});
    const frame_range endless{frame{5}, frame_count{UINT64_MAX - 2}};
    CHECK(endless.end_raw() == UINT64_MAX);
    CHECK_FALSE(frame_range(frame{0}, frame_count{100}).contains(endless));
    CHECK(frame_range(frame{7}, frame_count{100}).overlaps(endless));
}

TEST_CASE("numbers are keys of unordered containers", "[core]") {
    std::unordered_map<frame, int> pages{{frame{4}, 1}, {frame{5}, 2}};
    CHECK(pages.at(frame{5}) == 2);
    CHECK_FALSE(pages.contains(frame::none()));
    const std::unordered_set<block_index> blocks{block_index{1}, block_index{1}};
    CHECK(blocks.size() == 1);
    const std::unordered_set<slot_index> slots{slot_index{1}, slot_index::none()};
    CHECK(slots.size() == 2);
}

TEST_CASE("a range is valid if it has frames, none of which is no frame", "[core]") {
    CHECK_FALSE(frame_range{}.is_valid());
    CHECK_FALSE(frame_range(frame{5}, frame_count{0}).is_valid());
    CHECK(frame_range(frame{5}, frame_count{1}).is_valid());
    CHECK(frame_range(frame{5}, frame_count{UINT32_MAX - 5}).is_valid());
    CHECK_FALSE(frame_range(frame{5}, frame_count{UINT32_MAX - 4}).is_valid());
    CHECK_FALSE(frame_range(frame{5}, frame_count{UINT64_MAX}).is_valid());
}
