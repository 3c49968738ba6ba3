// cordon/inspect/validate.hpp - validate_zone: the invariants of the zone's structures, checked under traffic.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `inspect` looks at a zone and changes nothing: validate.hpp is the invariant walk, report.hpp and
// frame_map.hpp are the text forms. All take the zone lock for one region at a time, so that traffic goes on.
//
// What is checked, and in which hold of the zone lock:
//
//     one region     each block's traits, map and counts agree; it is in the one set that it belongs to and in
//                    no other; the sets and the region maps hold nothing else
//     the zone       the counters are the sums over the blocks; of a large zone only if asked for, as it takes one hold
//     one block      (quiesce) each live allocation is aligned, in use, and disjoint from the others
//     the caches     (quiesce) each cached run may be cached, is not free, not allocated, and not cached twice
#pragma once

#include "cordon/core/text.hpp"
#include "cordon/zone/zone_core.hpp"

#include <atomic>
#include <cstdint>
#include <initializer_list>

namespace cordon::inline v0 {

struct validate_options {
    // Also look at each frame and at the thread caches, which are closed for a moment: traffic goes round them.
    bool quiesce = false;
    // Also compare the counters of a zone of more than 32768 blocks with their sums: all of it in one hold of the zone
    // lock, some 5 ns a block. For zones that nobody uses meanwhile.
    bool all_sums = false;
};

// What a walk found. `what` names the first broken invariant, or is null.
struct validation {
    const char* what = nullptr;
    block_index where;           // of the fault
    std::uint32_t blocks = 0;    // walked
    bool sums_checked = false;   // the zone is small enough for it, or it was asked for
    bool caches_checked = false; // asked for, and the caches could be closed

    [[nodiscard]] explicit operator bool() const { return what == nullptr; }
};

// "512 blocks, sums and caches: valid"; "block 7: its largest free run is another"
template <text_sink S>
S& operator<<(S& sink, const validation& v) {
    if (!v) return print(print(sink << v.where, ": "), v.what);
    print_count(sink, v.blocks, "block", "blocks");
    if (v.sums_checked) print(sink, v.caches_checked ? ", sums" : " and sums");
    if (v.caches_checked) print(sink, " and caches");
    return print(sink, ": valid");
}

template <class Policy>
class zone_validator {
public:
    using core = zone_core<Policy>;
    using geometry = zone_geometry<Policy>;
    using buddy_type = typename core::buddy_type;
    using map = typename buddy_type::map;
    using proof = typename core::zone_proof;

    explicit zone_validator(core& engine) : zone_(engine), parts_(engine.blocks().raw_parts()) {}

    validation run(const validate_options& options) {
        for (std::uint32_t r = 0; r != geo().regions() && found_; ++r)
            zone_.with_zone_lock([&](proof held_lock) { check_region(held_lock, r); });
        if (found_ && (options.all_sums || geo().regions() <= most_regions_at_once)) {
            zone_.with_zone_lock([&](proof) { check_sums(); });
            found_.sums_checked = bool{found_};
        }
        if (!options.quiesce) return found_;
        if constexpr (core::metadata::states::enabled)
            for (std::uint32_t b = 0; b != geo().blocks() && found_; ++b)
                zone_.with_zone_lock([&](proof held_lock) { check_heads(held_lock, block_index{b}); });
        if (found_) check_caches();
        return found_;
    }

private:
    static constexpr std::uint32_t block_frames = geometry::block_frames;
    static constexpr std::uint32_t most_regions_at_once = 64; // 32768 blocks: some 150 microseconds

    [[nodiscard]] const geometry& geo() const { return zone_.geometry(); }
    [[nodiscard]] block_traits traits(block_index b) const { return zone_.blocks().traits(b); }
    [[nodiscard]] std::uint32_t used(block_index b) const { return parts_.fills[b.raw()].used; }
    [[nodiscard]] bool is_partial(block_index b) const { return used(b) != 0 && used(b) != block_frames; }
    [[nodiscard]] static std::uint32_t in_block(const range_table& table, block_index b) {
        return table.count_in(geometry::index_of(b), block_frames);
    }
    // Effects: unless `holds`, the fault is noted; the first one stays.
    void expect(bool holds, block_index where, const char* what) {
        if (holds || !found_) return;
        found_.what = what;
        found_.where = where;
    }

