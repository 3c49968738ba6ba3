// cordon/lru/ring.hpp - ring_lists: FIFO lists of frames as chains of segments, for frames that leave by their word alone.
// SPDX-License-Identifier: BSL-1.0
//
// An entry is a frame number and a tag of 3 bits. The entry that counts is the one whose tag is in the frame's word; a
// frame that is claimed leaves its entry behind, which is then stale: a scan drops it, and when a third of a list is
// stale the list is compacted, by the claimant or the scan that has made it so: nobody else need ever come to it. A new
// entry of a frame has the next tag, also when the frame was untracked in between.
// After eight rounds an entry that nobody met can look current again: then the frame is examined too early, once.
//
// Segments of 256 bytes come from one pool for all groups, a stack without a lock. Inside a chain a segment has gaps where
// two chains were joined, and where a compaction has ended early as all that is stale was behind it. A list of n entries
// has at most 9/8 n of them in room, and three segments: where a scan or a merge leaves it more it is compacted, too. The
// pool has room for every frame, half as many stale ones, and that.
//
// All members are called with the lock of the list's group held, unless they say otherwise.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/lru/replacement.hpp"
#include "cordon/lru/state_word.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics>
class ring_lists {
public:
    static constexpr bool unlinks = false;
    static constexpr unsigned max_lists = 4; // 2 of the 5 bits of a mark; 3 are the tag
    static constexpr std::uint32_t segment_entries = 61;

    struct segment {
        // Towards newer ones; in the pool, the next free one.
        typename Atomics::template atomic<std::uint32_t> next;
        typename Atomics::template plain<std::uint32_t> first;
        typename Atomics::template plain<std::uint32_t> end;
        typename Atomics::template plain<std::uint32_t> entries[segment_entries];
    };
    struct list {
        typename Atomics::template plain<std::uint32_t> oldest; // number of a segment; 0: none
        typename Atomics::template plain<std::uint32_t> newest;
        typename Atomics::template atomic<std::uint32_t> count; // of entries
        // Claims that left an entry behind; written without the lock.
        typename Atomics::template atomic<std::uint32_t> stale;
        typename Atomics::template plain<std::uint32_t> segments; // of the chain
    };
    // Of all groups. The number of the first free segment in the low half, in the high half a count of changes.
    struct pool {
        typename Atomics::template atomic<std::uint64_t> free;
        typename Atomics::template atomic<std::uint32_t> used; // segments that were ever taken
    };
    struct place {
        list& self;
        std::uint32_t number;
        unsigned mark;
    };
    struct entry {
        std::uint32_t frame;
        unsigned tag;
    };
    using cell = segment;

    // Segment 0 is none.
    [[nodiscard]] static constexpr std::uint64_t cells(std::uint64_t frames, std::uint64_t all_lists) {
        return 1 + segments_for(frames * 3 / 2, 8) + 3 * all_lists + 64;
    }
    [[nodiscard]] static constexpr bool fits(std::uint64_t frames, std::uint64_t all_lists) {
        return frames <= frame_mask && cells(frames, all_lists) < UINT32_MAX;
    }

    ring_lists() = default;
    ring_lists(cell* segments, pool* shared, std::uint32_t) : segments_(segments), pool_(shared) {}

    [[nodiscard]] static constexpr unsigned list_of(unsigned mark) { return mark & 3; }
    [[nodiscard]] static constexpr unsigned with_list(unsigned mark, unsigned list) {
        return (mark & ~3u) | list;
    }
    [[nodiscard]] static std::uint32_t size(const list& l) { return l.count.load(std::memory_order_relaxed); }
    // Returns: what a scan may meet.
    [[nodiscard]] static std::uint32_t entries(const list& l) { return size(l); }
    [[nodiscard]] static std::uint32_t stale(const list& l) {
        return l.stale.load(std::memory_order_relaxed);
    }
    // Effects: so many frames of the list were claimed by their words. Returns: whether it is littered now. Locks: none.
    static bool claimed(list& l, std::uint32_t n) {
        const std::uint32_t before =
            l.stale.fetch_add(n, std::memory_order_acquire); // (5) acquire: pairs with (6)
        return is_littered(size(l), before + n);
    }
    // Returns: the claims so far, which are counted elsewhere from now on. Locks: none.
    [[nodiscard]] static std::uint32_t take_claims(list& l) {
        return l.stale.exchange(0, std::memory_order_release); // (6) release: pairs with (5)
    }

