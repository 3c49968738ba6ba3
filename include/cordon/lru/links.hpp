// cordon/lru/links.hpp - linked_lists: FIFO lists of frames as circles of links, 8 bytes a frame.
// SPDX-License-Identifier: BSL-1.0
//
// Each list has a sentinel, a link behind those of the frames. A link holds differences of numbers, not numbers: zero
// bytes are a frame that is on no list, and an empty list. Unlinking what is on no list does nothing, so a scan that
// meets a frame whose claimant has not come for it yet unlinks it in the claimant's stead.
//
// All members are called with the lock of the list's group held, unless they say otherwise.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/lru/list_turn.hpp"
#include "cordon/lru/replacement.hpp"
#include "cordon/lru/state_word.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics>
class linked_lists {
public:
    static constexpr bool unlinks = true; // whoever claims a listed frame must unlink it
    static constexpr unsigned max_lists = 32;

    struct link {
        typename Atomics::template plain<std::uint32_t> older;
        typename Atomics::template plain<std::uint32_t> newer;
    };
    // Of a group, one for each list.
    struct list {
        typename Atomics::template atomic<std::uint32_t> count;
    };
    // A list, and its number among those of all groups.
    struct place {
        list& self;
        std::uint32_t number;
        unsigned mark;
    };
    struct entry {
        std::uint32_t frame;
    };
    struct pool {};
    using cell = link;
    using turn = list_turn<linked_lists>;

    [[nodiscard]] static constexpr std::uint64_t cells(std::uint64_t frames, std::uint64_t all_lists) {
        return frames + all_lists;
    }
    [[nodiscard]] static constexpr bool fits(std::uint64_t frames, std::uint64_t all_lists) {
        return cells(frames, all_lists) < UINT32_MAX;
    }
    linked_lists() = default;
    linked_lists(cell* links, pool*, std::uint32_t frames) : links_(links), frames_(frames) {}

    [[nodiscard]] static constexpr unsigned list_of(unsigned mark) { return mark; }
    [[nodiscard]] static constexpr unsigned with_list(unsigned, unsigned list) { return list; }
    [[nodiscard]] static std::uint32_t size(const list& l) { return l.count.load(std::memory_order_relaxed); }
    // Returns: what a scan may meet.
    [[nodiscard]] static std::uint32_t entries(const list& l) { return size(l); }
    // Effects: an empty list is as new.
    static void reset(list& l) { l.count.store(0, std::memory_order_relaxed); }

    // Effects: links the frame. Returns: the mark for its word. Requires: it is on no list.
    unsigned push(place at, frame_index i, list_end end, unsigned) {
        const std::uint32_t head = frames_ + at.number;
        if (end == list_end::newest)
            join_between(older_of(head), i.raw(), head);
        else
            join_between(head, i.raw(), newer_of(head));
        add(at.self, 1);
        return at.mark;
    }
    void unlink(place at, frame_index i) {
        if (newer_of(i.raw()) == i.raw()) return;
        join(older_of(i.raw()), newer_of(i.raw()));
        join(i.raw(), i.raw());
        add(at.self, ~0u);
    }

    // Effects: the frame of the list is its newest now.
    void renew(place at, frame_index i) {
        unlink(at, i);
        (void)push(at, i, list_end::newest, 0);
    }
    [[nodiscard]] bool oldest(place at, entry& out) const {
        const std::uint32_t head = frames_ + at.number;
        out.frame = newer_of(head);
        return out.frame != head;
    }
    // Returns: the mark in the word of a frame that is listed by this entry.
    [[nodiscard]] static unsigned mark_of(place at, entry) { return at.mark; }
    // Returns: whether the word of the entry's frame says that it is on the list.
    [[nodiscard]] static bool current(place, entry, state_word w) { return w.place() == lru_place::listed; }
    // Effects: takes the oldest entry off.
    void drop(place at, entry e, bool) { unlink(at, frame_index{e.frame}); }
    // Effects: the oldest entry of one list becomes the newest of another.
    CORDON_ALWAYS_INLINE void pass(place from, place to, entry e) {
        unlink(from, frame_index{e.frame});
        (void)push(to, frame_index{e.frame}, list_end::newest, 0);
    }
    void prefetch(frame_index i) const { __builtin_prefetch(&links_[i.raw()], 1); }
    // Returns: a frame that a scan will come to soon.
    [[nodiscard]] frame_index ahead(place at) const {
        const std::uint32_t next = newer_of(newer_of(frames_ + at.number));
        return frame_index{next < frames_ ? next : 0};
    }
    // Effects: the frames of `from` become the newest of `into`. Cost: O(1).
    void splice(place from, place into) {
        const std::uint32_t source = frames_ + from.number, target = frames_ + into.number;
        const std::uint32_t first = newer_of(source), last = older_of(source);
        if (first != source) {
            join(older_of(target), first);
            join(last, target);
            join(source, source);
        }
        add(into.self, from.self.count.load(std::memory_order_relaxed));
        from.self.count.store(0, std::memory_order_relaxed);
    }
    template <class Current>
    void tidy(place, Current) {}
    // Calls f(entry), oldest first, until it returns false.
    template <class F>
    void for_each(place at, F f) const {
        const std::uint32_t head = frames_ + at.number;
        for (std::uint32_t n = newer_of(head); n != head; n = newer_of(n))
            if (!f(entry{n})) return;
    }

private:
    [[nodiscard]] std::uint32_t newer_of(std::uint32_t n) const { return n + links_[n].newer; }
    [[nodiscard]] std::uint32_t older_of(std::uint32_t n) const { return n + links_[n].older; }
    void join(std::uint32_t older, std::uint32_t newer) {
        links_[older].newer = newer - older;
        links_[newer].older = older - newer;
    }
    void join_between(std::uint32_t older, std::uint32_t n, std::uint32_t newer) {
        join(older, n);
        join(n, newer);
    }
    static void add(list& l, std::uint32_t n) {
        l.count.store(l.count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    link* links_ = nullptr;
    std::uint32_t frames_ = 0;
};

} // namespace cordon::inline v0
