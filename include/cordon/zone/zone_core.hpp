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
#pragma once

#include "cordon/sync/observed_lock.hpp"
#include "cordon/sync/timed_lock.hpp"
#include "cordon/zone/zone_source.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace cordon::inline v0 {

template <zone_policy Policy>
class zone_core : public zone_source<Policy> {
    using base = zone_source<Policy>;

public:
    using base::active_slots;
    using base::give_batch;
    using base::set_allocated;
    using base::take_batch;
    using base::take_run;
    using base::with_zone_lock;
    using typename base::bins;
    using typename base::entry;
    using typename base::filter;
    using typename base::isolation_guard;
    using typename base::isolation_proof;
    using typename base::metadata;
    using typename base::no_work;
    using typename base::trace;
    using typename base::zone_guard;
    using typename base::zone_proof;

    // Returns: the bytes of metadata that a zone with these options needs; 0 if the options are no good.
    [[nodiscard]] static constexpr std::size_t metadata_bytes(const zone_options& options) {
        return zone_creation<Policy>::check(options) == status::ok ? zone_creation<Policy>::measure(options)
                                                                   : 0;
    }

    // Effects: a zone over `memory`, which is aligned to a cache line; or over memory of the policy's own source. A zone
    // that could not be made has no frames, and says why. With zone_origin::metadata adopt() is to follow, and until then
    // the zone hears of no thread that exits and of no fork: it would follow what unchecked bytes say.
    zone_core(std::span<std::byte> memory, const zone_options& options, zone_origin origin)
        : base(options.pressure), listener_(&on_thread_exit, &on_fork, this) {
        this->make(memory, options, origin);
        if (caches_.needs_lock())
            for (std::uint32_t s = 0; error_ == status::ok && s != active_slots(); ++s)
                caches_.claim(slot_index{s}, gate_claim::locked);
        if (origin != zone_origin::metadata) Policy::thread_slots::attach(listener_);
    }
    ~zone_core() {
        Policy::thread_slots::detach(listener_);
        sealed_.abandon([&](const sealed_blocks& left) {
            Policy::misuse_handler::on_misuse(
                {.what = status::outlives_zone,
                 .isolated = geometry_.frames_of(left.blocks.first, left.blocks.count)
                                 .intersection(geometry_.frames()),
                 .isolator = left.owner});
        });
    }

    // Effects: the second half of attaching, for metadata that a walk (inspect/validate.hpp) found to be ok: what caches
    // held is free, since the threads are gone, and what was sealed is open. Else the zone is none, as `walked` says.
    void adopt(status walked);

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
    std::size_t allocate_bulk(slot_index s, std::span<frame> out, order k, migrate_type type) {
        std::size_t done = 0;
        while (done != out.size() && k.raw() <= Policy::max_order && error_ == status::ok) {
            const std::size_t left = out.size() - done;
            const std::size_t want = left < runs_per_hold(k) ? left : runs_per_hold(k);
            const std::uint32_t n = take_batch(type, k, static_cast<std::uint32_t>(want), [&](frame_index i) {
                set_allocated(i, k);
                out[done++] = geometry_.frame_at(i);
            });
            for (const frame f : out.subspan(done - n, n))
                annotator_.on_allocate({f, k.frames()});
            if (n != 0) continue;
            bulk_in_doubt taken{*this, out.first(done), k}; // the pressure callback may throw
            const result<frame> last = allocate(s, k, type);
            taken.runs = {};
            if (!last) break;
            out[done++] = *last;
        }
        return done;
    }

    // Effects: allocates exactly this run, out of the caches if need be. Returns: ok, busy if a frame of it is
    // in use, or what is wrong with it.
    [[nodiscard]] status allocate_exact(slot_index s, frame f, order k) {
        const frame_index i = geometry_.index_of(f);
        if (error_ != status::ok) return error_;
        if (k.raw() > Policy::max_order) return status::invalid_order;
        if (!geometry_.contains(i, k) || !f.is_aligned(k)) return status::invalid_range;
        const auto take = [&](zone_proof proof) {
            if (!buddy_.take_exact(proof, i, k.raw())) return why_not_free(proof, i, k);
            set_allocated(i, k);
            annotator_.on_allocate({f, k.frames()});
            return status::ok;
        };
        status outcome = with_zone_lock(take);
        if (outcome != status::busy) return outcome;
        if (caches_.is_entered(s)) return status::re_entered;
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
        entry batch[most_per_hold];
        std::size_t n = 0;
        for (const frame f : frames) {
            const frame_index i = geometry_.index_of(f);
            if (!owned(i, k) || !is_run(i, k)) {
                refuse(i, k);
                continue;
            }
            states_.clear_head(i);
            annotator_.on_free({f, k.frames()});
            batch[n++] = i.raw();
            if (n == runs_per_hold(k)) {
                give_batch(k, std::span<const entry>{batch, n});
                n = 0;
            }
        }
        if (n != 0) give_batch(k, std::span<const entry>{batch, n});
    }