    // ---- blocks, sets and regions ----

    void check_region(proof held_lock, std::uint32_t region) {
        const block_index first{region * regions::map::size};
        const std::uint32_t left = geo().blocks() - first.raw();
        const std::uint32_t count = left < regions::map::size ? left : regions::map::size;
        for (std::uint32_t i = 0; i != count && found_; ++i) {
            const block_index b{first.raw() + i};
            check_traits(b);
            check_map(held_lock, b);
            check_place(b);
            ++found_.blocks;
        }
        for (const block_pool pool : {block_pool::ordinary, block_pool::lent}) {
            for (std::uint32_t i = count; i != regions::map::size; ++i)
                expect(!parts_.whole.contains(pool, block_index{first.raw() + i}),
                       block_index{first.raw() + i}, "behind the last block, and free");
            expect(parts_.whole.consistent(pool, region), first, "its region is in the wrong bin");
        }
        for (std::uint32_t set = 0; set != buddy_type::sets && found_; ++set)
            check_set(set, first.raw(), first.raw() + count);
    }
    void check_traits(block_index b) {
        const block_traits t = traits(b);
        const std::uint32_t holes = in_block(parts_.holes, b);
        const bool listed = in_block(parts_.poisoned, b) + in_block(parts_.condemned, b) != 0;
        expect(t.raw() < 2 * block_traits::reported, b, "it has a trait that does not exist");
        expect(!t.has(block_traits::isolated) || !t.has(block_traits::offline), b, "isolated and offline");
        expect(!t.has(block_traits::absent) || (t.raw() & ~block_traits::type_mask) == block_traits::absent,
               b, "absent, and something else");
        expect(t.has(block_traits::absent) == (holes == block_frames), b, "absent is not what its holes say");
        expect(t.has(block_traits::poisoned) || !listed, b, "its poisoned frames are not in its traits");
    }
    // The map and the counts that are kept of it.
    void check_map(proof held_lock, block_index b) {
        const frame_index first = geometry::index_of(b);
        expect(used(b) <= block_frames, b, "more frames are used than it has");
        expect(used(b) >= in_block(parts_.holes, b) + in_block(parts_.poisoned, b), b,
               "missing frames count as free");
        if (!found_) return;
        const map m = zone_.blocks().free_map(held_lock, b);
        const auto in_use = [&](frame_index at, std::uint32_t n) {
            bool result = true;
            for (std::uint32_t i = 0; i != n; ++i)
                result = result && !m.test(geometry::bit_of(at) + i);
            return result;
        };
        parts_.holes.for_each_in(first, block_frames, [&](frame_index at, std::uint32_t n) {
            expect(in_use(at, n), b, "a frame that never existed is free");
        });
        parts_.poisoned.for_each_in(first, block_frames, [&](frame_index at, std::uint32_t n) {
            expect(in_use(at, n), b, "a poisoned frame is free");
        });
        parts_.condemned.for_each_in(first, block_frames, [&](frame_index at, std::uint32_t n) {
            expect(in_use(at, n), b, "a frame to be poisoned when it is freed is free");
        });
        if (!is_partial(b)) return;
        expect(m.count() == block_frames - used(b), b, "its map has another number of free frames");
        expect(m.largest_order() == parts_.fills[b.raw()].largest, b, "its largest free run is another");
    }
    // The block is where it belongs; check_set and the region's bits see to it that it is nowhere else.
    void check_place(block_index b) {
        if (!found_) return;
        const block_traits t = traits(b);
        const bool whole = used(b) == 0 && t.allocatable();
        const bool lent = t.type() == migrate_type::lent;
        expect(!t.has(block_traits::reported) || used(b) == 0, b, "reported as free, and used");
        expect(parts_.whole.contains(block_pool::ordinary, b) == (whole && !lent), b,
               whole && !lent ? "whole, and not in the region's map"
                              : "in the region's map, and should not be");
        expect(parts_.whole.contains(block_pool::lent, b) == (whole && lent), b,
               whole && lent ? "whole and lent, and not in the region's map"
                             : "in the region's map of lent blocks, and should not be");
        if (is_partial(b) && t.allocatable())
            expect(parts_.partial.contains(set_of(b), b.raw()), b, "partly used, and not in its set");
    }
    [[nodiscard]] std::uint32_t set_of(block_index b) const {
        return buddy_type::set_of(traits(b).type(), parts_.fills[b.raw()].largest);
    }
    // The members of the set among the blocks of a region, found as an allocation finds them.
    void check_set(std::uint32_t set, std::uint32_t first, std::uint32_t end) {
        std::uint32_t found = 0;
        std::uint32_t present = 0;
        for (std::uint32_t b = first; b != end; ++b)
            present += parts_.partial.contains(set, b);
        const bool detour =
            first != 0 && !parts_.partial.contains(set, first - 1); // by way of the upper levels
        for (std::uint32_t b = parts_.partial.next(set, detour ? first - 1 : first); b < end && found_;
             b = parts_.partial.next(set, std::uint64_t{b} + 1)) {
            const block_index member{b};
            expect(is_partial(member) && traits(member).allocatable() && set_of(member) == set, member,
                   "in a set of partly used blocks, and should not be");
            ++found;
        }
        expect(found == present && (present == 0 || !parts_.partial.empty(set)), block_index{first},
               "its region has a partly used block that no search finds");
    }

