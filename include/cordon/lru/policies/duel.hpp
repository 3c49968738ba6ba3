// cordon/lru/policies/duel.hpp - duel: small caches that run a policy with other parameters on a sample of the traffic.
// SPDX-License-Identifier: BSL-1.0
//
// Sampled policy duelling: Qureshi et al., "A Case for MLP-Aware Cache Replacement", ISCA 2006 (set dueling), and
// Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017: a cache of C / 2^s pages
// that sees the pages whose hash ends in s zero bits has about the hit ratio of the whole.
//
// The arms share one directory of pages, in sets of 8 entries; an entry has for each arm a cell: nothing, or the list
// and the byte of the page, or the token of its eviction. What is in no arm makes room for others; a page whose set is
// full of cached ones is not seen. Beside it, the sample of the real frames: which of them hold sampled pages.
//
// It lives in zero bytes, and whoever uses it holds one lock.
#pragma once

#include "cordon/frames/geometry.hpp"
#include "cordon/lru/replacement.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace cordon::inline v0 {
namespace replacement {

template <class Policy, unsigned Arms>
class duel {
public:
    // Of an arm, in pages, at most.
    explicit constexpr duel(std::uint32_t capacity) : capacity_(capacity) {}
    [[nodiscard]] constexpr std::size_t bytes() const {
        return sizeof(head) + capacity_ * (entries_a_page * sizeof(entry) + samples_a_page * sizeof(sample) +
                                           (1 + Arms * Policy::lists) * sizeof(std::uint32_t));
    }
    void attach(std::span<std::byte> zeroes) {
        head_ = reinterpret_cast<head*>(zeroes.data());
        entries_ = reinterpret_cast<entry*>(head_ + 1);
        samples_ = reinterpret_cast<sample*>(entries_ + std::size_t{capacity_} * entries_a_page);
        late_ = reinterpret_cast<std::uint32_t*>(samples_ + capacity_ * samples_a_page);
        rings_ = late_ + capacity_;
    }

    [[nodiscard]] auto& state(unsigned a) const { return head_->arms[a].state; }
    // Returns: hits since the last call of leader().
    [[nodiscard]] std::uint32_t score(unsigned a) const { return head_->arms[a].score; }
    // Returns: the arm with the largest lead over the arm that is followed, if that is more than `enough` hits; else
    // that arm. A lead is counted from when there was none, or another arm began to be followed.
    [[nodiscard]] unsigned leader(unsigned followed, std::uint32_t enough) const {
        const std::uint32_t hits = head_->arms[followed].score;
        unsigned best = followed;
        for (unsigned a = 0; a != Arms; ++a) {
            arm& one = head_->arms[a];
            const std::uint32_t gain = one.lead + std::exchange(one.score, 0);
            one.lead = gain > hits ? gain - hits : 0;
            if (one.lead > head_->arms[best].lead) best = a;
        }
        if (head_->arms[best].lead <= enough) return followed;
        for (arm& one : head_->arms)
            one.lead = 0;
        return best;
    }

    // Effects: the page with this hash is used in all arms, each with room for `room` pages.
    void access(const Policy& policy, std::uint32_t page, std::uint32_t room) const {
        if (room > capacity_) room = capacity_;
        const std::uint32_t at = entry_of(page);
        for (unsigned a = 0; a != Arms && at != none; ++a)
            access(policy, a, at, room);
    }
    // Effects: the same at the next catch_up(), or now if too much has been put off.
    void access_later(const Policy& policy, std::uint32_t page, std::uint32_t room) const {
        if (head_->late == capacity_) catch_up(policy, room);
        late_[head_->late++] = page;
    }
    void catch_up(const Policy& policy, std::uint32_t room) const {
        for (std::uint32_t n = 0; n != head_->late; ++n)
            access(policy, late_[n], room);
        head_->late = 0;
    }

    // Effects: forgets all pages but those that is_kept(page) agrees to.
    template <class F>
    void thin(F is_kept) const {
        for (unsigned a = 0; a != Arms; ++a) {
            view v{*this, a};
            for (unsigned list = 0; list != Policy::lists; ++list)
                for (std::uint32_t n = v.size(list); n != 0; --n)
                    if (const frame_index i = v.pop(list); is_kept(entries_[i.raw()].page))
                        v.push(i, list, v.age(i));
        }
        for (entry& e : entries())
            if (!is_kept(e.page)) e = {};
        for (sample& s : samples())
            if (!is_kept(s.page)) s = {};
        std::uint32_t late = 0;
        for (std::uint32_t n = 0; n != head_->late; ++n)
            if (is_kept(late_[n])) late_[late++] = late_[n];
        head_->late = late;
    }

    // ---- the sample of the real frames ----

    void put(frame_index i, std::uint32_t page) const {
        remove(i);
        sample* place = &samples_of(i).front();
        for (sample& s : samples_of(i))
            if (s.frame == 0) place = &s;
        *place = {i.raw() + 1, page, true};
    }
    void remove(frame_index i) const {
        for (sample& s : samples_of(i))
            if (s.frame == i.raw() + 1) s = {};
    }
    // Effects: frame `to` holds the page that `from` held, if that is known.
    void rename(frame_index from, frame_index to) const {
        remove(to);
        for (const sample s : samples_of(from))
            if (s.frame == from.raw() + 1) {
                remove(from);
                put(to, s.page);
            }
    }
    // Calls f(frame, page, whether it was put since the last call).
    template <class F>
    void for_each(F f) const {
        for (sample& s : samples())
            if (s.frame != 0)
                f(frame_index{s.frame - 1}, std::uint32_t{s.page}, std::exchange(s.is_new, false));
    }

private:
    static constexpr std::uint32_t none = ~0u;
    static constexpr std::uint32_t ways = 8;
    static constexpr std::size_t entries_a_page = 4;
    static constexpr std::size_t samples_a_page = 2;

