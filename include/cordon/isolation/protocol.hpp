// cordon/isolation/protocol.hpp - seal, open, offline, online: the steps of isolation as transactions.
// SPDX-License-Identifier: BSL-1.0
//
// The two races of the patch, and why they cannot happen here (`map` is the list of the kernel, in our words):
//
//   late isolate: a frame is stranded       the free reads the traits, the undo clears them, the free acts on
//                                           what it read
//   late movable: the seal leaks            the free reads the traits, the seal sets them, the free acts on
//                                           what it read, and the frame is handed out
//
// A free that goes to the map reads the traits and acts on them under one hold of the zone lock; seal and open
// change them under that lock. A free that goes to a cache reads them inside its gate; the seal comes after it
// there, and has the frame taken out again by the owner or, behind the barrier, by the drainer. There is no third
// path: a full cache spills to the map under the lock, and so does a free that finds the gate closed, with the
// traits of that moment and not of an earlier one (Linux bypassed a contended cache with a remembered type:
// 7b086755fb8c).
#pragma once

#include "cordon/isolation/options.hpp"
#include "cordon/sync/timed_lock.hpp"
#include "cordon/zone/zone_core.hpp"

#include <cstdint>

namespace cordon::inline v0 {

template <class Policy>
class isolation_protocol {
public:
    using core = zone_core<Policy>;
    using geometry = zone_geometry<Policy>;
    using proof = typename core::zone_proof;
    using clock = typename Policy::clock;

    explicit isolation_protocol(core& engine) : zone_(engine) {}

    // Returns: the blocks of the range, or invalid_range unless it is made of whole pageblocks of the zone. Its
    // first and last block may be cut off by the ends of the zone.
    [[nodiscard]] result<block_span> blocks_of(frame_range range) const {
        const geometry& geo = zone_.geometry();
        if (zone_.error() != status::ok) return zone_.error();
        if (range.empty() || !geo.frames().contains(range)) return status::invalid_range;
        const std::uint64_t first = geo.index_of(range.first()).raw();
        const std::uint64_t end = first + range.count().raw();
        const bool starts = first % geometry::block_frames == 0 || range.first() == geo.frames().first();
        const bool ends = end % geometry::block_frames == 0 || range.end_raw() == geo.frames().end_raw();
        if (!starts || !ends) return status::invalid_range;
        const std::uint64_t first_block = first / geometry::block_frames;
        return block_span{block_index{static_cast<std::uint32_t>(first_block)},
                          static_cast<std::uint32_t>((end - 1) / geometry::block_frames - first_block + 1)};
    }

    // Effects: steps 1 to 3. Returns: ok, the blocks of `range` sealed, and it listed; else nothing changed, and
    // options.blocker names a frame in the way. Cost: O(blocks) under the zone lock, one barrier, the cached runs.
    status seal(slot_index s, sealed_blocks& range, const isolate_options& options) {
        const std::uint64_t until = options.deadline.from(clock::now());
        if (zone_.caches().is_entered(s)) return status::re_entered;
        if (!lock_until<clock, typename Policy::backoff>(zone_.isolation_lock(), until))
            return status::timed_out;
        const typename core::isolation_guard section{zone_.isolation_lock(), adopt_lock};
        const bool exclusive = options.level == isolation_level::exclusive;
        if (exclusive)
            if (const status e = zone_.disable_caches(section.proof(), until); e != status::ok) return e;
        status outcome = zone_.with_zone_lock([&](proof held_lock) {
            const status refused = admit(held_lock, range.blocks, options);
            if (refused == status::ok) close(held_lock, zone_, range);
            return refused;
        });
        if (outcome == status::ok && !exclusive) { // else every cache is closed and empty
            outcome = zone_.drain(section.proof(), runs_of(range.blocks), gate_claim::draining, until,
                                  typename core::no_work{});
            if (outcome != status::ok)
                zone_.with_zone_lock([&](proof held_lock) { unseal(held_lock, range); });
        }
        if (outcome != status::ok && exclusive) zone_.enable_caches(section.proof());
        return outcome;
    }

