// tests/faults/callbacks_test.cpp - each callback throws, fails, re-enters, frees what it was given, and takes too long.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cordon.hpp"
#include "cordon/isolation/lru_migrator.hpp"

#include "faults/fault_points.hpp"
#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/zones.hpp"

#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

enum class behaviour { usual, throws, fails, re_enters, frees, blocks };
struct thrown {};

// The misuse handler of a world that is at work.
struct heard {
    static inline std::function<void(const misuse_report&)> handler;
    static void on_misuse(const misuse_report& report) {
        misuse_record::on_misuse(report);
        if (handler) handler(report);
    }
};
struct policy : faulty<small_policy> {
    using misuse_handler = heard;
};
using zone_type = basic_zone<policy>;
using lru_type = lru<replacement::clock<1>, policy>;

constexpr slot_index other{1};
constexpr std::uint32_t blocks = 10;
constexpr std::uint32_t target = 5;

// A zone, an LRU over its frames, and the embedder's record of both.
struct world {
    std::function<bool()> pressure;
    zone_type zone{
        zone_options{.frames = {frame{0}, frame_count{blocks * small_block}}, .pressure = {&relieve, this}}};
    lru_type tracker{zone.frames(), 2};
    std::map<std::uint32_t, order> live; // head -> size
    zone_type::isolated_range range;
    behaviour first = behaviour::usual; // what the next call of the callback does
    unsigned depth = 0;

    world() {
        chosen_slots::mine = mine;
        misuse_record::reset();
        heard::handler = nullptr;
        for (std::uint32_t b = 0; b != blocks; ++b) {
            take(b * small_block + 3, 0);
            take(b * small_block + 20, 0);
            take(b * small_block + 40, 0);
        }
        for (const slot_index s : {mine, other}) // caches
            zone.free(s, *zone.allocate(s));
    }
    void take(std::uint32_t f, unsigned k) {
        if (zone.allocate_exact(frame{f}, order{k}) != status::ok) FAIL("the world cannot be made");
        live.emplace(f, order{k});
    }
    void track_all() {
        for (const auto& [f, size] : live)
            if (tracker.state_of(frame{f}).place == lru_place::untracked) (void)tracker.add(frame{f});
        (void)tracker.drain();
    }
    void give(frame f) {
        zone.free(nobody, f, live.at(f.raw()));
        live.erase(f.raw());
    }
    void moved(const busy_frame& from, frame to) {
        live.erase(from.head().raw());
        live.emplace(to.raw(), from.size());
    }
    static bool relieve(void* self, order, migrate_type) {
        auto& w = *static_cast<world*>(self);
        return w.pressure && w.pressure();
    }
    void exhaust() {
        while (const auto f = zone.allocate(nobody))
            live.emplace(f->raw(), order{0});
    }

    // Returns: what this call of the callback is to do; the next calls do the usual.
    behaviour act() {
        const behaviour now = std::exchange(first, behaviour::usual);
        if (now == behaviour::throws) throw thrown{};
        if (now == behaviour::re_enters && !re_enter()) FAIL("the library cannot be used from within");
        if (now == behaviour::blocks) block_for_long();
        return now;
    }
    // Returns: whether all of the library works from here: no lock is held, no gate is entered.
    bool re_enter() {
        bool works = zone.stats().managed == zone.frames().count() && bool{zone.validate({.quiesce = true})};
        if (const auto f = zone.allocate(order{1})) zone.free(*f, order{1});
        std::array<frame, 3> some;
        zone.free_bulk(std::span{some}.first(zone.allocate_bulk(some)));
        works = works && zone.drain(in_a_second) == status::ok && zone.exact_stats() &&
                zone.disable_caches(in_a_second);
        {
            const auto sealed = zone.isolate(block(zone, 9), {.deadline = in_a_second});
            works = works && (sealed || sealed.error() == status::busy);
        }
        const frame mark{blocks * small_block - 1};
        const status added = tracker.add(mark);
        works = works && tracker.drain(in_a_second) == status::ok && tracker.isolate(mark) == status::ok &&
                tracker.putback(mark) == status::ok &&
                (added == status::busy || tracker.forget(mark) == status::ok);
        return works && bool{tracker.validate()};
    }
    // Effects: time passes, in which others go on.
    void block_for_long() {
        stepped_clock::skip();
        chosen_slots::mine = other;
        if (!re_enter()) FAIL("the others cannot go on");
        chosen_slots::mine = mine;
    }

