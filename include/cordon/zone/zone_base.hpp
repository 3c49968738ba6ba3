// cordon/zone/zone_base.hpp - zone_base: the parts of a zone, how they are made, its locks, and looking at it.
// SPDX-License-Identifier: BSL-1.0
//
// Locks, in the order in which they are taken: isolation lock (drainers and isolators, one at a time), gate, zone
// lock. The zone lock is innermost: nothing waits, calls out or takes a lock while holding it.
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/cache/thread_cache.hpp"
#include "cordon/core/status.hpp"
#include "cordon/sync/guard.hpp"
#include "cordon/zone/attach.hpp"
#include "cordon/zone/creation.hpp"
#include "cordon/zone/frame_info.hpp"
#include "cordon/zone/metadata.hpp"
#include "cordon/zone/options.hpp"
#include "cordon/zone/policy.hpp"
#include "cordon/zone/sealed_list.hpp"
#include "cordon/zone/stats.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <zone_policy Policy>
class zone_base {
public:
    using policy = Policy;
    using geometry_type = zone_geometry<Policy>;
    using buddy_type = buddy<Policy>;
    using caches_type = thread_caches<Policy>;
    using metadata = zone_metadata<Policy>;
    using bins = magazine_bins<Policy>;
    using entry = typename caches_type::entry;
    using filter = typename caches_type::filter;
    using no_work = typename caches_type::no_work;
    using trace = typename Policy::tracer;
    using zone_proof = held<typename Policy::zone_lock>;
    using isolation_proof = held<typename Policy::isolation_lock>;
    using zone_guard = guard<typename Policy::zone_lock>;
    using isolation_guard = guard<typename Policy::isolation_lock>;

    zone_base(const zone_base&) = delete;
    zone_base& operator=(const zone_base&) = delete;

    [[nodiscard]] status error() const { return error_; }
    [[nodiscard]] const geometry_type& geometry() const { return geometry_; }
    [[nodiscard]] std::span<const std::byte> metadata_memory() const { return memory_; }

    // ---- looking ----

    [[nodiscard]] frame_info state_of(frame f) const {
        const frame_index i = geometry_.index_of(f);
        if (!geometry_.contains(i)) return {.number = f};
        return with_zone_lock([&](zone_proof proof) { return state_of(proof, i); });
    }
    [[nodiscard]] frame_info state_of(zone_proof proof, frame_index i) const {
        const block_traits t = buddy_.traits(geometry_type::block_of(i));
        frame_info info{.number = geometry_.frame_at(i), .type = t.type()};
        info.block_isolated = t.has(block_traits::isolated);
        info.block_offline = t.has(block_traits::offline);
        info.block_reported = t.has(block_traits::reported);
        info.poison_pending = t.has(block_traits::poisoned) && parts_.buddy_parts.condemned.contains(i);
        if (t.has(block_traits::absent) || parts_.buddy_parts.holes.contains(i)) {
            info.state = frame_state::absent;
        } else if (t.has(block_traits::poisoned) && parts_.buddy_parts.poisoned.contains(i)) {
            info.state = frame_state::poisoned;
        } else if (buddy_.is_free(proof, i)) {
            info.state = t.has(block_traits::isolated)  ? frame_state::isolated
                         : t.has(block_traits::offline) ? frame_state::offline
                                                        : frame_state::free;
        } else if (const auto found = states_.allocation_of(i, Policy::max_order); found.found) {
            info.state = found.head == i ? frame_state::allocated : frame_state::tail;
            info.head = geometry_.frame_at(found.head);
            info.size = found.size;
            info.owner = tags_.of(found.head);
        } else {
            info.state = frame_state::cached;
        }
        return info;
    }

    // Returns: what the counters say, read one after the other. Locks: none.
    [[nodiscard]] zone_stats stats() const {
        return error_ == status::ok ? count(cached_runs()) : zone_stats{};
    }

    // ---- for the isolation layer ----