    // Effects: the blocks are sealed and listed. Requires: they may be; no cache holds a frame of them, or a drain of
    // those follows.
    static void close(proof held_lock, core& engine, sealed_blocks& range) {
        engine.blocks().seal(held_lock, range.blocks.first, range.blocks.count);
        engine.sealed(held_lock).insert(range);
    }

    // Effects: the blocks are as if they had never been sealed, with what was freed into them since.
    void open(const sealed_blocks& range, isolation_level level) {
        zone_.with_zone_lock([&](proof held_lock) { unseal(held_lock, range); });
        finish(level);
    }
    // Effects: sealed, idle blocks leave the zone. Returns: busy, with nothing changed, if one is not idle.
    status offline(const sealed_blocks& range, isolation_level level) {
        const status outcome = zone_.with_zone_lock([&](proof held_lock) {
            if (used_frames(held_lock, range.blocks) != 0) return status::busy;
            for_each(range.blocks, [&](block_index b) { zone_.blocks().set_offline(held_lock, b); });
            zone_.sealed(held_lock).erase(range);
            return status::ok;
        });
        if (outcome == status::ok) finish(level);
        return outcome;
    }
    // Effects: offline blocks come back, free. Returns: not_offline or invalid_range, with nothing changed.
    status online(frame_range range) {
        const result<block_span> span = blocks_of(range);
        if (!span) return span.error();
        const status outcome = zone_.with_zone_lock([&](proof held_lock) {
            status refused = status::ok;
            for_each(*span, [&](block_index b) {
                if (!zone_.blocks().traits(b).has(block_traits::offline)) refused = status::not_offline;
            });
            if (refused == status::ok)
                for_each(*span, [&](block_index b) { zone_.blocks().set_online(held_lock, b); });
            return refused;
        });
        if (outcome == status::ok) Policy::tracer::on(trace_event::online, range.first(), range.count());
        return outcome;
    }
    // Effects: the frames `wanted` of sealed blocks are allocated, order 0 each; the rest of the blocks is open.
    // Returns: busy, poisoned or absent, with nothing changed, if one of them cannot be had. Cost: O(blocks) under the
    // zone lock, and the frames of those that are not all free; O(frames) behind it.
    status claim(const sealed_blocks& range, isolation_level level, frame_range wanted) {
        const status outcome = zone_.with_zone_lock([&](proof held_lock) {
            if (const status e = claimable(held_lock, wanted); e != status::ok) return e;
            unseal(held_lock, range);
            take(held_lock, zone_.geometry().index_of(wanted.first()).raw(), wanted.count().raw());
            return status::ok;
        });
        if (outcome != status::ok) return outcome;
        for (const frame f : wanted)
            zone_.set_allocated(zone_.geometry().index_of(f), order{0});
        zone_.annotator().on_allocate(wanted);
        finish(level);
        return status::ok;
    }

    // Effects: the blocks have this type, and no cache holds a frame of them that it would hand out as another.
    // Returns: ok; busy or absent, with nothing changed, if one is isolated or absent; invalid_range, invalid_argument,
    // re_entered; barrier_refused: they have the type, but caches may still hand out frames of them as their old one.
    status set_type(slot_index s, frame_range range, migrate_type type) {
        const result<block_span> span = blocks_of(range);
        if (!span) return span.error();
        if (static_cast<unsigned>(type) >= migrate_types) return status::invalid_argument;
        if (zone_.caches().is_entered(s)) return status::re_entered;
        const typename core::isolation_guard section{zone_.isolation_lock()};
        const status outcome = zone_.with_zone_lock([&](proof held_lock) {
            status refused = status::ok;
            for_each(*span, [&](block_index b) {
                if (zone_.blocks().traits(b).has(block_traits::isolated)) refused = status::busy;
                if (zone_.blocks().traits(b).has(block_traits::absent)) refused = status::absent;
            });
            if (refused == status::ok)
                for_each(*span, [&](block_index b) { zone_.blocks().set_type(held_lock, b, type); });
            return refused;
        });
        if (outcome != status::ok) return outcome;
        return zone_.drain(section.proof(), runs_of(*span), gate_claim::draining, UINT64_MAX,
                           typename core::no_work{});
    }

