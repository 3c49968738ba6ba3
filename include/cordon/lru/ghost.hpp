// cordon/lru/ghost.hpp - ghost_table: tokens of evicted content by the embedder's key, where it has no slot to keep them.
// SPDX-License-Identifier: BSL-1.0
//
// 4 bytes an entry: 13 bits of the key's hash, 19 bits of the token. A key's entries are one cache line of 16; when it
// is full, a new one replaces the one at a place that goes round. So the table forgets, and one lookup in some hundreds
// finds another key's token: a hint may be wrong. No locks; entries that two threads write at once may be lost.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/lru/token.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics>
class ghost_table {
public:
    using cell = typename Atomics::template atomic<std::uint32_t>;
    static constexpr std::uint32_t ways = cache_line_bytes / sizeof(std::uint32_t);

    // Returns: entries, a whole number of lines.
    [[nodiscard]] static constexpr std::size_t cells(std::uint32_t wanted) {
        return (std::size_t{wanted} + ways - 1) / ways * ways;
    }

    ghost_table() = default;
    ghost_table(cell* memory, std::uint32_t wanted) : cells_(memory), lines_(cells(wanted) / ways) {}

    void remember(std::uint64_t key, lru_token token) {
        if (lines_ == 0 || !token) return;
        const std::uint64_t h = hash(key, token.group());
        cell* const line = line_of(h);
        const std::uint32_t value = fingerprint(h) << lru_token::payload_bits | token.payload();
        cell* at = &line[token.payload() % ways];
        for (std::uint32_t way = 0; way != ways; ++way) {
            const std::uint32_t old = line[way].load(std::memory_order_relaxed);
            if (old != 0 && old >> lru_token::payload_bits != fingerprint(h)) continue;
            at = &line[way];
            break;
        }
        at->store(value, std::memory_order_relaxed);
    }
    // Returns: the token, which the table gives away; or no token.
    [[nodiscard]] lru_token take(std::uint64_t key, group_id group) {
        if (lines_ == 0) return {};
        const std::uint64_t h = hash(key, group);
        cell* const line = line_of(h);
        for (std::uint32_t way = 0; way != ways; ++way) {
            std::uint32_t found = line[way].load(std::memory_order_relaxed);
            if (found == 0 || found >> lru_token::payload_bits != fingerprint(h)) continue;
            if (line[way].compare_exchange(found, 0, std::memory_order_relaxed))
                return {group, found & lru_token::payload_mask};
        }
        return {};
    }

private:
    // splitmix64's finisher.
    static constexpr std::uint64_t hash(std::uint64_t key, group_id group) {
        std::uint64_t z = key + 0x9e3779b97f4a7c15u * (group.raw() + 1);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    // Not 0, so that an entry never is.
    static constexpr std::uint32_t fingerprint(std::uint64_t h) {
        return static_cast<std::uint32_t>(h & 0x1fff) % 0x1fff + 1;
    }
    [[nodiscard]] cell* line_of(std::uint64_t h) const { return cells_ + (h >> 13) % lines_ * ways; }

    cell* cells_ = nullptr;
    std::size_t lines_ = 0;
};

} // namespace cordon::inline v0
