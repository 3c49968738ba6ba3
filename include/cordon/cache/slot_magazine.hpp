// cordon/cache/slot_magazine.hpp - slot_magazine: one magazine of a slot, its runs and what it learned.
// SPDX-License-Identifier: BSL-1.0
//
// Batches come from the source and go back to it under one hold of its lock. Whoever calls is inside the slot's gate.
#pragma once

#include "cordon/cache/frame_source.hpp"
#include "cordon/cache/magazine.hpp"
#include "cordon/cache/run_filter.hpp"
#include "cordon/cache/tuning.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <class Policy>
class slot_magazine {
public:
    using slot = cache_slot<Policy>;
    using bins = magazine_bins<Policy>;
    using entry = typename slot::entry;

    CORDON_ALWAYS_INLINE slot_magazine(slot& c, unsigned bin) : slot_(c), bin_(bin) {}

    [[nodiscard]] CORDON_ALWAYS_INLINE unsigned count() const {
        return head().count.load(std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_full() const { return count() >= head().mark; }

    // Returns: false if it is empty.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool pop(frame_index& out) const {
        const unsigned n = count();
        if (n == 0) [[unlikely]]
            return false;
        out = frame_index{slot_.entries[bins::offset(bin_) + n - 1]};
        set_count(n - 1);
        return true;
    }
    // Returns: false if it is at its mark.
    [[nodiscard]] CORDON_ALWAYS_INLINE bool push(frame_index i) const {
        const unsigned n = count();
        if (n >= head().mark) [[unlikely]]
            return false;
        slot_.entries[bins::offset(bin_) + n] = i.raw();
        set_count(n + 1);
        return true;
    }

    // Effects: the marks grow; a magazine that was never used gets its first ones and makes the slot active.
    // Returns: false, the marks as they were, if the source lets no slot become active now.
    template <class Source>
    [[nodiscard]] bool learn(slot_index s, Source& source) const {
        const magazine_tuning tuning{bins::capacity(bin_)};
        const magazine_marks before = marks();
        if (before.mark == 0 && !source.activate(s)) return false;
        set_marks(before.mark == 0 ? tuning.first() : tuning.grown(before));
        return true;
    }
    // Effects: learns, and draws a batch, so that it pops in the order it was drawn: rising frame numbers, which memory
    // and its metadata like best. If there was none to draw, nothing is learned. Requires: empty.
    template <class Source>
    void refill(slot_index s, Source& source) const {
        const magazine_marks before = marks();
        if (!learn(s, source)) return;
        const std::uint32_t batch = marks().batch;
        entry* const entries = first_entry();
        std::size_t at = batch; // of another type than the entries, or each store would reload it
        const std::uint32_t n = source.take_batch(bins::type_of(bin_), bins::order_of(bin_), batch,
                                                  [&](frame_index i) { entries[--at] = i.raw(); });
        if (at != 0) move_down(entries, at, n);
        set_count(n);
        if (n == 0) set_marks(before);
    }
    // Effects: gives the oldest batch back, of frames in a row whole pageblocks if it can be. Requires: full.
    template <class Source>
    void spill(Source& source) const {
        const unsigned n = count();
        entry* const entries = first_entry();
        const unsigned batch = up_to_block(entries, marks().batch);
        source.give_batch(bins::order_of(bin_), std::span<const entry>{entries, batch});
        move_down(entries, batch, n - batch);
        set_count(n - batch);
    }
    // Effects: gives back the runs that the filter takes; the others keep their order.
    template <class Source>
    void take_out(run_filter runs, Source& source) const {
        const unsigned n = count();
        if (n == 0) return;
        const order k = bins::order_of(bin_);
        const run_window taken = runs.of_order(k);
        entry* const entries = first_entry();
        // An isolation looks at all magazines, and takes from few.
        if (count_in(taken, {entries, n}) == 0) return;
        unsigned kept = 0;
        for (unsigned e = 0; e != n; ++e) // stable partition: kept runs first, the others behind them
            if (const std::uint32_t run = entries[e]; !taken.holds(run)) {
                entries[e] = static_cast<std::uint32_t>(entries[kept]);
                entries[kept++] = run;
            }
        source.give_batch(k, std::span<const entry>{entries + kept, n - kept});
        set_count(kept);
        if (runs.takes_all()) set_marks(magazine_tuning{bins::capacity(bin_)}.shrunk(marks()));
    }
    // Effects: what it holds is lost.
    void forget() const { set_count(0); }

    // Calls f(frame_index) for each run.
    template <class F>
    void for_each(F f) const {
        for (unsigned n = count(), e = 0; e != n; ++e)
            f(frame_index{first_entry()[e]});
    }

private:
    [[nodiscard]] CORDON_ALWAYS_INLINE auto& head() const { return slot_.magazines[bin_]; }
    [[nodiscard]] entry* first_entry() const { return &slot_.entries[bins::offset(bin_)]; }
    CORDON_ALWAYS_INLINE void set_count(unsigned n) const {
        head().count.store(n, std::memory_order_relaxed);
    }
    [[nodiscard]] magazine_marks marks() const { return magazine_marks::of(head().mark); }
    void set_marks(magazine_marks m) const { head().mark = m.mark; }

    // Returns: so many of the oldest entries that they end with a pageblock, if those before its end and behind it are in
    // a row; else all of the batch.
    [[nodiscard]] unsigned up_to_block(const entry* entries, unsigned batch) const {
        constexpr unsigned block_frames = zone_geometry<Policy>::block_frames;
        if (batch < block_frames) return batch;
        const std::uint32_t last = entries[batch - 1];
        const unsigned behind = (last + 1) % block_frames;
        return entries[batch - 1 - behind] + behind == last ? batch - behind : batch;
    }
    // Returns: how many entries are in the window. Without a branch, so that the compiler uses vectors.
    [[nodiscard]] static unsigned count_in(run_window window, std::span<const entry> entries) {
        unsigned n = 0;
        for (const entry& run : entries)
            n += window.holds(run);
        return n;
    }
    // Effects: moves n entries from `from` on to the start. By the line, so that the compiler uses vectors.
    static void move_down(entry* to, std::size_t from, std::size_t n) {
        constexpr std::size_t line = cache_line_bytes / sizeof(std::uint32_t);
        const entry* next = to + from;
        for (; n >= line; n -= line, to += line, next += line) {
            std::uint32_t moved[line];
            for (std::size_t i = 0; i != line; ++i)
                moved[i] = next[i];
            for (std::size_t i = 0; i != line; ++i)
                to[i] = moved[i];
        }
        for (std::size_t i = 0; i != n; ++i)
            to[i] = static_cast<std::uint32_t>(next[i]);
    }

    slot& slot_;
    unsigned bin_;
};

} // namespace cordon::inline v0
