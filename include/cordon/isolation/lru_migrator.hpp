// cordon/isolation/lru_migrator.hpp - where zone and LRU meet: moving and evicting the frames of a block, and reclaim.
// SPDX-License-Identifier: BSL-1.0
//
//     lru_migrator      moves the frames of a sealed range, each with its age and its group
//     lru_evictor       evicts them instead
//     evict_block       seals a range and evicts its frames, and no others
//     cheapest_blocks   which blocks would cost least to empty
//     lru_pressure      reclaim as the zone's pressure callback
//
// Zone and LRU know nothing of each other; they agree on frame numbers. A frame is used in this order: allocate, fill,
// add; evict, free. A frame that is in use and not tracked is on its way between the two and is waited for.
//
// While a frame is moved or evicted the LRU does not track it: a pin that comes then is refused with `absent`, and none
// is lost. To pin a page: look up its frame, pin that, look again whether it still is the page's frame; if not, unpin it
// and begin anew.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/text.hpp"
#include "cordon/isolation/isolated_range.hpp"
#include "cordon/lru/token.hpp"
#include "cordon/lru/types.hpp"
#include "cordon/platform/concepts.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace cordon::inline v0 {

// What is used of an LRU here; cordon::lru has it.
template <class T>
concept frame_tracker = requires(T& tracker, const T& looked_at, frame f) {
    { tracker.isolate(f) } -> std::same_as<status>;
    { tracker.putback(f, putback_at::automatic) } -> std::same_as<status>;
    { tracker.transfer(f, f) } -> std::same_as<status>;
    { tracker.evicted(f) } -> std::same_as<result<lru_token>>;
    { looked_at.state_of(f) } -> std::same_as<lru_state>;
    requires backoff<typename T::policy::backoff>;
};

// ---- moving ----

// A migrator that claims each frame from the LRU, has its contents moved by `copy`, which is a migrator itself, and puts
// the new frame back in the old one's stead. If copy does not move it, or throws, the old one is put back as it was.
// `copy` runs with no lock held; it makes the new frame known no sooner than it is sure to say `moved`.
// Frames that are pinned, claimed by another or not tracked are asked for again; with `if_pinned` as failed, pinned
// ones end the call. Frames that the LRU cannot track fail.
template <frame_tracker Lru, moving_migrator Copy>
class lru_migrator {
public:
    explicit lru_migrator(Lru& tracker, Copy copy, migrate_outcome if_pinned = migrate_outcome::retry)
        : tracker_(tracker), copy_(std::move(copy)), if_pinned_(if_pinned) {}

    migrate_outcome operator()(const busy_frame& from, frame to) {
        const frame old = from.head();
        if (const status e = tracker_.isolate(old); e != status::ok) return answer(old, e);
        if (const status e = tracker_.transfer(old, to); e != status::ok) {
            (void)tracker_.putback(old, putback_at::automatic);
            return answer(old, e);
        }
        stand_in held{tracker_, old, to};
        return held.outcome = copy_(from, to);
    }

private:
    // The new frame, claimed in the old one's stead. It may have been another page's before, and a thread that still
    // believes so may hold a pin until it looks again: the way back waits for it.
    struct stand_in {
        Lru& tracker;
        frame old;
        frame fresh;
        migrate_outcome outcome = migrate_outcome::retry;
        ~stand_in() {
            if (outcome == migrate_outcome::moved)
                (void)tracker.putback(fresh, putback_at::automatic);
            else if (outcome == migrate_outcome::freed || !go_back())
                once_unpinned([&] { return tracker.evicted(fresh).error(); });
        }
        // Returns: false if somebody has added the old frame meanwhile.
        bool go_back() {
            const auto attempt = [&] {
                const status e = tracker.transfer(fresh, old);
                const bool is_added = tracker.state_of(old).place != lru_place::untracked;
                return e == status::busy && is_added ? status::invalid_argument : e;
            };
            if (once_unpinned(attempt) != status::ok) return false;
            (void)tracker.putback(old, putback_at::automatic);
            return true;
        }
        template <class Attempt>
        static status once_unpinned(Attempt attempt) {
            typename Lru::policy::backoff breath;
            status outcome;
            while ((outcome = attempt()) == status::busy)
                breath();
            return outcome;
        }
    };
    [[nodiscard]] migrate_outcome answer(frame f, status refused) const {
        if (refused == status::foreign_frame) return migrate_outcome::failed;
        return tracker_.state_of(f).pins != 0 ? if_pinned_ : migrate_outcome::retry;
    }

    Lru& tracker_;
    Copy copy_;
    migrate_outcome if_pinned_;
};

// ---- evicting ----