    // Returns: frames of the blocks that are in use, or on their way.
    [[nodiscard]] std::uint64_t used_frames(proof held_lock, block_span span) const {
        std::uint64_t used = 0;
        for_each(span, [&](block_index b) {
            used += geometry::block_frames - zone_.blocks().free_frames(held_lock, b) -
                    zone_.blocks().missing_frames(held_lock, b);
        });
        return used;
    }

    template <class F>
    static void for_each(block_span span, F f) {
        for (std::uint32_t i = 0; i != span.count; ++i)
            f(block_index{span.first.raw() + i});
    }

private:
    status claimable(proof held_lock, frame_range wanted) const {
        std::uint64_t at = zone_.geometry().index_of(wanted.first()).raw();
        for (const std::uint64_t end = at + wanted.count().raw(); at < end;) {
            const frame_index i{static_cast<std::uint32_t>(at)};
            if (zone_.blocks().free_frames(held_lock, geometry::block_of(i)) == geometry::block_frames) {
                at += geometry::block_frames - geometry::bit_of(i); // all of it is free
                continue;
            }
            if (!zone_.blocks().is_free(held_lock, i)) {
                const frame_state found = zone_.state_of(held_lock, i).state;
                return found == frame_state::absent     ? status::absent
                       : found == frame_state::poisoned ? status::poisoned
                                                        : status::busy;
            }
            ++at;
        }
        return status::ok;
    }
    // Effects: takes free frames out of the maps, in the largest aligned runs within a block.
    void take(proof held_lock, std::uint32_t first, std::uint64_t count) {
        while (count != 0) {
            unsigned k = geometry::pageblock_order;
            while (first % (1u << k) != 0 || (1u << k) > count)
                --k;
            [[maybe_unused]] const bool taken = zone_.blocks().take_exact(held_lock, frame_index{first}, k);
            first += 1u << k;
            count -= 1u << k;
        }
    }
    status admit(proof held_lock, block_span span, const isolate_options& options) const {
        for (std::uint32_t i = 0; i != span.count; ++i) {
            const block_index b{span.first.raw() + i};
            const block_traits t = zone_.blocks().traits(b);
            const status refused = t.has(block_traits::isolated)                  ? status::busy
                                   : t.has(block_traits::offline)                 ? status::offline
                                   : t.has(block_traits::absent)                  ? status::absent
                                   : zone_.blocks().holds_unmovable(held_lock, b) ? status::unmovable
                                                                                  : status::ok;
            if (refused == status::ok) continue;
            if (options.blocker != nullptr) {
                options.blocker->found = first_in_use(held_lock, b);
                options.blocker->isolator = zone_.sealed(held_lock).owner_of(b);
            }
            return refused;
        }
        return status::ok;
    }
    [[nodiscard]] static typename core::filter runs_of(block_span span) {
        const std::uint64_t first = geometry::index_of(span.first).raw();
        return {first, first + std::uint64_t{span.count} * geometry::block_frames};
    }
    // Returns: the first frame of the block that is in use; the first one that the zone has of it if none is.
    [[nodiscard]] frame_info first_in_use(proof held_lock, block_index b) const {
        for (unsigned bit = 0; bit != geometry::block_frames; ++bit) {
            const frame_info info = zone_.state_of(held_lock, geometry::index_of(b, bit));
            if (info.state == frame_state::allocated || info.state == frame_state::tail ||
                info.state == frame_state::cached)
                return info;
        }
        const frame_index first = geometry::index_of(b);
        const frame_index lowest = zone_.geometry().index_of(zone_.geometry().frames().first());
        return zone_.state_of(held_lock, first < lowest ? lowest : first);
    }
    void unseal(proof held_lock, const sealed_blocks& range) {
        for_each(range.blocks, [&](block_index b) { zone_.blocks().unseal(held_lock, b); });
        zone_.sealed(held_lock).erase(range);
    }
    void finish(isolation_level level) {
        if (level != isolation_level::exclusive) return;
        const typename core::isolation_guard section{zone_.isolation_lock()};
        zone_.enable_caches(section.proof());
    }

    core& zone_;
};

} // namespace cordon::inline v0
