// support/episode.hpp - episode: operations of every kind on one zone, each compared with the reference model.
// SPDX-License-Identifier: BSL-1.0
//
// One thread plays all slots and a caller without one, so each result has exactly one right value (or one set of
// right frames). What is done next is decided by `choices`: a random generator (seed.hpp), or the bytes that a fuzzer
// came up with (byte_choices.hpp). A choice of 0 always leads to an end: it moves, it accepts, it does not repeat.
#pragma once

#include "support/zone_and_model.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace cordon::testing {

// How often each kind of operation comes, against the others.
struct operation_mix {
    unsigned allocate_or_free = 0;
    unsigned free_wrongly = 0;
    unsigned bulk = 0;
    unsigned exact = 0;
    unsigned contiguous = 0;
    unsigned drain = 0;
    unsigned disable_or_enable = 0;
    unsigned isolate = 0;
    unsigned work_on_range = 0;
    unsigned online = 0;
    unsigned poison = 0;
    unsigned set_type = 0;
    unsigned compact = 0;
    unsigned report_free = 0;
    unsigned wrong_range = 0; // of every call that takes one
    unsigned wrong_count = 0; // of allocate_contiguous

    [[nodiscard]] constexpr unsigned total() const {
        return allocate_or_free + free_wrongly + bulk + exact + contiguous + drain + disable_or_enable +
               isolate + work_on_range + online + poison + set_type + compact + report_free + wrong_range +
               wrong_count;
    }
};

// Returns: a zone of at least `blocks` pageblocks of `block_frames` frames, up to twice as many, with its ends
// anywhere in a block and up to three holes.
template <class Choices>
[[nodiscard]] zone_choice choose_zone(Choices& choices, std::uint32_t block_frames, std::uint32_t blocks,
                                      std::uint32_t max_poisoned) {
    const frame first{static_cast<std::uint32_t>(choices.below(3 * block_frames))};
    const frame_count count{blocks * block_frames + choices.below(std::uint64_t{blocks + 1} * block_frames)};
    zone_choice zone{.frames = {first, count}, .holes = {}, .max_poisoned = max_poisoned};
    for (std::uint64_t n = choices.below(4); n != 0; --n) {
        const std::uint64_t at = choices.below(count.raw());
        const std::uint64_t most = std::min<std::uint64_t>(count.raw() - at, block_frames * 3 / 2);
        const frame_range hole{first + frame_count{at}, frame_count{1 + choices.below(most)}};
        if (std::none_of(zone.holes.begin(), zone.holes.end(),
                         [&](frame_range h) { return h.overlaps(hole); }))
            zone.holes.push_back(hole);
    }
    return zone;
}

// Requires: the policy's misuse handler is misuse_record.
template <class Policy, class Choices>
class episode : public zone_and_model<Policy> {
    using base = zone_and_model<Policy>;

public:
    using base::block_frames;
    using base::compare_all;
    using base::conserve;
    using typename base::block;

    episode(Choices& choices, const operation_mix& mix, zone_choice zone, std::ostream* log = nullptr)
        : base(std::move(zone), log), choices_(choices), mix_(mix) {}
    episode(Choices& choices, const operation_mix& mix, zone_choice zone, std::span<const std::byte> metadata,
            std::ostream* log = nullptr)
        : base(std::move(zone), metadata, log), choices_(choices), mix_(mix) {}

    // Effects: from now on the zone fills up, or it empties.
    void turn() { fill_percent_ = 30 + choices_.below(41); }

    // Effects: does one operation.
    void step() {
        std::uint64_t at = choices_.below(mix_.total());
        const auto is = [&](unsigned weight) {
            if (at < weight) return true;
            at -= weight;
            return false;
        };
        if (is(mix_.allocate_or_free)) return fills() ? allocate() : free_any();
        if (is(mix_.free_wrongly)) return free_wrongly();
        if (is(mix_.bulk)) return fills() ? allocate_bulk() : free_bulk();
        if (is(mix_.exact)) return allocate_exact();
        if (is(mix_.contiguous)) return allocate_contiguous();
        if (is(mix_.drain)) return drain();
        if (is(mix_.disable_or_enable)) return choices_.below(2) == 0 ? disable() : enable();
        if (is(mix_.isolate)) return isolate();
        if (is(mix_.work_on_range)) return work_on_range();
        if (is(mix_.online)) return online();
        if (is(mix_.poison)) return poison();
        if (is(mix_.set_type)) return set_type();
        if (is(mix_.compact)) return compact();
        if (is(mix_.report_free)) return report_free();
        if (is(mix_.wrong_range)) return take_wrong_range();
        if (is(mix_.wrong_count)) return take_wrong_count();
    }

private:
    using base::all_blocks;
    using base::block_starts;
    using base::check;
    using base::end_of;
    using base::expect_same;
    using base::forget;
    using base::frames;
    using base::is_absent_block;
    using base::is_possible;
    using base::isolate_status;
    using base::live_;
    using base::model_;
    using base::note;
    using base::now_sealed;
    using base::poisoned_;
    using base::ranges_;
    using base::remember;
    using base::set_blocks;
    using base::spent;
    using base::taken;
    using base::tokens_;
    using base::used_in;
    using base::zone_;
    using typename base::allocation;