    // Effects: a list without current entries is as new.
    void reset(list& l) {
        while (l.oldest != 0)
            retire_oldest(l);
        l.count.store(0, std::memory_order_relaxed);
        l.stale.store(0, std::memory_order_relaxed);
    }

    // Effects: a new entry for the frame; `mark` is that of its word. Returns: the mark for its word.
    unsigned push(place at, frame_index i, list_end end, unsigned mark) {
        const unsigned tag = ((mark >> 2) + 1) & 7;
        put(at.self, i.raw() | tag << frame_bits, end);
        return at.mark | tag << 2;
    }
    // Returns: the mark in the word of a frame that is listed by this entry.
    [[nodiscard]] static unsigned mark_of(place at, entry e) { return at.mark | e.tag << 2; }
    [[nodiscard]] static bool current(place at, entry e, state_word w) { return w.is_listed(mark_of(at, e)); }
    static void prefetch(frame_index) {}

    // A scan on its way through the oldest segment of a list. The ends of this list, and of the one that it passes entries
    // to, are in its hands until it ends; then counts are right again.
    class turn {
    public:
        turn(ring_lists& all, place at)
            : all_(all),
              list_(at.self),
              from_(&all.segments_[at.self.oldest]),
              at_(from_->first),
              end_(at.self.oldest != 0 ? static_cast<std::uint32_t>(from_->end) : at_),
              own_(all, at.self) {}
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() {
            own_.close(0);
            other_.close();
            if (list_.oldest == 0) return;
            add(list_, 0u - gone_);
            from_->first = at_;
            if (at_ == from_->end) all_.retire_oldest(list_);
        }
        // Returns: the oldest entry; false if the segment has no more, or the list none.
        [[nodiscard]] bool oldest(entry& out) const {
            if (at_ == end_) return false;
            out = unpack(from_->entries[at_]);
            return true;
        }
        // Returns: a frame that is the oldest soon; near the end of the segment the last one of it.
        [[nodiscard]] frame_index ahead() const {
            const std::uint32_t e = at_ + looks_ahead;
            return frame_index{from_->entries[e < end_ ? e : end_ - 1] & frame_mask};
        }
        // Effects: the oldest entry is the newest of its list.
        CORDON_ALWAYS_INLINE void keep(entry e) {
            own_.put(all_, e);
            ++at_;
        }
        // Effects: it is the newest of another list.
        CORDON_ALWAYS_INLINE void pass(place to, entry e) {
            if (!other_.is_of(to.self)) [[unlikely]] {
                other_.close();
                other_ = writer{all_, to.self};
            }
            other_.put(all_, e);
            drop(e, true);
        }
        // Effects: it is gone; `was_current` if it was the frame's own until now.
        void drop(entry, bool was_current) {
            ++at_;
            ++gone_;
            if (!was_current) list_.stale.fetch_add(~0u, std::memory_order_relaxed);
        }

    private:
        // The newest end of a list.
        class writer {
        public:
            writer() = default;
            writer(ring_lists& all, list& l) : list_(&l) { open(all); }
            [[nodiscard]] bool is_of(const list& l) const { return list_ == &l; }
            CORDON_ALWAYS_INLINE void put(ring_lists& all, entry e) {
                if (end_ == segment_entries) [[unlikely]] {
                    write_back();
                    all.append(*list_);
                    open(all);
                }
                to_->entries[end_++] = e.frame | e.tag << frame_bits;
                ++puts_;
            }
            // `count` is how many entries the list got from elsewhere.
            void close(std::uint32_t count) {
                if (list_ == nullptr) return;
                write_back();
                add(*list_, count);
            }
            void close() { close(puts_); }

