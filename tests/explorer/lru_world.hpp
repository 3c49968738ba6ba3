// explorer/lru_world.hpp - lru_world: a tiny LRU as a scenario, and the oracles that watch over it.
// SPDX-License-Identifier: BSL-1.0
//
// Oracles: an isolated frame has one claimant, and what he does with it is seen by the next one; at the end no list has
// lost or doubled a frame (validate), and each tracked frame can be isolated: nothing is stranded.
#pragma once

#include "cordon/lru.hpp"
#include "explorer/zone_world.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace cordon::explorer {

template <class Replacement, class Policy = explored_policy>
class lru_world {
public:
    using tracker_type = lru<Replacement, Policy>;
    static constexpr std::uint32_t frames = 3;
    static constexpr group_id other_group{1};

    // `listed` frames are on the list of the root group.
    explicit lru_world(std::uint32_t listed, std::uint32_t groups = 2)
        : tracker(tracker_type::place(
              metadata, lru_options{.frames = {frame{0}, frame_count{frames}}, .groups = groups})) {
        if (tracker.error() != status::ok) std::abort();
        for (std::uint32_t g = 1; g != groups; ++g)
            if (!tracker.create_group()) std::abort();
        for (std::uint32_t f = 0; f != listed; ++f)
            if (tracker.add(frame{f}) != status::ok) std::abort();
    }
    // Effects: the batch of the thread is in use, and empty.
    void warm(unsigned thread) {
        const frame last{frames - 1};
        if (tracker.add(slot_index{thread}, last) != status::ok || tracker.drain() != status::ok ||
            tracker.forget(last) != status::ok)
            std::abort();
    }

    // ---- what threads do ----

    bool isolate(frame f) {
        const status s = tracker.isolate(f);
        expect(s == status::ok || s == status::busy || s == status::absent, "an isolation failed");
        if (s == status::ok) take(f);
        return s == status::ok;
    }
    bool isolate_coldest(group_id g, frame& f) {
        if (tracker.isolate_coldest(g, {&f, 1}) == 0) return false;
        take(f);
        return true;
    }
    void put_back(frame f) {
        give(f);
        expect(tracker.putback(f) == status::ok, "an isolated frame could not be put back");
    }
    void pin_and_unpin(frame f) {
        const status s = tracker.pin(f);
        if (s == status::absent) return;
        expect(s == status::ok, "a pin failed");
        expect(tracker.unpin(f) == status::ok, "a pinned frame could not be unpinned");
    }
    void take(frame f) {
        expect(claimants[f.raw()] == 0, "a frame is isolated that somebody has isolated");
        claimants[f.raw()] = 1;
    }
    void give(frame f) {
        expect(claimants[f.raw()] == 1, "a frame is given back that nobody has isolated");
        claimants[f.raw()] = 0;
    }

    // ---- the end ----

    // With all threads done: the first `tracked` frames are tracked, none of them isolated or pinned, each on one list.
    void check_lists(std::uint32_t tracked) {
        expect(tracker.drain() == status::ok, "the drain failed");
        const lru_validation found = tracker.validate(true);
        if (!found) fail(std::string{"invalid: "} + found.what);
        for (std::uint32_t n = 0; n != frames; ++n) {
            const lru_place place = tracker.state_of(frame{n}).place;
            expect((n < tracked) == (place != lru_place::untracked),
                   "a frame is not tracked as it should be");
            if (n >= tracked) continue;
            expect(place != lru_place::unevictable, "a frame that is not pinned is stranded");
            expect(tracker.isolate(frame{n}) == status::ok, "a frame cannot be isolated");
        }
        for (std::uint32_t g = 0; g != tracker.internals().group_capacity(); ++g)
            expect(tracker.stats(group_id{g}).listed.raw() == 0 || Replacement::kind == list_kind::ring,
                   "a frame was on two lists");
    }
    void label(names& labels) const {
        auto& core = const_cast<tracker_type&>(tracker).internals();
        const auto& parts = core.parts();
        labels.add(parts.words, sizeof parts.words[0], frames, "word");
        labels.add(parts.ages, 1, frames, "age");
        labels.add(core.control_lock(), "control_lock");
        for (std::uint32_t g = 0; g != core.group_capacity(); ++g) {
            const std::string n = std::to_string(g);
            labels.add(parts.routes[g], "route" + n);
            labels.add(parts.groups[g].lock_bytes, "group_lock" + n);
            labels.add(parts.groups[g], "group" + n);
        }
        for (std::uint32_t s = 0; s != fibre_slots::max_slots; ++s) {
            const std::string n = std::to_string(s);
            labels.add(parts.batches[s].gate.busy, "busy" + n);
            labels.add(parts.batches[s].gate.claimed, "claimed" + n);
            labels.add(parts.batches[s].count, "count" + n);
            labels.add(parts.batches[s], "batch" + n);
        }
        labels.add(claimants.data(), 1, frames, "frame");
        labels.add(*parts.head, "header");
    }

    static constexpr std::size_t metadata_size = Replacement::kind == list_kind::ring ? 24 * 1024 : 6 * 1024;
    alignas(cache_line_bytes) std::array<std::byte, metadata_size> metadata{};
    tracker_type tracker;
    std::array<atomics::plain<std::uint8_t>, frames> claimants{};
};

} // namespace cordon::explorer