    // ---- choices ----

    std::size_t any_index(std::size_t n) { return static_cast<std::size_t>(choices_.below(n)); }
    bool fills() { return choices_.below(100) < fill_percent_; }
    slot_index any_slot() {
        constexpr std::uint32_t slots = Policy::thread_slots::max_slots;
        const auto s = static_cast<std::uint32_t>(choices_.below(slots + 1));
        return s == slots ? slot_index::none() : slot_index{s};
    }
    order any_order() {
        if (choices_.below(4) == 0)
            return order{static_cast<unsigned>(choices_.below(Policy::max_order + 1))};
        constexpr std::uint64_t top = std::uint64_t{1} << Policy::max_order;
        return order{static_cast<unsigned>(std::countr_zero(choices_.below(top) | top))};
    }
    migrate_type any_type() {
        return choices_.below(2) == 0 ? migrate_type::movable
                                      : static_cast<migrate_type>(choices_.below(migrate_types));
    }
    frame any_frame() { return frames().first() + frame_count{choices_.below(frames().count().raw())}; }
    // Returns: one of the zone, one close to it, or any number.
    frame any_frame_at_all() {
        if (choices_.below(4) == 3)
            return frame{static_cast<std::uint32_t>(choices_.below(std::uint64_t{1} << 32))};
        const std::uint64_t at = frames().first().raw() + choices_.below(frames().count().raw() + 8);
        return frame{static_cast<std::uint32_t>(at > 4 ? at - 4 : 0)};
    }
    // Returns: one that there is, or the next, or one of these with a bit that no order has: what drops it believes it.
    order any_order_at_all() {
        if (choices_.below(4) != 3)
            return order{static_cast<unsigned>(choices_.below(Policy::max_order + 2))};
        const auto far_off = static_cast<unsigned>(choices_.below(64));
        return order{far_off % 16 | 16u << far_off / 16};
    }
    frame_count any_count_at_all() {
        switch (choices_.below(4)) {
        case 0: return frame_count{choices_.below(4 * block_frames)};
        case 1: return frame_count{std::uint64_t{1} << choices_.below(64)};
        case 2: return frame_count{UINT64_MAX - choices_.below(4 * block_frames)};
        default: return frame_count{(choices_.below(6)) * block_frames};
        }
    }
    // Returns: whole pageblocks, cut off at the ends of the zone.
    frame_range any_blocks() {
        const std::uint64_t first_block = frames().first().raw() / block_frames;
        const std::uint64_t blocks = (frames().end_raw() - 1) / block_frames - first_block + 1;
        const std::uint64_t from = first_block + choices_.below(blocks);
        const std::uint64_t to = std::min(from + 1 + choices_.below(3), first_block + blocks);
        const std::uint64_t first = std::max<std::uint64_t>(from * block_frames, frames().first().raw());
        const std::uint64_t end = std::min(to * block_frames, frames().end_raw());
        return {frame{static_cast<std::uint32_t>(first)}, frame_count{end - first}};
    }
    frame_range any_part(frame_range whole) {
        const std::uint64_t skip = choices_.below(whole.count().raw());
        return {whole.first() + frame_count{skip},
                frame_count{1 + choices_.below(whole.count().raw() - skip)}};
    }

    // ---- allocate and free ----

