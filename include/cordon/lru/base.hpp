// cordon/lru/base.hpp - lru_base: the memory of an LRU, and how to lock the group that a frame is in.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/core/status.hpp"
#include "cordon/lru/metadata.hpp"
#include "cordon/lru/replacement.hpp"
#include "cordon/lru/state_word.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_base {
public:
    using policy = P;
    using metadata = lru_metadata<R, P>;
    using group = typename metadata::group;
    using lists_type = typename metadata::lists;
    using place = typename lists_type::place;

    lru_base(const lru_base&) = delete;
    lru_base& operator=(const lru_base&) = delete;

    [[nodiscard]] status error() const { return error_; }
    [[nodiscard]] frame_range frames() const { return {frame{first_}, frame_count{frames_}}; }
    [[nodiscard]] const R& replacement() const { return replacement_; }
    [[nodiscard]] std::uint32_t group_capacity() const { return groups_; }

    [[nodiscard]] CORDON_ALWAYS_INLINE frame_index index_of(frame f) const {
        return frame_index{f.raw() - first_};
    }
    [[nodiscard]] CORDON_ALWAYS_INLINE bool contains(frame_index i) const { return i.raw() < frames_; }
    [[nodiscard]] frame frame_at(frame_index i) const { return frame{first_ + i.raw()}; }
    [[nodiscard]] CORDON_ALWAYS_INLINE auto& age_of(frame_index i) const { return parts_.ages[i.raw()]; }
    [[nodiscard]] CORDON_ALWAYS_INLINE auto& word_of(frame_index i) const { return parts_.words[i.raw()]; }
    [[nodiscard]] CORDON_ALWAYS_INLINE group& group_of(group_id g) const { return parts_.groups[g.raw()]; }
    [[nodiscard]] state_word peek(frame_index i) const {
        return state_word{word_of(i).load(std::memory_order_relaxed)};
    }
    void prefetch(frame_index i) const {
        __builtin_prefetch(&word_of(i), 1);
        __builtin_prefetch(&age_of(i), 1);
    }
    [[nodiscard]] const metadata& parts() const { return parts_; }
    [[nodiscard]] lists_type& lists() { return lists_; }
    [[nodiscard]] const lists_type& lists() const { return lists_; }

    // ---- groups ----
    //
    // Links from alias to alias are set, and shortened, under the lock of the group where they ended; so is an id taken out
    // of them, before it is given out again. So whoever has found a group, locks it and finds it again has it. A walk that
    // comes by an id while it is given out again begins anew.

    [[nodiscard]] group_route route_of(group_id g) const {
        return group_route{
            parts_.routes[g.raw()].load(std::memory_order_acquire)}; // (1) acquire: pairs with (2)
    }
    void set_route(group_id g, group_route route) {
        parts_.routes[g.raw()].store(route.raw(), std::memory_order_release); // (2) release: pairs with (1)
    }
    // Returns: the route of the group that the frames with this id are in, with the clock of these frames. An id that is no
    // group's leads to the root group. Cost: one load, of an alias one more for each merge since somebody locked its group.
    [[nodiscard]] CORDON_ALWAYS_INLINE group_route follow(group_id g) const {
        const group_route route = route_of(g);
        if (route.is_alias()) [[unlikely]]
            return follow_alias(g);
        return route;
    }
    [[nodiscard]] group_id root_of(group_id g) const { return follow(g).to(); }
    [[nodiscard]] CORDON_ALWAYS_INLINE std::uint8_t clock_of(group_id g) const { return follow(g).clock(); }
    [[nodiscard]] bool is_live(group_id g) const {
        return g.raw() < groups_ && follow(g).what() == group_route::kind::live;
    }
    // Effects: what follows routes notices that ids are to be given out again. Locks: the control lock is held.
    void begin_to_free_ids() {
        frees_.fetch_add(1, std::memory_order_release); // (3) release: pairs with (4), (5)
    }

    // A hold of one group's lock, at most one at a time, a fork's included. The group under its lock is nobody's alias.
    class section {
    public:
        explicit section(lru_base& tracker) : tracker_(tracker) {}
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section() { leave(); }

        // Effects: holds the lock of the group that the frames with this id are in.
        void enter(group_id id) CORDON_NO_THREAD_SAFETY_ANALYSIS {
            for (;;) {
                const group_id to = tracker_.root_of(id);
                if (held_ && to == at_) return;
                leave();
                tracker_.group_of(to).lock().lock();
                at_ = to;
                held_ = true;
                if (tracker_.is_stopped()) [[unlikely]] {
                    leave();
                    tracker_.await_start();
                    continue;
                }
                // A merge may have come first: then its lists are guarded by another lock now.
                if (tracker_.root_of(id) != to) continue;
                if (id != to) tracker_.shorten(id, to);
                return;
            }
        }
        // Returns: whether the id is that of a group: of one that was removed before its lock was taken, it is the root
        // group's lock that is held.
        [[nodiscard]] bool enter_live(group_id id) {
            if (!tracker_.is_live(id)) return false;
            enter(id);
            return tracker_.is_live(id);
        }
        // Effects: the same for the group of a frame that the caller has not claimed: it is read again under the lock.
        // Returns: the word.
        state_word enter_of(frame_index i) {
            for (;;) {
                const state_word before = tracker_.peek(i);
                enter(before.group());
                const state_word now = tracker_.peek(i);
                if (holds(now.group())) return now;
            }
        }
        void leave() CORDON_NO_THREAD_SAFETY_ANALYSIS {
            if (held_) tracker_.group_of(at_).lock().unlock();
            held_ = false;
        }
        // Returns: whether frames with this id are under the lock held. Requires: one is.
        [[nodiscard]] bool holds(group_id id) const { return tracker_.root_of(id) == at_; }
        [[nodiscard]] group_id id() const { return at_; }
        [[nodiscard]] group& self() const { return tracker_.group_of(at_); }

    private:
        lru_base& tracker_;
        group_id at_;
        bool held_ = false;
    };

    // ---- one group, under its lock ----

    [[nodiscard]] place list_at(group_id g, unsigned list) const {
        return {group_of(g).lists[list], g.raw() * R::lists + list, list};
    }
    // Returns: entries of the list that claims left behind.
    [[nodiscard]] std::uint32_t stale(group_id g, unsigned list) const {
        if constexpr (lists_type::unlinks)
            return 0;
        else
            return lists_type::stale(group_of(g).lists[list]);
    }
    // Effects: counts claims that each left an entry of the list behind. A merge takes along what is counted at the id; a
    // later caller sees where it leads, and takes the count there itself. Returns: whether the list is littered now. Locks:
    // none.
    bool count_claims(group_id id, unsigned list, std::uint32_t n) {
        while (n != 0) {
            auto& counted = group_of(id).lists[list];
            const bool is_littered = lists_type::claimed(counted, n);
            const group_id to = root_of(id);
            if (to == id) return is_littered;
            n = lists_type::take_claims(counted);
            id = to;
        }
        return false;
    }
    // Returns: whether the entry of the list is how its frame is listed. A list of links has no others, but for claims
    // at work.
    template <class Entry>
    [[nodiscard]] bool is_current(group_id g, unsigned list, Entry e, state_word w) const {
        return lists_type::current(list_at(g, list), e, w) &&
               (lists_type::unlinks || w.group() == g || root_of(w.group()) == g);
    }
    // Returns: frames on the list. Claims at work may be counted or not.
    [[nodiscard]] std::uint32_t size(group_id g, unsigned list) const {
        const std::uint32_t n = lists_type::size(group_of(g).lists[list]) - stale(g, list);
        return n > frames_ ? 0 : n;
    }
    [[nodiscard]] std::uint32_t total(group_id g) const {
        std::uint32_t n = 0;
        for (unsigned list = 0; list != R::lists; ++list)
            n += size(g, list);
        return n;
    }

    // Returns: what a scan may meet: frames, and entries that claims left behind.
    [[nodiscard]] std::uint64_t entries(group_id g) const {
        std::uint64_t n = 0;
        for (const auto& list : group_of(g).lists)
            n += lists_.entries(list);
        return n;
    }

    // What the replacement policy sees (replacement.hpp).
    class view {
    public:
        view(lru_base& tracker, group_id g) : tracker_(tracker), self_(tracker.group_of(g)), id_(g) {}
        [[nodiscard]] auto& state() const { return self_.state; }
        [[nodiscard]] std::uint32_t size(unsigned list) const { return tracker_.size(id_, list); }
        [[nodiscard]] std::uint32_t total() const { return tracker_.total(id_); }
        [[nodiscard]] std::uint8_t age(frame_index i) const {
            return tracker_.age_of(i).load(std::memory_order_relaxed);
        }
        void set_age(frame_index i, std::uint8_t byte) {
            tracker_.age_of(i).store(byte, std::memory_order_relaxed);
        }
        [[nodiscard]] unsigned list_of(frame_index i) const {
            return lists_type::list_of(tracker_.peek(i).mark());
        }
        [[nodiscard]] std::uint8_t clock() const { return tracker_.clock_of(id_); }
        void advance() { tracker_.advance(id_); }
        [[nodiscard]] std::uint32_t evictions() const {
            return static_cast<std::uint32_t>(self_.count.evicted.load(std::memory_order_relaxed));
        }
        // Of all bits of the count: of 32 a tracker of 2^31 frames has shifted out more than a token lacks.
        [[nodiscard]] std::uint32_t payload() const {
            const std::uint64_t evicted = self_.count.evicted.load(std::memory_order_relaxed);
            return static_cast<std::uint32_t>(evicted >> shift() & lru_token::payload_mask);
        }
        [[nodiscard]] std::uint64_t distance(std::uint32_t payload_then) const {
            return std::uint64_t{(payload() - payload_then) & lru_token::payload_mask} << shift();
        }
        [[nodiscard]] std::uint32_t frames() const { return tracker_.frames_; }
        [[nodiscard]] bool holds(frame_index i) const {
            const state_word w = tracker_.peek(i);
            return w.place() != lru_place::untracked && tracker_.root_of(w.group()) == id_;
        }
        [[nodiscard]] std::span<std::byte> extra() const { return tracker_.parts_.extra_of(id_); }

    private:
        // A token reaches twice as many evictions back as there are frames.
        [[nodiscard]] unsigned shift() const {
            const auto bits = static_cast<unsigned>(std::bit_width(tracker_.frames_)) + 1;
            return bits > lru_token::payload_bits ? bits - lru_token::payload_bits : 0;
        }
        lru_base& tracker_;
        group& self_;
        group_id id_;
    };

    // Effects: the clock of the group ticks.
    void advance(group_id g) {
        group& self = group_of(g);
        group::bump(self.count.ticks);
        const std::uint64_t tick = self.count.ticks.load(std::memory_order_relaxed);
        if (min_ttl_ns_ != 0) self.tick_ns[tick % group::tick_times] = P::clock::now() + 1;
        if (R::ages_in_ticks && tick % clamp_interval == 0)
            self.clamp_due.store(1, std::memory_order_relaxed);
        const group_route before = route_of(g);
        const std::uint8_t clock = replacement_.next_tick(before.clock());
        set_route(g, {before.what(), g, clock});
        if (const std::uint32_t direct = direct_.load(std::memory_order_relaxed); direct != 0 && groups_ == 1)
            direct_.store((direct & ~0xffu) | clock, std::memory_order_relaxed);
    }
    // Returns: whether the frame was touched within min_ttl_ns, as far as its byte tells; never too late.
    [[nodiscard]] bool is_young(group_id g, frame_index i) const {
        if (min_ttl_ns_ == 0) return false;
        const group& self = group_of(g);
        const std::uint64_t ticks = self.count.ticks.load(std::memory_order_relaxed);
        const std::uint64_t age =
            replacement_.coldness(age_of(i).load(std::memory_order_relaxed), clock_of(g));
        if (age == 0 || ticks == 0) return true;
        const std::uint64_t back = age < group::tick_times ? age : group::tick_times;
        const std::uint64_t since = self.tick_ns[(ticks - back + 1) % group::tick_times];
        return since != 0 &&
               P::clock::now() + 1 - since < min_ttl_ns_; // not before the first tick that was noted
    }
    // Effects: the last ticks of `into` were no sooner than those of `from`, so that no frame that comes from there is taken
    // for older than it is. Locks: that of `into`, and nobody takes that of `from` any more.
    void merge_ticks(group_id from, group_id into) {
        if (min_ttl_ns_ == 0) return;
        const group& theirs = group_of(from);
        group& ours = group_of(into);
        const std::uint64_t their_ticks = theirs.count.ticks.load(std::memory_order_relaxed);
        const std::uint64_t our_ticks = ours.count.ticks.load(std::memory_order_relaxed);
        for (std::uint64_t n = 0; n != group::tick_times; ++n) {
            std::uint64_t& tick = ours.tick_ns[(our_ticks - n) % group::tick_times];
            tick = std::max(tick, theirs.tick_ns[(their_ticks - n) % group::tick_times]);
        }
    }
    // Returns: the byte, not colder than the policy's cold().
    [[nodiscard]] std::uint8_t clamped(std::uint8_t age, std::uint8_t clock) const {
        const std::uint8_t coldest = replacement_.cold(clock);
        return replacement_.coldness(age, clock) > replacement_.coldness(coldest, clock) ? coldest : age;
    }
    // Effects: the ages of the group's frames are clamped, so that they do not wrap. Cost: O(frames), once in 64 ticks and
    // after a merge. Locks: none.
    void clamp(group_id g) {
        for (std::uint32_t n = 0; n != frames_; ++n) {
            const frame_index i{n};
            const state_word w = peek(i);
            if (w.place() == lru_place::untracked || root_of(w.group()) != g) continue;
            const std::uint8_t clock = clock_of(w.group());
            std::uint8_t age = age_of(i).load(std::memory_order_relaxed);
            // A touch that comes between wins.
            if (const std::uint8_t kept = clamped(age, clock); kept != age)
                (void)age_of(i).compare_exchange(age, kept, std::memory_order_relaxed);
        }
    }

    // ---- a fork ----

    // Effects: when it returns nobody is in a section, and nobody enters one until start(). Each lock is taken and given
    // back, so that a thread that takes it after that sees why it must wait.
    void stop() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        stopped_.store(1, std::memory_order_relaxed);
        for (std::uint32_t g = 0; g != groups_; ++g)
            if (group& one = group_of(group_id{g}); one.has_lock()) {
                one.lock().lock();
                one.lock().unlock();
            }
    }
    void start() { stopped_.store(0, std::memory_order_release); } // (6) release: pairs with (7)

