// cordon/zone/zone_core.hpp - zone_core: allocate and free, and the steps that the isolation protocol is made of.
// SPDX-License-Identifier: BSL-1.0
//
// How an allocation looks for memory, cheapest first:
//
//     1  the thread's magazine                 the hit path; nothing shared is written
//     2  a batch from the zone                 one hold of the zone lock a batch
//     3  the caches of all threads, drained    one barrier; then, still with every cache closed,
//     4  blocks of other migrate types         in the same hold of the zone lock
//     5  the embedder's pressure callback      no lock held; then once more from 3
//
// Only then no_memory: an allocation does not fail while a cache or another type holds fitting frames.
//
// Locks, in the order in which they are taken: isolation lock (drainers, isolators, one at a time), gate, zone
// lock. The zone lock is innermost: nothing waits, calls out or takes a lock while holding it.
#pragma once

#include "cordon/buddy/buddy.hpp"
#include "cordon/cache/thread_cache.hpp"
#include "cordon/core/status.hpp"
#include "cordon/core/trace.hpp"
#include "cordon/sync/guard.hpp"
#include "cordon/zone/creation.hpp"
#include "cordon/zone/frame_info.hpp"
#include "cordon/zone/metadata.hpp"
#include "cordon/zone/options.hpp"
#include "cordon/zone/policy.hpp"
#include "cordon/zone/sealed_list.hpp"
#include "cordon/zone/stats.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <zone_policy Policy>
class zone_core {
public:
    using policy = Policy;
    using geometry_type = zone_geometry<Policy>;
    using buddy_type = buddy<Policy>;
    using caches_type = thread_caches<Policy>;
    using metadata = zone_metadata<Policy>;
    using bins = magazine_bins<Policy>;
    using entry = typename caches_type::entry;
    using filter = typename caches_type::filter;
    using trace = typename Policy::tracer;
    using zone_proof = held<typename Policy::zone_lock>;
    using isolation_proof = held<typename Policy::isolation_lock>;
    using zone_guard = guard<typename Policy::zone_lock>;
    using isolation_guard = guard<typename Policy::isolation_lock>;

    // Returns: the bytes of metadata that a zone with these options needs; 0 if the options are no good.
    [[nodiscard]] static std::size_t metadata_bytes(const zone_options& options) {
        return zone_creation<Policy>::check(options) == status::ok ? zone_creation<Policy>::measure(options)
                                                                   : 0;
    }

    // Effects: a zone over `memory`, which is zero bytes, aligned to a cache line; or over memory of the
    // policy's own source, if `memory` is empty. A zone that could not be made has no frames, and says why.
    zone_core(std::span<std::byte> memory, const zone_options& options)
        : pressure_(options.pressure), listener_(&on_thread_exit, &on_fork, this) {
        error_ = make(memory, options);
        if (error_ != status::ok) geometry_ = geometry_type{};
        Policy::thread_slots::attach(listener_);
    }
    ~zone_core() {
        Policy::thread_slots::detach(listener_);
        Policy::metadata_memory::unmap(own_memory_);
    }
    zone_core(const zone_core&) = delete;
    zone_core& operator=(const zone_core&) = delete;

    [[nodiscard]] status error() const { return error_; }
    [[nodiscard]] const geometry_type& geometry() const { return geometry_; }
    [[nodiscard]] std::span<const std::byte> metadata_memory() const { return memory_; }

    // ---- allocate ----