    // Effects: the run is an allocation, of nobody until its owner says so.
    CORDON_ALWAYS_INLINE void set_allocated(frame_index i, order k) {
        states_.set_head(i, k);
        tags_.set(i, owner_tag::none);
    }
    template <class F>
    auto with_zone_lock(F f) const {
        const zone_guard section{zone_lock_};
        return f(section.proof());
    }
    [[nodiscard]] const auto& zone_lock() const { return zone_lock_; }
    [[nodiscard]] auto& isolation_lock() { return isolation_lock_; }
    [[nodiscard]] buddy_type& blocks() { return buddy_; }
    [[nodiscard]] const buddy_type& blocks() const { return buddy_; }
    [[nodiscard]] caches_type& caches() { return caches_; }
    [[nodiscard]] sealed_list& sealed(zone_proof) { return sealed_; }
    [[nodiscard]] metadata& parts() { return parts_; }
    [[nodiscard]] auto& states() { return states_; }
    [[nodiscard]] auto& tags() { return tags_; }
    [[nodiscard]] const auto& annotator() const { return annotator_; }
    [[nodiscard]] std::uint32_t active_slots() const {
        return head_->active_slots.load(std::memory_order_relaxed);
    }

protected:
    explicit zone_base(pressure_callback pressure) : pressure_(pressure) {}
    ~zone_base() {
        annotator_.on_restore(geometry_.frames());
        Policy::metadata_memory::unmap(own_memory_);
    }

    // Returns: whether the zone lock was free and is held now; never for a lock that cannot try.
    [[nodiscard]] bool try_zone_lock() CORDON_TRY_ACQUIRE(true, zone_lock_) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if constexpr (try_lockable<typename Policy::zone_lock>)
            return zone_lock_.try_lock();
        else
            return false;
    }
    // Effects: makes the zone; one that cannot be made has no frames, and error() says why.
    void make(std::span<std::byte> memory, const zone_options& options, zone_origin origin) {
        if (const status e = try_make(memory, options, origin); e != status::ok) give_up(e);
    }
    void give_up(status why) {
        error_ = why;
        annotator_.on_restore(geometry_.frames());
        annotator_ = typename Policy::memory_annotator{};
        geometry_ = geometry_type{};
        caches_ = caches_type{};
        if constexpr (!metadata::states::enabled) caches_.close_nowhere();
    }
    status try_make(std::span<std::byte> memory, const zone_options& options, zone_origin origin) {
        using creation = zone_creation<Policy>;
        if (const status e = creation::check(options); e != status::ok) return e;
        const std::size_t bytes = creation::measure(options);
        if (origin == zone_origin::own_memory) memory = own_memory_ = Policy::metadata_memory::map(bytes);
        if (memory.size() < bytes || reinterpret_cast<std::uintptr_t>(memory.data()) % cache_line_bytes != 0)
            return status::no_metadata;
        memory_ = memory.first(bytes);
        lay_out(options);
        const status outcome = origin == zone_origin::metadata
                                   ? zone_attachment<Policy>::check(parts_, geometry_, options)
                                   : creation::populate(parts_, geometry_, buddy_, options);
        if (outcome != status::ok) return outcome;
        if (origin == zone_origin::metadata) zone_attachment<Policy>::open_gates(parts_);
        caches_.start(parts_.cache_slots);
        annotator_ = typename Policy::memory_annotator{options.frames, options.memory};
        annotator_.on_free(options.frames);
        for (const frame_range hole : options.holes)
            annotator_.on_restore(hole);
        return status::ok;
    }
    // Effects: each part of the zone knows its place in memory_. Reads and writes nothing there.
    void lay_out(const zone_options& options) {
        geometry_ = geometry_type{options.frames};
        parts_ = metadata{memory_.data(), geometry_, zone_creation<Policy>::hole_capacity(options),
                          options.max_poisoned};
        head_ = parts_.head;
        states_ = typename metadata::states{parts_.states_cells};
        tags_ = typename metadata::tags{parts_.tag_cells};
        buddy_ = buddy_type{geometry_, parts_.buddy_parts};
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE frame_range run_at(frame_index i, order k) const {
        return {geometry_.frame_at(i), k.frames()};
    }

    // Effects: tells the misuse handler. Requires: no lock held.
    void report(status what, frame f, order k) const {
        misuse_report message{what, k, state_of(f)};
        Policy::misuse_handler::on_misuse(message);
    }

    // Returns: what is wrong with freeing a run that is no head of that order.
    CORDON_COLD status misuse_of(frame_index i, order k) const;
    // Returns: what stands in the way of taking a run; busy, if it is no more than that a frame of it is in use.
    // Cost: O(blocks), and the frames of one.
    status why_not_free(zone_proof proof, frame_index i, order k) const;
    [[nodiscard]] frame_count cached_runs() const {
        std::uint64_t frames = 0;
        for (std::uint32_t s = 0; s != active_slots(); ++s)
            for (unsigned bin = 0; bin != bins::count; ++bin)
                frames += caches_.racy_count(slot_index{s}, bin) * bins::order_of(bin).frames().raw();
        return frame_count{frames};
    }
    [[nodiscard]] zone_stats count(frame_count cached) const;

    // Read by every operation, written once.
    geometry_type geometry_;
    caches_type caches_;
    typename metadata::states states_;
    [[no_unique_address]] typename Policy::memory_annotator annotator_;
    buddy_type buddy_;
    typename metadata::header* head_ = nullptr;
    status error_ = status::ok;
    typename metadata::tags tags_;
    pressure_callback pressure_;
    std::span<std::byte> memory_;
    std::span<std::byte> own_memory_;
    metadata parts_;
    sealed_list sealed_;
    // A line each: one is spun on, the other is not.
    alignas(cache_line_bytes) mutable typename Policy::zone_lock zone_lock_;
    alignas(cache_line_bytes) typename Policy::isolation_lock isolation_lock_;
};