    void allocate() {
        const slot_index s = any_slot();
        const order k = any_order();
        const migrate_type type = any_type();
        note("allocate(", s, ", ", k, ", ", name(type), ")");
        const result<frame> got = zone_.allocate(s, k, type);
        if (got) {
            note(" = ", *got, '\n');
            return taken(*got, k, type);
        }
        note(" = ", got.error(), '\n');
        expect_same(got.error(), status::no_memory, "allocate");
        check(!is_possible(k, type), "an allocation failed while a run is free");
    }
    void allocate_bulk() {
        frame out[40];
        const order k{static_cast<unsigned>(choices_.below(4))};
        const migrate_type type = any_type();
        const std::size_t want = any_index(41);
        const std::size_t n = zone_.allocate_bulk(std::span{out, want}, k, type);
        note("allocate_bulk(", want, ", ", k, ", ", name(type), ") = ", n, '\n');
        for (std::size_t i = 0; i != n; ++i)
            taken(out[i], k, type);
        if (n != want) check(!is_possible(k, type), "a bulk allocation stopped while a run is free");
    }
    void allocate_exact() {
        const order k = any_order();
        frame f = any_frame();
        if (choices_.below(8) != 7) f = frame{f.raw() & ~static_cast<std::uint32_t>(k.frames().raw() - 1)};
        note("allocate_exact(", f, ", ", k, ")\n");
        const status expected = model_.exact_status(f, k);
        expect_same(zone_.allocate_exact(f, k), expected, "allocate_exact", f);
        if (expected == status::ok) remember(f, k);
    }
    void allocate_contiguous() {
        const frame_count count{1 + choices_.below(2 * block_frames)};
        const frame_count alignment{std::uint64_t{1} << choices_.below(Policy::pageblock_order + 2)};
        note("allocate_contiguous(", count, ", aligned to ", alignment, ")\n");
        const result<frame_range> got = choices_.below(4) == 3
                                            ? zone_.allocate_contiguous(count, alignment)
                                            : zone_.allocate_contiguous(count, alignment, mover());
        if (!got) return;
        check(got->count() == count && got->first().raw() % alignment.raw() == 0,
              "frames in a row that were not asked for", got->first());
        for (const frame f : *got)
            taken(f, order{0}, migrate_type::movable);
    }
    void free_any() {
        if (live_.empty()) return;
        const auto [head, k] = live_[any_index(live_.size())];
        const slot_index s = any_slot();
        note("free(", s, ", ", head, ", ", k, ")\n");
        expect_same(zone_.try_free(s, head, k), status::ok, "free", head);
        forget(head);
    }
    void free_bulk() {
        const order k{static_cast<unsigned>(choices_.below(2))};
        std::vector<frame> batch;
        for (std::uint64_t n = choices_.below(40); n != 0 && !live_.empty(); --n) {
            const allocation one = live_[any_index(live_.size())];
            if (one.size != k) continue;
            batch.push_back(one.head);
            forget(one.head);
        }
        unsigned wrong = 0;
        if (const frame bad = any_frame();
            choices_.below(4) == 3 && model_.at(bad).state != frame_state::allocated) {
            batch.push_back(bad);
            wrong = 1;
        }
        note("free_bulk(", batch.size(), " runs, ", k, ", ", wrong, " of them wrong)\n");
        const unsigned before = misuse_record::count;
        zone_.free_bulk(batch, k);
        check(misuse_record::count == before + wrong, "free_bulk reported other misuses");
    }
    void free_wrongly() {
        const bool is_head = !live_.empty() && choices_.below(2) == 1;
        const frame f = is_head ? live_[any_index(live_.size())].head : any_frame_at_all();
        const order k = any_order_at_all();
        const slot_index s = any_slot();
        const status expected = model_.free_status(f, k, zone_.state_of(f).state == frame_state::cached);
        note("free(", s, ", ", f, ", ", k, "), which is ", expected, '\n');
        if (choices_.below(2) == 0 || expected == status::ok) {
            expect_same(zone_.try_free(s, f, k), expected, "free", f);
            if (expected == status::ok) forget(f);
            return;
        }
        const unsigned before = misuse_record::count;
        zone_.free(s, f, k);
        check(misuse_record::count == before + 1, "a wrong free was not reported once", f);
        expect_same(misuse_record::last.what, expected, "free", f);
    }

    // ---- caches ----

