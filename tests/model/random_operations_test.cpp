// tests/model/random_operations_test.cpp - millions of random operations of every kind, against the model.
// SPDX-License-Identifier: BSL-1.0
//
// One thread plays four slots and a caller without one, so each result has exactly one right value (or one set
// of right frames). An episode is a fresh zone of odd size with random holes; poisoned frames wear it out.
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/reference_model.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using namespace cordon;
using testing::reference_model;
using testing::rng;

struct count_misuse {
    static inline std::uint64_t calls = 0;
    static inline status last = status::ok;
    static void on_misuse(const misuse_report& report) {
        ++calls;
        last = report.what;
    }
};

struct small_blocks : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 32}, {1, 16}, {3, 8}, {6, 3}};
    using thread_slots = explicit_slots<4>;
    using gate = lock_gate<atomics, clock, backoff>;
    using misuse_handler = count_misuse;
};
struct large_blocks : small_blocks {
    static constexpr unsigned pageblock_order = 9;
    static constexpr unsigned max_order = 11;
    static constexpr cached_order cached_orders[] = {{0, 128}, {2, 16}, {5, 4}, {9, 1}};
    using gate = membarrier_gate<atomics, default_barrier, clock, backoff>;
};

template <class Policy>
class episode {
    using zone_type = basic_zone<Policy>;
    using range_type = isolated_range<Policy>;
    static constexpr std::uint32_t block_frames = 1u << Policy::pageblock_order;
    static constexpr std::uint32_t max_poisoned = 10;

    struct allocation {
        frame head;
        order size;
    };

public:
    explicit episode(std::uint64_t seed)
        : random_(seed),
          frames_(random_frames()),
          holes_(random_holes()),
          zone_(zone_options{.frames = frames_, .holes = holes_, .max_poisoned = max_poisoned}),
          model_(frames_, order{Policy::pageblock_order}, order{Policy::max_order}),
          live_at_(frames_.count().raw()) {
        REQUIRE(zone_.error() == status::ok);
        for (const frame_range hole : holes_)
            for (const frame f : hole) {
                model_.at(f).state = frame_state::absent;
                ++absent_;
            }
        compare_all();
    }

    void run(std::uint64_t operations) {
        // Between filling and emptying, so that both an empty and a full zone are met.
        for (std::uint64_t n = 0; n != operations; ++n) {
            if (n % 4096 == 0) fill_percent_ = 30 + random_.below(41);
            step();
            conserve();
            if (n % 2048 == 0) compare_all();
        }
        for (const auto& each : ranges_)
            open(each.range());
        ranges_.clear();
        tokens_.clear();
        while (!live_.empty())
            free_live(live_.size() - 1);
        REQUIRE(zone_.drain() == status::ok);
        compare_all();
    }

private:
    // ---- the zone ----

    frame_range random_frames() {
        const frame first{static_cast<std::uint32_t>(random_.below(3 * block_frames))};
        return {first, frame_count{4 * block_frames + random_.below(5 * block_frames)}};
    }
    std::vector<frame_range> random_holes() {
        std::vector<frame_range> holes;
        for (std::uint64_t n = random_.below(4); n != 0; --n) {
            const std::uint64_t at = random_.below(frames_.count().raw());
            const std::uint64_t most = frames_.count().raw() - at;
            const frame_range hole{
                frames_.first() + frame_count{at},
                frame_count{1 + random_.below(std::min<std::uint64_t>(most, block_frames * 3 / 2))}};
            if (std::none_of(holes.begin(), holes.end(), [&](frame_range h) { return h.overlaps(hole); }))
                holes.push_back(hole);
        }
        return holes;
    }

    // ---- choices ----

    slot_index any_slot() {
        const std::uint64_t s = random_.below(5);
        return s == 4 ? slot_index::none() : slot_index{static_cast<std::uint32_t>(s)};
    }
    order any_order() {
        const unsigned k = static_cast<unsigned>(std::countr_zero(random_() | 1ull << Policy::max_order));
        return random_.below(4) == 0 ? order{static_cast<unsigned>(random_.below(Policy::max_order + 1))}
                                     : order{k};
    }
    migrate_type any_type() {
        return random_.below(2) == 0 ? migrate_type::movable : static_cast<migrate_type>(random_.below(4));
    }
    frame any_frame() { return frames_.first() + frame_count{random_.below(frames_.count().raw())}; }
    // Returns: whole pageblocks, cut off at the ends of the zone.
    frame_range any_blocks() {
        const std::uint64_t first_block = frames_.first().raw() / block_frames;
        const std::uint64_t blocks = (frames_.end_raw() - 1) / block_frames - first_block + 1;
        const std::uint64_t from = first_block + random_.below(blocks);
        const std::uint64_t to = std::min(from + 1 + random_.below(3), first_block + blocks);
        const std::uint64_t first = std::max<std::uint64_t>(from * block_frames, frames_.first().raw());
        const std::uint64_t end = std::min(to * block_frames, frames_.end_raw());
        return {frame{static_cast<std::uint32_t>(first)}, frame_count{end - first}};
    }

