// tests/faults/zone_operations_test.cpp - each fault point of each operation of a zone fails, once and from then on.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "faults/fault_points.hpp"
#include "faults/zone_picture.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using faulty_policy = faulty<small_policy>;
using faulty_zone = basic_zone<faulty_policy>;

constexpr slot_index other{1}, third{2};
constexpr std::uint32_t blocks = 12;
constexpr owner_tag isolator{7};

enum class prepared {
    fresh,       // nothing was ever done
    cached,      // three caches hold frames
    exhausted,   // all free frames are in another's cache
    relieved,    // no frame is free; the pressure callback can free some
    isolated,    // a block with frames in use is sealed by somebody else
    offline,     // a block is offline; a frame is poisoned, another will be
    fragmented,  // two thirds of the blocks have a quarter of their frames in use
    inside,      // cached, and another owner is inside its gate
    interrupted, // cached, and so is the caller's
    locking,     // cached, with gates that lock
};

struct world {
    using state = prepared;
    using picture = zone_picture;

    state where;
    std::map<std::uint32_t, order> live; // the embedder's record: head -> size
    std::vector<frame> reserve;          // of it, what the pressure callback may free
    std::optional<faulty_zone> zone;
    faulty_zone::isolated_range others; // the range that somebody else has isolated
    faulty_zone::isolated_range range;  // and the caller
    faulty_zone::caches_disabled token;
    frame single, pair; // two allocations of his, of order 0 and 1
    frame resting;      // a frame that nobody has, in another's cache where there is one

    explicit world(state s) : where(s) {
        chosen_slots::mine = mine;
        faulty_gate::slots.clear();
        misuse_record::reset();
        if (s == prepared::locking) faults.fail(2, fault_mode::once); // behind its memory: its gate
        zone.emplace(zone_options{.frames = {frame{0}, frame_count{blocks * small_block}},
                                  .max_poisoned = 4,
                                  .pressure = {&relieve, this}});
        faults.stop();
        if (s == prepared::locking) REQUIRE(zone->internals().caches().needs_lock());
        single = take(mine, 0);
        pair = take(mine, 1);
        resting = single;
        REQUIRE(zone->set_migrate_type(block(*zone, 10), migrate_type::unmovable) == status::ok);
        REQUIRE(zone->set_migrate_type(block(*zone, 11), migrate_type::lent) == status::ok);
        prepare();
        (void)zone->drain(frame_range{single, frame_count{1}}); // the gate has met its slots
    }

    // ---- the states ----

    frame take(slot_index s, unsigned k, migrate_type type = migrate_type::movable) {
        const auto f = zone->allocate(s, order{k}, type);
        if (!f) FAIL("the state cannot be prepared");
        live.emplace(f->raw(), order{k});
        return *f;
    }
    void give(slot_index s, frame f) {
        const auto at = live.find(f.raw());
        if (at == live.end()) FAIL(f.raw() << " is not in use");
        zone->free(s, f, at->second);
        live.erase(at);
    }
    void fill_caches() {
        for (const slot_index s : {mine, other, third}) {
            std::vector<frame> all;
            for (unsigned i = 0; i != 20; ++i)
                all.push_back(take(s, i % 5 == 0));
            all.push_back(take(s, 6));
            all.push_back(take(s, 0, migrate_type::unmovable));
            for (const frame f : all)
                give(s, f);
        }
    }
    void take_all() {
        while (const auto f = zone->allocate(nobody))
            live.emplace(f->raw(), order{0});
        for (const migrate_type type : {migrate_type::unmovable, migrate_type::reclaimable})
            while (const auto f = zone->allocate(nobody, order{0}, type))
                live.emplace(f->raw(), order{0});
    }
    void prepare() {
        switch (where) {
        case prepared::fresh: break;
        case prepared::cached:
        case prepared::inside:
        case prepared::interrupted:
        case prepared::locking: fill_caches(); break;
        case prepared::exhausted:
            take_all();
            for (std::uint32_t f = 3 * small_block; f != 3 * small_block + 24; ++f)
                give(other, frame{f});
            break;
        case prepared::relieved:
            take_all();
            for (std::uint32_t f = 4 * small_block; f != 4 * small_block + 32; ++f)
                reserve.push_back(frame{f});
            break;
        case prepared::isolated: {
            fill_caches();
            occupy_some(2);
            auto made = zone->isolate(block(*zone, 2), {.owner = isolator});
            REQUIRE(made);
            others = std::move(*made);
            break;
        }
        case prepared::offline: {
            fill_caches();
            auto made = zone->isolate(block(*zone, 2));
            REQUIRE(made);
            REQUIRE(made->offline() == status::ok);
            REQUIRE(zone->poison(frame{9 * small_block + 5}) == status::ok);
            exactly(9 * small_block + 9, 0);
            REQUIRE(zone->poison(frame{9 * small_block + 9}) == status::deferred);
            break;
        }
        case prepared::fragmented:
            for (std::uint32_t f = 0; f < 8 * small_block; f += 4)
                if (zone->allocate_exact(frame{f}) == status::ok) live.emplace(f, order{0});
            break;
        }
        for (const frame f : zone->frames())
            if (zone->state_of(f).state == frame_state::cached) resting = f;
    }
    void exactly(std::uint32_t f, unsigned k) {
        if (zone->allocate_exact(frame{f}, order{k}) == status::ok) live.emplace(f, order{k});
    }
    // Effects: a few frames of the block are in use, if it was free.
    void occupy_some(std::uint32_t b) {
        exactly(b * small_block + 3, 0);
        exactly(b * small_block + 8, 3);
        exactly(b * small_block + 40, 1);
    }
    static bool interrupts(state s) { return s == prepared::interrupted; }
    static bool waits(state s) { return s == prepared::inside; }
    // The gate knows the slots from the one that is closed for ever on.
    [[nodiscard]] owner_inside enter() const {
        if (interrupts(where)) return owner_inside{*faulty_gate::slots.at(mine.raw() + 1)};
        return waits(where) ? owner_inside{*faulty_gate::slots.at(third.raw() + 1)} : owner_inside{};
    }

