// tests/lru/fake_view.hpp - fake_view: a group that a replacement policy looks at, as large as a test says.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/replacement.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace cordon::testing {

template <replacement_policy R>
struct fake_view {
    typename R::group_state group_state{};
    std::uint32_t sizes[R::lists] = {};
    std::uint32_t capacity = 1000; // frames in all
    std::uint32_t evicted = 0;
    std::uint8_t clock_byte = 0;
    group_id id = root_group;
    std::map<std::uint32_t, std::uint8_t> ages;
    std::map<std::uint32_t, unsigned> lists;
    std::vector<std::uint32_t> left; // the group
    mutable std::vector<std::byte> memory = std::vector<std::byte>(R{}.extra_bytes(capacity));

    [[nodiscard]] auto& state() { return group_state; }
    [[nodiscard]] const auto& state() const { return group_state; }
    [[nodiscard]] std::uint32_t size(unsigned list) const { return sizes[list]; }
    [[nodiscard]] std::uint32_t total() const {
        std::uint32_t n = 0;
        for (const std::uint32_t one : sizes)
            n += one;
        return n;
    }
    [[nodiscard]] std::uint8_t age(frame_index i) const {
        const auto at = ages.find(i.raw());
        return at == ages.end() ? std::uint8_t{0} : at->second;
    }
    [[nodiscard]] bool holds(frame_index i) const { return std::ranges::find(left, i.raw()) == left.end(); }
    void set_age(frame_index i, std::uint8_t byte) { ages[i.raw()] = byte; }
    [[nodiscard]] unsigned list_of(frame_index i) const {
        const auto at = lists.find(i.raw());
        return at == lists.end() ? 0 : at->second;
    }
    [[nodiscard]] std::uint8_t clock() const { return clock_byte; }
    void advance() { clock_byte = R{}.next_tick(clock_byte); }
    [[nodiscard]] std::uint32_t evictions() const { return evicted; }
    [[nodiscard]] std::uint32_t payload() const { return evicted; }
    [[nodiscard]] std::uint64_t distance(std::uint32_t then) const { return evicted - then; }
    [[nodiscard]] std::uint32_t frames() const { return capacity; }
    [[nodiscard]] group_id group() const { return id; }
    [[nodiscard]] std::span<std::byte> extra() const { return memory; }
};

} // namespace cordon::testing
