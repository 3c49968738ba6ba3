// support/patterns.hpp - what a thread does to its lane of a contestant, and what that took.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"
#include "support/statistics.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

namespace bench {

template <class Lane>
using frame_of = typename Lane::frame;

// The contestant whose turn it is, for whom it concerns that the program ends. Written while no worker runs.
inline std::string on_stage;

// From any thread; the others run on until the process is gone.
[[noreturn]] inline void give_up(const char* why) {
    std::fprintf(stderr, "%s: %s\n", on_stage.c_str(), why);
    std::_Exit(1);
}
template <class Lane>
void require_frame(const Lane&, frame_of<Lane> f) {
    if (f == Lane::none) give_up("out of frames");
}

template <unsigned Order, class Lane>
void get_all(Lane lane, std::span<frame_of<Lane>> held) {
    for (frame_of<Lane>& f : held) {
        f = lane.get(Order);
        keep(f);
    }
    require_frame(lane, held.back());
}
template <unsigned Order, class Lane>
void put_all(Lane lane, std::span<frame_of<Lane>> held) {
    for (frame_of<Lane>& f : held) {
        lane.put(f, Order);
        keep(f);
    }
}

// Allocates and frees the same frame. Returns: for the pair.
template <unsigned Order, class Lane>
std::array<reading, 1> repeat(Lane lane, std::size_t pairs) {
    const stopwatch time;
    for (std::size_t i = 0; i != pairs; ++i) {
        auto f = lane.get(Order);
        keep(f);
        lane.put(f, Order);
        keep(f);
    }
    return {time.read(static_cast<double>(pairs))};
}

enum class free_order { as_allocated, shuffled };

// Allocates a frame for each element of `held`, then frees all of them; `times` times. Returns: for one get, for one put.
template <unsigned Order, class Lane>
std::array<reading, 2> bulk(Lane lane, std::span<frame_of<Lane>> held, unsigned times, free_order how,
                            random_numbers& numbers) {
    std::array<reading, 2> sum{};
    const auto count = static_cast<double>(held.size());
    for (unsigned i = 0; i != times; ++i) {
        const stopwatch getting;
        get_all<Order>(lane, held);
        sum[0] += getting.read(count);
        if (how == free_order::shuffled) numbers.shuffle(held);
        const stopwatch putting;
        put_all<Order>(lane, held);
        sum[1] += putting.read(count);
    }
    return sum;
}

} // namespace bench
