// cordon/buddy/buddy.hpp - buddy: the steps that blocks go through: made, sealed, offline, poisoned.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/buddy/run_giver.hpp"

#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class buddy : public run_giver<Policy> {
    using base = run_giver<Policy>;

public:
    using base::base;
    using base::block_frames;
    using typename base::counters;
    using typename base::geometry;
    using typename base::map;
    using typename base::proof;

    // Effects: `blocks` blocks from `first` on leave the sets; their free frames count as isolated.
    // Requires: all of them allocatable. Cost: O(blocks).
    void seal(proof, block_index first, std::uint32_t blocks) {
        for (std::uint32_t i = 0; i != blocks; ++i) {
            const block_index b{first.raw() + i};
            const bool last_of_region = i + 1 == blocks || (b.raw() + 1) % regions::map::size == 0;
            const block_traits t = this->traits(b);
            if (this->fill(b).used == 0)
                this->parts_.whole.forget(this->pool_of(b), b);
            else
                this->remove_partial(b);
            if (last_of_region) {
                this->parts_.whole.reindex(block_pool::ordinary, regions::region_of(b));
                this->parts_.whole.reindex(block_pool::lent, regions::region_of(b));
            }
            const std::uint32_t free = block_frames - this->fill(b).used;
            counters::subtract(this->free_count(t.type()), free);
            counters::add(this->parts_.count->isolated_free, free);
            this->set_traits(b, t.with(block_traits::isolated));
        }
    }
    // Effects: undoes seal, or makes an emptied block allocatable again, with the type it had.
    void unseal(proof, block_index b) {
        const block_traits t = this->traits(b).without(block_traits::isolated);
        const std::uint32_t free = block_frames - this->fill(b).used;
        counters::subtract(this->parts_.count->isolated_free, free);
        counters::add(this->free_count(t.type()), free);
        this->set_traits(b, t);
        this->insert(b);
        this->audit(b);
    }
    // Effects: an isolated, idle block leaves the zone.
    void set_offline(proof, block_index b) {
        const std::uint32_t free = block_frames - this->fill(b).used;
        counters::subtract(this->parts_.count->isolated_free, free);
        counters::add(this->parts_.count->offline, free);
        this->set_traits(b, this->traits(b).without(block_traits::isolated).with(block_traits::offline));
    }
    // Effects: an offline block comes back, all of it free but what is missing.
    void set_online(proof, block_index b) {
        const std::uint32_t free = block_frames - this->fill(b).used;
        counters::subtract(this->parts_.count->offline, free);
        counters::add(this->free_count(this->traits(b).type()), free);
        this->set_traits(b, this->traits(b).without(block_traits::offline | block_traits::reported));
        this->insert(b);
    }
    // Effects: the block has this migrate type; its free frames count for it.
    void set_type(proof, block_index b, migrate_type type) {
        const bool listed = this->traits(b).allocatable();
        if (listed) this->remove(b);
        if (listed) this->move_count(b, this->traits(b).type(), type);
        this->set_traits(b, this->traits(b).with_type(type));
        if (listed) this->insert(b);
    }
    // Effects: a free frame is taken out for good. Requires: is_free(i); can_poison().
    void poison_free(proof, frame_index i) {
        const block_index b = geometry::block_of(i);
        const auto clear = [&](map& m) { m.clear(geometry::bit_of(i), 0); };
        const block_traits t = this->traits(b);
        if (t.allocatable()) {
            this->take_bits(b, 1, clear);
        } else {
            map& m = this->open_map(b);
            clear(m);
            ++this->fill(b).used;
            this->fill(b).largest = static_cast<std::uint8_t>(m.largest_order());
            counters::subtract(t.has(block_traits::offline) ? this->parts_.count->offline
                                                            : this->parts_.count->isolated_free,
                               1);
        }
        counters::add(this->parts_.count->poisoned, 1);
        this->parts_.poisoned.insert(i, 1);
        this->set_traits(b, t.with(block_traits::poisoned).without(block_traits::reported));
    }
    // Effects: the embedder knows that an isolated block is free, unless a frame of it was poisoned meanwhile.
    void set_reported(proof, block_index b) {
        if (this->fill(b).used == 0) this->set_traits(b, this->traits(b).with(block_traits::reported));
    }
    // Effects: a frame that is not free is taken out for good when it is freed. Requires: can_poison().
    void condemn(proof, frame_index i) {
        const block_index b = geometry::block_of(i);
        this->parts_.condemned.insert(i, 1);
        this->set_traits(b, this->traits(b).with(block_traits::poisoned));
    }
    // Effects: undoes condemn.
    void pardon(proof, frame_index i) {
        const block_index b = geometry::block_of(i);
        this->parts_.condemned.erase(i);
        const bool listed = this->parts_.condemned.any_in(geometry::index_of(b), block_frames) ||
                            this->parts_.poisoned.any_in(geometry::index_of(b), block_frames);
        if (!listed) this->set_traits(b, this->traits(b).without(block_traits::poisoned));
    }
    // Returns: whether the tables have room for one more.
    [[nodiscard]] bool can_poison(proof) const {
        return this->parts_.poisoned.size() + this->parts_.condemned.size() <
               this->parts_.poisoned.capacity();
    }

    // Effects: at the zone's creation, frames [first, first + count) of the block never existed.
    // A block without any frame needs no map.
    void make_hole(block_index b, unsigned first, std::uint32_t count) {
        if (count != block_frames) {
            map& m = this->open_map(b);
            for (std::uint32_t i = 0; i != count; ++i)
                m.clear(first + i, 0);
        }
        this->fill(b).used = static_cast<std::uint16_t>(this->fill(b).used + count);
        counters::add(this->parts_.count->absent, count);
    }
    // Effects: at the zone's creation, after its holes are made, the block is ready.
    void make_block(block_index b) {
        const std::uint32_t used = this->fill(b).used;
        const block_traits t =
            used == block_frames ? block_traits{}.with(block_traits::absent) : block_traits{};
        this->set_traits(b, t);
        if (used != 0 && used != block_frames)
            this->fill(b).largest = static_cast<std::uint8_t>(this->parts_.maps[b.raw()].largest_order());
        if (t.allocatable()) this->insert(b);
        counters::add(this->free_count(t.type()), block_frames - used);
    }
    // Effects: the same for `blocks` whole blocks that start a region, without touching any of them.
    void make_region(std::uint32_t region, std::uint32_t blocks) {
        this->parts_.whole.insert_first(block_pool::ordinary, region, blocks);
        counters::add(this->free_count(migrate_type::movable), std::uint64_t{blocks} * block_frames);
    }
};

} // namespace cordon::inline v0
