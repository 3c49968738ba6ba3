// cordon/lru/hand.hpp - hand_lists: one list a group without a byte a frame: the frames in a circle, and a hand.
// SPDX-License-Identifier: BSL-1.0
//
// The clock as Corbato drew it. Which frames are on the list their words say; the hand goes over all of the range, and
// passes those of others. So it is for one group, or a few, that fill the range: a scan of a small group looks at all
// frames. The order is that of the frames' numbers: a frame that takes a victim's place is just behind the hand, the
// newest, as in a FIFO; one that is added elsewhere is as old as its neighbours.
//
// All members are called with the lock of the list's group held, unless they say otherwise.
#pragma once

#include "cordon/frames/geometry.hpp"
#include "cordon/lru/list_turn.hpp"
#include "cordon/lru/replacement.hpp"
#include "cordon/lru/state_word.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <class Atomics>
class hand_lists {
public:
    static constexpr bool unlinks = false;
    static constexpr unsigned max_lists = 1;

    struct list {
        typename Atomics::template plain<std::uint32_t> hand;
        typename Atomics::template atomic<std::uint32_t> count; // of frames that came; counts on
        // Of those that were claimed; without the lock.
        typename Atomics::template atomic<std::uint32_t> stale;
    };
    struct place {
        list& self;
        std::uint32_t number;
        unsigned mark;
    };
    struct entry {
        std::uint32_t frame;
    };
    struct pool {};
    struct cell {};
    using turn = list_turn<hand_lists>;

    [[nodiscard]] static constexpr std::uint64_t cells(std::uint64_t, std::uint64_t) { return 0; }
    [[nodiscard]] static constexpr bool fits(std::uint64_t, std::uint64_t) { return true; }
    hand_lists() = default;
    hand_lists(cell*, pool*, std::uint32_t frames) : frames_(frames) {}

    [[nodiscard]] static constexpr unsigned list_of(unsigned mark) { return mark; }
    [[nodiscard]] static constexpr unsigned with_list(unsigned mark, unsigned) { return mark; }
    [[nodiscard]] static std::uint32_t size(const list& l) { return l.count.load(std::memory_order_relaxed); }
    [[nodiscard]] static std::uint32_t stale(const list& l) {
        return l.stale.load(std::memory_order_relaxed);
    }
    // Returns: what a scan may meet.
    [[nodiscard]] std::uint32_t entries(const list&) const { return frames_; }
    // Effects: so many frames of the list were claimed by their words. Returns: false, as nothing is left behind. Locks:
    // none.
    static bool claimed(list& l, std::uint32_t n) {
        l.stale.fetch_add(n, std::memory_order_acquire); // (1) acquire: pairs with (2)
        return false;
    }
    // Returns: the claims so far, which are counted elsewhere from now on. Locks: none.
    [[nodiscard]] static std::uint32_t take_claims(list& l) {
        return l.stale.exchange(0, std::memory_order_release); // (2) release: pairs with (1)
    }
    // Effects: a list without frames is as new.
    static void reset(list& l) {
        l.hand = 0;
        l.count.store(0, std::memory_order_relaxed);
        l.stale.store(0, std::memory_order_relaxed);
    }

    // Effects: counts the frame; to be the oldest, the hand goes to it. Returns: the mark for its word.
    unsigned push(place at, frame_index i, list_end end, unsigned) {
        if (end == list_end::oldest) at.self.hand = i.raw();
        add(at.self, 1);
        return at.mark;
    }
    // Returns: the frame at the hand, whoever's it is.
    [[nodiscard]] static bool oldest(place at, entry& out) {
        out.frame = at.self.hand;
        return true;
    }
    // Returns: the mark in the word of a frame that is listed by this entry.
    [[nodiscard]] static unsigned mark_of(place at, entry) { return at.mark; }
    [[nodiscard]] static bool current(place, entry, state_word w) { return w.place() == lru_place::listed; }
    // Effects: the hand goes on; if `was_current`, the frame was on the list until now.
    void drop(place at, entry e, bool was_current) {
        advance(at.self, e);
        if (was_current) add(at.self, ~0u);
    }
    void pass(place from, place, entry e) { advance(from.self, e); }
    [[nodiscard]] static frame_index ahead(place at) { return frame_index{at.self.hand}; }
    static void prefetch(frame_index) {}
    // Effects: the frames of `from` are on `into`. Cost: O(1).
    static void splice(place from, place into) {
        add(into.self, size(from.self));
        from.self.count.store(0, std::memory_order_relaxed);
    }
    template <class Current>
    void tidy(place, Current) {}
    // Calls f(entry) for each frame of the range, from the hand on, until it returns false.
    template <class F>
    void for_each(place at, F f) const {
        entry e{at.self.hand};
        for (std::uint32_t n = 0; n != frames_ && f(e); ++n)
            e.frame = following(e);
    }

private:
    [[nodiscard]] std::uint32_t following(entry e) const { return e.frame + 1 == frames_ ? 0 : e.frame + 1; }
    void advance(list& l, entry e) const { l.hand = following(e); }
    static void add(list& l, std::uint32_t n) {
        l.count.store(l.count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    std::uint32_t frames_ = 0;
};

} // namespace cordon::inline v0