    void check_sums() {
        std::uint64_t free[migrate_types] = {};
        std::uint64_t isolated = 0;
        std::uint64_t offline = 0;
        std::uint64_t absent = 0;
        for (std::uint32_t i = 0; i != parts_.holes.size(); ++i)
            absent += parts_.holes[i].count;
        for (std::uint32_t i = 0; i != geo().blocks(); ++i) {
            const block_index b{i};
            const block_traits t = traits(b);
            std::uint64_t& sum = t.has(block_traits::isolated)  ? isolated
                                 : t.has(block_traits::offline) ? offline
                                                                : free[static_cast<unsigned>(t.type())];
            sum += block_frames - used(b);
        }
        const auto counted = [&](const auto& counter, std::uint64_t sum, const char* what) {
            expect(counter.load(std::memory_order_relaxed) == sum, block_index{}, what);
        };
        counted(parts_.count->free[0], free[0], "the count of free movable frames is not the sum");
        counted(parts_.count->free[1], free[1], "the count of free unmovable frames is not the sum");
        counted(parts_.count->free[2], free[2], "the count of free reclaimable frames is not the sum");
        counted(parts_.count->free[3], free[3], "the count of free lent frames is not the sum");
        counted(parts_.count->isolated_free, isolated, "the count of free isolated frames is not the sum");
        counted(parts_.count->offline, offline, "the count of offline frames is not the sum");
        counted(parts_.count->absent, absent, "the count of absent frames is not the sum");
        counted(parts_.count->poisoned, parts_.poisoned.size(),
                "the count of poisoned frames is not the sum");
    }

    // ---- frames ----

    // A head is set after its run left the maps and cleared before it comes back, so this holds under traffic.
    void check_heads(proof held_lock, block_index b) {
        expect(!traits(b).has(block_traits::offline) || zone_.blocks().is_idle(held_lock, b), b,
               "offline, and in use");
        std::uint64_t end = 0; // of the last allocation
        for (unsigned bit = 0; bit != block_frames && found_; ++bit) {
            const frame_index i = geometry::index_of(b, bit);
            if (!geo().has_state(i)) return;
            const auto head = zone_.states().allocation_of(i, 0);
            if (!head.found) continue;
            expect(geo().contains(i), b, "an allocation that starts before the zone");
            const std::uint64_t frames = head.size.frames().raw();
            expect(i.raw() >= end, b, "two allocations overlap");
            expect(head.size.raw() <= Policy::max_order && geo().contains(i, head.size) &&
                       i.raw() % frames == 0,
                   b, "an allocation that is no run of the zone");
            if (!found_) return;
            check_in_use(held_lock, i, head.size, "a frame is allocated and free");
            check_not_missing(i, head.size, "a frame is allocated and missing");
            end = i.raw() + frames;
        }
    }
    void check_in_use(proof held_lock, frame_index first, order k, const char* what) {
        const std::uint64_t end = first.raw() + k.frames().raw();
        for (std::uint64_t at = first.raw(); at < end && found_; at += block_frames - at % block_frames) {
            const frame_index i{static_cast<std::uint32_t>(at)};
            const block_index b = geometry::block_of(i);
            const bool whole = end - at >= block_frames;
            const bool free = whole ? used(b) != block_frames
                                    : zone_.blocks().free_map(held_lock, b).any(geometry::bit_of(i), k.raw());
            expect(!free, b, what);
        }
    }