    // With the slot of the calling thread, or with one that the caller names; none works uncached.
    [[nodiscard]] CORDON_ALWAYS_INLINE result<frame> allocate(order k, migrate_type type) {
        frame_index i;
        if (hit(Policy::thread_slots::peek(), k, type, i)) [[likely]]
            return hand_out(i, k);
        return allocate_slow(k, type);
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE result<frame> allocate(slot_index s, order k, migrate_type type) {
        frame_index i;
        if (hit(s, k, type, i)) [[likely]]
            return hand_out(i, k);
        return allocate_slow(s, k, type);
    }

    // Effects: fills `out` with runs of order k, many under one hold of the zone lock. Returns: how many.
    std::uint64_t allocate_bulk(slot_index s, std::span<frame> out, order k, migrate_type type) {
        constexpr std::size_t runs_per_hold = 512;
        std::uint64_t done = 0;
        while (done != out.size() && k.raw() <= Policy::max_order && error_ == status::ok) {
            const std::size_t want = out.size() - done < runs_per_hold ? out.size() - done : runs_per_hold;
            const std::uint32_t n = take_batch(type, k, static_cast<std::uint32_t>(want), [&](frame_index i) {
                states_.set_head(i, k);
                out[done++] = geometry_.frame_at(i);
            });
            if (n != 0) continue;
            const result<frame> last = allocate(s, k, type);
            if (!last) break;
            out[done++] = *last;
        }
        return done;
    }

    // Effects: allocates exactly this run, out of the caches if need be. Returns: ok, busy if a frame of it is
    // in use, or what is wrong with it.
    [[nodiscard]] status allocate_exact(slot_index s, frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (k.raw() > Policy::max_order) return status::invalid_order;
        if (!geometry_.contains(i, k) || !f.is_aligned(k)) return status::invalid_range;
        const auto take = [&](zone_proof proof) {
            if (!buddy_.take_exact(proof, i, k.raw())) return why_not_free(proof, i, k);
            states_.set_head(i, k);
            return status::ok;
        };
        status outcome = with_zone_lock(take);
        if (outcome != status::busy) return outcome;
        if (caches_.is_inside(s)) return status::re_entered;
        const isolation_guard section{isolation_lock_};
        const filter run{i.raw(), std::uint64_t{i.raw()} + k.frames().raw()};
        const status drained = drain(section.proof(), run, gate_claim::draining, UINT64_MAX,
                                     [&] { outcome = with_zone_lock(take); });
        return drained == status::ok ? outcome : drained;
    }

    // ---- free ----

    // Returns: ok, or the misuse, with the zone unchanged.
    CORDON_ALWAYS_INLINE status try_free(frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (!owned(i, k)) [[unlikely]]
            return misuse_of(i, k);
        if (keep(Policy::thread_slots::peek(), i, k)) [[likely]]
            return status::ok;
        return free_slow(i, k);
    }
    CORDON_ALWAYS_INLINE status try_free(slot_index s, frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (!owned(i, k)) [[unlikely]]
            return misuse_of(i, k);
        if (keep(s, i, k)) [[likely]]
            return status::ok;
        return free_slow(s, i, k);
    }
    // The same; what is not ok goes to the misuse handler.
    CORDON_ALWAYS_INLINE void free(frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (!owned(i, k)) [[unlikely]]
            return refuse(i, k);
        if (!keep(Policy::thread_slots::peek(), i, k)) [[unlikely]]
            free_slow_or_report(i, k);
    }
    CORDON_ALWAYS_INLINE void free(slot_index s, frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (!owned(i, k)) [[unlikely]]
            return refuse(i, k);
        if (!keep(s, i, k)) [[unlikely]]
            free_slow_or_report(s, i, k);
    }
    // Effects: frees all of them, many under one hold of the zone lock; each that is no head of an allocation
    // of order k goes to the misuse handler and stays as it is.
    void free_bulk(std::span<const frame> frames, order k) {
        constexpr std::size_t runs_per_hold = 512;
        entry batch[runs_per_hold];
        std::size_t n = 0;
        for (const frame f : frames) {
            const frame_index i = geometry_.index_of(f);
            if (!geometry_.has_state(i) || !owned(i, k)) {
                refuse(i, k);
                continue;
            }
            states_.clear_head(i);
            batch[n++] = i.raw();
            if (n == runs_per_hold) {
                give_batch(k, std::span{batch, n});
                n = 0;
            }
        }
        if (n != 0) give_batch(k, std::span{batch, n});
    }
    void report(status what, frame f, order k) const {
        misuse_report message{what, k, state_of(f)};
        Policy::misuse_handler::on_misuse(message);
    }

    // ---- frame_source ----

    [[nodiscard]] CORDON_ALWAYS_INLINE block_traits traits(block_index b) const { return buddy_.traits(b); }

    template <class Out>
    std::uint32_t take_batch(migrate_type type, order k, std::uint32_t n, Out out) {
        frame_index last;
        const std::uint32_t taken = with_zone_lock([&](zone_proof proof) {
            bump(head_->refills);
            return buddy_.take(proof, type, k.raw(), n, [&](frame_index i) { out(last = i); });
        });
        if (taken != 0) trace::on(trace_event::refill, geometry_.frame_at(last), runs(taken, k));
        return taken;
    }
    // Effects: gives runs back; frames of order 0 that share a word of the map go there in one step. A run that
    // was free already (two threads freed it in one instant) goes to the misuse handler.
    void give_batch(order k, std::span<entry> entries) {
        frame_index twice;
        std::uint32_t wrong = 0;
        with_zone_lock([&](zone_proof proof) {
            bump(head_->spills);
            for (std::size_t e = 0; e != entries.size();) {
                if (e + prefetch_distance < entries.size())
                    buddy_.prefetch(frame_index{entries[e + prefetch_distance]});
                const frame_index i{entries[e]};
                if (give_some(proof, k, entries, e) == status::ok) continue;
                twice = i;
                ++wrong;
            }
        });
        trace::on(trace_event::spill, geometry_.frame_at(frame_index{entries[0]}),
                  runs(static_cast<std::uint32_t>(entries.size()), k));
        if (wrong != 0) report(status::double_free, geometry_.frame_at(twice), k);
    }
    // Effects: slots up to s are drained from now on. Returns: false while disable_caches is in force.
    bool activate(slot_index s) {
        return with_zone_lock([&](zone_proof) {
            const std::uint32_t before = head_->active_slots.load(std::memory_order_relaxed);
            for (std::uint32_t at = before; at <= s.raw(); ++at) {
                if (caches_.needs_lock()) caches_.claim(slot_index{at}, gate_claim::locked);
                if (head_->disabled != 0) caches_.claim(slot_index{at}, gate_claim::disabled);
            }
            if (s.raw() >= before) head_->active_slots.store(s.raw() + 1, std::memory_order_relaxed);
            return head_->disabled == 0;
        });
    }

    // ---- for the isolation layer ----

    template <class F>
    auto with_zone_lock(F f) const {
        const zone_guard section{zone_lock_};
        return f(section.proof());
    }
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
    [[nodiscard]] std::uint32_t active_slots() const {
        return head_->active_slots.load(std::memory_order_relaxed);
    }

    // Effects: takes the runs of the filter out of all caches, and calls work() while every cache is closed.
    // Requires: the caller is not inside its own gate. Cost: one barrier, and the cached runs.
    template <class Work>
    status drain(isolation_proof, filter taken, gate_claim why, std::uint64_t until_ns, Work work) {
        // Read under the zone lock: a slot that becomes active later does so after what the caller wrote
        // under that lock, and sees it.
        const std::uint32_t active = with_zone_lock([&](zone_proof) { return active_slots(); });
        trace::on(trace_event::drain, geometry_.frames().first(), frame_count{taken.end - taken.first});
        return caches_.drain(active, taken, why, until_ns, *this, work);
    }

    // Effects: empties and closes all caches until enable_caches; nests.
    status disable_caches(isolation_proof proof, std::uint64_t until_ns) {
        const std::uint32_t before = with_zone_lock([&](zone_proof) { return head_->disabled++; });
        const status outcome =
            before != 0 ? status::ok : drain(proof, filter{}, gate_claim::disabled, until_ns, [] {});
        if (outcome != status::ok) enable_caches(proof);
        return outcome;
    }
    void enable_caches(isolation_proof) {
        with_zone_lock([&](zone_proof) {
            if (--head_->disabled == 0) caches_.release(active_slots(), gate_claim::disabled);
        });
    }

    [[nodiscard]] frame_info state_of(frame f) const {
        const frame_index i = geometry_.index_of(f);
        if (!geometry_.contains(i)) return {.number = f};
        return with_zone_lock([&](zone_proof proof) { return state_of(proof, i); });
    }
    [[nodiscard]] frame_info state_of(zone_proof proof, frame_index i) const {
        const block_traits t = buddy_.traits(geometry_type::block_of(i));
        frame_info info{.number = geometry_.frame_at(i), .type = t.type()};
        info.block_isolated = t.has(block_traits::isolated);
        info.poison_pending = t.has(block_traits::poisoned) && parts_.condemned_table.contains(i);
        if (t.has(block_traits::absent) || (t.has(block_traits::partial) && parts_.hole_table.contains(i))) {
            info.state = frame_state::absent;
        } else if (t.has(block_traits::poisoned) && parts_.poisoned_table.contains(i)) {
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
    // Returns: the same with every cache closed and the zone locked for a moment: the sums are exact.
    result<zone_stats> exact_stats(slot_index s) {
        if (error_ != status::ok) return zone_stats{};
        if (caches_.is_inside(s)) return status::re_entered;
        const isolation_guard section{isolation_lock_};
        zone_stats exact;
        const status outcome =
            drain(section.proof(), filter::nothing(), gate_claim::draining, UINT64_MAX,
                  [&] { with_zone_lock([&](zone_proof) { exact = count(cached_runs()); }); });
        return outcome == status::ok ? result<zone_stats>{exact} : result<zone_stats>{outcome};
    }

private:
    static constexpr std::size_t prefetch_distance = 8;

    static frame_count runs(std::uint32_t n, order k) { return frame_count{n * k.frames().raw()}; }
    static void bump(auto& counter) {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    status make(std::span<std::byte> memory, const zone_options& options) {
        using creation = zone_creation<Policy>;
        if (const status e = creation::check(options); e != status::ok) return e;
        const std::size_t bytes = creation::measure(options);
        if (memory.empty()) memory = own_memory_ = Policy::metadata_memory::map(bytes);
        if (memory.size() < bytes || reinterpret_cast<std::uintptr_t>(memory.data()) % cache_line_bytes != 0)
            return status::no_metadata;
        memory_ = memory.first(bytes);
        geometry_ = geometry_type{options.frames};
        parts_ = metadata{memory.data(), geometry_, creation::hole_capacity(options), options.max_poisoned};
        head_ = parts_.head;
        states_ = typename metadata::states{parts_.states_cells};
        tags_ = typename metadata::tags{parts_.tag_cells};
        parts_.parts.holes = &parts_.hole_table;
        parts_.parts.poisoned = &parts_.poisoned_table;
        parts_.parts.condemned = &parts_.condemned_table;
        buddy_ = buddy_type{geometry_, parts_.parts};
        caches_.start(parts_.cache_slots);
        return creation::populate(parts_, geometry_, buddy_, options);
    }

    // ---- hit paths ----

    CORDON_ALWAYS_INLINE bool hit(slot_index s, order k, migrate_type type, frame_index& out) {
        const unsigned bin = bins::of(k, type);
        return bin != bins::none && caches_.pop(s, bin, out);
    }
    CORDON_ALWAYS_INLINE bool keep(slot_index s, frame_index i, order k) {
        states_.clear_head(i);
        return bins::of(k, migrate_type::movable) != bins::none && caches_.push(s, k, i, *this);
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE bool owned(frame_index i, order k) const {
        return !metadata::states::enabled || (geometry_.has_state(i) && states_.is_head(i, k));
    }
    // Returns: a run that was popped or taken, as its owner's.
    CORDON_ALWAYS_INLINE result<frame> hand_out(frame_index i, order k) {
        states_.set_head(i, k);
        return geometry_.frame_at(i);
    }

    // ---- slow paths ----

    CORDON_COLD result<frame> allocate_slow(order k, migrate_type type) {
        return allocate_slow(Policy::thread_slots::current(), k, type);
    }
    CORDON_COLD result<frame> allocate_slow(slot_index s, order k, migrate_type type);
    CORDON_COLD status free_slow(frame_index i, order k) {
        return free_slow(Policy::thread_slots::current(), i, k);
    }
    CORDON_COLD status free_slow(slot_index s, frame_index i, order k);
    CORDON_COLD status misuse_of(frame_index i, order k) const;
    CORDON_COLD void refuse(frame_index i, order k) const {
        report(misuse_of(i, k), geometry_.frame_at(i), k);
    }
    CORDON_COLD void free_slow_or_report(frame_index i, order k) {
        free_slow_or_report(Policy::thread_slots::current(), i, k);
    }
    CORDON_COLD void free_slow_or_report(slot_index s, frame_index i, order k) {
        if (const status outcome = free_slow(s, i, k); outcome != status::ok)
            report(outcome, geometry_.frame_at(i), k);
    }
    status why_not_free(zone_proof proof, frame_index i, order k) const;

    bool take_one(zone_proof proof, order k, migrate_type type, frame_index& out) {
        return buddy_.take(proof, type, k.raw(), 1, [&](frame_index i) { out = i; }) != 0;
    }
    bool steal_one(zone_proof proof, order k, migrate_type type, frame_index& out) {
        return buddy_.steal(proof, type, k.raw(), [&](frame_index i) { out = i; }) != 0;
    }
    bool take_anywhere(slot_index s, order k, migrate_type type, frame_index& out);

    // Effects: gives entries[at] back, with those behind it that lie in the same word; moves `at` behind them.
    CORDON_ALWAYS_INLINE status give_some(zone_proof proof, order k, std::span<entry> entries,
                                          std::size_t& at) {
        const frame_index first{entries[at++]};
        if (k.raw() != 0) return buddy_.give(proof, first, k.raw());
        const std::uint32_t word = first.raw() / 64;
        std::uint64_t bits = 1ull << (first.raw() % 64);
        std::uint32_t n = 1;
        for (std::uint32_t next; at != entries.size() && (next = entries[at]) / 64 == word; ++at, ++n) {
            const std::uint64_t bit = 1ull << (next % 64);
            if ((bits & bit) != 0) break; // twice in one batch: the next step finds it
            bits |= bit;
        }
        const status outcome = buddy_.give_word(proof, frame_index{word * 64}, bits, n, 0);
        if (outcome == status::ok || n == 1) [[likely]]
            return outcome;
        return give_apart(proof, frame_index{word * 64}, bits);
    }
    // One of several was free already: one by one, so that the others come back.
    CORDON_COLD status give_apart(zone_proof proof, frame_index first, std::uint64_t bits) {
        status worst = status::ok;
        for (; bits != 0; bits &= bits - 1)
            if (buddy_.give_word(proof, first, bits & (0 - bits), 1, 0) != status::ok)
                worst = status::double_free;
        return worst;
    }

    [[nodiscard]] frame_count cached_runs() const {
        std::uint64_t frames = 0;
        for (std::uint32_t s = 0; s != active_slots(); ++s)
            for (unsigned bin = 0; bin != bins::count; ++bin)
                frames += caches_.racy_count(slot_index{s}, bin) * bins::order_of(bin).frames().raw();
        return frame_count{frames};
    }
    [[nodiscard]] zone_stats count(frame_count cached) const;

    static void on_thread_exit(void* self, slot_index s) noexcept;
    static void on_fork(void* self, fork_phase phase, slot_index current) noexcept;

    // Read by every operation, written once.
    geometry_type geometry_;
    caches_type caches_;
    typename metadata::states states_;
    buddy_type buddy_;
    typename metadata::header* head_ = nullptr;
    status error_ = status::ok;
    typename metadata::tags tags_;
    pressure_callback pressure_;
    std::span<std::byte> memory_;
    std::span<std::byte> own_memory_;
    metadata parts_;
    typename Policy::thread_slots::listener listener_;
    sealed_list sealed_;
    bool fork_quiesced_ = false;
    // A line each: one is spun on, the other is not.
    alignas(cache_line_bytes) mutable typename Policy::zone_lock zone_lock_;
    alignas(cache_line_bytes) typename Policy::isolation_lock isolation_lock_;
};

template <zone_policy Policy>
result<frame> zone_core<Policy>::allocate_slow(slot_index s, order k, migrate_type type) {
    if (error_ != status::ok) return error_;
    if (k.raw() > Policy::max_order) return status::invalid_order;
    frame_index i;
    if (caches_.is_inside(s)) {
        // A signal handler that interrupted its own thread: the zone lock may be held below us.
        if (!zone_lock_.try_lock()) return status::re_entered;
        const zone_guard section{zone_lock_, adopt_lock};
        return take_one(section.proof(), k, type, i) ? hand_out(i, k) : result<frame>{status::no_memory};
    }
    const unsigned bin = bins::of(k, type);
    if (!s.is_none() && bin != bins::none && caches_.pop_slow(s, bin, i, *this)) return hand_out(i, k);
    if (take_batch(type, k, 1, [&](frame_index taken) { i = taken; }) != 0) return hand_out(i, k);
    while (!take_anywhere(s, k, type, i)) {
        if (pressure_.call != nullptr && pressure_.call(pressure_.context, k, type)) continue;
        trace::on(trace_event::no_memory, frame{}, k.frames());
        return status::no_memory;
    }
    return hand_out(i, k);
}

// Steps 3 and 4 of the search. If the barrier is refused, the other threads' caches keep what they have.
template <zone_policy Policy>
bool zone_core<Policy>::take_anywhere(slot_index s, order k, migrate_type type, frame_index& out) {
    bool stolen = false;
    const auto take = [&] {
        return with_zone_lock([&](zone_proof proof) {
            return take_one(proof, k, type, out) || (stolen = steal_one(proof, k, type, out));
        });
    };
    bool found = false;
    if (caches_.may_hold(active_slots())) {
        const isolation_guard section{isolation_lock_};
        if (!s.is_none() && s.raw() < active_slots()) caches_.hand_back(s, *this);
        if (drain(section.proof(), filter{}, gate_claim::draining, UINT64_MAX, [&] { found = take(); }) !=
            status::ok)
            found = take();
    } else {
        found = take();
    }
    if (stolen) trace::on(trace_event::steal, geometry_.frame_at(out), k.frames());
    return found;
}

template <zone_policy Policy>
status zone_core<Policy>::free_slow(slot_index s, frame_index i, order k) {
    if constexpr (!metadata::states::enabled)
        if (!geometry_.contains(i, k) || k.raw() > Policy::max_order) return misuse_of(i, k);
    status outcome = status::ok;
    if (caches_.is_inside(s)) {
        if (!zone_lock_.try_lock()) {
            states_.set_head(i, k);
            return status::re_entered;
        }
        const zone_guard section{zone_lock_, adopt_lock};
        outcome = buddy_.give(section.proof(), i, k.raw());
    } else {
        if (!s.is_none() && bins::of(k, migrate_type::movable) != bins::none &&
            caches_.push_slow(s, k, i, *this))
            return status::ok;
        outcome = with_zone_lock([&](zone_proof proof) { return buddy_.give(proof, i, k.raw()); });
    }
    return outcome;
}

template <zone_policy Policy>
status zone_core<Policy>::misuse_of(frame_index i, order k) const {
    if (error_ != status::ok || !geometry_.contains(i)) return status::foreign_frame;
    if (k.raw() > Policy::max_order) return status::invalid_order;
    switch (state_of(geometry_.frame_at(i)).state) {
    case frame_state::foreign: return status::foreign_frame;
    case frame_state::absent: return status::free_of_absent;
    case frame_state::free: return status::double_free;
    case frame_state::cached: return status::free_of_cached;
    case frame_state::allocated: break;
    case frame_state::tail: return status::free_of_tail;
    case frame_state::isolated: return status::free_of_isolated;
    case frame_state::offline: return status::free_of_offline;
    case frame_state::poisoned: return status::free_of_poisoned;
    }
    if (!geometry_.frame_at(i).is_aligned(k)) return status::misaligned_frame;
    return geometry_.contains(i, k) ? status::wrong_order : status::foreign_frame;
}

// Returns: ok if taking a run failed although all of it is free (never), or what stands in the way.
template <zone_policy Policy>
status zone_core<Policy>::why_not_free(zone_proof proof, frame_index i, order k) const {
    for (std::uint64_t n = 0; n != k.frames().raw(); ++n)
        switch (state_of(proof, frame_index{static_cast<std::uint32_t>(i.raw() + n)}).state) {
        case frame_state::absent: return status::absent;
        case frame_state::offline: return status::offline;
        case frame_state::poisoned: return status::poisoned;
        default: break;
        }
    return status::busy;
}

template <zone_policy Policy>
zone_stats zone_core<Policy>::count(frame_count cached) const {
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

template <zone_policy Policy>
void zone_core<Policy>::on_thread_exit(void* self, slot_index s) noexcept {
    auto& engine = *static_cast<zone_core*>(self);
    if (engine.error_ != status::ok || s.raw() >= engine.active_slots()) return;
    const isolation_guard section{engine.isolation_lock_};
    engine.caches_.hand_back(s, engine);
}

// A fork takes the zone at rest: every owner outside its gate, every cache empty, both locks held by the forking
// thread. So the child's copy is whole, although the threads that its caches belonged to are gone. Without a
// barrier to bring that about, what other threads had in their hands at that instant is lost to the child.
template <zone_policy Policy>
void zone_core<Policy>::on_fork(void* self, fork_phase phase,
                                slot_index) noexcept CORDON_NO_THREAD_SAFETY_ANALYSIS {
    auto& engine = *static_cast<zone_core*>(self);
    if (engine.error_ != status::ok) return;
    if (phase == fork_phase::prepare) {
        {
            const isolation_guard section{engine.isolation_lock_};
            engine.fork_quiesced_ =
                engine.drain(section.proof(), filter{}, gate_claim::forking, UINT64_MAX, [] {}) == status::ok;
        }
        engine.isolation_lock_.lock();
        engine.zone_lock_.lock();
        return;
    }
    if (engine.fork_quiesced_)
        engine.caches_.release(engine.active_slots(), gate_claim::forking);
    else if (phase == fork_phase::child)
        engine.caches_.abandon(engine.active_slots());
    engine.zone_lock_.unlock();
    engine.isolation_lock_.unlock();
}

} // namespace cordon::inline v0
