// cordon/lru/token.hpp - lru_token: what is left of an evicted frame, in 4 bytes of the embedder's own.
// SPDX-License-Identifier: BSL-1.0
//
// Linux keeps a shadow entry in the slot of the evicted page: where the eviction clock stood, and of which memcg. So
// does a token: 19 bits of the replacement policy's own, 12 bits of group, one bit that tells it from no token.
#pragma once

#include "cordon/lru/types.hpp"

#include <cstdint>

namespace cordon::inline v0 {

class lru_token {
public:
    static constexpr unsigned payload_bits = 19;
    static constexpr std::uint32_t payload_mask = (1u << payload_bits) - 1;

    constexpr lru_token() = default; // no token: the content is new
    // The form in which it is kept; 0 is no token.
    explicit constexpr lru_token(std::uint32_t raw) : raw_(raw) {}
    constexpr lru_token(group_id group, std::uint32_t payload)
        : raw_(valid | group.raw() << payload_bits | (payload & payload_mask)) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }

    [[nodiscard]] constexpr explicit operator bool() const { return raw_ != 0; }
    [[nodiscard]] constexpr group_id group() const { return group_id{(raw_ & ~valid) >> payload_bits}; }
    [[nodiscard]] constexpr std::uint32_t payload() const { return raw_ & payload_mask; }
    constexpr bool operator==(const lru_token&) const = default;

private:
    static constexpr std::uint32_t valid = 1u << 31;
    std::uint32_t raw_ = 0;
};
static_assert(sizeof(lru_token) == 4);

// What a token says when its content comes back.
struct refault_info {
    bool activate = false; // it was evicted too early: it starts warm
    // Evictions of its group since, as far as the token reaches; UINT64_MAX: not known.
    std::uint64_t distance = 0;

    bool operator==(const refault_info&) const = default;
};

} // namespace cordon::inline v0
