// explorer/zone_world.hpp - zone_world: a tiny zone as a scenario, and the oracles that watch over it.
// SPDX-License-Identifier: BSL-1.0
//
// Oracles: each frame has one holder, and is handed from one to the next by a release and an acquire (what the
// last holder wrote into it is seen by the next); no call that starts after a range was sealed returns a frame of
// it; no cache holds a frame of a sealed range; at the end every frame is free, cached or held, the zone's own
// invariants hold (validate), and nothing is lost. Deadlock, livelock and races are the machine's.
#pragma once

#include "cordon/local/membarrier_gate.hpp"
#include "cordon/zone.hpp"
#include "explorer/atomics.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

namespace cordon::explorer {

struct failing_misuse {
    static void on_misuse(const misuse_report& report) { fail("misuse: " + std::string{name(report.what)}); }
};

using shipped_gate = membarrier_gate<atomics, model_barrier, model_clock, await_backoff>;
using gate_slot = shipped_gate::slot;

// Where a drain asks, it claims: what it does when it has work to do. Asking has many more schedules
// (asking_test.cpp), this has the rest of a scenario in reach.
template <class Gate>
struct never_asking : Gate {
    void ask(typename Gate::slot& s) { this->claim(s, gate_claim::draining); }
    [[nodiscard]] static bool help(typename Gate::slot&) { return false; }
    [[nodiscard]] static bool take_over(typename Gate::slot&, std::uint64_t) { return true; }
};

// The shipped parts over the machine. Magazines of two runs, blocks of 64 frames.
struct explored_policy : bare_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 6;
    static constexpr cached_order cached_orders[] = {{0, 2}};
    using atomics = explorer::atomics;
    using clock = model_clock;
    using backoff = await_backoff;
    using zone_lock = model_lock;
    using isolation_lock = model_lock;
    using gate = never_asking<shipped_gate>;
    using thread_slots = fibre_slots;
    using misuse_handler = failing_misuse;
};
static_assert(zone_policy<explored_policy>);

// The same with another gate.
template <class Gate>
struct with_gate : explored_policy {
    using gate = Gate;
};
template <class Barrier>
using gate_with = never_asking<membarrier_gate<atomics, Barrier, model_clock, await_backoff>>;
using asking_policy = with_gate<shipped_gate>;

template <class Policy, std::uint32_t Blocks>
class zone_world {
public:
    using zone_type = basic_zone<Policy>;
    using range_type = isolated_range<Policy>;
    static constexpr std::uint32_t block_frames = 1u << Policy::pageblock_order;
    static constexpr std::uint32_t first_frame = 0;

    zone_world() : zone(zone_type::place(metadata, {.frames = all_frames(), .max_poisoned = 1})) {
        if (zone.error() != status::ok) std::abort();
    }

    [[nodiscard]] static frame_range all_frames() {
        return {frame{first_frame}, frame_count{Blocks * block_frames}};
    }
    [[nodiscard]] static frame_range blocks(std::uint32_t first, std::uint32_t count = 1) {
        return {frame{first_frame + first * block_frames}, frame_count{count * block_frames}};
    }

    // ---- set up ----

    // Effects: the cache of the thread is in use and holds `cached` frames, all of the first block that has room.
    void warm(unsigned thread, unsigned cached) {
        fibre_slots::of_setup = slot_index{thread};
        frame held[4];
        for (unsigned i = 0; i != cached + 1; ++i)
            held[i] = *zone.allocate();
        for (unsigned i = 0; i != cached; ++i)
            zone.free(held[i]);
        zone.free(slot_index::none(), held[cached]);
        fibre_slots::of_setup = slot_index::none();
    }
    // Returns: a frame, uncached, that the thread holds.
    frame hold(unsigned thread, frame f) {
        if (zone.allocate_exact(f) != status::ok) std::abort();
        take(f, order{0}, thread);
        return f;
    }

    // ---- what threads do ----