    [[nodiscard]] std::string sound() {
        const validation v = zone.validate({.quiesce = true});
        if (!v) return v.what;
        if (!v.caches_checked) return "a gate is still entered";
        if (const lru_validation l = tracker.validate(true); !l) return l.what;
        for (const std::uint32_t claim : faulty_gate::claims())
            if ((claim & static_cast<std::uint32_t>(gate_claim::draining)) != 0) return "a claim is left";
        std::uint64_t held = 0;
        for (const auto& [head, size] : live) {
            if (zone.state_of(frame{head}).state != frame_state::allocated) return "an allocation was lost";
            held += size.frames().raw();
        }
        for (const frame f : zone.frames()) {
            if (tracker.state_of(f).place == lru_place::isolated) return "a frame is claimed for ever";
            if (zone.state_of(f).block_isolated && !range) return "a block is sealed for ever";
        }
        return zone.stats().allocated.raw() == held ? "" : "more is allocated than anybody has";
    }
};

const isolate_options limited() {
    return {.deadline = in_a_second};
}
void seal(world& w) {
    if (w.range) return;
    auto made = w.zone.isolate(block(w.zone, target), limited());
    if (!made) FAIL("the block cannot be sealed");
    w.range = std::move(*made);
}
// The embedder's migrators.
auto mover(world& w) {
    return [&w](const busy_frame& from, frame to) {
        switch (w.act()) {
        case behaviour::fails: return migrate_outcome::failed;
        case behaviour::frees: w.give(from.head()); return migrate_outcome::freed;
        default: w.moved(from, to); return migrate_outcome::moved;
        }
    };
}
auto evictor(world& w) {
    return [&w](const busy_frame& from) {
        if (w.act() == behaviour::fails) return migrate_outcome::failed;
        w.give(from.head());
        return migrate_outcome::freed;
    };
}
// Frees its destination, which the library takes back.
auto careless_mover(world& w) {
    return [&w](const busy_frame& from, frame to) {
        switch (w.act()) {
        case behaviour::fails: return migrate_outcome::failed;
        case behaviour::frees: w.zone.free(nobody, to, from.size()); return migrate_outcome::failed;
        default: w.moved(from, to); return migrate_outcome::moved;
        }
    };
}
// The callbacks of reclaim.
auto decider(world& w) {
    return [&w](frame f) {
        switch (w.act()) {
        case behaviour::fails: return verdict::keep;
        case behaviour::frees: w.give(f); return verdict::reclaim;
        default: return verdict::reclaim;
        }
    };
}
auto releaser(world& w) {
    return [&w](frame f, lru_token) {
        if (w.live.contains(f.raw())) w.give(f);
    };
}
constexpr auto agree = [](frame) { return verdict::reclaim; };
// It must free what it was given; whether it throws or not.
auto troubled_releaser(world& w) {
    return [&w](frame f, lru_token) {
        w.give(f);
        w.act();
    };
}

status reclaim(world& w, auto decide, auto release) {
    w.track_all();
    const scan_result r = w.tracker.reclaim(root_group, frame_count{4}, decide, release);
    return r.reclaimed == frame_count{4} ? status::ok : status::busy;
}
status evict(world& w, auto decide, auto release) {
    w.track_all();
    if (w.zone.state_of(frame{target * small_block}).state == frame_state::offline) return status::ok;
    auto emptied = evict_block(w.zone, w.tracker, block(w.zone, target), decide, release, limited());
    return emptied ? emptied->offline() : emptied.error();
}
status allocate_by_pressure(world& w) {
    const auto f = w.zone.allocate(nobody);
    if (f) w.live.emplace(f->raw(), order{0});
    return f.error();
}
// Effects: a frame that rests in the cache rests there twice, as if two threads had freed it in one instant.
void double_in_cache(world& w) {
    auto& core = w.zone.internals();
    const frame f = *w.zone.allocate(mine);
    w.zone.free(mine, f);
    (void)core.caches().push(mine, order{0}, core.geometry().index_of(f), core);
}
// The handler may do what a signal handler may.
void on_misuse(world& w, const misuse_report& report) {
    if (w.depth != 0) return;
    ++w.depth;
    switch (std::exchange(w.first, behaviour::usual)) {
    case behaviour::re_enters:
        if (const auto f = w.zone.allocate()) (void)w.zone.try_free(*f);
        break;
    case behaviour::frees: w.zone.free(report.found.number, report.given); break;
    case behaviour::blocks: stepped_clock::skip(); break;
    default: break;
    }
    --w.depth;
}