    // ---- the embedder's callbacks ----

    static bool relieve(void* self, order, migrate_type) {
        auto& w = *static_cast<world*>(self);
        if (w.reserve.empty() || faults.reached(fault::pressure)) return false;
        for (const frame f : w.reserve)
            w.give(nobody, f);
        w.reserve.clear();
        return true;
    }
    auto mover() {
        return [this](const busy_frame& from, frame to) {
            if (faults.reached(fault::migrator)) return migrate_outcome::failed;
            live.erase(from.head().raw());
            live.emplace(to.raw(), from.size());
            return migrate_outcome::moved;
        };
    }
    auto evictor() {
        return [this](const busy_frame& from) {
            if (faults.reached(fault::migrator)) return migrate_outcome::failed;
            give(nobody, from.head());
            return migrate_outcome::freed;
        };
    }

    // ---- looking ----

    [[nodiscard]] zone_picture look() { return picture_of(*zone, faulty_gate::claims()); }
    // Returns: what is wrong: zone and record disagree, the zone with itself, or free() was called wrongly.
    [[nodiscard]] std::string sound() {
        if (misuse_record::count != 0) return "misuse";
        const validation v = zone->validate({.quiesce = true});
        if (!v) return v.what;
        std::uint64_t held = 0;
        for (const auto& [head, size] : live) {
            const frame_info info = zone->state_of(frame{head});
            if (info.state != frame_state::allocated || info.size != size) return "an allocation was lost";
            held += size.frames().raw();
        }
        return zone->stats().allocated.raw() == held ? "" : "more is allocated than anybody has";
    }

    // Effects: notes what the caller was given.
    status keep(const result<frame>& f, unsigned k) {
        if (f) live.emplace(f->raw(), order{k});
        return f.error();
    }
    status keep(const result<frame_range>& frames) {
        if (frames)
            for (const frame f : *frames)
                live.emplace(f.raw(), order{0});
        return frames.error();
    }
    status keep(result<faulty_zone::isolated_range> made) {
        if (made) range = std::move(*made);
        return made.error();
    }
};

constexpr std::uint32_t target = 5; // the block that operations work on

isolate_options limited(isolation_level level = isolation_level::targeted) {
    return {.level = level, .deadline = in_a_second, .owner = isolator};
}
// Effects: the block is sealed; three allocations of it are in use.
void seal(world& w) {
    w.occupy_some(target);
    REQUIRE(w.keep(w.zone->isolate(block(*w.zone, target), limited())) == status::ok);
    unsigned left = 3;
    for (const frame f : w.range.range())
        if (w.live.contains(f.raw()) && left-- == 0) ++left, w.give(nobody, f);
}
void seal_for_good(world& w) {
    REQUIRE(w.keep(w.zone->isolate(block(*w.zone, target), limited(isolation_level::exclusive))) ==
            status::ok);
}
void seal_and_empty(world& w) {
    seal(w);
    (void)w.range.migrate(w.evictor());
}
void take_offline(world& w) {
    seal_and_empty(w);
    REQUIRE(w.range.offline() == status::ok);
}
frame in_target(unsigned bit) {
    return frame{target * small_block + bit};
}