// A migrator that evicts: the callbacks are those of lru.reclaim. What decide(frame) does not answer with `reclaim`
// goes back and is asked for again; release(frame, lru_token) frees the frame. Where allocations of order k > 0 are
// tracked by their heads, both take a const busy_frame& in the frame's stead, which says the order, too.
template <frame_tracker Lru, class Decide, class Release>
class lru_evictor {
public:
    lru_evictor(Lru& tracker, Decide& decide, Release& release)
        : tracker_(tracker), decide_(decide), release_(release) {}

    migrate_outcome operator()(const busy_frame& from) {
        const frame f = from.head();
        if (const status e = tracker_.isolate(f); e != status::ok)
            return e == status::foreign_frame ? migrate_outcome::failed : migrate_outcome::retry;
        claim held{tracker_, f};
        if (reclaim_answer{tell(decide_, from)}.what != verdict::reclaim) return migrate_outcome::retry;
        const result<lru_token> token = tracker_.evicted(f);
        if (!token) return migrate_outcome::retry; // pinned meanwhile
        held.is_mine = false;
        tell(release_, from, *token);
        return migrate_outcome::freed;
    }

private:
    template <class Callback, class... Others>
    static auto tell(Callback& callback, const busy_frame& from, Others... others) {
        if constexpr (requires { callback(from.head(), others...); })
            return callback(from.head(), others...);
        else
            return callback(from, others...);
    }
    struct claim {
        Lru& tracker;
        frame held;
        bool is_mine = true;
        ~claim() {
            if (is_mine) (void)tracker.putback(held, putback_at::automatic);
        }
    };

    Lru& tracker_;
    Decide& decide_;
    Release& release_;
};

// Effects: seals the range and evicts what is in it. Returns: the range, idle, to be claimed or taken offline; else
// nothing is sealed any more, and what was evicted stays evicted: what isolate() or migrate() say, and options.blocker
// names a frame in the way. Give it a deadline, unless decide() agrees to everything and pins are short.
template <class Zone, frame_tracker Lru, class Decide, class Release>
result<typename Zone::isolated_range> evict_block(Zone& target, Lru& tracker, frame_range range,
                                                  Decide&& decide, Release&& release,
                                                  const isolate_options& options = {}) {
    auto sealed = target.isolate(range, options);
    if (!sealed) return sealed.error();
    const migrate_report report = sealed->migrate(lru_evictor{tracker, decide, release});
    if (report.outcome == status::ok) return sealed;
    if (options.blocker != nullptr) *options.blocker = report.blocker;
    return report.outcome;
}

// ---- which block ----

// What it would take to empty a range of blocks, as it was when it was looked at.
struct block_cost {
    frame_range range{};
    frame_count used{};  // frames that must be moved or evicted
    frame_count young{}; // of those, used just now
    frame_count stuck{}; // pinned, untracked, foreign, or of a block that cannot be sealed: it stays in use

    bool operator==(const block_cost&) const = default;
};
// "frames [512, 1024): 300 frames used, 12 young, 0 stuck"
template <text_sink S>
S& operator<<(S& sink, const block_cost& cost) {
    print(print(sink << cost.range, ": ") << cost.used, " used, ");
    print(print_decimal(sink, cost.young.raw()), " young, ");
    return print(print_decimal(sink, cost.stuck.raw()), " stuck");
}

struct block_choice {
    frame_range within{};           // whole blocks; by default all of the zone
    std::uint32_t blocks = 1;       // a range has so many, and starts at a multiple of them
    std::uint64_t young_factor = 4; // a young frame costs as much as so many others
    bool may_be_empty = true;       // ranges that nothing is in are the cheapest
    // Returns: at most UINT64_MAX - 1.
    [[nodiscard]] std::uint64_t price(const block_cost& c) const {
        const std::uint64_t most = UINT64_MAX - 1, young = c.young.raw(), others = c.used.raw() - young;
        return young != 0 && young_factor > (most - others) / young ? most : others + young * young_factor;
    }
};

// Returns: what it would take to empty the range. Cost: O(frames in use), the zone lock for one block at a time.
// A block that the range has a part of counts whole.
template <class Zone, frame_tracker Lru>
[[nodiscard]] block_cost cost_of(const Zone& target, const Lru& tracker, frame_range range) {
    const auto& core = target.internals();
    using geometry = zone_geometry<typename Zone::policy>;
    if (range.empty() || !target.frames().contains(range)) return {.range = range, .stuck = range.count()};
    block_cost cost{.range = range};
    const block_index first = geometry::block_of(core.geometry().index_of(range.first()));
    const frame last{static_cast<std::uint32_t>(range.end_raw() - 1)};
    const block_index end{geometry::block_of(core.geometry().index_of(last)).raw() + 1};
    for (block_index b = first; b != end; ++b)
        core.with_zone_lock([&](auto held_lock) {
            const block_traits t = core.blocks().traits(b);
            if (!t.allocatable() || core.blocks().holds_unmovable(held_lock, b))
                cost.stuck += frame_count{geometry::block_frames};
            if (core.blocks().free_frames(held_lock, b) == geometry::block_frames) return;
            const auto map = core.blocks().free_map(held_lock, b);
            for (unsigned bit = 0; bit != geometry::block_frames; ++bit) {
                if (map.test(bit)) continue;
                const frame_info info = core.state_of(held_lock, geometry::index_of(b, bit));
                if (info.head.is_none())
                    continue; // cached: the seal takes it out; absent, poisoned: not in the way
                const lru_state s = tracker.state_of(info.head);
                cost.used += frame_count{1};
                cost.young += frame_count{s.cold == 0};
                cost.stuck += frame_count{s.place == lru_place::untracked || s.pins != 0};
            }
        });
    return cost;
}

