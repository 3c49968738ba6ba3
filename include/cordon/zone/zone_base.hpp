// cordon/zone/zone_base.hpp - zone_base: the parts of a zone, its locks, and what is done under the zone lock.
// SPDX-License-Identifier: BSL-1.0
//
// Locks, in the order in which they are taken: isolation lock (drainers and isolators, one at a time), gate, zone
// lock. The zone lock is innermost: nothing waits, calls out or takes a lock while holding it.
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/cache/thread_cache.hpp"
#include "cordon/core/status.hpp"
#include "cordon/core/trace.hpp"
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

    // ---- frame_source, but for activate ----

    [[nodiscard]] CORDON_ALWAYS_INLINE block_traits traits(block_index b) const { return buddy_.traits(b); }

    template <class Out>
    std::uint32_t take_batch(migrate_type type, order k, std::uint32_t n, Out out) {
        return k.raw() == 0 ? take_frames(type, n, out) : take_runs(type, k, n, out);
    }
    // Effects: one run, for who has no cache to fill. Returns: false if there is none.
    bool take_run(migrate_type type, order k, frame_index& out) {
        const bool found = with_zone_lock([&](zone_proof proof) {
            bump(head_->refills);
            return buddy_.take_one(proof, type, k.raw(), out);
        });
        if (found) trace::on(trace_event::refill, geometry_.frame_at(out), runs(1, k));
        return found;
    }
    // Effects: gives runs back. Each that was free already (two threads freed it in one instant) goes to the misuse
    // handler.
    void give_batch(order k, std::span<const entry> entries) {
        if (k.raw() == 0)
            give_frames(entries);
        else
            give_runs(k, entries);
        trace::on(trace_event::spill, geometry_.frame_at(frame_index{entries[0]}),
                  runs(static_cast<std::uint32_t>(entries.size()), k));
    }

    // Effects: the run is an allocation, of nobody until its owner says so.
    CORDON_ALWAYS_INLINE void set_allocated(frame_index i, order k) {
        states_.set_head(i, k);
        tags_.set(i, owner_tag::none);
    }

    // ---- for the isolation layer ----

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
    [[nodiscard]] const caches_type& caches() const { return caches_; }
    [[nodiscard]] sealed_list& sealed(zone_proof) { return sealed_; }
    [[nodiscard]] metadata& parts() { return parts_; }
    [[nodiscard]] auto& states() { return states_; }
    [[nodiscard]] auto& tags() { return tags_; }
    [[nodiscard]] const auto& tags() const { return tags_; }
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
        geometry_ = geometry_type{};
        caches_ = caches_type{};
    }
    status try_make(std::span<std::byte> memory, const zone_options& options, zone_origin origin) {
        using creation = zone_creation<Policy>;
        if (const status e = creation::check(options); e != status::ok) return e;
        const std::size_t bytes = creation::measure(options);
        if (memory.empty() && origin == zone_origin::zero_bytes)
            memory = own_memory_ = Policy::metadata_memory::map(bytes);
        if (memory.size() < bytes || reinterpret_cast<std::uintptr_t>(memory.data()) % cache_line_bytes != 0)
            return status::no_metadata;
        memory_ = memory.first(bytes);
        lay_out(options);
        const status outcome = origin == zone_origin::zero_bytes
                                   ? creation::populate(parts_, geometry_, buddy_, options)
                                   : zone_attachment<Policy>::check(parts_, geometry_, options);
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

private:
    static frame_count runs(std::uint32_t n, order k) { return frame_count{n * k.frames().raw()}; }
    static void bump(auto& counter) {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    template <class Out>
    std::uint32_t take_runs(migrate_type type, order k, std::uint32_t n, Out out) {
        frame_index last;
        const std::uint32_t taken = with_zone_lock([&](zone_proof proof) {
            bump(head_->refills);
            return buddy_.take(proof, type, k.raw(), n, [&](frame_index i) { out(last = i); });
        });
        if (taken != 0) trace::on(trace_event::refill, geometry_.frame_at(last), runs(taken, k));
        return taken;
    }
    // Single frames leave as words, and become frames when the lock is dropped.
    template <class Out>
    std::uint32_t take_frames(migrate_type type, std::uint32_t n, Out out) {
        frame_words words;
        const std::uint32_t taken = with_zone_lock([&](zone_proof proof) {
            bump(head_->refills);
            return buddy_.take_words(proof, type, n < words.capacity ? n : words.capacity, words);
        });
        for (const frame_word& word : words)
            word.spread(out);
        if (taken != 0)
            trace::on(trace_event::refill, geometry_.frame_at(words.begin()->first), frame_count{taken});
        return taken;
    }

    // Each run that was free already is told with the lock dropped; then the others follow.
    void give_runs(order k, std::span<const entry> entries) {
        for (auto next = entries.begin(); next != entries.end();) {
            const bool wrong = with_zone_lock([&](zone_proof proof) {
                bump(head_->spills);
                while (next != entries.end() && buddy_.give(proof, frame_index{*next}, k.raw()) == status::ok)
                    ++next;
                return next != entries.end();
            });
            if (wrong) report(status::double_free, geometry_.frame_at(frame_index{*next++}), k);
        }
    }
    void give_frames(std::span<const entry> entries) {
        for (std::size_t at = 0; at != entries.size();) {
            frame_words words;
            at = words.gather(entries.data(), at, entries.size(), [&](frame_index i) { buddy_.prefetch(i); });
            for (const frame_word* next = words.begin(); next != words.end();) {
                next = with_zone_lock([&](zone_proof proof) {
                    bump(head_->spills);
                    return buddy_.give_words(proof, next, words.end());
                });
                if (next != words.end()) [[unlikely]]
                    give_apart(*next++);
            }
        }
    }
    // One of the word was free already: one by one, so that the others come back, and each that was is told.
    CORDON_COLD void give_apart(const frame_word& word) {
        word.spread([&](frame_index i) {
            const status given = with_zone_lock([&](zone_proof proof) { return buddy_.give(proof, i, 0); });
            if (given != status::ok) report(given, geometry_.frame_at(i), order{0});
        });
    }
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