using row = operation<world>;
using p = prepared;
constexpr auto none = aftermath::nothing;
constexpr auto drained = aftermath::drained;
constexpr auto part = aftermath::part;

// What an operation with a deadline says, and leaves.
const std::vector<reply> in_time{{fault::isolation_lock, status::timed_out, none},
                                 {fault::barrier, status::barrier_refused, none},
                                 {fault::gate, status::timed_out, drained}};
// What a search for memory says. A refused barrier leaves it without the caches of others.
const std::vector<reply> searching{{fault::barrier, status::no_memory, drained},
                                   {fault::pressure, status::no_memory, drained},
                                   {fault::zone_lock, status::re_entered, none}};
const std::vector<reply> refused{{fault::barrier, status::barrier_refused, none}};
// The same of what moves frames on its way.
const std::vector<reply> half_way{{fault::isolation_lock, status::timed_out, part},
                                  {fault::barrier, status::barrier_refused, part},
                                  {fault::gate, status::timed_out, part}};

status frame_by_frame(world& w, unsigned k, migrate_type type = migrate_type::movable) {
    return w.keep(w.zone->allocate(order{k}, type), k);
}
void leave_no_whole_block(world& w) {
    for (std::uint32_t b = 0; b != blocks; ++b)
        w.exactly(b * small_block + 60, 0);
}
// All or nothing.
status in_bulk(world& w) {
    std::array<frame, 4> got;
    const std::size_t n = w.zone->allocate_bulk(got);
    if (n != got.size()) {
        w.zone->free_bulk(std::span{got}.first(n));
        return status::no_memory;
    }
    for (const frame f : got)
        (void)w.keep(f, 0);
    return status::ok;
}
status exactly_resting(world& w) {
    const status e = w.zone->allocate_exact(w.resting);
    return e == status::ok ? w.keep(w.resting, 0) : e;
}
status set_free(world& w, frame f) {
    const status e = w.zone->try_free(f, w.live.at(f.raw()));
    if (e == status::ok) w.live.erase(f.raw());
    return e;
}
status claim_of(world& w, frame_range part_of_it) {
    return w.keep(w.range.claim(part_of_it));
}
status checked(const validation& v) {
    if (!v) return status::invalid_argument;
    return v.caches_checked ? status::ok : status::barrier_refused;
}
void occupy_everywhere(world& w) {
    for (std::uint32_t b = 0; b != 10; ++b)
        w.occupy_some(b);
}

constexpr auto works = in_handler::works;
constexpr auto refuses = in_handler::refuses;