    // ---- for the isolation layer ----

    // Effects: takes the runs of the filter out of all caches, and calls work() while every cache is closed.
    // Requires: the caller is not inside its own gate. Cost: one barrier, and the cached runs.
    template <class Work>
    status drain(isolation_proof, filter taken, gate_claim why, std::uint64_t until_ns, Work work) {
        // Read under the zone lock: a slot that becomes active later does so after what the caller wrote
        // under that lock, and sees it.
        const std::uint32_t active = with_zone_lock([&](zone_proof) { return active_slots(); });
        if (taken.takes_all())
            trace::on(trace_event::drain, geometry_.frames().first(), geometry_.frames().count());
        else
            trace::on(trace_event::drain, geometry_.frame_at(frame_index{taken.first_run()}), taken.frames());
        return caches_.drain(active, taken, why, until_ns, *this, work);
    }

    // The same for a caller without the isolation lock. Returns: timed_out and re_entered, too.
    status drain(slot_index self, filter taken, std::uint64_t until_ns) {
        if (caches_.is_entered(self)) return status::re_entered;
        if (!lock_until<typename Policy::clock, typename Policy::backoff>(isolation_lock_, until_ns))
            return status::timed_out;
        const isolation_guard section{isolation_lock_, adopt_lock};
        return drain(section.proof(), taken, gate_claim::draining, until_ns, no_work{});
    }

    // Effects: empties and closes all caches until enable_caches; nests.
    status disable_caches(isolation_proof proof, std::uint64_t until_ns) {
        const std::uint32_t before = with_zone_lock([&](zone_proof) { return head_->disabled++; });
        const status outcome =
            before != 0 ? status::ok : drain(proof, filter{}, gate_claim::disabled, until_ns, no_work{});
        if (outcome != status::ok) enable_caches(proof);
        return outcome;
    }
    void enable_caches(isolation_proof) {
        with_zone_lock([&](zone_proof) {
            if (--head_->disabled == 0) caches_.release(active_slots(), gate_claim::disabled);
        });
    }

    // Returns: what stats() does, with every cache closed and the zone locked for a moment: the sums are exact.
    result<zone_stats> exact_stats(slot_index s) {
        if (error_ != status::ok) return error_;
        if (caches_.is_entered(s)) return status::re_entered;
        const isolation_guard section{isolation_lock_};
        zone_stats exact;
        const status outcome =
            drain(section.proof(), filter::nothing(), gate_claim::draining, UINT64_MAX,
                  [&] { with_zone_lock([&](zone_proof) { exact = count(cached_runs()); }); });
        return outcome == status::ok ? result<zone_stats>{exact} : result<zone_stats>{outcome};
    }

private:
    // Of the bulk calls: as a magazine that is full, or as many blocks. It bounds how long others wait for the zone lock.
    static constexpr std::size_t most_per_hold = 512;
    [[nodiscard]] static constexpr std::size_t runs_per_hold(order k) {
        const unsigned blocks =
            k.raw() > Policy::pageblock_order ? k.raw() - Policy::pageblock_order : 0; // 2^blocks
        return most_per_hold >> blocks;
    }

    // What goes back when an exception leaves a bulk allocation: its caller would not hear how many runs it owns.
    struct bulk_in_doubt {
        zone_core& engine;
        std::span<const frame> runs;
        order size;
        ~bulk_in_doubt() { engine.free_bulk(runs, size); }
    };

    // ---- hit paths ----

