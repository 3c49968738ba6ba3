// cordon/zone/zone_source.hpp - zone_source: the zone as the source of frames that its thread caches draw from.
// SPDX-License-Identifier: BSL-1.0
//
// What cache/frame_source.hpp asks for. Single frames cross the zone lock as words (buddy/frame_words.hpp), larger runs one
// by one.
#pragma once

#include "cordon/buddy/frame_words.hpp"
#include "cordon/cache/frame_source.hpp"
#include "cordon/core/trace.hpp"
#include "cordon/zone/zone_base.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <zone_policy Policy>
class zone_source : public zone_base<Policy> {
    using base = zone_base<Policy>;

public:
    using base::with_zone_lock;
    using typename base::bins;
    using typename base::entry;
    using typename base::trace;
    using typename base::zone_proof;

    [[nodiscard]] CORDON_ALWAYS_INLINE block_traits traits(block_index b) const { return buddy_.traits(b); }

    template <class Out>
    std::uint32_t take_batch(migrate_type type, order k, std::uint32_t n, Out out) {
        return k.raw() == 0 ? take_frames(type, n, out) : take_runs(type, k, n, out);
    }
    // Effects: takes one run, for a caller without a cache to fill. Returns: false if there is none.
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

protected:
    explicit zone_source(pressure_callback pressure) : base(pressure) {}

    using base::buddy_;
    using base::caches_;
    using base::geometry_;
    using base::head_;
    using base::report;

private:
    static constexpr unsigned single_frames = bins::of(order{0}, migrate_type::movable);
    // A batch of single frames has room, each in a word of its own.
    static constexpr std::uint32_t batch_words =
        single_frames == bins::none ? 0 : magazine_tuning{bins::capacity(single_frames)}.most().batch;
    using words_of_batch = frame_words<(batch_words < 64 ? 64 : batch_words)>;

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
        words_of_batch words;
        const std::uint32_t taken = with_zone_lock([&](zone_proof proof) {
            bump(head_->refills);
            return buddy_.take_words(proof, type, n < words.capacity ? n : words.capacity, words);
        });
        for (const frame_word& word : words)
            word.spread(out);
        if (taken != 0)
            trace::on(trace_event::refill, geometry_.frame_at(words.begin()->lowest()), frame_count{taken});
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
            words_of_batch words;
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

} // namespace cordon::inline v0
