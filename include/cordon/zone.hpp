// cordon/zone.hpp - basic_zone: what a user sees of the allocator. Each member forwards to the layer that does it.
// SPDX-License-Identifier: BSL-1.0
//
//     cordon::arena ram{cordon::frame_count{262144}};
//     cordon::zone  zone{ram.frames()};
//     cordon::result<cordon::frame> f = zone.allocate();
//     zone.free(*f);
//
// Members are safe to call from any thread, unless said otherwise. A call with a slot_index works on that thread cache and
// is for one thread at a time for each slot, which is below thread_slots::max_slots or none; one without asks the
// policy's thread_slots.
// A zone stays where it is, and outlives what it gave: isolated ranges, and tokens of disable_caches(); the misuse handler
// hears of those that it does not. Threads with a cache of it may outlive it.
// In a signal handler only allocate and try_free of cached orders are safe, by a thread that has a slot: where they
// interrupted its own allocate or free they go past its cache, or return re_entered. All else, a wrong free, and a handler
// that interrupted a call of anything else here, may wait for a lock that the thread itself holds.
// A fork() is heard of by the default policy: the child has the zone as it was, with its caches empty. Frames that other
// threads had allocated stay allocated there, and what they had isolated or disabled stays so: nobody has their tokens.
// A child of vfork, _Fork or clone does not use the zone.
// A zone is called by one module of the program: a shared library that was loaded by dlopen, or that hides its symbols,
// counts threads by itself, so two threads would share a slot. What modules share is called through functions of one.
#pragma once

#include "cordon/fwd.hpp"
#include "cordon/inspect/validate.hpp"
#include "cordon/isolation/caches_disabled.hpp"
#include "cordon/isolation/compact.hpp"
#include "cordon/isolation/contiguous.hpp"
#include "cordon/isolation/isolated_range.hpp"
#include "cordon/isolation/poison.hpp"
#include "cordon/isolation/report_free.hpp"
#include "cordon/zone/default_policy.hpp"
#include "cordon/zone/zone_core.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <class Policy>
class basic_zone {
    static_assert(zone_policy<Policy>,
                  "a policy inherits from default_policy; zone/policy.hpp says what each member is");
    using core = zone_core<Policy>;

public:
    using policy = Policy;
    using isolated_range = cordon::isolated_range<Policy>;
    using caches_disabled = cordon::caches_disabled<Policy>;

    // Effects: a zone of these frames, all free and movable; metadata comes from the policy's source. If it
    // cannot be made, error() says why and every call fails with that, but for frees: no frame is of a zone without any.
    explicit basic_zone(frame_range frames) : basic_zone(zone_options{.frames = frames}) {}
    explicit basic_zone(frame_count frames) : basic_zone(frame_range{frame{0}, frames}) {}
    explicit basic_zone(const zone_options& options) : core_({}, options, zone_origin::own_memory) {}
    // Effects: the same in the embedder's memory: metadata_bytes(options) zero bytes, aligned to a cache line,
    // which outlive the zone. Of less than that none is made: error() is no_metadata.
    [[nodiscard]] static basic_zone place(std::span<std::byte> memory, const zone_options& options) {
        return basic_zone(memory, options);
    }
    // Effects: goes on with a zone whose metadata lies in `memory`, written by a zone of the same policy and options that
    // was at rest: a copy, a file, the same bytes mapped elsewhere. What its thread caches held is free, isolated
    // ranges are open. The bytes may be any: corrupt_metadata is the error() of those that are no such zone.
    // Cost: O(frames); holes that are not given in order are compared each with each other.
    [[nodiscard]] static basic_zone attach(std::span<std::byte> memory, const zone_options& options) {
        return basic_zone(attached{}, memory, options);
    }
    // Returns: bytes; 0 if the options are no good. A constant for constant options: the size of a static buffer.
    [[nodiscard]] static constexpr std::size_t metadata_bytes(const zone_options& options) {
        return core::metadata_bytes(options);
    }
    [[nodiscard]] status error() const { return core_.error(); }
    [[nodiscard]] frame_range frames() const { return core_.geometry().frames(); }
    [[nodiscard]] static constexpr order pageblock_order() { return order{Policy::pageblock_order}; }

    // ---- allocate and free ----