struct site {
    const char* name;
    status (*run)(world&);
    // What it comes to when the callback throws, fails, re-enters, frees, blocks; thrown: the exception passes.
    std::array<const char*, 5> outcomes;
    unsigned misuses = 0; // reported when it frees what it was given
};
constexpr const char* passes = "the exception passes";
constexpr const char* forbidden = ""; // a misuse handler does not throw

const std::vector<site> sites{
    {"migrate, moving",
     [](world& w) { return seal(w), w.range.migrate(mover(w), in_a_second).outcome; },
     {passes, "migration_failed", "ok", "ok", "timed_out"}},
    {"migrate, moving, and freeing the destination",
     [](world& w) { return seal(w), w.range.migrate(careless_mover(w), in_a_second).outcome; },
     {passes, "migration_failed", "ok", "migration_failed", "timed_out"},
     1},
    {"migrate, evicting",
     [](world& w) { return seal(w), w.range.migrate(evictor(w), in_a_second).outcome; },
     {passes, "migration_failed", "ok", "ok", "timed_out"}},
    {"allocate_contiguous, moving",
     [](world& w) {
         const auto got = w.zone.allocate_contiguous(frame_count{130}, frame_count{1}, mover(w), limited());
         if (got)
             for (const frame f : *got)
                 w.live.emplace(f.raw(), order{0});
         return got.error();
     },
     {passes, "ok", "ok", "ok", "timed_out"}},
    {"compact, moving",
     [](world& w) { return w.zone.compact(mover(w), {.deadline = in_a_second}).outcome; },
     {passes, "ok", "ok", "ok", "timed_out"}},
    {"compact, evicting",
     [](world& w) { return w.zone.compact(evictor(w), {.deadline = in_a_second}).outcome; },
     {passes, "ok", "ok", "ok", "timed_out"}},
    {"report_free",
     [](world& w) {
         for (std::uint32_t b = 0; b != 3; ++b) // whole blocks
             for (const std::uint32_t f : {3u, 20u, 40u})
                 if (w.live.contains(b * small_block + f)) w.give(frame{b * small_block + f});
         (void)w.zone.drain();
         (void)w.zone.report_free([&](frame_range run) {
             const behaviour now = w.act();
             if (now == behaviour::frees) w.zone.free(nobody, run.first());
             return now != behaviour::fails;
         });
         return status::ok;
     },
     {passes, "ok", "ok", "ok", "ok"},
     1},
    {"pressure callback",
     [](world& w) {
         w.exhaust();
         w.pressure = [&w] {
             if (w.depth != 0) return false; // from within
             ++w.depth;
             struct leave {
                 unsigned& depth;
                 ~leave() { --depth; }
             } guard{w.depth};
             if (w.act() == behaviour::fails) return false;
             w.give(frame{w.live.begin()->first});
             return true;
         };
         const status e = allocate_by_pressure(w);
         w.pressure = nullptr;
         return e;
     },
     {passes, "no_memory", "ok", "ok", "ok"}},
    {"reclaim, its decision",
     [](world& w) { return reclaim(w, decider(w), releaser(w)); },
     {passes, "busy", "ok", "ok", "ok"}},
    {"reclaim, its release",
     [](world& w) { return reclaim(w, agree, troubled_releaser(w)); },
     {passes, "ok", "ok", "ok", "ok"}},
    {"lru_migrator",
     [](world& w) {
         w.track_all();
         seal(w);
         return w.range.migrate(lru_migrator{w.tracker, mover(w)}, in_a_second).outcome;
     },
     {passes, "migration_failed", "ok", "ok", "timed_out"}},
    {"evict_block, its decision",
     [](world& w) { return evict(w, decider(w), releaser(w)); },
     {passes, "ok", "ok", "ok", "timed_out"}},
    {"evict_block, its release",
     [](world& w) { return evict(w, agree, troubled_releaser(w)); },
     {passes, "ok", "ok", "ok", "timed_out"}},
    {"lru_pressure",
     [](world& w) {
         w.exhaust();
         w.track_all();
         auto decide = decider(w);
         auto release = releaser(w);
         lru_pressure relief{w.tracker, std::ref(decide), std::ref(release), frame_count{4}};
         const pressure_callback call = relief.callback();
         w.pressure = [&w, call] {
             if (w.depth != 0) return false;
             ++w.depth;
             struct leave {
                 unsigned& depth;
                 ~leave() { --depth; }
             } guard{w.depth};
             return call.call(call.context, order{0}, migrate_type::movable);
         };
         const status e = allocate_by_pressure(w);
         w.pressure = nullptr;
         return e;
     },
     {passes, "ok", "ok", "ok", "ok"}},
    {"misuse handler",
     [](world& w) {
         heard::handler = [&w](const misuse_report& r) { on_misuse(w, r); };
         w.zone.free(nobody, frame{5});
         misuse_record::count.fetch_sub(1); // this one was meant
         return status::ok;
     },
     {forbidden, "ok", "ok", "ok", "ok"},
     1},
    {"misuse handler, within the gate",
     [](world& w) {
         std::vector<frame> rest;
         for (unsigned i = 0; i != 64; ++i)
             rest.push_back(*w.zone.allocate());
         double_in_cache(w);
         heard::handler = [&w](const misuse_report& r) {
             if (!w.zone.internals().caches().is_entered(mine)) FAIL("that is no spill");
             on_misuse(w, r);
         };
         for (const frame f : rest) // until the cache spills
             w.zone.free(f);
         heard::handler = [&w](const misuse_report& r) { on_misuse(w, r); };
         const status e = w.zone.drain(in_a_second);
         misuse_record::count.fetch_sub(1);
         return e;
     },
     {forbidden, "ok", "ok", "ok", "ok"},
     1},
    {"misuse handler, by a drain",
     [](world& w) {
         heard::handler = [&w](const misuse_report& r) { on_misuse(w, r); };
         double_in_cache(w);
         const status e = w.zone.drain(in_a_second);
         misuse_record::count.fetch_sub(1);
         return e;
     },
     {forbidden, "ok", "ok", "ok", "ok"},
     1},
};

std::string run(const site& at, world& w, behaviour b) {
    w.first = b;
    try {
        return std::string{name(at.run(w))};
    } catch (const thrown&) {
        w.depth = 0;
        w.pressure = nullptr;
        return passes;
    }
}

} // namespace

TEST_CASE("callbacks that throw, fail, re-enter, free what they were given, or take too long", "[faults]") {
    constexpr std::array names{"throws", "fails", "re-enters", "frees what it was given", "takes too long"};
    unsigned cells = 0;
    for (const site& at : sites)
        for (std::size_t b = 0; b != names.size(); ++b) {
            if (at.outcomes[b] == std::string{forbidden}) continue;
            INFO(at.name << ": the callback " << names[b]);
            const auto what = static_cast<behaviour>(b + 1);
            world w;
            CHECK(run(at, w, what) == at.outcomes[b]);
            CHECK(w.first == behaviour::usual); // it was called
            CHECK(w.sound() == "");
            CHECK(misuse_record::count == (what == behaviour::frees ? at.misuses : 0));
            CHECK(run(at, w, behaviour::usual) == "ok");
            CHECK(w.sound() == "");
            heard::handler = nullptr;
            ++cells;
        }
    std::fprintf(stderr, "%u cells of callback and behaviour\n", cells);
}
