// support/patterns.hpp - what a thread does to a contestant; nanoseconds of its processor time for one operation.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace bench {

// Allocates and frees the same frame. Returns: ns for the pair.
template <unsigned Order, class Frames>
std::array<double, 1> repeat(Frames& frames, std::size_t pairs) {
    const double start = thread_ns();
    for (std::size_t i = 0; i != pairs; ++i) {
        std::uint32_t f = frames.template get<Order>();
        keep(f);
        frames.template put<Order>(f);
        keep(f);
    }
    return {(thread_ns() - start) / static_cast<double>(pairs)};
}

enum class free_order { as_allocated, shuffled };

// Allocates a frame for each element of `held`, then frees all of them; `times` times. Returns: ns for one get, for one put.
template <unsigned Order, class Frames>
std::array<double, 2> bulk(Frames& frames, std::span<std::uint32_t> held, unsigned times, free_order how,
                           random_numbers& numbers) {
    double getting = 0;
    double putting = 0;
    for (unsigned i = 0; i != times; ++i) {
        const double start = thread_ns();
        for (std::uint32_t& f : held) {
            f = frames.template get<Order>();
            keep(f);
        }
        const double allocated = thread_ns();
        if (held.back() == UINT32_MAX) {
            std::fputs("out of frames\n", stderr);
            std::exit(1);
        }
        if (how == free_order::shuffled) numbers.shuffle(held);
        const double freeing = thread_ns();
        for (std::uint32_t& f : held) {
            frames.template put<Order>(f);
            keep(f);
        }
        const double end = thread_ns();
        getting += allocated - start;
        putting += end - freeing;
    }
    const double operations = static_cast<double>(held.size()) * times;
    return {getting / operations, putting / operations};
}

} // namespace bench
