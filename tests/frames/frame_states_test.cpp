// tests/frames/frame_states_test.cpp - frame_states: a byte a frame finds the allocation that a frame is part of.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/frames/frame_states.hpp"

#include "support/catch.hpp"
#include "support/seed.hpp"

#include <cstdint>
#include <vector>

using namespace cordon;
using states = frame_states<std_atomics>;

namespace {

constexpr unsigned max_order = 10;

struct fixture {
    std::vector<states::cell> cells = std::vector<states::cell>(2048);
    states tested{cells.data()};
};

} // namespace

TEST_CASE("no frame of zero bytes is the head of an allocation", "[frames]") {
    fixture f;
    for (unsigned k = 0; k != 256; ++k)
        REQUIRE_FALSE(f.tested.is_head(frame_index{5}, order{k}));
    CHECK_FALSE(f.tested.allocation_of(frame_index{5}, max_order).found);
}

TEST_CASE("a head is one of its own order only", "[frames]") {
    for (unsigned k = 0; k <= max_order; ++k) {
        fixture f;
        f.tested.set_head(frame_index{1024}, order{k});
        for (unsigned asked = 0; asked != 256; ++asked) {
            CAPTURE(k, asked);
            REQUIRE(f.tested.is_head(frame_index{1024}, order{asked}) == (asked == k));
        }
        f.tested.clear_head(frame_index{1024});
        REQUIRE_FALSE(f.tested.is_head(frame_index{1024}, order{k}));
    }
}

TEST_CASE("every frame of an allocation finds its head, and its neighbours do not", "[frames]") {
    for (unsigned k = 0; k <= max_order; ++k) {
        fixture f;
        const std::uint32_t first = 1024;
        const std::uint32_t end = first + (1u << k);
        f.tested.set_head(frame_index{first}, order{k});
        for (std::uint32_t i = 0; i != 2048; ++i) {
            const states::allocation found = f.tested.allocation_of(frame_index{i}, max_order);
            CAPTURE(k, i);
            REQUIRE(found.found == (i >= first && i < end));
            if (!found.found) continue;
            REQUIRE(found.head == frame_index{first});
            REQUIRE(found.size == order{k});
        }
    }
}

TEST_CASE("allocations side by side are told apart", "[frames]") {
    fixture f;
    testing::rng random{testing::seed()};
    CAPTURE(testing::seed());
    std::vector<std::uint32_t> head_of(2048, UINT32_MAX);
    for (std::uint32_t at = 0; at < 2048;) {
        const auto k = static_cast<unsigned>(random.below(6));
        if (at % (1u << k) != 0) continue;
        const bool used = random.below(3) != 0;
        if (used) f.tested.set_head(frame_index{at}, order{k});
        for (std::uint32_t n = 0; n != 1u << k; ++n)
            if (used) head_of[at + n] = at;
        at += 1u << k;
    }
    for (std::uint32_t i = 0; i != 2048; ++i) {
        const states::allocation found = f.tested.allocation_of(frame_index{i}, max_order);
        REQUIRE(found.found == (head_of[i] != UINT32_MAX));
        if (found.found) REQUIRE(found.head == frame_index{head_of[i]});
    }
}

TEST_CASE("without checks everything is believed and nothing is stored", "[frames]") {
    null_frame_states<std_atomics> none;
    none.set_head(frame_index{3}, order{2});
    CHECK(none.is_head(frame_index{3}, order{7}));
    CHECK(none.allocation_of(frame_index{9}, max_order).head == frame_index{9});
    CHECK(null_frame_states<std_atomics>::cells(1'000'000) == 0);
    CHECK(states::cells(1'000'000) == 1'000'000);
}