    // Requires: type is one of the four; a hit does not look. Returns: the head of a run of 2^k frames, or no_memory
    // after all of: the thread's cache, the zone, the caches of other threads, blocks of other types, the pressure
    // callback. Locks: none on a hit; else the zone lock, and the isolation lock before giving up. Progress: a hit is
    // wait-free. Cost: a few ns on a hit.
    [[nodiscard]] CORDON_ALWAYS_INLINE result<frame> allocate(order k = order{0},
                                                              migrate_type type = migrate_type::movable) {
        return core_.allocate(k, type);
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE result<frame> allocate(slot_index s, order k = order{0},
                                                              migrate_type type = migrate_type::movable) {
        return core_.allocate(s, k, type);
    }
    // Requires: f is the head of a live allocation of order k; anything else goes to the policy's misuse
    // handler, with the zone unchanged. Locks, Progress, Cost: as allocate.
    CORDON_ALWAYS_INLINE void free(frame f, order k = order{0}) { core_.free(f, k); }
    CORDON_ALWAYS_INLINE void free(slot_index s, frame f, order k = order{0}) { core_.free(s, f, k); }
    // Returns: ok, or what was wrong, with the zone unchanged.
    [[nodiscard]] CORDON_ALWAYS_INLINE status try_free(frame f, order k = order{0}) {
        return core_.try_free(f, k);
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE status try_free(slot_index s, frame f, order k = order{0}) {
        return core_.try_free(s, f, k);
    }

    // Effects: fills `out` from its start. Returns: how many runs. If the pressure callback throws, what was taken is free
    // again, and the exception passes. Cost: one hold of the zone lock for up to 512 runs, of runs larger than a pageblock
    // for up to 512 pageblocks.
    [[nodiscard]] std::size_t allocate_bulk(std::span<frame> out, order k = order{0},
                                            migrate_type type = migrate_type::movable) {
        return core_.allocate_bulk(current(), out, k, type);
    }
    // Effects: frees all; each that free() would refuse goes to the misuse handler, one call for each, and stays as it
    // is. Cost: as allocate_bulk.
    void free_bulk(std::span<const frame> frames, order k = order{0}) { core_.free_bulk(frames, k); }
    // Returns: ok, the run starting at f is the caller's; busy, absent, offline, poisoned, invalid_range,
    // invalid_order; barrier_refused, re_entered: caches could not be looked at; nothing changed. Locks: the zone lock;
    // where that does not settle it the isolation lock, too. Cost: one barrier, if the run is not free in the map.
    [[nodiscard]] status allocate_exact(frame f, order k = order{0}) {
        return core_.allocate_exact(current(), f, k);
    }
    // Returns: `count` frames in a row from a multiple of `alignment` on, each allocated with order 0. Frames in
    // the way are moved or freed by the migrator (isolation/migrator.hpp); no_memory: there is no place;
    // invalid_argument; migration_failed, busy, timed_out, barrier_refused, ...: the trouble with the last place.
    template <migrator M = no_migrator>
    result<frame_range> allocate_contiguous(frame_count count, frame_count alignment = frame_count{1},
                                            M&& migrate_one = M{}, const isolate_options& options = {}) {
        return cordon::allocate_contiguous(core_, count, alignment, migrate_one, options);
    }

    // Effects: frees what allocate_contiguous() or claim() gave, or a part of it; each frame as free() does.
    void free_contiguous(frame_range frames) {
        for (const frame f : frames)
            core_.free(f, order{0});
    }

    // ---- caches ----

    // Effects: all caches give back what they hold, or only the runs that touch the range. Returns: ok;
    // barrier_refused, timed_out, re_entered: some caches may have given back, nothing is lost. Locks: the isolation
    // lock, each cache in turn, and the zone lock for a batch at a time. Cost: one barrier and the cached runs.
    [[nodiscard]] status drain(deadline limit = {}) { return drain_runs({}, limit); }
    [[nodiscard]] status drain(frame_range range, deadline limit = {}) {
        if (core_.error() != status::ok) return core_.error();
        if (!frames().contains(range) || range.empty()) return status::invalid_range;
        const std::uint64_t first = core_.geometry().index_of(range.first()).raw();
        return drain_runs({first, first + range.count().raw()}, limit);
    }
    // Returns: a token; while one lives, no thread cache is used. Nests. barrier_refused, timed_out, re_entered: nothing
    // changed. Locks: the isolation lock. Cost: a drain for the first token, nothing for those inside it.
    result<caches_disabled> disable_caches(deadline limit = {}) {
        return caches_disabled::make(core_, limit);
    }

    // ---- blocks ----

    // Effects: seals whole pageblocks: no allocation returns a frame of them, frees into them stay there. All
    // or nothing. Returns: the owner of the range; busy, unmovable (and not idle), offline, absent, invalid_range,
    // barrier_refused, timed_out, re_entered: nothing changed, and options.blocker names a frame in the way, if one is.
    // Locks: the isolation lock, the zone lock. Cost: O(blocks) under the zone lock, one process-wide barrier, a scan of
    // the caches.
    result<isolated_range> isolate(frame_range range, const isolate_options& options = {}) {
        return isolated_range::seal(core_, range, options);
    }
    // Returns: ok, the range is free and in use again; not_offline, invalid_range: nothing changed. Cost: O(blocks)
    // under the zone lock.
    [[nodiscard]] status online(frame_range range) { return isolation_protocol<Policy>{core_}.online(range); }
    // Returns: ok, the frame is out for good; deferred, it will be when it is freed; poisoned, absent,
    // foreign_frame, no_memory (max_poisoned reached), barrier_refused, re_entered: nothing changed. Locks: the isolation
    // lock and the zone lock. Cost: one barrier, unless the frame is free in the map.
    [[nodiscard]] status poison(frame f) { return poison_frame(core_, current(), f); }
    // Effects: the blocks of the range have this type from now on, whatever is in use there. Returns: ok;
    // busy if one is isolated, absent, invalid_range, invalid_argument (no such type), re_entered: nothing changed;
    // barrier_refused: the type is set, but caches may still hand out frames of the range as their old one.
    // Cost: O(blocks) under the zone lock, one barrier and the cached runs.
    [[nodiscard]] status set_migrate_type(frame_range range, migrate_type type) {
        return isolation_protocol<Policy>{core_}.set_type(current(), range, type);
    }

    // Effects: empties partly used blocks into the others, those with the fewest used frames first, while there is
    // room in them and budget left. Returns: what it came to. Locks: none while the migrator runs; it may throw.
    // Cost: for each block emptied one barrier and its frames, for 32 of them O(blocks).
    template <migrator M>
    compact_report compact(M&& migrate_one, const compact_options& options = {}) {
        return cordon::compact(core_, migrate_one, options);
    }
    template <migrator M> // `auto`: an empty pair of braces is options
    compact_report compact(M&& migrate_one, std::same_as<frame_count> auto budget) {
        return cordon::compact(core_, migrate_one, {.budget = budget});
    }
    // Effects: calls report(frame_range) for whole free pageblocks, up to `most` frames of them, that it did not
    // accept before, or that were used since. It may discard their memory and returns whether it did; meanwhile
    // nobody is given a frame of them. Returns: frames accepted. Locks: none while it runs; it may throw.
    // Cost: O(blocks), the zone lock for a region of 512 at a time; no barrier.
    template <free_reporter Reporter>
    frame_count report_free(Reporter&& report, frame_count most = frame_count{UINT32_MAX}) {
        return cordon::report_free(core_, report, most);
    }

    // ---- looking ----

    // Returns: what the frame is at this moment, and its block. Locks: the zone lock. Cost: up to max_order + 1 loads.
    [[nodiscard]] frame_info state_of(frame f) const { return core_.state_of(f); }
    // Effects: remembers who holds an allocated frame, until it is free, if the policy keeps tags. Where a migrator moves
    // it the tag goes along. Requires: the caller holds it.
    void set_owner(frame head, owner_tag tag) {
        const auto i = core_.geometry().index_of(head);
        if (core_.geometry().contains(i)) core_.tags().set(i, tag);
    }
    // Returns: a snapshot, read without a lock: cheap, each figure true at some moment.
    [[nodiscard]] zone_stats stats() const { return core_.stats(); }
    // Returns: a consistent snapshot; re_entered or barrier_refused. Cost: as a drain of nothing.
    [[nodiscard]] result<zone_stats> exact_stats() { return core_.exact_stats(current()); }
    // Returns: what is wrong inside; safe under traffic. Cost: O(blocks), the zone lock for a region at a time.
    [[nodiscard]] validation validate(const validate_options& options = {}) {
        return validate_zone(core_, options);
    }
    // The zone lock, for what it observes: observed_lock<..., lock_counter<...>> counts acquisitions.
    [[nodiscard]] const auto& zone_lock() const { return core_.zone_lock(); }
    // The engine, for inspect/ and for tests. No contract.
    [[nodiscard]] const core& internals() const { return core_; }
    [[nodiscard]] core& internals() { return core_; }

private:
    struct attached {};
    basic_zone(std::span<std::byte> memory, const zone_options& options)
        : core_(memory, options, zone_origin::zero_bytes) {}
    basic_zone(attached, std::span<std::byte> memory, const zone_options& options)
        : core_(memory, options, zone_origin::metadata) {
        const validation walked = validate_zone(core_, {.quiesce = true, .all_sums = true});
        core_.adopt(!walked                 ? status::corrupt_metadata
                    : walked.caches_checked ? status::ok
                                            : status::barrier_refused);
    }
    CORDON_ALWAYS_INLINE static slot_index current() { return Policy::thread_slots::current(); }

    status drain_runs(typename core::filter runs, deadline limit) {
        if (core_.error() != status::ok) return core_.error();
        return core_.drain(current(), runs, limit.from(Policy::clock::now()));
    }

    core core_;
};

} // namespace cordon::inline v0
