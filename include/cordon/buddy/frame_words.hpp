// cordon/buddy/frame_words.hpp - frame_words: single frames, gathered by the words of the maps they lie in.
// SPDX-License-Identifier: BSL-1.0
//
// The zone lock is what all threads share, so little should be done under it. A batch of single frames crosses
// it as words: frames that are freed in a row are gathered into one word before the lock is taken, and whole words
// are taken out of the maps and spread into frames after it is dropped. Gathering also knows early which cache
// lines the lock holder will want.
#pragma once

#include "cordon/core/bitmap.hpp"
#include "cordon/frames/geometry.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace cordon::inline v0 {

// `count` frames, those of the 64 from `first` on that `bits` names.
struct frame_word {
    frame_index first;
    std::uint32_t count;
    std::uint64_t bits;

    // Requires: not empty.
    [[nodiscard]] frame_index lowest() const {
        return frame_index{first.raw() + static_cast<std::uint32_t>(std::countr_zero(bits))};
    }
    // Calls out(frame_index) for each, rising.
    template <class Out>
    void spread(Out out) const {
        if (bits == ~0ull) { // no bit to look for
            for (std::uint32_t i = 0; i != 64; ++i)
                out(frame_index{first.raw() + i});
            return;
        }
        for (std::uint64_t left = bits; left != 0; left &= left - 1)
            out(frame_index{first.raw() + static_cast<std::uint32_t>(std::countr_zero(left))});
    }
};

// A batch of up to so many words, on the stack.
template <std::uint32_t Capacity>
class frame_words {
public:
    static constexpr std::uint32_t capacity = Capacity;

    frame_words() {} // writes no word: most batches have few, and 8 KiB of zeros cost more than the lock
    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] bool full() const { return size_ == capacity; }
    [[nodiscard]] const frame_word* begin() const { return words_; }
    [[nodiscard]] const frame_word* end() const { return words_ + size_; }
    // Requires: not full.
    void push(const frame_word& word) { ::new (&words_[size_++]) frame_word(word); }

    // Effects: gathers entries from `at` on, until they end or the batch is full; prefetch(frame) is called for the first
    // of each word. Returns: the first entry that was not gathered. A frame that comes twice in a row goes into two words.
    template <class Entry, class Prefetch>
    std::size_t gather(const Entry* entries, std::size_t at, std::size_t end, Prefetch prefetch) {
        std::uint32_t n = size_; // a register: the loop is what a free in random order costs
        for (; at != end && n != capacity; ++n) {
            const std::uint32_t first = entries[at];
            prefetch(frame_index{first});
            auto* const w = ::new (&words_[n]) frame_word{frame_index{first & ~63u}, 1, 1ull << (first % 64)};
            if (++at != end && entries[at] / 64 == first / 64) at = gather_more(entries, at, end, *w);
        }
        size_ = n;
        return at;
    }

private:
    // Effects: adds the entries from `at` on that lie in the word, too. Returns: the first that does not.
    template <class Entry>
    CORDON_NO_INLINE static std::size_t gather_more(const Entry* entries, std::size_t at, std::size_t end,
                                                    frame_word& w) {
        const std::uint32_t first = entries[at - 1];
        const std::uint32_t rest = 64 - first % 64;
        if (end - at >= rest - 1 && in_a_row(entries + at - 1, first, rest)) {
            w.count = rest;
            w.bits = ~0ull << (first % 64);
            return at + rest - 1;
        }
        for (std::uint32_t i; at != end; ++at, ++w.count) {
            i = entries[at];
            if (i / 64 != w.first.raw() / 64 || (w.bits >> (i % 64) & 1) != 0) break;
            w.bits |= 1ull << (i % 64);
        }
        return at;
    }
    // Returns: whether the entries are first, first + 1, ...: what was allocated in a row is often freed in a row.
    // The last one is looked at first, so that other orders cost one compare.
    template <class Entry>
    static bool in_a_row(const Entry* entries, std::uint32_t first, std::uint32_t n) {
        if (entries[n - 1] != first + n - 1) return false;
        std::uint32_t difference = 0;
        for (std::uint32_t i = 0; i != n; ++i)
            difference |= entries[i] ^ (first + i);
        return difference == 0;
    }

    std::uint32_t size_ = 0;
    union {
        frame_word words_[capacity];
    };
};

} // namespace cordon::inline v0