    struct ring {
        std::uint32_t oldest; // counts up; the place is the remainder
        std::uint32_t count;
    };
    struct arm {
        typename Policy::group_state state;
        ring lists[Policy::lists];
        std::uint32_t clock;
        std::uint32_t score;
        std::uint32_t lead;
    };
    struct head {
        arm arms[Arms];
        std::uint32_t late; // pages put off
    };
    // A cell: in its highest two bits absent, ghost or cached; then the token, or the list and the byte.
    struct entry {
        std::uint32_t page;
        std::uint32_t cells[Arms];
    };
    struct sample {
        std::uint32_t frame; // plus 1
        std::uint32_t page;
        bool is_new;
    };
    static constexpr std::uint32_t ghost = 1u << 30;
    static constexpr std::uint32_t cached = 2u << 30;

    // What the policy sees of an arm: an entry is a frame.
    class view {
    public:
        view(const duel& all, unsigned a) : all_(all), arm_(a) {}
        [[nodiscard]] auto& state() const { return self().state; }
        [[nodiscard]] std::uint32_t size(unsigned list) const { return self().lists[list].count; }
        [[nodiscard]] std::uint32_t total() const {
            std::uint32_t n = 0;
            for (const ring& list : self().lists)
                n += list.count;
            return n;
        }
        [[nodiscard]] std::uint8_t age(frame_index i) const { return static_cast<std::uint8_t>(cell(i)); }
        void set_age(frame_index i, std::uint8_t byte) { cell(i) = (cell(i) & ~255u) | byte; }
        [[nodiscard]] std::uint8_t clock() const { return static_cast<std::uint8_t>(self().clock); }
        void advance() { self().clock = Policy::next_tick(static_cast<std::uint8_t>(self().clock)); }

        void push(frame_index i, unsigned list, std::uint8_t age) {
            ring& r = self().lists[list];
            all_.slot(arm_, list, r.oldest + r.count++) = i.raw();
            cell(i) = cached | list << 8 | age;
        }
        frame_index pop(unsigned list) {
            ring& r = self().lists[list];
            --r.count;
            return frame_index{all_.slot(arm_, list, r.oldest++)};
        }
        [[nodiscard]] std::uint32_t& cell(frame_index i) const { return all_.entries_[i.raw()].cells[arm_]; }
        [[nodiscard]] arm& self() const { return all_.head_->arms[arm_]; }

    private:
        const duel& all_;
        unsigned arm_;
    };

    void access(const Policy& policy, unsigned a, std::uint32_t at, std::uint32_t room) const {
        view v{*this, a};
        const frame_index i{at};
        const std::uint32_t cell = v.cell(i);
        if (cell >= cached) {
            ++v.self().score;
            v.set_age(i, policy.touched(v.age(i), v.clock()));
            return;
        }
        while (v.total() >= room)
            evict(policy, v);
        const arrival arrived{.known = cell != 0, .payload = cell & ~ghost};
        const std::uint8_t age = policy.fresh(v.clock());
        v.push(i, policy.insert(v, i, arrived).list, age);
    }
    void evict(const Policy& policy, view& v) const {
        for (;;) {
            const unsigned list = policy.next(v);
            const frame_index i = v.pop(list);
            const decision what = policy.examine(v, i, list);
            if (what.is_evict()) {
                v.cell(i) = ghost | policy.evicted(v, i);
                return;
            }
            v.push(i, what.list(), v.age(i));
        }
    }

    [[nodiscard]] std::uint32_t& slot(unsigned a, unsigned list, std::uint32_t n) const {
        return rings_[(std::size_t{a} * Policy::lists + list) * capacity_ + n % capacity_];
    }
    // Returns: the entry of the page, a new one if there is none; `none` if all of its set are cached.
    [[nodiscard]] std::uint32_t entry_of(std::uint32_t page) const {
        const std::uint32_t set = set_of(page, capacity_ * entries_a_page);
        std::uint32_t victim = none;
        for (std::uint32_t at = set; at != set + ways; ++at) {
            const entry& e = entries_[at];
            if (e.page == page) return at;
            bool is_free = true;
            for (const std::uint32_t cell : e.cells)
                is_free = is_free && cell < cached;
            if (is_free && (victim == none || (page + at) % 3 == 0)) victim = at;
        }
        if (victim != none) entries_[victim] = {page, {}};
        return victim;
    }
    [[nodiscard]] std::span<entry> entries() const { return {entries_, capacity_ * entries_a_page}; }
    [[nodiscard]] std::span<sample> samples() const { return {samples_, capacity_ * samples_a_page}; }
    [[nodiscard]] std::span<sample, ways> samples_of(frame_index i) const {
        return std::span<sample, ways>{samples_ + set_of(i.raw() * 0x9e3779b9u, capacity_ * samples_a_page),
                                       ways};
    }
    // Returns: the first of a set of the n cells.
    static std::uint32_t set_of(std::uint32_t hash, std::size_t n) {
        return static_cast<std::uint32_t>(std::uint64_t{hash} * (n / ways) >> 32) * ways;
    }

    std::uint32_t capacity_;
    head* head_ = nullptr;
    entry* entries_ = nullptr;
    sample* samples_ = nullptr;
    std::uint32_t* late_ = nullptr;
    std::uint32_t* rings_ = nullptr;
};

} // namespace replacement
} // namespace cordon::inline v0