    void check_not_missing(frame_index first, order k, const char* what) {
        const auto size = static_cast<std::uint32_t>(k.frames().raw());
        expect(parts_.holes.count_in(first, size) + parts_.poisoned.count_in(first, size) == 0,
               geometry::block_of(first), what);
    }

    // ---- caches ----

    void check_caches() {
        const slot_index self = Policy::thread_slots::current();
        if (zone_.caches().is_entered(self)) return;
        const typename core::isolation_guard section{zone_.isolation_lock()};
        const status closed =
            zone_.drain(section.proof(), core::filter::nothing(), gate_claim::draining, UINT64_MAX, [&] {
                std::uint64_t at = 0;
                while (at != UINT64_MAX && found_)
                    zone_.with_zone_lock([&](proof held_lock) { at = check_cached(held_lock, at); });
            });
        found_.caches_checked = closed == status::ok && found_;
    }
    // Effects: checks the cached runs in a window of blocks from the one of frame `at` on. Returns: the lowest
    // cached frame behind the window, UINT64_MAX if there is none. So a run that is cached twice is found with
    // a few kilobytes of stack and as many passes over the caches as there are windows with cached runs.
    std::uint64_t check_cached(proof held_lock, std::uint64_t at) {
        constexpr std::uint64_t window_blocks = 64;
        const std::uint64_t first = at / block_frames;
        map seen[window_blocks] = {};
        std::uint64_t next = UINT64_MAX;
        const std::uint32_t active = zone_.active_slots();
        for (std::uint32_t s = 0; s != active; ++s)
            zone_.caches().for_each(slot_index{s}, [&](frame_index i, order k, migrate_type) {
                const block_index b = geometry::block_of(i);
                if (b.raw() < first || !found_) return;
                if (b.raw() >= first + window_blocks) {
                    next = i.raw() < next ? i.raw() : next;
                    return;
                }
                map& m = seen[b.raw() - first];
                const unsigned bit = geometry::bit_of(i);
                expect(geo().contains(i, k) && bit % k.frames().raw() == 0, b,
                       "a cached run that is no run of the zone");
                if (!found_) return;
                expect(!m.any(bit, k.raw()), b, "a frame is cached twice");
                m.set(bit, k.raw());
                // Frames that rest in caches when their block gets its first poisoned frame may stay there.
                expect(traits(b).allocatable(), b, "frames of a block that is closed are cached");
                check_in_use(held_lock, i, k, "a frame is cached and free");
                check_not_missing(i, k, "a frame is cached and missing");
                if constexpr (core::metadata::states::enabled) check_not_allocated(i, k);
            });
        return next;
    }
    void check_not_allocated(frame_index first, order k) {
        const block_index b = geometry::block_of(first);
        expect(!zone_.states().allocation_of(first, Policy::max_order).found, b,
               "a frame is cached and allocated");
        for (std::uint32_t n = 1; n != k.frames().raw(); ++n)
            expect(!zone_.states().allocation_of(frame_index{first.raw() + n}, 0).found, b,
                   "a frame is cached and allocated");
    }

    core& zone_;
    const typename buddy_type::parts& parts_;
    validation found_;
};

// Returns: the first broken invariant, or that there is none. Locks: the zone lock for a region at a time; with
// quiesce also for a block at a time, and the isolation lock. Cost: O(blocks), with quiesce O(frames) and one
// barrier.
template <class Policy>
[[nodiscard]] validation validate_zone(zone_core<Policy>& engine, const validate_options& options = {}) {
    return engine.error() == status::ok ? zone_validator<Policy>{engine}.run(options) : validation{};
}

} // namespace cordon::inline v0