    void drain() {
        const frame_range range = choices_.below(2) == 0 ? frames() : any_part(frames());
        note("drain(", range, ")\n");
        expect_same(range == frames() ? zone_.drain() : zone_.drain(range), status::ok, "drain");
        for (const frame f : range)
            check(zone_.state_of(f).state != frame_state::cached, "a drain left a frame in a cache", f);
    }
    void disable() {
        if (tokens_.size() == 3) return;
        note("disable_caches()\n");
        auto token = zone_.disable_caches();
        expect_same(token.error(), status::ok, "disable_caches");
        tokens_.push_back(std::move(*token));
    }
    void enable() {
        if (tokens_.empty()) return;
        note("caches enabled by one of ", tokens_.size(), " tokens\n");
        tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(any_index(tokens_.size())));
    }

    // ---- isolation ----

    void isolate() {
        const frame_range range = any_blocks();
        busy_frame blocker;
        const isolate_options options{.level = choices_.below(2) == 0 ? isolation_level::targeted
                                                                      : isolation_level::exclusive,
                                      .blocker = &blocker};
        note("isolate(", range, options.level == isolation_level::exclusive ? ", exclusive" : "", ")\n");
        auto got = zone_.isolate(range, options);
        expect_same(got.error(), isolate_status(range), "isolate", range.first());
        if (!got) return check(bool{blocker}, "a refusal that names no frame", range.first());
        check(got->busy().raw() == used_in(range), "a cached frame of a sealed range", range.first());
        now_sealed(std::move(*got), options.level);
    }
    void work_on_range() {
        if (ranges_.empty()) return;
        const std::size_t n = any_index(ranges_.size());
        auto& range = ranges_[n].range;
        const std::uint64_t used = used_in(range.range());
        check(range.busy().raw() == used && range.all_free() == (used == 0),
              "a sealed range has another number of frames in use", range.range().first());
        note(range.range(), ", sealed: ");
        switch (choices_.below(6)) {
        case 0: return migrate(range);
        case 1:
            note("undo\n");
            expect_same(range.undo(), status::ok, "undo");
            return spent(n, block::open);
        case 2: {
            const status expected = used == 0 ? status::ok : status::busy;
            note("offline, which is ", expected, '\n');
            expect_same(range.offline(), expected, "offline", range.range().first());
            if (expected == status::ok) spent(n, block::offline);
            return;
        }
        case 3: return claim(n);
        case 4: note("dropped\n"); return drop(n);
        default: {
            note("next_busy\n");
            const busy_frame busy = range.next_busy();
            check(bool{busy} == (used != 0), "next_busy overlooks a frame", range.range().first());
            if (busy)
                check(model_.at(busy.head()).state == frame_state::allocated, "next_busy names no head",
                      busy.head());
        }
        }
    }
    void migrate(isolated_range<Policy>& range) {
        note("migrate\n");
        const migrate_report report = range.migrate(mover());
        const bool idle = used_in(range.range()) == 0;
        check((report.outcome == status::ok) == idle && !report.blocker == idle,
              "what migrate reports is not what it left", range.range().first());
    }
    void drop(std::size_t n) {
        { const auto dropped = std::move(ranges_[n].range); }
        end_of(n, block::open);
    }
    void claim(std::size_t n) {
        const frame_range all = ranges_[n].range.range();
        const frame_range part = choices_.below(2) == 0 ? all : any_part(all);
        status expected = status::ok;
        for (const frame f : part)
            if (const frame_state state = model_.state_of(f);
                expected == status::ok && state != frame_state::isolated)
                expected = state == frame_state::absent     ? status::absent
                           : state == frame_state::poisoned ? status::poisoned
                                                            : status::busy;
        note("claim(", part, "), which is ", expected, '\n');
        expect_same(ranges_[n].range.claim(part).error(), expected, "claim", part.first());
        if (expected != status::ok) return;
        spent(n, block::open);
        for (const frame f : part)
            remember(f, order{0});
    }
    void online() {
        const frame_range range = any_blocks();
        const status expected = all_blocks(range, block::offline) ? status::ok : status::not_offline;
        note("online(", range, "), which is ", expected, '\n');
        expect_same(zone_.online(range), expected, "online", range.first());
        if (expected == status::ok) set_blocks(range, block::open);
    }
    void poison() {
        const frame f = choices_.below(16) == 15 ? any_frame_at_all() : any_frame();
        reference_model after = model_;
        status expected = after.poison(f);
        const bool takes_place = expected == status::ok || expected == status::deferred;
        if (takes_place && poisoned_ == base::options().max_poisoned) expected = status::no_memory;
        note("poison(", f, "), which is ", expected, '\n');
        expect_same(zone_.poison(f), expected, "poison", f);
        if (!takes_place || expected == status::no_memory) return;
        model_ = std::move(after);
        ++poisoned_;
    }
    void set_type() {
        const frame_range range = any_blocks();
        const auto type = static_cast<migrate_type>(choices_.below(migrate_types));
        status expected = status::ok;
        for (const frame f : block_starts(range)) {
            if (model_.block_of(f) == block::isolated) expected = status::busy;
            if (is_absent_block(f)) expected = status::absent;
        }
        note("set_migrate_type(", range, ", ", name(type), "), which is ", expected, '\n');
        expect_same(zone_.set_migrate_type(range, type), expected, "set_migrate_type", range.first());
        if (expected == status::ok)
            for (const frame f : range)
                check(zone_.state_of(f).type == type, "a block has not the type that it was given", f);
    }
    void compact() {
        const frame_count budget{choices_.below(4 * block_frames)};
        note("compact(", budget, ")\n");
        const compact_report report = zone_.compact(mover(), budget);
        expect_same(report.outcome, status::ok, "compact");
        check(report.moved + report.freed <= budget, "compact overdrew its budget");
    }
    void report_free() {
        const frame_count most{choices_.below(4 * block_frames)};
        note("report_free(", most, ")\n");
        frame_count accepted;
        const frame_count told = zone_.report_free(
            [&](frame_range run) {
                note("  reports ", run, '\n');
                for (const frame f : run)
                    check(model_.is_free(f, order{0}), "a frame is reported as free, and is not", f);
                if (choices_.below(2) == 1) return false;
                accepted += run.count();
                return true;
            },
            most);
        check(told == accepted && told <= most, "report_free counts other frames than it reported");
    }

    // Moves, frees, postpones or refuses, and keeps the model's books.
    auto mover() {
        const std::uint64_t stubborn = choices_.below(3) == 2 ? 20 : 0;
        return [this, stubborn](const busy_frame& from, frame to) {
            const order k = from.size();
            check(model_.at(from.head()).state == frame_state::allocated && model_.at(from.head()).size == k,
                  "what is to be moved is no allocation", from.head());
            check(model_.is_free(to, k), "a destination that is not free", to);
            const std::uint64_t choice = choices_.below(100);
            if (choice >= 100 - stubborn) return migrate_outcome::failed;
            if (choice >= 60) return migrate_outcome::retry;
            if (choice >= 40) {
                note("  frees ", from.head(), ", ", k, '\n');
                expect_same(zone_.try_free(any_slot(), from.head(), k), status::ok, "free", from.head());
                forget(from.head());
                return migrate_outcome::freed;
            }
            note("  moves ", from.head(), ", ", k, ", to ", to, '\n');
            remember(to, k);
            forget(from.head());
            return migrate_outcome::moved;
        };
    }

    // ---- arguments that make no sense ----

    [[nodiscard]] bool is_whole_blocks(frame_range r) const {
        const bool starts = r.first() == frames().first() || r.first().raw() % block_frames == 0;
        const bool ends = r.end_raw() == frames().end_raw() || r.end_raw() % block_frames == 0;
        return !r.empty() && frames().contains(r) && starts && ends;
    }
    void take_wrong_range() {
        const frame_range range{any_frame_at_all(), any_count_at_all()};
        const order k = any_order_at_all();
        note("calls with ", range, ", ", k, '\n');
        const status exact = model_.exact_status(range.first(), k);
        expect_same(zone_.allocate_exact(range.first(), k), exact, "allocate_exact", range.first());
        if (exact == status::ok) remember(range.first(), k);
        const bool drained = !range.empty() && frames().contains(range);
        expect_same(zone_.drain(range), drained ? status::ok : status::invalid_range, "drain");
        if (is_whole_blocks(range)) return;
        expect_same(zone_.isolate(range).error(), status::invalid_range, "isolate");
        expect_same(zone_.online(range), status::invalid_range, "online");
        expect_same(zone_.set_migrate_type(range, any_type()), status::invalid_range, "set_migrate_type");
        if (ranges_.empty()) return;
        auto& isolated = ranges_[any_index(ranges_.size())].range;
        if (!range.empty() && isolated.range().contains(range)) return;
        expect_same(isolated.claim(range).error(), status::invalid_range, "claim");
        auto move = mover();
        expect_same(isolated.migrate(range, move, {}).outcome, status::invalid_range, "migrate");
    }
    void take_wrong_count() {
        const frame_count count = any_count_at_all();
        const frame_count alignment = any_count_at_all();
        note("allocate_contiguous(", count, ", aligned to ", alignment, ")\n");
        const result<frame_range> got = zone_.allocate_contiguous(count, alignment);
        if (count.raw() == 0 || !std::has_single_bit(alignment.raw()))
            return expect_same(got.error(), status::invalid_argument, "allocate_contiguous");
        if (count > frames().count() || alignment > frame_count{std::uint64_t{1} << 32})
            return expect_same(got.error(), status::no_memory, "allocate_contiguous");
        if (!got) return;
        for (const frame f : *got)
            taken(f, order{0}, migrate_type::movable);
    }

    Choices& choices_;
    operation_mix mix_;
    std::uint64_t fill_percent_ = 50;
};

} // namespace cordon::testing