    // ---- one operation ----

    void step() {
        const std::uint64_t kind = random_.below(1000);
        if (kind < 780)
            random_.below(100) < fill_percent_ ? allocate() : free_any();
        else if (kind < 880)
            free_wrongly();
        else if (kind < 920)
            random_.below(100) < fill_percent_ ? allocate_bulk() : free_bulk();
        else if (kind < 950)
            allocate_exact();
        else if (kind < 954)
            allocate_contiguous();
        else if (kind < 958)
            drain();
        else if (kind < 966)
            random_.below(2) == 0 ? disable() : enable();
        else if (kind < 974)
            isolate();
        else if (kind < 990)
            work_on_range();
        else if (kind < 994)
            online();
        else if (kind < 995)
            poison();
        else
            set_type();
    }

    void allocate() {
        const order k = any_order();
        const migrate_type type = any_type();
        const result<frame> got = zone_.allocate(any_slot(), k, type);
        if (!got) {
            REQUIRE(got.error() == status::no_memory);
            REQUIRE_FALSE(is_possible(k, type));
            return;
        }
        taken(*got, k, type);
    }
    void allocate_bulk() {
        frame out[40];
        const order k{static_cast<unsigned>(random_.below(4))};
        const migrate_type type = any_type();
        const std::size_t want = random_.below(41);
        const std::size_t n = zone_.allocate_bulk(std::span{out, want}, k, type);
        for (std::size_t i = 0; i != n; ++i)
            taken(out[i], k, type);
        if (n != want) REQUIRE_FALSE(is_possible(k, type));
    }
    void allocate_exact() {
        const order k = any_order();
        frame f = any_frame();
        if (random_.below(8) != 0) f = frame{f.raw() & ~static_cast<std::uint32_t>(k.frames().raw() - 1)};
        const status expected = model_.exact_status(f, k);
        REQUIRE(zone_.allocate_exact(f, k) == expected);
        if (expected == status::ok) remember(f, k);
    }
    void allocate_contiguous() {
        const frame_count count{1 + random_.below(2 * block_frames)};
        const frame_count alignment{std::uint64_t{1} << random_.below(Policy::pageblock_order + 2)};
        busy_frame blocker;
        const result<frame_range> got =
            random_.below(4) == 0
                ? zone_.allocate_contiguous(count, alignment)
                : zone_.allocate_contiguous(count, alignment, mover(), {.blocker = &blocker});
        if (!got) return;
        REQUIRE(got->count() == count);
        REQUIRE(got->first().raw() % alignment.raw() == 0);
        for (const frame f : *got)
            taken(f, order{0}, migrate_type::movable);
    }
    void free_any() {
        if (!live_.empty()) free_live(random_.below(live_.size()));
    }
    void free_live(std::size_t n) {
        const auto [head, k] = live_[n];
        REQUIRE(zone_.try_free(any_slot(), head, k) == status::ok);
        forget(head);
    }
    void free_bulk() {
        const order k{static_cast<unsigned>(random_.below(2))};
        std::vector<frame> batch;
        for (std::uint64_t n = random_.below(40); n != 0 && !live_.empty(); --n) {
            const allocation one = live_[random_.below(live_.size())];
            if (one.size != k) continue;
            batch.push_back(one.head);
            forget(one.head);
        }
        std::uint64_t wrong = 0;
        if (const frame bad = any_frame();
            random_.below(4) == 0 && model_.at(bad).state != frame_state::allocated) {
            batch.push_back(bad);
            wrong = 1;
        }
        const std::uint64_t before = count_misuse::calls;
        zone_.free_bulk(batch, k);
        REQUIRE(count_misuse::calls == before + wrong);
    }
    void free_wrongly() {
        const std::uint64_t at = frames_.first().raw() + random_.below(frames_.count().raw() + 8);
        const frame f{static_cast<std::uint32_t>(at > 4 ? at - 4 : 0)};
        const order k{static_cast<unsigned>(random_.below(8) == 0 ? random_.below(256)
                                                                  : random_.below(Policy::max_order + 2))};
        const status expected = model_.free_status(f, k, zone_.state_of(f).state == frame_state::cached);
        if (random_.below(2) == 0 || expected == status::ok) {
            REQUIRE(zone_.try_free(any_slot(), f, k) == expected);
            if (expected == status::ok) forget(f);
        } else {
            const std::uint64_t before = count_misuse::calls;
            zone_.free(any_slot(), f, k);
            REQUIRE(count_misuse::calls == before + 1);
            REQUIRE(count_misuse::last == expected);
        }
    }
    void drain() {
        if (random_.below(2) == 0) {
            REQUIRE(zone_.drain() == status::ok);
            REQUIRE(zone_.stats().cached.raw() == 0);
            return;
        }
        const frame first = any_frame();
        const frame_range range{first, frame_count{1 + random_.below(frames_.end_raw() - first.raw())}};
        REQUIRE(zone_.drain(range) == status::ok);
        for (const frame f : range)
            REQUIRE(zone_.state_of(f).state != frame_state::cached);
    }
    void disable() {
        if (tokens_.size() == 3) return;
        auto token = zone_.disable_caches();
        REQUIRE(token);
        tokens_.push_back(std::move(*token));
    }
    void enable() {
        if (!tokens_.empty())
            tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(random_.below(tokens_.size())));
    }

    // ---- isolation ----

    void isolate() {
        const frame_range range = any_blocks();
        busy_frame blocker;
        const isolate_options options{.level = random_.below(2) == 0 ? isolation_level::targeted
                                                                     : isolation_level::exclusive,
                                      .blocker = &blocker};
        const status expected = isolate_status(range);
        auto got = zone_.isolate(range, options);
        REQUIRE(got.error() == expected);
        if (!got) {
            REQUIRE(blocker);
            return;
        }
        set_blocks(range, reference_model::block::isolated);
        REQUIRE(got->busy().raw() == used_in(range));
        exclusive_ += options.level == isolation_level::exclusive;
        levels_.push_back(options.level);
        ranges_.push_back(std::move(*got));
    }
    void work_on_range() {
        if (ranges_.empty()) return;
        const std::size_t n = random_.below(ranges_.size());
        range_type& range = ranges_[n];
        const frame_range frames = range.range();
        const std::uint64_t used = used_in(frames);
        REQUIRE(range.busy().raw() == used);
        REQUIRE(range.all_free() == (used == 0));
        switch (random_.below(6)) {
        case 0: {
            const migrate_report report = range.migrate(mover());
            REQUIRE((report.outcome == status::ok) == (used_in(frames) == 0));
            REQUIRE((report.outcome == status::ok) == !report.blocker);
            return;
        }
        case 1: return done_with(n, range.undo(), reference_model::block::open);
        case 2: {
            const status expected = used == 0 ? status::ok : status::busy;
            const status got = range.offline();
            REQUIRE(got == expected);
            if (got == status::ok) done_with(n, got, reference_model::block::offline);
            return;
        }
        case 3: {
            frame_range part = frames;
            if (random_.below(2) == 0) {
                const std::uint64_t skip = random_.below(frames.count().raw());
                part = {frames.first() + frame_count{skip},
                        frame_count{1 + random_.below(frames.count().raw() - skip)}};
            }
            status expected = status::ok;
            for (const frame f : part)
                if (const frame_state state = model_.state_of(f); state != frame_state::isolated) {
                    expected = state == frame_state::absent     ? status::absent
                               : state == frame_state::poisoned ? status::poisoned
                                                                : status::busy;
                    break;
                }
            const result<frame_range> got = range.claim(part);
            REQUIRE(got.error() == expected);
            if (!got) return;
            done_with(n, status::ok, reference_model::block::open);
            for (const frame f : part)
                remember(f, order{0});
            return;
        }
        case 4: { // dropped: as undo
            set_blocks(frames, reference_model::block::open);
            erase_range(n);
            return;
        }
        default: { // the first allocation in the way, if any
            const busy_frame busy = range.next_busy();
            REQUIRE(static_cast<bool>(busy) == (used != 0));
            if (busy) REQUIRE(model_.at(busy.head()).state == frame_state::allocated);
        }
        }
    }
    void online() {
        const frame_range range = any_blocks();
        const status expected =
            all_blocks(range, reference_model::block::offline) ? status::ok : status::not_offline;
        REQUIRE(zone_.online(range) == expected);
        if (expected == status::ok) set_blocks(range, reference_model::block::open);
    }
    void poison() {
        const frame f =
            random_.below(16) == 0 ? frame{static_cast<std::uint32_t>(frames_.end_raw())} : any_frame();
        reference_model after = model_;
        status expected = after.poison(f);
        const bool takes_place = expected == status::ok || expected == status::deferred;
        if (takes_place && poisoned_ == max_poisoned) expected = status::no_memory;
        REQUIRE(zone_.poison(f) == expected);
        if (!takes_place || expected == status::no_memory) return;
        model_ = after;
        ++poisoned_;
    }
    void set_type() {
        const frame_range range = any_blocks();
        const migrate_type type = static_cast<migrate_type>(random_.below(4));
        status expected = status::ok;
        for (const frame f : range) {
            if (model_.block_of(f) == reference_model::block::isolated) expected = status::busy;
            if (is_absent_block(f)) expected = status::absent;
        }
        REQUIRE(zone_.set_migrate_type(range, type) == expected);
        if (expected == status::ok)
            for (const frame f : range)
                REQUIRE(zone_.state_of(f).type == type);
    }

    // Moves, frees, postpones or refuses, and keeps the model's books.
    auto mover() {
        const std::uint64_t stubborn = random_.below(3) == 0 ? 20 : 0;
        return [this, stubborn](const busy_frame& from, frame to) {
            const order k = from.size();
            REQUIRE(model_.at(from.head()).state == frame_state::allocated);
            REQUIRE(model_.at(from.head()).size == k);
            REQUIRE(model_.is_free(to, k));
            const std::uint64_t choice = random_.below(100);
            if (choice < stubborn) return migrate_outcome::failed;
            if (choice < 40) return migrate_outcome::retry;
            if (choice < 60) {
                REQUIRE(zone_.try_free(any_slot(), from.head(), k) == status::ok);
                forget(from.head());
                return migrate_outcome::freed;
            }
            remember(to, k);
            forget(from.head());
            return migrate_outcome::moved;
        };
    }

    // ---- books ----

    void remember(frame f, order k) {
        REQUIRE(model_.is_free(f, k));
        model_.allocate(f, k);
        live_at_[f.raw() - frames_.first().raw()] = live_.size();
        live_.push_back({f, k});
    }
    void taken(frame f, order k, migrate_type type) {
        remember(f, k);
        if (type == migrate_type::movable || type == migrate_type::lent) return;
        REQUIRE(zone_.state_of(f).type != migrate_type::lent);
    }
    void forget(frame f) {
        const std::size_t n = live_at_[f.raw() - frames_.first().raw()];
        model_.free(live_[n].head, live_[n].size);
        live_[n] = live_.back();
        live_at_[live_[n].head.raw() - frames_.first().raw()] = n;
        live_.pop_back();
    }
    void open(frame_range range) { set_blocks(range, reference_model::block::open); }
    void done_with(std::size_t n, status outcome, reference_model::block state) {
        REQUIRE(outcome == status::ok);
        set_blocks(ranges_[n].range(), state);
        REQUIRE_FALSE(ranges_[n]);
        REQUIRE(ranges_[n].undo() == status::not_isolated);
        erase_range(n);
    }
    void erase_range(std::size_t n) {
        exclusive_ -= levels_[n] == isolation_level::exclusive;
        levels_.erase(levels_.begin() + static_cast<std::ptrdiff_t>(n));
        ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    void set_blocks(frame_range range, reference_model::block state) {
        for (const frame f : range)
            model_.block_of(f) = state;
    }
    [[nodiscard]] bool all_blocks(frame_range range, reference_model::block state) const {
        return std::all_of(range.begin(), range.end(), [&](frame f) { return model_.block_of(f) == state; });
    }
    [[nodiscard]] bool is_absent_block(frame f) const {
        const std::uint32_t first = f.raw() / block_frames * block_frames;
        for (std::uint32_t at = first; at != first + block_frames; ++at) {
            const frame_state state = model_.state_of(frame{at});
            if (state != frame_state::absent && state != frame_state::foreign) return false;
        }
        return true;
    }
    [[nodiscard]] status isolate_status(frame_range range) {
        for (const frame f : range) {
            if (model_.block_of(f) == reference_model::block::isolated) return status::busy;
            if (model_.block_of(f) == reference_model::block::offline) return status::offline;
            if (is_absent_block(f)) return status::absent;
            if (zone_.state_of(f).type == migrate_type::unmovable) return status::unmovable;
        }
        return status::ok;
    }
    [[nodiscard]] std::uint64_t used_in(frame_range range) const {
        return static_cast<std::uint64_t>(std::count_if(range.begin(), range.end(), [&](frame f) {
            const frame_state state = model_.state_of(f);
            return state == frame_state::allocated || state == frame_state::tail;
        }));
    }
    // Returns: whether the zone has to find a run: any free one will do, but lent blocks serve only what moves.
    [[nodiscard]] bool is_possible(order k, migrate_type type) const {
        const bool may_lend = type == migrate_type::movable || type == migrate_type::lent;
        const std::uint64_t step = k.frames().raw();
        for (std::uint64_t at = (frames_.first().raw() + step - 1) / step * step;
             at + step <= frames_.end_raw(); at += step) {
            const frame f{static_cast<std::uint32_t>(at)};
            if (!model_.is_free(f, k)) continue;
            bool lent = false;
            for (std::uint64_t n = 0; n < step; n += block_frames)
                lent = lent || zone_.state_of(f + frame_count{n}).type == migrate_type::lent;
            if (may_lend || !lent) return true;
        }
        return false;
    }

    // ---- checks ----

    void conserve() {
        const zone_stats now = zone_.stats();
        const frame_count parts =
            now.free + now.isolated_free + now.cached + now.allocated + now.offline + now.poisoned;
        const bool ok = now.managed.raw() == frames_.count().raw() - absent_ && parts == now.managed &&
                        now.allocated.raw() == model_.allocated() &&
                        ((tokens_.empty() && exclusive_ == 0) || now.cached.raw() == 0);
        if (!ok) [[unlikely]] {
            CAPTURE(now.managed.raw(), now.allocated.raw(), model_.allocated(), now.cached.raw(),
                    parts.raw());
            FAIL("frames were lost or found");
        }
    }
    void compare_all() {
        std::uint64_t isolated = 0;
        std::uint64_t offline = 0;
        std::uint64_t poisoned = 0;
        std::uint64_t cached = 0;
        for (const frame f : frames_) {
            const frame_info info = zone_.state_of(f);
            const frame_state expected = model_.state_of(f);
            const reference_model::cell& cell = model_.at(f);
            const bool in_use = expected == frame_state::allocated || expected == frame_state::tail;
            const bool same = info.state == expected ||
                              (info.state == frame_state::cached && expected == frame_state::free);
            const bool ok = same && info.poison_pending == cell.condemned &&
                            info.block_isolated == (model_.block_of(f) == reference_model::block::isolated) &&
                            (!in_use || (info.head == cell.head && info.size == cell.size));
            if (!ok) [[unlikely]] {
                text_buffer<256> text;
                text << info;
                FAIL("zone: " << text.view() << "; model: " << name(expected));
            }
            isolated += expected == frame_state::isolated;
            offline += expected == frame_state::offline;
            poisoned += expected == frame_state::poisoned;
            cached += info.state == frame_state::cached;
        }
        const result<zone_stats> now = zone_.exact_stats();
        REQUIRE(now);
        REQUIRE(now->isolated_free.raw() == isolated);
        REQUIRE(now->offline.raw() == offline);
        REQUIRE(now->poisoned.raw() == poisoned);
        REQUIRE(now->cached.raw() == cached);
        const validation found = zone_.validate();
        INFO((found ? "valid" : found.what) << ", block " << found.where.raw());
        REQUIRE(found);
    }

    rng random_;
    frame_range frames_;
    std::vector<frame_range> holes_;
    zone_type zone_;
    reference_model model_;
    std::vector<allocation> live_;
    std::vector<std::size_t> live_at_;
    std::vector<range_type> ranges_;
    std::vector<isolation_level> levels_;
    std::vector<caches_disabled<Policy>> tokens_;
    std::uint64_t exclusive_ = 0;
    std::uint64_t absent_ = 0;
    std::uint32_t poisoned_ = 0;
    std::uint64_t fill_percent_ = 50;
};

template <class Policy>
void run_episodes(std::uint64_t operations) {
    constexpr std::uint64_t length = 100'000;
    for (std::uint64_t done = 0, n = 0; done < operations; done += length, ++n) {
        CAPTURE(testing::seed(), n);
        episode<Policy> one{testing::seed() + n};
        one.run(std::min(length, operations - done));
    }
}

} // namespace

TEST_CASE("random operations on pageblocks of 64 frames agree with the model", "[model]") {
    run_episodes<small_blocks>(testing::scaled<std::uint64_t>(6'000'000));
}

TEST_CASE("random operations on pageblocks of 512 frames agree with the model", "[model]") {
    run_episodes<large_blocks>(testing::scaled<std::uint64_t>(4'000'000));
}