    CORDON_ALWAYS_INLINE bool hit(slot_index s, order k, migrate_type type, frame_index& out) {
        const unsigned bin = bins::of(k, type);
        return bin != bins::none && caches_.pop(s, bin, out);
    }
    CORDON_ALWAYS_INLINE bool keep(slot_index s, frame_index i, order k) {
        states_.clear_head(i);
        annotator_.on_free(run_at(i, k));
        return bins::of(k, migrate_type::movable) != bins::none && caches_.push(s, k, i, *this);
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE bool owned(frame_index i, order k) const {
        return !metadata::states::enabled || (geometry_.has_state(i) && states_.is_head(i, k));
    }
    // Returns: whether the run is one of the zone: what the slow paths ask where no state byte has told.
    [[nodiscard]] bool is_run(frame_index i, order k) const {
        return metadata::states::enabled || (k.raw() <= Policy::max_order && geometry_.contains(i, k) &&
                                             geometry_.frame_at(i).is_aligned(k));
    }
    // Returns: a run that was popped or taken, as its owner's.
    CORDON_ALWAYS_INLINE result<frame> hand_out(frame_index i, order k) {
        set_allocated(i, k);
        annotator_.on_allocate(run_at(i, k));
        return geometry_.frame_at(i);
    }

    // ---- slow paths ----

    CORDON_NO_INLINE result<frame> allocate_slow(order k, migrate_type type) {
        return allocate_slow(Policy::thread_slots::current(), k, type);
    }
    CORDON_NO_INLINE result<frame> allocate_slow(slot_index s, order k, migrate_type type);
    CORDON_NO_INLINE status free_slow(frame_index i, order k) {
        return free_slow(Policy::thread_slots::current(), i, k);
    }
    CORDON_NO_INLINE status free_slow(slot_index s, frame_index i, order k);
    CORDON_NO_INLINE void refuse(frame_index i, order k) const {
        report(misuse_of(i, k), geometry_.frame_at(i), k);
    }
    CORDON_NO_INLINE void free_slow_or_report(frame_index i, order k) {
        free_slow_or_report(Policy::thread_slots::current(), i, k);
    }
    CORDON_NO_INLINE void free_slow_or_report(slot_index s, frame_index i, order k) {
        if (const status outcome = free_slow(s, i, k); outcome != status::ok)
            report(outcome, geometry_.frame_at(i), k);
    }

    bool steal_one(zone_proof proof, order k, migrate_type type, frame_index& out) {
        return buddy_.steal(proof, type, k.raw(), [&](frame_index i) { out = i; }) != 0;
    }
    bool take_anywhere(slot_index s, order k, migrate_type type, frame_index& out);
    status settle();
    [[nodiscard]] bool allocations_are_all_that_is_used(zone_proof) const;

    static void on_thread_exit(void* self, slot_index s) noexcept;
    static void on_fork(void* self, fork_phase phase, slot_index current) noexcept;

    using base::annotator_;
    using base::buddy_;
    using base::cached_runs;
    using base::caches_;
    using base::count;
    using base::error_;
    using base::geometry_;
    using base::head_;
    using base::isolation_lock_;
    using base::misuse_of;
    using base::pressure_;
    using base::report;
    using base::run_at;
    using base::sealed_;
    using base::states_;
    using base::why_not_free;
    using base::zone_lock_;

    typename Policy::thread_slots::listener listener_;
    bool fork_quiesced_ = false;
};

template <zone_policy Policy>
result<frame> zone_core<Policy>::allocate_slow(slot_index s, order k, migrate_type type) {
    if (error_ != status::ok) return error_;
    if (k.raw() > Policy::max_order) return status::invalid_order;
    frame_index i;
    if (caches_.is_entered(s)) {
        // A signal handler that interrupted its own thread: the zone lock may be held below us.
        if (!this->try_zone_lock()) return status::re_entered;
        const zone_guard section{zone_lock_, adopt_lock};
        return buddy_.take_one(section.proof(), type, k.raw(), i) ? hand_out(i, k)
                                                                  : result<frame>{status::no_memory};
    }
    const unsigned bin = bins::of(k, type);
    if (!s.is_none() && bin != bins::none && caches_.pop_slow(s, bin, i, *this)) return hand_out(i, k);
    if (caches_.go_past(s, [&] { return take_run(type, k, i); })) return hand_out(i, k);
    while (!take_anywhere(s, k, type, i)) {
        if (pressure_.call != nullptr && pressure_.call(pressure_.context, k, type)) continue;
        trace::on(trace_event::no_memory, frame{}, k.frames());
        return status::no_memory;
    }
    return hand_out(i, k);
}

// Steps 3 and 4 of the search, beside the cache: a signal handler must not wait for the locks that they hold. If the
// barrier is refused, the other threads' caches keep what they have; its own does not.
template <zone_policy Policy>
bool zone_core<Policy>::take_anywhere(slot_index s, order k, migrate_type type, frame_index& out) {
    bool stolen = false;
    const auto take = [&] {
        return with_zone_lock([&](zone_proof proof) {
            return buddy_.take_one(proof, type, k.raw(), out) || (stolen = steal_one(proof, k, type, out));
        });
    };
    if (!s.is_none() && s.raw() < active_slots()) caches_.hand_back(s, *this);
    const bool found = caches_.go_past(s, [&] {
        if (!caches_.may_hold(active_slots())) return take();
        const isolation_guard section{isolation_lock_};
        bool taken = false;
        const status drained =
            drain(section.proof(), filter{}, gate_claim::draining, UINT64_MAX, [&] { taken = take(); });
        return drained == status::ok ? taken : take();
    });
    if (stolen) trace::on(trace_event::steal, geometry_.frame_at(out), k.frames());
    return found;
}

template <zone_policy Policy>
void zone_core<Policy>::adopt(status walked) {
    if (error_ == status::ok)
        if (const status e = walked == status::ok ? settle() : walked; e != status::ok) this->give_up(e);
    Policy::thread_slots::attach(listener_);
}

template <zone_policy Policy>
status zone_core<Policy>::settle() {
    const isolation_guard section{isolation_lock_};
    const status drained = drain(section.proof(), filter{}, gate_claim::draining, UINT64_MAX, no_work{});
    if (drained != status::ok) return drained;
    return with_zone_lock([&](zone_proof proof) {
        for (block_index b; b.raw() != geometry_.blocks(); ++b)
            if (buddy_.traits(b).has(block_traits::isolated)) buddy_.unseal(proof, b);
        return allocations_are_all_that_is_used(proof) ? status::ok : status::corrupt_metadata;
    });
}

// Returns: whether each frame in use is part of exactly one allocation. Requires: no traffic, nothing cached.
template <zone_policy Policy>
bool zone_core<Policy>::allocations_are_all_that_is_used(zone_proof) const {
    if constexpr (metadata::states::enabled) {
        std::uint64_t end = 0; // of the last allocation
        std::uint64_t frames = 0;
        for (std::uint32_t at = 0; at != geometry_.span(); ++at) {
            const auto head = states_.allocation_of(frame_index{at}, 0);
            if (!head.found) continue;
            if (at < end) return false;
            end = at + head.size.frames().raw();
            frames += head.size.frames().raw();
            annotator_.on_restore(run_at(head.head, head.size));
        }
        return count(frame_count{}).allocated.raw() == frames;
    } else {
        return true;
    }
}

template <zone_policy Policy>
status zone_core<Policy>::free_slow(slot_index s, frame_index i, order k) {
    if (!is_run(i, k)) return misuse_of(i, k);
    status outcome = status::ok;
    if (caches_.is_entered(s)) {
        if (!this->try_zone_lock()) {
            states_.set_head(i, k);
            annotator_.on_restore(run_at(i, k));
            return status::re_entered;
        }
        const zone_guard section{zone_lock_, adopt_lock};
        outcome = buddy_.give(section.proof(), i, k.raw());
    } else {
        if (!s.is_none() && bins::of(k, migrate_type::movable) != bins::none &&
            caches_.push_slow(s, k, i, *this))
            return status::ok;
        outcome = caches_.go_past(s, [&] {
            return with_zone_lock([&](zone_proof proof) { return buddy_.give(proof, i, k.raw()); });
        });
    }
    return outcome;
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
// Nor can anybody end there what they had isolated or disabled: it stays so. Whose it was is forgotten, for the list
// of it leads over stacks that new threads of the child may be given.
template <zone_policy Policy>
void zone_core<Policy>::on_fork(void* self, fork_phase phase,
                                slot_index) noexcept CORDON_NO_THREAD_SAFETY_ANALYSIS {
    auto& engine = *static_cast<zone_core*>(self);
    if (engine.error_ != status::ok) return;
    if (phase == fork_phase::prepare) {
        {
            const isolation_guard section{engine.isolation_lock_};
            engine.fork_quiesced_ = engine.disable_caches(section.proof(), UINT64_MAX) == status::ok;
        }
        unobserved(engine.isolation_lock_).lock();
        unobserved(engine.zone_lock_).lock();
        return;
    }
    unobserved(engine.zone_lock_).unlock();
    unobserved(engine.isolation_lock_).unlock();
    if (phase == fork_phase::child) {
        engine.caches_.abandon();
        engine.caches_.restart(engine.active_slots());
        // Threads that waited for a lock are gone, and must not be waited for (ticket_lock.hpp).
        ::new (&engine.zone_lock_) typename Policy::zone_lock;
        ::new (&engine.isolation_lock_) typename Policy::isolation_lock;
        engine.sealed_ = sealed_list{};
    }
    if (!engine.fork_quiesced_) return;
    const isolation_guard section{engine.isolation_lock_};
    engine.enable_caches(section.proof());
}

} // namespace cordon::inline v0
