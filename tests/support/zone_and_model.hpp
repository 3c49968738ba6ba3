// support/zone_and_model.hpp - zone_and_model: a zone, the reference model beside it, and whether the two agree.
// SPDX-License-Identifier: BSL-1.0
//
// The books of who holds what: live allocations, isolated ranges, tokens of disabled caches. The zone lies in
// memory of exactly the size that it asks for, so that a sanitizer sees every step beyond it.
#pragma once

#include "cordon/zone.hpp"

#include "support/disagreement.hpp"
#include "support/placed_memory.hpp"
#include "support/reference_model.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace cordon::testing {

// What a zone of a test is made of.
struct zone_choice {
    frame_range frames;
    std::vector<frame_range> holes;
    std::uint32_t max_poisoned = 0;
};

template <class Policy>
class zone_and_model {
public:
    using zone_type = basic_zone<Policy>;
    using block = reference_model::block;
    static constexpr std::uint32_t block_frames = 1u << Policy::pageblock_order;

    // `log`: where the operations are told; null for nowhere.
    zone_and_model(zone_choice chosen, std::ostream* log)
        : chosen_(std::move(chosen)),
          memory_(zone_type::metadata_bytes(options())),
          zone_(zone_type::place(memory_.bytes(), options())),
          model_(chosen_.frames, order{Policy::pageblock_order}, order{Policy::max_order}),
          live_at_(static_cast<std::size_t>(chosen_.frames.count().raw())),
          log_(log) {
        expect_same(zone_.error(), status::ok, "the zone is made");
        note("zone of ", chosen_.frames);
        for (const frame_range hole : chosen_.holes) {
            note(", hole ", hole);
            for (const frame f : hole)
                model_.at(f).state = frame_state::absent;
        }
        note('\n');
    }
    // A zone attached to a copy of the metadata; the model is what the zone says of each frame.
    zone_and_model(zone_choice chosen, std::span<const std::byte> metadata, std::ostream* log)
        : chosen_(std::move(chosen)),
          memory_(metadata),
          zone_(zone_type::attach(memory_.bytes(), options())),
          model_(chosen_.frames, order{Policy::pageblock_order}, order{Policy::max_order}),
          live_at_(static_cast<std::size_t>(chosen_.frames.count().raw())),
          log_(log) {
        expect_same(zone_.error(), status::ok, "the zone is attached");
        for (const frame f : frames())
            if (const frame_info info = zone_.state_of(f); info.state == frame_state::offline)
                model_.block_of(f) = block::offline;
            else if (info.state == frame_state::absent || info.state == frame_state::poisoned)
                model_.at(f).state = info.state;
        // Whether a block without a free frame, all of them poisoned, is offline, no state tells: from here on it is not.
        for (const frame f : block_starts(frames())) {
            const std::uint64_t end = (f.raw() / block_frames + 1) * block_frames;
            const frame_range rest{f, frame_count{std::min(end, frames().end_raw()) - f.raw()}};
            if (std::all_of(rest.begin(), rest.end(), [&](frame each) {
                    return model_.at(each).state == frame_state::absent ||
                           model_.at(each).state == frame_state::poisoned;
                }))
                (void)zone_.online(rest);
        }
        for (const frame f : frames()) {
            const frame_info info = zone_.state_of(f);
            if (info.state == frame_state::allocated) remember(f, info.size);
            model_.at(f).condemned = info.poison_pending;
            poisoned_ += info.poison_pending || info.state == frame_state::poisoned;
        }
        compare_all();
    }

    [[nodiscard]] zone_options options() const {
        return {.frames = chosen_.frames, .holes = chosen_.holes, .max_poisoned = chosen_.max_poisoned};
    }

