// cordon/zone/sealed_list.hpp - sealed_list: which ranges are isolated now, and for whom; and what else outlives no zone.
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

// The blocks of a sealed range; a node that lives in its isolated_range. A token of disable_caches() has one, too, of no
// blocks: so the zone knows what it gave and has not got back.
struct sealed_blocks {
    block_span blocks;
    owner_tag owner = owner_tag::none;
    sealed_blocks* next = nullptr;
    bool is_orphan = false; // its zone was destroyed
};

// Guarded by the zone lock.
class sealed_list {
public:
    void insert(sealed_blocks& node) {
        node.next = head_;
        head_ = &node;
    }
    // Returns: whether the node was in the list. In a fork child it is not (zone_core.hpp).
    bool erase(const sealed_blocks& node) {
        for (sealed_blocks** at = &head_; *at != nullptr; at = &(*at)->next)
            if (*at == &node) {
                *at = node.next;
                return true;
            }
        return false;
    }
    void replace(const sealed_blocks& node, sealed_blocks& by) {
        if (erase(node)) insert(by);
    }
    // Effects: empties the list; each node is an orphan, and tell(node) is called.
    template <class F>
    void abandon(F tell) {
        while (head_ != nullptr) {
            sealed_blocks& node = *head_;
            head_ = node.next;
            node.is_orphan = true;
            tell(node);
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