protected:
    explicit lru_base(const R& replacement) : replacement_(replacement) {}
    ~lru_base() { P::metadata_memory::unmap(own_memory_); }

    [[nodiscard]] static status check(const lru_options& options, const R& replacement) {
        const frame_range all = options.frames;
        if (!all.is_valid()) return status::invalid_range;
        if (options.groups == 0 || options.groups > group_id::limit) return status::invalid_argument;
        if (!lists_type::fits(all.count().raw(), std::uint64_t{options.groups} * R::lists))
            return status::invalid_range;
        const bool has_ticks = R::ages_in_ticks && replacement.next_tick(0) != 0;
        return options.min_ttl_ns != 0 && !has_ticks ? status::unsupported : status::ok;
    }
    // Effects: makes an LRU with the root group in the memory given, or, if that is null, in memory of the policy's own
    // source; one that cannot be made tracks no frames, and error() says why.
    void make(const std::span<std::byte>* given, const lru_options& options) {
        error_ = check(options, replacement_);
        if (error_ != status::ok) return;
        const std::size_t bytes = metadata{nullptr, options, replacement_}.bytes();
        if (given == nullptr) own_memory_ = P::metadata_memory::map(bytes);
        const std::span<std::byte> memory = given != nullptr ? *given : own_memory_;
        if (memory.size() < bytes ||
            reinterpret_cast<std::uintptr_t>(memory.data()) % cache_line_bytes != 0) {
            error_ = status::no_metadata;
            return;
        }
        parts_ = metadata{memory.data(), options, replacement_};
        first_ = options.frames.first().raw();
        frames_ = static_cast<std::uint32_t>(options.frames.count().raw());
        groups_ = options.groups;
        if (first_ == 0 && (groups_ == 1 || !R::uses_clock))
            direct_.store(metadata::direct_frames(frames_), std::memory_order_relaxed);
        min_ttl_ns_ = options.min_ttl_ns;
        lists_ = lists_type{parts_.list_cells, &parts_.head->pool, frames_};
        ghosts_ = typename metadata::ghosts{parts_.ghost_cells, options.ghost_entries};
    }

    static constexpr std::uint64_t clamp_interval = 64;

    // Read by every touch; but for the clock, written once. direct_ is all that a touch needs where the range starts at 0
    // and is of one group, or of a policy without a clock; else 0. Its low byte is the clock, and a number below it has an
    // age byte of this index: a frame, or one of the few that metadata.hpp has behind the last.
    metadata parts_;
    std::uint32_t first_ = 0;
    std::uint32_t frames_ = 0;
    typename P::atomics::template atomic<std::uint32_t> direct_{};
    std::uint32_t groups_ = 0;
    [[no_unique_address]] R replacement_;
    lists_type lists_;
    typename metadata::ghosts ghosts_;
    std::uint64_t min_ttl_ns_ = 0;
    status error_ = status::ok;
    std::span<std::byte> own_memory_;

