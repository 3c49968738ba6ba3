// empty_blocks/stamp.hpp - stamp: what is written into a page so that any change of it is found.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace demo {

// Word 0 is the owner, word 1 the sequence number, word 2 the checksum of the payload behind them. Every eighth
// stamp covers the whole page; the others cover its first 256 bytes and its last word.
struct stamp {
    std::uint64_t owner;
    std::uint64_t sequence;

    void write(std::byte* page) const {
        auto* const words = reinterpret_cast<std::uint64_t*>(page);
        const std::uint64_t key = (owner * 0x9e3779b97f4a7c15 ^ sequence) * 0xbf58476d1ce4e5b9;
        for (std::size_t i = 3; i != covered(); ++i)
            words[i] = key + i * 0x94d049bb133111eb;
        words[last] = key;
        words[0] = owner;
        words[1] = sequence;
        words[2] = checksum(words);
    }
    [[nodiscard]] bool is_on(const std::byte* page) const {
        const auto* const words = reinterpret_cast<const std::uint64_t*>(page);
        return words[0] == owner && words[1] == sequence && words[2] == checksum(words);
    }

private:
    static constexpr std::size_t last = 4096 / 8 - 1;
    [[nodiscard]] std::size_t covered() const { return sequence % 8 == 0 ? last : 32; }
    [[nodiscard]] std::uint64_t checksum(const std::uint64_t* words) const {
        std::uint64_t sum = words[last];
        for (std::size_t i = 3; i != covered(); ++i)
            sum += words[i] * (2 * i + 1);
        return sum;
    }
};

} // namespace demo