template <zone_policy Policy>
status zone_base<Policy>::misuse_of(frame_index i, order k) const {
    if (error_ != status::ok || !geometry_.contains(i)) return status::foreign_frame;
    if (k.raw() > Policy::max_order) return status::invalid_order;
    switch (state_of(geometry_.frame_at(i)).state) {
    case frame_state::absent: return status::free_of_absent;
    case frame_state::free: return status::double_free;
    case frame_state::cached: return status::free_of_cached;
    case frame_state::tail: return status::free_of_tail;
    case frame_state::isolated: return status::free_of_isolated;
    case frame_state::offline: return status::free_of_offline;
    case frame_state::poisoned: return status::free_of_poisoned;
    default: break; // allocated
    }
    if (!geometry_.frame_at(i).is_aligned(k)) return status::misaligned_frame;
    return geometry_.contains(i, k) ? status::wrong_order : status::foreign_frame;
}

template <zone_policy Policy>
status zone_base<Policy>::why_not_free(zone_proof proof, frame_index i, order k) const {
    for (std::uint64_t n = 0; n < k.frames().raw();) {
        const frame_index at{static_cast<std::uint32_t>(i.raw() + n)};
        const block_index b = geometry_type::block_of(at);
        // The frames of most blocks are free or in use, which need not be looked at one by one.
        if (!buddy_.traits(b).has(block_traits::offline) && buddy_.missing_frames(proof, b) == 0) {
            n += geometry_type::block_frames;
            continue;
        }
        switch (state_of(proof, at).state) {
        case frame_state::absent: return status::absent;
        case frame_state::offline: return status::offline;
        case frame_state::poisoned: return status::poisoned;
        default: ++n;
        }
    }
    return status::busy;
}

template <zone_policy Policy>
zone_stats zone_base<Policy>::count(frame_count cached) const {
    const auto read = [](const auto& counter) {
        return frame_count{counter.load(std::memory_order_relaxed)};
    };
    const auto& counters = head_->count;
    zone_stats now;
    for (unsigned t = 0; t != migrate_types; ++t)
        now.free += now.free_of_type[t] = read(counters.free[t]);
    now.isolated_free = read(counters.isolated_free);
    now.offline = read(counters.offline);
    now.poisoned = read(counters.poisoned);
    now.cached = cached;
    now.managed =
        frame_count{std::uint64_t{geometry_.blocks()} * geometry_type::block_frames} - read(counters.absent);
    const frame_count rest = now.free + now.isolated_free + now.offline + now.poisoned + now.cached;
    now.allocated = now.managed > rest ? now.managed - rest : frame_count{};
    now.refills = head_->refills.load(std::memory_order_relaxed);
    now.spills = head_->spills.load(std::memory_order_relaxed);
    now.active_slots = active_slots();
    return now;
}

} // namespace cordon::inline v0