    result<frame> allocate(order k = order{0}, migrate_type type = migrate_type::movable) {
        return allocate(fibre_slots::current(), k, type);
    }
    result<frame> allocate(slot_index s, order k = order{0}, migrate_type type = migrate_type::movable) {
        const std::uint32_t before = sealed.load();
        const result<frame> f = zone.allocate(s, k, type);
        f ? tell(*f) : tell(f.error());
        if (!f) return f;
        note_text("gets frame ", *f);
        const bool inside = (before >> (f->raw() - first_frame) / block_frames & 1) != 0;
        if (inside && sealed.load() == before) fail("a frame of a sealed block is handed out");
        take(*f, k, self());
        return f;
    }
    void free(frame f, order k = order{0}) { free(fibre_slots::current(), f, k); }
    void free(slot_index s, frame f, order k = order{0}) {
        note_text("frees frame ", f);
        give(f, k, self());
        zone.free(s, f, k);
    }
    result<range_type> isolate(frame_range range, const isolate_options& how = {}) {
        result<range_type> sealing = zone.isolate(range, how);
        tell(sealing.error());
        say(sealing ? "has sealed" : "could not seal");
        if (sealing) {
            expect_not_cached(range);
            // One word: the blocks, and above them a count, so that a view of it is a view of one seal.
            sealed.store(((sealed.load() >> 8) + 1) << 8 | (sealed.load() & 0xff) | mask_of(range));
        }
        return sealing;
    }
    // Effects: what follows may open the range again.
    void before_open(frame_range range) {
        expect_not_cached(range);
        sealed.store(sealed.load() & ~mask_of(range));
    }
    void undo(range_type& range) {
        before_open(range.range());
        expect(range.undo() == status::ok, "undo failed");
    }
    void take(frame f, order k, unsigned thread) {
        for (std::uint64_t i = 0; i != k.frames().raw(); ++i) {
            auto& holder = holders[f.raw() - first_frame + i];
            expect(holder == 0, "a frame is handed out that somebody holds");
            holder = static_cast<std::uint8_t>(thread + 1);
        }
    }
    void give(frame f, order k, unsigned thread) {
        for (std::uint64_t i = 0; i != k.frames().raw(); ++i) {
            auto& holder = holders[f.raw() - first_frame + i];
            expect(holder == thread + 1, "a frame is freed that the thread does not hold");
            holder = 0;
        }
    }
    void expect_not_cached(frame_range range) {
        expect(!is_cached(range), "a cache holds a frame of a sealed range");
    }
    [[nodiscard]] bool is_cached(frame_range range) {
        const machine::pause unobserved;
        bool cached = false;
        auto& core = zone.internals();
        for (std::uint32_t s = 0; s != core.active_slots(); ++s)
            core.caches().for_each(slot_index{s}, [&](frame_index i, order k, migrate_type) {
                cached = cached || range.overlaps({core.geometry().frame_at(i), k.frames()});
            });
        return cached;
    }

    // Effects: the outcome tells what a call of the running thread returned.
    template <class T>
    void tell(const T& returned) {
        if (machine* const m = machine::running()) print(told[m->self()], " ") << returned;
    }

    // ---- the end ----

    // Returns: what calls returned, and what there is now: what caches hold, who holds each frame or in what state it
    // is, and what the zone counts. Not what nobody reads: padding, entries above the count of a magazine.
    [[nodiscard]] std::string outcome() const {
        std::ostringstream text;
        for (unsigned t = 0; t != max_threads; ++t)
            if (!told[t].view().empty()) text << static_cast<char>('A' + t) << told[t].view() << "; ";
        auto& core = const_cast<zone_type&>(zone).internals();
        for (std::uint32_t s = 0; s != core.active_slots(); ++s) {
            text << "cache " << s;
            core.caches().for_each(slot_index{s}, [&](frame_index i, order, migrate_type type) {
                text << ' ' << core.geometry().frame_at(i).raw() << name(type)[0];
            });
            text << "; ";
        }
        std::string last;
        for (const frame f : all_frames())
            if (std::string state = state_of(f); state != last) {
                text << "from " << f.raw() << ' ' << state << "; ";
                last = std::move(state);
            }
        if (const std::uint32_t depth = core.parts().head->disabled; depth != 0)
            text << "caches disabled " << depth << " times; ";
        text << zone.stats();
        return text.str();
    }