private:
    // What the fork has copied comes before what is changed next.
    [[nodiscard]] bool is_stopped() const {
        return stopped_.load(std::memory_order_acquire) != 0; // (7) acquire: pairs with (6)
    }
    CORDON_COLD void await_start() const {
        typename P::backoff wait;
        while (is_stopped())
            wait();
    }
    CORDON_NO_INLINE group_route follow_alias(group_id g) const {
        for (;;) {
            const std::uint32_t before =
                frees_.load(std::memory_order_acquire); // (4) acquire: pairs with (3)
            group_route at = route_of(g);
            std::uint8_t clock = at.clock();
            while (at.is_alias()) {
                at = route_of(at.to());
                clock = static_cast<std::uint8_t>(clock + at.clock());
            }
            // (5) acquire: pairs with (3)
            if (frees_.load(std::memory_order_acquire) == before) return {at.what(), at.to(), clock};
        }
    }
    // Effects: the id, and all between it and the group that it leads to, lead there at once. Locks: that group's is held.
    void shorten(group_id id, group_id to) {
        group_route at = route_of(id);
        if (at.to() == to) return;
        auto ahead = static_cast<std::uint8_t>(clock_of(id) - clock_of(to));
        for (; at.to() != to; at = route_of(id)) {
            set_route(id, {group_route::kind::alias, to, ahead});
            ahead = static_cast<std::uint8_t>(ahead - at.clock());
            id = at.to();
        }
    }

    // Times that ids of merged groups were freed.
    typename P::atomics::template atomic<std::uint32_t> frees_{};
    typename P::atomics::template atomic<std::uint8_t> stopped_{}; // by a fork
};

} // namespace cordon::inline v0