    // Effects: compares what all operations left behind, and walks the invariants.
    void compare_all() {
        std::uint64_t isolated = 0;
        std::uint64_t offline = 0;
        std::uint64_t poisoned = 0;
        std::uint64_t absent = 0;
        std::uint64_t cached = 0;
        for (const frame f : frames()) {
            const frame_info info = zone_.state_of(f);
            if (!agree(info)) [[unlikely]]
                fail("the zone and the model know a frame in different states", f);
            isolated += info.state == frame_state::isolated;
            offline += info.state == frame_state::offline;
            poisoned += info.state == frame_state::poisoned;
            absent += info.state == frame_state::absent;
            cached += info.state == frame_state::cached;
        }
        const result<zone_stats> now = zone_.exact_stats();
        expect_same(now.error(), status::ok, "exact_stats");
        check(now->managed.raw() == frames().count().raw() - absent, "managed frames are miscounted");
        check(now->isolated_free.raw() == isolated, "isolated frames are miscounted");
        check(now->offline.raw() == offline, "offline frames are miscounted");
        check(now->poisoned.raw() == poisoned, "poisoned frames are miscounted");
        check(now->cached.raw() == cached, "cached frames are miscounted");
        validate();
    }
    [[nodiscard]] std::span<const std::byte> metadata() const { return memory_.bytes(); }
    // Effects: compares with the zone that the metadata was copied from: who holds what.
    void expect_frames_of(const zone_and_model& origin) {
        for (const frame f : frames()) {
            const reference_model::cell& copied = model_.at(f);
            const reference_model::cell& other = origin.model_.at(f);
            check(copied.state == other.state && copied.condemned == other.condemned &&
                      copied.size == other.size && copied.head == other.head,
                  "a copied zone knows a frame in another state", f);
        }
    }
    // Effects: compares the sums; cheap.
    void conserve() {
        const zone_stats now = zone_.stats();
        const frame_count parts =
            now.free + now.isolated_free + now.cached + now.allocated + now.offline + now.poisoned;
        check(parts == now.managed && now.allocated.raw() == model_.allocated(), "frames were lost or found");
        check((tokens_.empty() && exclusive_ == 0) || now.cached.raw() == 0,
              "a cache is in use while all are disabled");
    }
    // Effects: gives everything back.
    void release_all() {
        for (const auto& each : ranges_)
            set_blocks(each.range.range(), block::open);
        ranges_.clear();
        exclusive_ = 0;
        tokens_.clear();
        while (!live_.empty()) {
            const allocation last = live_.back();
            expect_same(zone_.try_free(last.head, last.size), status::ok, "free", last.head);
            forget(last.head);
        }
        expect_same(zone_.drain(), status::ok, "drain");
    }

protected:
    struct allocation {
        frame head;
        order size;
    };
    struct sealed {
        isolated_range<Policy> range;
        isolation_level level;
        std::vector<migrate_type> types; // of its frames, which isolation must keep
    };

    // ---- telling ----

    template <class... Parts>
    void note(const Parts&... parts) {
        if (log_ != nullptr) ((*log_ << parts), ...);
    }
    void check(bool holds, const char* what, frame about = frame::none()) const {
        if (!holds) [[unlikely]]
            fail(what, about);
    }
    void expect_same(status got, status expected, const char* call, frame about = frame::none()) const {
        if (got == expected) [[likely]]
            return;
        std::ostringstream text;
        text << call << ": the zone says " << got << ", the model " << expected;
        fail(text.str(), about);
    }
    [[noreturn]] void fail(const std::string& what, frame about) const {
        std::ostringstream text;
        text << what;
        if (!about.is_none()) {
            text << "; zone: " << zone_.state_of(about) << "; model: " << name(model_.state_of(about));
            if (frames().contains(about) && model_.at(about).state == frame_state::tail)
                text << ", head " << model_.at(about).head;
        }
        throw disagreement{text.str()};
    }

    // ---- books ----