    // With all threads done, nothing is held twice or lost. Of the dead, `lost` frames may be gone, and nobody can
    // look into their caches.
    void check_frames(std::uint32_t lost = 0) {
        const validation found = zone.validate({.quiesce = lost == 0});
        if (!found) {
            text_buffer<128> text;
            text << found;
            fail("invalid: " + std::string{text.view()});
        }
        std::uint32_t missing = 0;
        for (const frame f : all_frames()) {
            const bool held = holders[f.raw() - first_frame].raw_value != 0;
            const frame_state state = zone.state_of(f).state;
            const bool used = state == frame_state::allocated || state == frame_state::tail;
            expect(!held || used || lost != 0, "a frame that is held is free");
            missing += used && !held;
        }
        expect(missing <= lost, "a frame is lost");
    }
    void label_zone(names& labels) const {
        auto& core = const_cast<zone_type&>(zone).internals();
        auto& parts = core.parts();
        const auto* slots = parts.cache_slots;
        labels.add(parts.buddy_parts.traits, 1, Blocks, "traits");
        labels.add(parts.states_cells, 1, Blocks * block_frames, "state");
        labels.add(sealed, "sealed");
        labels.add(holders.data(), 1, holders.size(), "frame");
        labels.add(zone.zone_lock(), "zone_lock");
        labels.add(core.isolation_lock(), "isolation_lock");
        labels.add(parts.head->active_slots, "active_slots");
        for (std::uint32_t s = 0; s != fibre_slots::max_slots; ++s) {
            const std::string n = std::to_string(s);
            const auto& slot = slots[s + 1];
            if constexpr (requires { slot.gate.busy; }) {
                labels.add(slot.gate.busy, "busy" + n);
                labels.add(slot.gate.claimed, "claimed" + n);
                labels.add(slot.gate.lock, "gate_lock" + n);
            }
            for (unsigned bin = 0; bin != magazine_bins<Policy>::count; ++bin)
                labels.add(slot.magazines[bin].count, "count" + n + '.' + std::to_string(bin));
            labels.add(slot.entries, sizeof slot.entries[0], std::size(slot.entries), "entry" + n);
            labels.add(slot, "slot" + n);
        }
        labels.add(*parts.head, "header");
    }

    static constexpr std::size_t metadata_size =
        (fibre_slots::max_slots + 1) * sizeof(cache_slot<Policy>) + 3584;
    alignas(cache_line_bytes) std::array<std::byte, metadata_size> metadata{};
    zone_type zone;
    note<std::uint32_t> sealed; // blocks, a bit each
    std::array<atomics::plain<std::uint8_t>, Blocks * block_frames> holders{};
    text_buffer<64> told[max_threads]; // what calls returned

private:
    static unsigned self() {
        const machine* const m = machine::running();
        return m == nullptr ? fibre_slots::of_setup.raw() : m->self();
    }
    static void note_text(const char* what, frame f) {
        if (machine* const m = machine::running(); m != nullptr && m->is_traced())
            m->say(what + std::to_string(f.raw()));
    }
    [[nodiscard]] std::string state_of(frame f) const {
        const frame_info info = zone.state_of(f);
        std::string text{name(info.state)};
        if (const unsigned holder = holders[f.raw() - first_frame].raw_value; holder != 0)
            text += std::string{" by "} + static_cast<char>('A' + holder - 1);
        return text + ", " + std::string{name(info.type)} + (info.block_isolated ? ", sealed" : "");
    }
    static std::uint32_t mask_of(frame_range range) {
        const std::uint32_t first = (range.first().raw() - first_frame) / block_frames;
        const std::uint32_t count = static_cast<std::uint32_t>(range.count().raw()) / block_frames;
        return ((1u << count) - 1) << first;
    }
};

} // namespace cordon::explorer
