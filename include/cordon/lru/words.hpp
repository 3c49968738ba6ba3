// cordon/lru/words.hpp - lru_words: each step that a frame's state word takes. No lists, no locks.
// SPDX-License-Identifier: BSL-1.0
//
// A claimed frame's place and group are its claimant's alone; pins come and go at any time, so every step but settle() is
// a compare-exchange of the whole word. What is done to a frame before its word lets go of it (2, 3, 6, 7, 9) is seen by
// whoever gets hold of it next.
#pragma once

#include "cordon/lru/base.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_words : public lru_base<R, P> {
    using base = lru_base<R, P>;

public:
    using typename base::lists_type;

    // ---- claims ----

    // Returns: ok, the frame is the caller's and `before` is what its word said; absent, busy. Locks: none.
    [[nodiscard]] status claim(frame_index i, state_word& before) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            before = state_word{raw};
            if (before.place() == lru_place::untracked) return status::absent;
            if (!before.claimable()) return status::busy;
            // (1) acquire: pairs with (2), (3), (6)
            if (word.compare_exchange(raw, before.claimed().raw(), std::memory_order_acquire)) break;
        }
        note_steal(before);
        return status::ok;
    }
    // Like claim, for frames that are pinned, too.
    [[nodiscard]] status claim_pinned_too(frame_index i, state_word& before) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            before = state_word{raw};
            if (before.place() == lru_place::untracked) return status::absent;
            if (before.place() == lru_place::isolated) return status::busy;
            // (8) acquire: pairs with (2), (3), (6), (7)
            if (word.compare_exchange(raw, before.claimed().raw(), std::memory_order_acquire)) break;
        }
        note_steal(before);
        return status::ok;
    }
    // Effects: an untracked frame is the caller's. Returns: busy if it is tracked.
    [[nodiscard]] status claim_new(frame_index i, lru_place first, group_id g) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        if (state_word{raw}.place() != lru_place::untracked) return status::busy;
        this->age_of(i).store(this->replacement_.fresh(this->clock_of(g)), std::memory_order_relaxed);
        const std::uint32_t references = first == lru_place::isolated ? 1 : 0;
        // The list that it was on the last time says nothing of what it holds now.
        const unsigned mark = lists_type::with_list(state_word{raw}.mark(), 0);
        const state_word w = state_word{first, g, references}.with_mark(mark);
        // (6) acq_rel: pairs with (1), (4), (5), (8), (9)
        return word.compare_exchange(raw, w.raw(), std::memory_order_acq_rel) ? status::ok : status::busy;
    }
    // Effects: claims a frame whose word is as `w` says. Returns: false if it is not any more.
    [[nodiscard]] bool claim_as(frame_index i, state_word w) {
        std::uint32_t raw = w.raw();
        // (5) acquire: pairs with (2), (3), (6)
        return this->word_of(i).compare_exchange(raw, w.claimed().raw(), std::memory_order_acquire);
    }

    // ---- what a claimant does ----

    // Effects: the claimed frame's word becomes `after`; pins that came since `before` was read stay.
    void settle(frame_index i, state_word before, state_word after) {
        // (2) release: pairs with (1), (3), (4), (5), (7), (8)
        this->word_of(i).fetch_add(after.raw() - before.raw(), std::memory_order_release);
    }
    // Effects: the claimed frame becomes unevictable in that group, if it is still pinned when that happens.
    [[nodiscard]] bool settle_pinned(frame_index i, group_id g) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.pins() == 0) return false;
            const state_word after = w.with(lru_place::unevictable).with_group(g).released();
            // (7) acq_rel: pairs with (2), (3), (8)
            if (word.compare_exchange(raw, after.raw(), std::memory_order_acq_rel)) return true;
        }
    }
    // Effects: the claimed frame is tracked no more. Returns: false if it is pinned.
    [[nodiscard]] bool untrack(frame_index i) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.pins() != 0) return false;
            // (9) release: pairs with (6)
            if (word.compare_exchange(raw, state_word{}.with_mark(w.mark()).raw(), std::memory_order_release))
                return true;
        }
    }

    // ---- pins ----

    // Effects: one more pin: no claim for reclaim succeeds from now on. Returns: ok; absent; no_memory if the count is
    // at its end. Locks: none.
    status pin(frame_index i) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.place() == lru_place::untracked) return status::absent;
            // One reference is left for a claimant.
            if (w.references() + 1 >= state_word::max_references) return status::no_memory;
            // (4) acquire: pairs with (2), (3), (6)
            if (word.compare_exchange(raw, w.referenced().raw(), std::memory_order_acquire))
                return status::ok;
        }
    }
    // Effects: one pin less. The caller that takes the last one of an unevictable frame claims it in the same step:
    // `is_mine`, and the pin becomes the claimant's reference. Returns: ok; absent; invalid_argument if there is no pin.
    [[nodiscard]] status drop_pin(frame_index i, bool& is_mine) {
        auto& word = this->word_of(i);
        std::uint32_t raw = word.load(std::memory_order_relaxed);
        for (;;) {
            const state_word w{raw};
            if (w.place() == lru_place::untracked) return status::absent;
            if (w.pins() == 0) return status::invalid_argument;
            is_mine = w.pins() == 1 && w.place() == lru_place::unevictable;
            const state_word after = is_mine ? w.with(lru_place::isolated) : w.released();
            // (3) acq_rel: pairs with (1), (2), (4), (5), (7), (8)
            if (word.compare_exchange(raw, after.raw(), std::memory_order_acq_rel)) return status::ok;
        }
    }

    // ---- what a scan does to frames that nobody has claimed; with the lock of their group ----

    // Effects: a pinned frame that scans meet leaves its list. Returns: false if it is not as `w` says any more.
    [[nodiscard]] bool cull(frame_index i, state_word w) {
        std::uint32_t raw = w.raw();
        return this->word_of(i).compare_exchange(raw, w.with(lru_place::unevictable).raw(),
                                                 std::memory_order_relaxed);
    }
    // The same for what a scan keeps on another list, evicts, or finds with the id of an alias.
    [[nodiscard]] bool remark(frame_index i, state_word w, unsigned list) {
        std::uint32_t raw = w.raw();
        const unsigned mark = lists_type::with_list(w.mark(), list);
        return this->word_of(i).compare_exchange(raw, w.with_mark(mark).raw(), std::memory_order_relaxed);
    }
    [[nodiscard]] bool adopt(frame_index i, state_word w, group_id to) {
        std::uint32_t raw = w.raw();
        const state_word after = w.with_group(to);
        if (!this->word_of(i).compare_exchange(raw, after.raw(), std::memory_order_relaxed)) return false;
        rebase(i, w.group(), to);
        return true;
    }
    // Effects: the frame's age, kept by one group's clock, means the same by another's; clamped, as the other group may have
    // just clamped those of its own.
    void rebase(frame_index i, group_id from, group_id to) {
        if (!R::ages_in_ticks || from == to) return;
        auto& age = this->age_of(i);
        const std::uint8_t clock = this->clock_of(to);
        const int shift = clock - this->clock_of(from);
        const auto byte = static_cast<std::uint8_t>(age.load(std::memory_order_relaxed) + shift);
        age.store(this->clamped(byte, clock), std::memory_order_relaxed);
    }

protected:
    using base::base;

private:
    // Effects: what a claim takes out of a batch is counted.
    void note_steal(state_word before) {
        if (before.place() == lru_place::batched) [[unlikely]]
            this->group_of(this->root_of(before.group()))
                .count.stolen.fetch_add(1, std::memory_order_relaxed);
    }
};

} // namespace cordon::inline v0