    [[nodiscard]] frame_range frames() const { return model_.frames(); }
    void remember(frame f, order k) {
        check(model_.is_free(f, k), "a run was handed out that is not free", f);
        model_.allocate(f, k);
        live_at_[f.raw() - frames().first().raw()] = live_.size();
        live_.push_back({f, k});
    }
    void taken(frame f, order k, migrate_type type) {
        remember(f, k);
        if (type == migrate_type::movable || type == migrate_type::lent) return;
        check(zone_.state_of(f).type != migrate_type::lent, "lent frames were given to what does not move",
              f);
    }
    void forget(frame f) {
        const std::size_t n = live_at_[f.raw() - frames().first().raw()];
        model_.free(live_[n].head, live_[n].size);
        live_[n] = live_.back();
        live_at_[live_[n].head.raw() - frames().first().raw()] = n;
        live_.pop_back();
    }
    [[nodiscard]] std::vector<migrate_type> types_in(frame_range range) const {
        std::vector<migrate_type> types;
        for (const frame f : range)
            types.push_back(zone_.state_of(f).type);
        return types;
    }
    void now_sealed(isolated_range<Policy> range, isolation_level level) {
        set_blocks(range.range(), block::isolated);
        exclusive_ += level == isolation_level::exclusive;
        std::vector<migrate_type> types = types_in(range.range());
        ranges_.push_back({std::move(range), level, std::move(types)});
    }
    // Effects: the range is not isolated any more, but open or offline.
    void end_of(std::size_t n, block state) {
        const sealed last = std::move(ranges_[n]);
        ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(n));
        exclusive_ -= last.level == isolation_level::exclusive;
        const frame_range range = last.range.range();
        set_blocks(range, state);
        check(types_in(range) == last.types, "isolation changed the type of a block", range.first());
    }
    void spent(std::size_t n, block state) {
        check(!ranges_[n].range, "a range that is given up still owns blocks");
        expect_same(ranges_[n].range.undo(), status::not_isolated, "undo of a spent range");
        end_of(n, state);
    }
    void set_blocks(frame_range range, block state) {
        for (const frame f : range)
            model_.block_of(f) = state;
    }

    // ---- what the model says ----

    [[nodiscard]] bool all_blocks(frame_range range, block state) const {
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
    // Returns: the first frame of the range in each of its blocks.
    [[nodiscard]] static std::vector<frame> block_starts(frame_range range) {
        std::vector<frame> starts;
        for (std::uint64_t at = range.first().raw(); at < range.end_raw();
             at = (at / block_frames + 1) * block_frames)
            starts.emplace_back(static_cast<std::uint32_t>(at));
        return starts;
    }
    [[nodiscard]] status isolate_status(frame_range range) const {
        for (const frame f : block_starts(range)) {
            if (model_.block_of(f) == block::isolated) return status::busy;
            if (model_.block_of(f) == block::offline) return status::offline;
            if (is_absent_block(f)) return status::absent;
            if (zone_.state_of(f).type == migrate_type::unmovable && !is_idle(f)) return status::unmovable;
        }
        return status::ok;
    }
    // Returns: whether no frame of the block is in use, or cached, of which the model knows nothing.
    [[nodiscard]] bool is_idle(frame f) const {
        const frame first{f.raw() / block_frames * block_frames};
        const frame_range all = frames().intersection({first, frame_count{block_frames}});
        return used_in(all) == 0 && std::none_of(all.begin(), all.end(), [&](frame at) {
                   return zone_.state_of(at).state == frame_state::cached;
               });
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
        for (std::uint64_t at = (frames().first().raw() + step - 1) / step * step;
             at + step <= frames().end_raw(); at += step) {
            const frame f{static_cast<std::uint32_t>(at)};
            if (!model_.is_free(f, k)) continue;
            bool lent = false;
            for (std::uint64_t n = 0; n < step; n += block_frames)
                lent = lent || zone_.state_of(f + frame_count{n}).type == migrate_type::lent;
            if (may_lend || !lent) return true;
        }
        return false;
    }

    zone_choice chosen_;
    placed_memory memory_;
    zone_type zone_;
    reference_model model_;
    std::vector<allocation> live_;
    std::vector<std::size_t> live_at_; // by frame
    std::vector<sealed> ranges_;
    std::vector<caches_disabled<Policy>> tokens_;
    std::uint64_t exclusive_ = 0; // of the ranges
    std::uint32_t poisoned_ = 0;  // frames, those in use included

private:
    [[nodiscard]] bool agree(const frame_info& info) const {
        const frame_state expected = model_.state_of(info.number);
        const reference_model::cell& cell = model_.at(info.number);
        const bool in_use = expected == frame_state::allocated || expected == frame_state::tail;
        const bool same =
            info.state == expected || (info.state == frame_state::cached && expected == frame_state::free);
        return same && info.poison_pending == cell.condemned &&
               info.block_isolated == (model_.block_of(info.number) == block::isolated) &&
               info.block_offline == (model_.block_of(info.number) == block::offline) &&
               (!in_use || (info.head == cell.head && info.size == cell.size));
    }
    void validate() {
        const validation found = zone_.validate({.quiesce = true});
        if (found) return;
        std::ostringstream text;
        text << "validate: " << found;
        fail(text.str(), frame::none());
    }

    std::ostream* log_;
};

} // namespace cordon::testing