const std::vector<row> operations{
    // ---- allocate and free ----
    {.name = "allocate",
     .run = [](world& w) { return frame_by_frame(w, 0); },
     .replies = searching,
     .retried = again::sums,
     .nested = works,
     .waits = false},
    {.name = "allocate an order",
     .run = [](world& w) { return frame_by_frame(w, 3); },
     .replies = searching,
     .retried = again::sums,
     .nested = works},
    {.name = "allocate a block",
     .run = [](world& w) { return frame_by_frame(w, 6); },
     .replies = searching,
     .retried = again::sums,
     .nested = works,
     .otherwise = {{p::exhausted, status::no_memory, status::no_memory},
                   {p::relieved, status::no_memory, status::no_memory}}},
    {.name = "allocate more than there is",
     .run = [](world& w) { return frame_by_frame(w, 8, migrate_type::unmovable); },
     .replies = searching,
     .retried = again::sums,
     .nested = works,
     .waits = true,
     .otherwise = {{p::exhausted, status::no_memory, status::no_memory},
                   {p::relieved, status::no_memory, status::no_memory},
                   {p::fragmented, status::no_memory, status::no_memory},
                   {p::interrupted, status::ok, status::no_memory}}}, // a handler steals nothing
    {.name = "allocate another type",
     .run = [](world& w) { return frame_by_frame(w, 0, migrate_type::unmovable); },
     .replies = searching,
     .retried = again::sums,
     .nested = works},
    {.name = "allocate a type that steals",
     .run = [](world& w) { return frame_by_frame(w, 1, migrate_type::reclaimable); },
     .replies = {{fault::pressure, status::no_memory, drained}, {fault::zone_lock, status::re_entered, none}},
     .retried = again::sums,
     .before = leave_no_whole_block,
     .nested = works,
     .waits = true,
     .otherwise = {{p::interrupted, status::ok, status::no_memory}}, // a handler steals nothing
     .nowhere = {p::exhausted}},
    {.name = "allocate_bulk", .run = in_bulk, .replies = searching, .retried = again::sums},
    {.name = "allocate_exact what rests in a cache",
     .run = exactly_resting,
     .replies = refused,
     .nested = refuses,
     .waits = true,
     .otherwise = {{p::relieved, status::busy, status::busy}}},
    {.name = "try_free",
     .run = [](world& w) { return set_free(w, w.single); },
     .replies = {{fault::zone_lock, status::re_entered, none}},
     .nested = works},
    {.name = "try_free an order",
     .run = [](world& w) { return set_free(w, w.pair); },
     .replies = {{fault::zone_lock, status::re_entered, none}},
     .nested = works},
    {.name = "free_bulk",
     .run =
         [](world& w) {
             w.zone->free_bulk(std::span{&w.single, 1});
             w.live.erase(w.single.raw());
             return status::ok;
         }},

    // ---- frames in a row ----
    {.name = "allocate_contiguous of free frames",
     .run =
         [](world& w) {
             return w.keep(
                 w.zone->allocate_contiguous(frame_count{96}, frame_count{1}, no_migrator{}, limited()));
         },
     .replies = {{fault::isolation_lock, status::timed_out, drained},
                 {fault::barrier, status::barrier_refused, drained},
                 {fault::gate, status::timed_out, drained}},
     .retried = again::sums,
     .nested = refuses,
     .otherwise = {{p::exhausted, status::migration_failed, status::migration_failed},
                   {p::relieved, status::migration_failed, status::migration_failed}}},
    {.name = "allocate_contiguous, moving",
     .run =
         [](world& w) {
             return w.keep(
                 w.zone->allocate_contiguous(frame_count{256}, frame_count{1}, w.mover(), limited()));
         },
     .replies = half_way,
     .retried = again::sums,
     .before = occupy_everywhere,
     .nested = refuses,
     .nowhere = {p::exhausted, p::relieved}},
    {.name = "allocate_contiguous, evicting, exclusive",
     .run =
         [](world& w) {
             return w.keep(w.zone->allocate_contiguous(frame_count{256}, frame_count{64}, w.evictor(),
                                                       limited(isolation_level::exclusive)));
         },
     .replies = half_way,
     .retried = again::any,
     .before = occupy_everywhere,
     .nested = refuses,
     .nowhere = {p::exhausted, p::relieved}},

    // ---- caches ----
    {.name = "drain",
     .run = [](world& w) { return w.zone->drain(in_a_second); },
     .replies = in_time,
     .nested = refuses},
    {.name = "drain without a deadline",
     .run = [](world& w) { return w.zone->drain(); },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "drain of a range",
     .run =
         [](world& w) {
             return w.zone->drain(frame_range{w.resting, frame_count{1}}, in_a_second);
         },
     .replies = in_time,
     .nested = refuses},
    {.name = "disable_caches",
     .run =
         [](world& w) {
             auto made = w.zone->disable_caches(in_a_second);
             if (made) w.token = std::move(*made);
             return made.error();
         },
     .replies = in_time,
     .nested = refuses},
    {.name = "disable_caches, nested",
     .run = [](world& w) { return w.zone->disable_caches(in_a_second).error(); },
     .replies = {{fault::isolation_lock, status::timed_out, none}},
     .before = [](world& w) { w.token = std::move(*w.zone->disable_caches()); },
     .nested = refuses},

    // ---- blocks ----
    {.name = "isolate",
     .run = [](world& w) { return w.keep(w.zone->isolate(block(*w.zone, target), limited())); },
     .replies = in_time,
     .nested = refuses},
    {.name = "isolate without a deadline",
     .run = [](world& w) { return w.keep(w.zone->isolate(block(*w.zone, target))); },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "isolate, exclusive",
     .run =
         [](world& w) {
             return w.keep(w.zone->isolate(block(*w.zone, target, 2), limited(isolation_level::exclusive)));
         },
     .replies = {{fault::isolation_lock, status::timed_out, none},
                 {fault::barrier, status::barrier_refused, drained},
                 {fault::gate, status::timed_out, drained}},
     .nested = refuses},
    {.name = "isolate what others may have",
     .run = [](world& w) { return w.keep(w.zone->isolate(block(*w.zone, 1, 2), limited())); },
     .replies = in_time,
     .nested = refuses,
     .otherwise = {{p::isolated, status::busy, status::busy},
                   {p::offline, status::offline, status::offline}}},
    {.name = "online",
     .run = [](world& w) { return w.zone->online(block(*w.zone, target)); },
     .before = take_offline},
    {.name = "poison what rests in a cache",
     .run =
         [](world& w) {
             const status e = w.zone->poison(w.resting);
             return w.where == p::relieved && e == status::deferred ? status::ok : e;
         },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "poison what is in use",
     .run =
         [](world& w) {
             const status e = w.zone->poison(w.pair);
             return e == status::deferred ? status::ok : e;
         },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "set_migrate_type",
     .run = [](world& w) { return w.zone->set_migrate_type(block(*w.zone, target), migrate_type::lent); },
     .replies = {{fault::barrier, status::barrier_refused, part}},
     .nested = refuses,
     .waits = true},

    // ---- an isolated range ----
    {.name = "migrate, moving",
     .run = [](world& w) { return w.range.migrate(w.mover(), in_a_second).outcome; },
     .replies = {{fault::migrator, status::migration_failed, part},
                 {fault::barrier, status::no_memory, part},
                 {fault::pressure, status::no_memory, part}},
     .retried = again::sums,
     .before = seal},
    {.name = "migrate, evicting",
     .run = [](world& w) { return w.range.migrate(w.evictor()).outcome; },
     .replies = {{fault::migrator, status::migration_failed, part}},
     .before = seal},
    {.name = "look at a range",
     .run =
         [](world& w) {
             const bool seen = w.range.busy().raw() != 0 && !w.range.all_free() && w.range.next_busy();
             return seen ? status::ok : status::invalid_range;
         },
     .before = seal},
    {.name = "claim", .run = [](world& w) { return claim_of(w, w.range.range()); }, .before = seal_and_empty},
    {.name = "claim of a part",
     .run =
         [](world& w) {
             return claim_of(w, {in_target(3), frame_count{20}});
         },
     .before = seal_and_empty},
    {.name = "offline", .run = [](world& w) { return w.range.offline(); }, .before = seal_and_empty},
    {.name = "undo", .run = [](world& w) { return w.range.undo(); }, .before = seal},
    {.name = "undo, exclusive",
     .run = [](world& w) { return w.range.undo(); },
     .before = seal_for_good,
     .waits = true},

    // ---- background work ----
    {.name = "compact, moving",
     .run = [](world& w) { return w.zone->compact(w.mover(), {.deadline = in_a_second}).outcome; },
     .replies = half_way,
     .retried = again::sums,
     .nested = refuses},
    {.name = "compact, evicting",
     .run = [](world& w) { return w.zone->compact(w.evictor(), {.deadline = in_a_second}).outcome; },
     .replies = half_way,
     .retried = again::any,
     .nested = refuses},
    {.name = "report_free",
     .run =
         [](world& w) {
             (void)w.zone->report_free([](frame_range) { return !faults.reached(fault::reporter); });
             return status::ok;
         },
     .replies = {{fault::reporter, status::ok, part}}},

    // ---- looking ----
    {.name = "look at a frame, and name its owner",
     .run =
         [](world& w) {
             w.zone->set_owner(w.single, owner_tag{3});
             return w.zone->state_of(w.single).owner == owner_tag{3} ? status::ok : status::invalid_argument;
         }},
    {.name = "exact_stats",
     .run = [](world& w) { return w.zone->exact_stats().error(); },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "validate",
     .run = [](world& w) { return checked(w.zone->validate({.quiesce = true})); },
     .replies = refused,
     .waits = true},
};

} // namespace

TEST_CASE("each fault point of each operation of a zone: what is documented, nothing lost, and then it works",
          "[faults]") {
    tally total;
    for (const row& op : operations)
        for (const p where : {p::fresh, p::cached, p::exhausted, p::relieved, p::isolated, p::offline,
                              p::fragmented, p::inside, p::interrupted, p::locking}) {
            INFO(op.name << " in state " << static_cast<int>(where));
            fault_run<world>{op, where}(total);
        }
    std::fprintf(stderr, "%u operations in %u places, %u pairs of operation and point, %u runs\n",
                 static_cast<unsigned>(operations.size()), total.operations, total.pairs, total.runs);
    CHECK(total.pairs >= scaled(600u));
}
