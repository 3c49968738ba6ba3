// cordon/zone/sealed_list.hpp - sealed_list: which ranges are isolated now, and for whom.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"
#include "cordon/frames/owner_tags.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Blocks in a row.
struct block_span {
    block_index first;
    std::uint32_t count = 0;
    [[nodiscard]] constexpr bool contains(block_index b) const { return b.raw() - first.raw() < count; }
};

// The blocks of a sealed range; a node that lives in its isolated_range.
struct sealed_blocks {
    block_span blocks;
    owner_tag owner = owner_tag::none;
    sealed_blocks* next = nullptr;
};

// Guarded by the zone lock.
class sealed_list {
public:
    void insert(sealed_blocks& node) {
        node.next = head_;
        head_ = &node;
    }
    // Effects: none if the node is not in the list.
    void erase(const sealed_blocks& node) {
        for (sealed_blocks** at = &head_; *at != nullptr; at = &(*at)->next)
            if (*at == &node) {
                *at = node.next;
                return;
            }
    }
    [[nodiscard]] owner_tag owner_of(block_index b) const {
        for (const sealed_blocks* at = head_; at != nullptr; at = at->next)
            if (at->blocks.contains(b)) return at->owner;
        return owner_tag::none;
    }

private:
    sealed_blocks* head_ = nullptr;
};

} // namespace cordon::inline v0