        private:
            void open(ring_lists& all) {
                to_ = &all.segments_[list_->newest];
                end_ = list_->newest != 0 ? static_cast<std::uint32_t>(to_->end) : segment_entries;
            }
            void write_back() {
                if (list_->newest != 0) to_->end = end_;
            }
            list* list_ = nullptr;
            segment* to_ = nullptr;
            std::uint32_t end_ = 0;
            std::uint32_t puts_ = 0;
        };
        ring_lists& all_;
        list& list_;
        segment* from_;
        std::uint32_t at_;  // of from_: the oldest entry
        std::uint32_t end_; // of from_, as it was
        std::uint32_t gone_ = 0;
        writer own_;
        writer other_;
    };
    // Effects: the frames of `from` become the newest of `into`. A short list is copied, so that chains do not fill
    // with segments of a few entries. Cost: O(1).
    void splice(place from, place into) {
        if (from.self.oldest == 0) return;
        if (from.self.count.load(std::memory_order_relaxed) < copied_entries) {
            while (from.self.oldest != 0) {
                const segment& s = segments_[from.self.oldest];
                put(into.self, s.entries[s.first], list_end::newest);
                take(from.self);
            }
            return;
        }
        if (into.self.oldest == 0)
            into.self.oldest = static_cast<std::uint32_t>(from.self.oldest);
        else
            segments_[into.self.newest].next.store(from.self.oldest, std::memory_order_relaxed);
        into.self.newest = static_cast<std::uint32_t>(from.self.newest);
        from.self.oldest = 0;
        from.self.newest = 0;
        add(into.self, from.self.count.load(std::memory_order_relaxed));
        from.self.count.store(0, std::memory_order_relaxed);
        into.self.segments = into.self.segments + from.self.segments;
        from.self.segments = 0;
    }
    // Effects: compacts the list if it is littered or has too many gaps. Cost: O(1) for each claim, and each segment that was
    // emptied or joined, since the last time.
    template <class Current>
    void tidy(place at, Current current_entry) {
        const std::uint32_t n = size(at.self);
        if (is_littered(n, stale(at.self)) || at.self.segments > segments_for(n, 8) + 3)
            compact(at, current_entry);
    }
    // Effects: moves the current entries together, towards the oldest end, and gives back what is left over. What lies
    // behind the last stale entry stays, if that leaves few gaps: claims are mostly of old frames.
    template <class Current>
    CORDON_NO_INLINE void compact(place at_list, Current current_entry) {
        list& l = at_list.self;
        if (l.oldest == 0) return;
        const std::uint32_t n = size(l), claims = stale(l);
        std::uint32_t to = l.oldest, at = segments_[to].first;
        std::uint32_t from = to, seen = 0, kept = 0;
        std::uint32_t emptied = 0; // segments between the two
        for (;;) {
            const std::uint32_t end = segments_[from].end;
            seen += end - segments_[from].first;
            for (std::uint32_t e = segments_[from].first; e != end; ++e) {
                const std::uint32_t raw = segments_[from].entries[e];
                const bool is_kept = current_entry(unpack(raw));
                if (at == segment_entries) [[unlikely]] {
                    if (!is_kept) continue;
                    kept += at - segments_[to].first;
                    segments_[to].end = at;
                    to = following(l, to);
                    segments_[to].first = 0;
                    at = 0;
                    --emptied;
                }
                // Written in any case: a branch would be mispredicted once in three entries.
                segments_[to].entries[at] = raw;
                at += is_kept;
            }
            from = following(l, from);
            const std::uint32_t dropped = seen - kept - (at - segments_[to].first);
            if (from == 0 || (dropped >= claims && l.segments - emptied <= segments_for(n - dropped, 16) + 3))
                break;
            ++emptied;
        }
        kept += at - segments_[to].first;
        segments_[to].end = at;
        for (std::uint32_t s = following(l, to); s != from;) {
            const std::uint32_t after = following(l, s);
            give_segment(s);
            s = after;
        }
        if (from == 0)
            l.newest = to;
        else
            segments_[to].next.store(from, std::memory_order_relaxed);
        l.segments = l.segments - emptied;
        l.count.store(n - (seen - kept), std::memory_order_relaxed);
        l.stale.fetch_add(kept - seen, std::memory_order_relaxed);
        if (kept == 0) retire_oldest(l);
    }
    template <class F>
    void for_each(place at, F f) const {
        for (std::uint32_t s = at.self.oldest; s != 0; s = following(at.self, s))
            for (std::uint32_t e = segments_[s].first; e != segments_[s].end; ++e)
                if (!f(unpack(segments_[s].entries[e]))) return;
    }

private:
    static constexpr std::uint32_t looks_ahead = 8;
    static constexpr std::uint32_t compacted_entries = 16;                // a shorter list is left alone
    static constexpr std::uint32_t copied_entries = 16 * segment_entries; // a longer one is joined as it is

    static constexpr unsigned frame_bits = 29;
    static constexpr std::uint32_t frame_mask = (1u << frame_bits) - 1;