// Effects: fills `out` with the ranges that can be emptied, the cheapest first. Returns: how many. Cost: as cost_of, for
// all of them.
template <class Zone, frame_tracker Lru>
std::size_t cheapest_blocks(const Zone& target, const Lru& tracker, std::span<block_cost> out,
                            const block_choice& choice = {}) {
    const frame_range within = choice.within.empty() ? target.frames() : choice.within;
    const frame_count size{std::uint64_t{choice.blocks} * Zone::pageblock_order().frames().raw()};
    std::size_t n = 0;
    if (choice.blocks == 0 || out.empty() || !target.frames().contains(within)) return 0;
    for (std::uint64_t at = within.first().raw(), end; at < within.end_raw(); at = end) {
        end = (at / size.raw() + 1) * size.raw();
        if (end > within.end_raw()) end = within.end_raw();
        const block_cost cost =
            cost_of(target, tracker, {frame{static_cast<std::uint32_t>(at)}, frame_count{end - at}});
        if (cost.stuck.raw() != 0 || (cost.used.raw() == 0 && !choice.may_be_empty)) continue;
        const std::uint64_t worst = n == out.size() ? choice.price(out[n - 1]) : UINT64_MAX;
        if (choice.price(cost) >= worst) continue;
        std::size_t to = n == out.size() ? n - 1 : n++;
        for (; to != 0 && choice.price(out[to - 1]) > choice.price(cost); --to)
            out[to] = out[to - 1];
        out[to] = cost;
    }
    return n;
}
// Returns: the cheapest range; busy if none can be emptied.
template <class Zone, frame_tracker Lru>
[[nodiscard]] result<block_cost> cheapest_block(const Zone& target, const Lru& tracker,
                                                const block_choice& choice = {}) {
    block_cost best;
    if (cheapest_blocks(target, tracker, std::span{&best, 1}, choice) == 0) return status::busy;
    return best;
}

// ---- pressure ----

// The group that an allocation reclaims from; or whom it asks for one: choose(attempt), first with 0, then, as long as
// nothing was reclaimed from the last one, with 1, 2 and so on, until there is an error instead of a group.
template <class T>
concept group_choice = std::same_as<T, group_id> || requires(T& choose, unsigned attempt) {
    { choose(attempt) } -> std::same_as<result<group_id>>;
};

// Reclaim for an allocation that has found nothing: zone_options{.frames = f, .pressure = relief.callback()}. The
// callbacks are those of lru.reclaim, and a group_choice; they run with no lock held, and several threads may run them at
// the same time. release() frees the frame. They do not allocate from the zone, or the allocation calls them again. Not
// moved while the zone lives.
// An allocation of order k > 0 reclaims, in steps, until 2^k freed frames happen to lie together: cheapest_block and
// evict_block are better at that.
template <class Lru, class Decide, class Release, group_choice Choice = group_id>
class lru_pressure {
public:
    explicit lru_pressure(Lru& tracker, Decide decide, Release release,
                          frame_count at_least = frame_count{32}, Choice from = root_group)
        : tracker_(tracker),
          decide_(std::move(decide)),
          release_(std::move(release)),
          at_least_(at_least),
          from_(std::move(from)) {}
    lru_pressure(const lru_pressure&) = delete;
    lru_pressure& operator=(const lru_pressure&) = delete;

    [[nodiscard]] pressure_callback callback() { return {&relieve, this}; }

private:
    static bool relieve(void* context, order wanted, migrate_type) {
        auto& self = *static_cast<lru_pressure*>(context);
        const frame_count budget = wanted.frames() > self.at_least_ ? wanted.frames() : self.at_least_;
        for (unsigned attempt = 0;; ++attempt) {
            const result<group_id> from = self.choose(attempt);
            if (!from) return false;
            if (self.tracker_.reclaim(*from, budget, self.decide_, self.release_).reclaimed.raw() != 0)
                return true;
        }
    }
    result<group_id> choose(unsigned attempt) {
        if constexpr (std::same_as<Choice, group_id>)
            return attempt == 0 ? result<group_id>{from_} : status::absent;
        else
            return from_(attempt);
    }

    Lru& tracker_;
    Decide decide_;
    Release release_;
    frame_count at_least_;
    Choice from_;
};

} // namespace cordon::inline v0
