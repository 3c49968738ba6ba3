// tests/stress/held_runs.hpp - held_runs: a table of allocations that any thread may take over from any other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/frames/owner_tags.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cordon::testing {

// The owner tag of a run is its name, which no other run ever has, and its order.
struct held_run {
    frame head;
    owner_tag tag = owner_tag::none;

    [[nodiscard]] std::uint32_t name() const { return static_cast<std::uint32_t>(tag); }
    [[nodiscard]] order size() const { return order{name() % 16}; }
};

// The runs that are held and that nobody is at work on.
class held_runs {
public:
    explicit held_runs(frame_count frames) : names_(static_cast<std::size_t>(frames.raw())) {}

    // Returns: the run under a name that is new.
    [[nodiscard]] held_run named(frame head, order k) {
        return {head, owner_tag{next_name_.fetch_add(16, std::memory_order_relaxed) + k.raw()}};
    }
    // Effects: the run is for anybody to take.
    void put(held_run run) { names_[run.head.raw()].store(run.name()); }
    // Returns: the run with this head, the caller's from now on; none if it is not there.
    [[nodiscard]] std::optional<held_run> take(frame head) {
        std::atomic<std::uint32_t>& name = names_[head.raw()];
        if (name.load(std::memory_order_relaxed) == 0) return {};
        if (const std::uint32_t taken = name.exchange(0); taken != 0) return held_run{head, owner_tag{taken}};
        return {};
    }
    // Returns: the first run of `within` that is there.
    [[nodiscard]] std::optional<held_run> take_one(frame_range within) {
        for (const frame f : within)
            if (const auto run = take(f)) return run;
        return {};
    }

private:
    std::vector<std::atomic<std::uint32_t>> names_;
    std::atomic<std::uint32_t> next_name_{16};
};

} // namespace cordon::testing