    // Returns: whether a third of a list is stale, so that it is to be compacted.
    [[nodiscard]] static constexpr bool is_littered(std::uint32_t n, std::uint32_t gone) {
        return n >= compacted_entries && gone <= n && gone >= n / 3;
    }
    // Returns: the segments of so many entries, and of one part in so many more. Without a gap a chain has up to 2 more.
    [[nodiscard]] static constexpr std::uint64_t segments_for(std::uint64_t n, std::uint64_t part) {
        return (n + n / part) / segment_entries;
    }
    static entry unpack(std::uint32_t raw) { return {raw & frame_mask, raw >> frame_bits}; }
    static void add(list& l, std::uint32_t n) {
        l.count.store(l.count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t following(const list& l, std::uint32_t s) const {
        return s == l.newest ? 0 : segments_[s].next.load(std::memory_order_relaxed);
    }

    void put(list& l, std::uint32_t raw, list_end end) {
        if (end == list_end::newest)
            put_newest(l, raw);
        else
            put_oldest(l, raw);
        add(l, 1);
    }
    void put_newest(list& l, std::uint32_t raw) {
        if (l.newest == 0 || segments_[l.newest].end == segment_entries) [[unlikely]]
            append(l);
        segment& s = segments_[l.newest];
        const std::uint32_t end = s.end;
        s.entries[end] = raw;
        s.end = end + 1;
    }
    void put_oldest(list& l, std::uint32_t raw) {
        if (l.oldest == 0 || segments_[l.oldest].first == 0) prepend(l);
        segment& s = segments_[l.oldest];
        s.first = s.first - 1;
        s.entries[s.first] = raw;
    }
    // Effects: takes the oldest entry off.
    void take(list& l) {
        segment& s = segments_[l.oldest];
        s.first = s.first + 1;
        if (s.first == s.end) retire_oldest(l);
        add(l, ~0u);
    }
    CORDON_NO_INLINE void append(list& l) {
        const std::uint32_t fresh = take_segment(0);
        if (l.newest == 0)
            l.oldest = fresh;
        else
            segments_[l.newest].next.store(fresh, std::memory_order_relaxed);
        l.newest = fresh;
        l.segments = l.segments + 1;
    }
    void prepend(list& l) {
        const std::uint32_t fresh = take_segment(segment_entries);
        if (l.oldest == 0)
            l.newest = fresh;
        else
            segments_[fresh].next.store(l.oldest, std::memory_order_relaxed);
        l.oldest = fresh;
        l.segments = l.segments + 1;
    }
    CORDON_NO_INLINE void retire_oldest(list& l) {
        const std::uint32_t empty = l.oldest;
        l.oldest = following(l, empty);
        if (l.oldest == 0) l.newest = 0;
        l.segments = l.segments - 1;
        give_segment(empty);
    }

    // ---- the pool; no lock ----

    // A thread that stalls between its read of a segment's `next` and its exchange fails: the count has changed.
    [[nodiscard]] std::uint32_t take_segment(std::uint32_t start) {
        std::uint64_t head = pool_->free.load(std::memory_order_acquire); // (1) acquire: pairs with (3)
        auto s = static_cast<std::uint32_t>(head);
        // (2) acquire: pairs with (3)
        while (s != 0 && !pool_->free.compare_exchange(
                             head, changed(head) | segments_[s].next.load(std::memory_order_relaxed),
                             std::memory_order_acquire)) {
            head = pool_->free.load(std::memory_order_acquire); // (4) acquire: pairs with (3)
            s = static_cast<std::uint32_t>(head);
        }
        if (s == 0) s = pool_->used.fetch_add(1, std::memory_order_relaxed) + 1;
        segments_[s].first = start;
        segments_[s].end = start;
        return s;
    }
    void give_segment(std::uint32_t s) {
        std::uint64_t head = pool_->free.load(std::memory_order_relaxed);
        do
            segments_[s].next.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
        while (!pool_->free.compare_exchange(
            head, changed(head) | s,
            std::memory_order_release)); // (3) release: pairs with (1), (2), (4)
    }
    static constexpr std::uint64_t changed(std::uint64_t head) { return ((head >> 32) + 1) << 32; }

    segment* segments_ = nullptr;
    pool* pool_ = nullptr;
};

} // namespace cordon::inline v0
