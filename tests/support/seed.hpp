// support/seed.hpp - seed, rng: randomness that a failed run can be repeated with.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace cordon::testing {

// Returns: the seed of this process: the environment variable CORDON_SEED, or a random one.
// Effects: the first call prints it to stderr.
inline std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* text = std::getenv("CORDON_SEED");
        std::random_device device;
        const std::uint64_t chosen =
            text != nullptr ? std::strtoull(text, nullptr, 0) : (std::uint64_t{device()} << 32 | device());
        std::fprintf(stderr, "seed: %llu\n", static_cast<unsigned long long>(chosen));
        return chosen;
    }();
    return value;
}

// splitmix64: the same numbers on every platform. Give each thread its own, from seed() plus its number.
class rng {
public:
    using result_type = std::uint64_t;

    explicit rng(std::uint64_t start) : state_(start) {}

    [[nodiscard]] static constexpr result_type min() { return 0; }
    [[nodiscard]] static constexpr result_type max() { return UINT64_MAX; }

    result_type operator()() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    // Returns: a number in [0, n). Requires: n is not 0. The bias of the remainder, n / 2^64, does not matter here.
    std::uint64_t below(std::uint64_t n) { return (*this)() % n; }
    // The same for the index of a container, on systems where that is a narrower type.
    template <std::same_as<std::size_t> T>
    T below(T n) {
        return static_cast<T>((*this)() % n);
    }

private:
    std::uint64_t state_;
};

} // namespace cordon::testing
