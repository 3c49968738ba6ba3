// tests/faults/lru_operations_test.cpp - each fault point of each operation of an LRU fails, once and from then on.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru.hpp"

#include "faults/fault_points.hpp"
#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using faulty_policy = faulty<default_policy>;

constexpr slot_index other{1}, third{2}; // and `mine`
constexpr std::uint32_t tracked = 96;    // of 128
constexpr std::uint32_t groups = 4;

enum class prepared {
    fresh,       // nothing is tracked
    batched,     // three batches hold frames, and there is no other
    listed,      // all frames are on lists, of two groups
    pinned,      // listed; each third frame is pinned, and scans have met some
    claimed,     // listed; half of the frames are somebody's
    merged,      // listed; there are as many groups as can be, one of them leads to another
    inside,      // batched, and another owner is inside its gate
    interrupted, // batched, and so is the caller's
    locking,     // batched, with gates that lock
};

// All that can be seen of an LRU.
struct picture {
    using entry = std::tuple<lru_place, std::uint32_t, std::uint32_t, std::uint8_t>; // and group, pins, age
    std::vector<entry> frames;
    std::vector<frame> lists; // what is on them, oldest first
    std::vector<std::uint32_t> claims;
    std::uint32_t disabled = 0;

    [[nodiscard]] bool same_rest(const picture& o) const {
        return claims == o.claims && disabled == o.disabled;
    }
    [[nodiscard]] bool same(const picture& o) const {
        return frames == o.frames && lists == o.lists && same_rest(o);
    }
    // The same, if what waits in batches counts as listed.
    [[nodiscard]] bool drained(const picture& o) const {
        const auto settled = [](const picture& seen) {
            std::vector<entry> all = seen.frames;
            for (entry& e : all)
                if (std::get<0>(e) == lru_place::batched) std::get<0>(e) = lru_place::listed;
            return all;
        };
        return settled(*this) == settled(o) && same_rest(o);
    }
    [[nodiscard]] bool sums(const picture& o) const {
        const auto count = [](const picture& seen) {
            std::array<unsigned, 5> n{};
            for (const entry& e : seen.frames) {
                const lru_place place = std::get<0>(e);
                ++n[static_cast<unsigned>(place == lru_place::batched ? lru_place::listed : place)];
            }
            return n;
        };
        return count(*this) == count(o) && same_rest(o);
    }
};

using faulty_lru = lru<replacement::clock<1>, faulty_policy>;

struct world {
    using state = prepared;
    using picture = ::picture;

    state where;
    std::optional<faulty_lru> tracker;
    group_id second{}, third_group{};
    faulty_lru::batches_disabled token;

    explicit world(state s) : where(s) {
        chosen_slots::mine = mine;
        faulty_gate::slots.clear();
        if (s == prepared::locking) faults.fail(2, fault_mode::once); // behind its memory: its gate
        tracker.emplace(lru_options{.frames = some_frames(128, 0), .groups = groups, .ghost_entries = 16});
        faults.stop();
        second = *tracker->create_group();
        for (const slot_index slot : {mine, other, third}) // the gate meets its slots
            (void)tracker->add(slot, frame{100 + slot.raw()});
        (void)tracker->drain();
        for (const slot_index slot : {mine, other, third})
            (void)tracker->forget(frame{100 + slot.raw()});
        prepare();
    }
    void prepare() {
        if (where == prepared::fresh) return;
        const bool batched =
            where == prepared::batched || interrupts(where) || waits(where) || where == prepared::locking;
        const std::uint32_t n = batched ? 24 : tracked;
        for (std::uint32_t f = 0; f != n; ++f)
            if (tracker->add(f % 2 == 0 ? other : third, frame{f}, f % 3 == 0 ? second : root_group) !=
                status::ok)
                FAIL("the state cannot be prepared");
        if (!batched) (void)tracker->drain();
        if (where == prepared::pinned)
            for (std::uint32_t f = 0; f != n; f += 3)
                (void)tracker->pin(frame{f + 1});
        if (where == prepared::pinned) {
            std::array<frame, 2> some;
            tracker->putback(std::span{some}.first(tracker->isolate_coldest(root_group, some)));
        }
        if (where == prepared::claimed)
            for (std::uint32_t f = 0; f < n; f += 2)
                (void)tracker->isolate(frame{f});
        if (where == prepared::merged) {
            third_group = *tracker->create_group();
            (void)tracker->create_group();
            (void)tracker->add(frame{tracked}, third_group);
            (void)tracker->drain();
            (void)tracker->merge_groups(third_group, second);
        }
    }
    static bool interrupts(state s) { return s == prepared::interrupted; }
    static bool waits(state s) { return s == prepared::inside; }
    [[nodiscard]] owner_inside enter() const {
        if (interrupts(where)) return owner_inside{*faulty_gate::slots.at(mine.raw())};
        return waits(where) ? owner_inside{*faulty_gate::slots.at(third.raw())} : owner_inside{};
    }
    [[nodiscard]] picture look() {
        picture p;
        for (const frame f : tracker->frames()) {
            const lru_state s = tracker->state_of(f);
            p.frames.emplace_back(s.place, s.group.raw(), s.pins, s.age);
        }
        for (std::uint32_t g = 0; g != groups; ++g)
            for (const frame f : on_list(*tracker, group_id{g}))
                p.lists.push_back(f);
        p.claims = faulty_gate::claims();
        p.disabled = tracker->internals().parts().head->disabled;
        return p;
    }
    [[nodiscard]] std::string sound() {
        const lru_validation v = tracker->validate(true);
        return v ? "" : v.what;
    }
};

constexpr frame fresh_frame{120}, one{1}, two{2};

// What an operation with a deadline says, and leaves.
const std::vector<reply> in_time{{fault::isolation_lock, status::timed_out, aftermath::nothing},
                                 {fault::barrier, status::barrier_refused, aftermath::nothing},
                                 {fault::gate, status::timed_out, aftermath::drained}};
const std::vector<reply> refused{{fault::barrier, status::barrier_refused, aftermath::nothing}};

status some(std::uint64_t n) {
    return n != 0 ? status::ok : status::busy;
}

using p = prepared;
constexpr auto refuses = in_handler::refuses;
const std::vector<operation<world>::answer> absent_if_fresh{{p::fresh, status::absent, status::absent}};
const std::vector<operation<world>::answer> nothing_if_fresh{{p::fresh, status::busy, status::busy},
                                                             {p::interrupted, status::ok, status::busy}};

void isolate_two(world& w) {
    (void)w.tracker->isolate(one);
    (void)w.tracker->isolate(two);
}

const std::vector<operation<world>> operations{
    {.name = "add", .run = [](world& w) { return w.tracker->add(fresh_frame, w.second); }, .nested = refuses},
    {.name = "add some",
     .run =
         [](world& w) {
             return some(w.tracker->add(std::array{fresh_frame, frame{121}}));
         }},
    {.name = "touch and hint",
     .run =
         [](world& w) {
             w.tracker->touch(one);
             w.tracker->hint({one, frame_count{2}}, lru_hint::sequential);
             w.tracker->deactivate({two, frame_count{1}});
             return status::ok;
         }},
    {.name = "isolate",
     .run = [](world& w) { return w.tracker->isolate(one); },
     .otherwise = {{p::fresh, status::absent, status::absent}, {p::pinned, status::busy, status::busy}}},
    {.name = "isolate some",
     .run =
         [](world& w) {
             std::array<frame, 2> out;
             return some(w.tracker->isolate(std::array{one, frame{3}}, out));
         },
     .otherwise = {{p::fresh, status::busy, status::busy}}},
    {.name = "isolate_coldest",
     .run =
         [](world& w) {
             std::array<frame, 4> out;
             return some(w.tracker->isolate_coldest(root_group, out));
         },
     .replies = {{fault::barrier, status::busy, aftermath::nothing}},
     .retried = again::sums,
     .nested = refuses,
     .waits = true,
     .otherwise = nothing_if_fresh},
    {.name = "reclaim",
     .run =
         [](world& w) {
             const scan_result r = w.tracker->reclaim(root_group, frame_count{6}, [](frame) {
                 return faults.reached(fault::verdict) ? verdict::keep : verdict::reclaim;
             });
             return r.reclaimed == frame_count{6} ? status::ok : status::busy;
         },
     .replies = {{fault::barrier, status::busy, aftermath::nothing},
                 {fault::verdict, status::busy, aftermath::part}},
     .retried = again::any,
     .nested = refuses,
     .waits = true,
     .otherwise = nothing_if_fresh},
    {.name = "putback",
     .run = [](world& w) { return w.tracker->putback(two); },
     .before = isolate_two,
     .otherwise = absent_if_fresh},
    {.name = "putback_to",
     .run = [](world& w) { return w.tracker->putback_to(two, w.second); },
     .before = isolate_two,
     .otherwise = absent_if_fresh},
    {.name = "pin", .run = [](world& w) { return w.tracker->pin(one); }, .otherwise = absent_if_fresh},
    {.name = "unpin",
     .run = [](world& w) { return w.tracker->unpin(two); },
     .before = [](world& w) { (void)w.tracker->pin(two); },
     .otherwise = absent_if_fresh},
    {.name = "pinned",
     .run = [](world& w) { return w.tracker->pinned(one).error(); },
     .otherwise = absent_if_fresh},
    {.name = "create_group",
     .run = [](world& w) { return w.tracker->create_group().error(); },
     .replies = {{fault::barrier, status::no_memory, aftermath::nothing}},
     .nested = refuses,
     .waits = true},
    {.name = "remove_group",
     .run = [](world& w) { return w.tracker->remove_group(w.third_group); },
     .replies = refused,
     .before = [](world& w) { w.third_group = *w.tracker->create_group(); },
     .nested = refuses,
     .waits = true},
    {.name = "merge_groups", .run = [](world& w) { return w.tracker->merge_groups(w.second, root_group); }},
    {.name = "move_group",
     .run = [](world& w) { return w.tracker->move_group(frame{7}, w.second); },
     .otherwise = absent_if_fresh},
    {.name = "age", .run = [](world& w) { return w.tracker->age(root_group); }},
    {.name = "evicted",
     .run = [](world& w) { return w.tracker->evicted(two, 5).error(); },
     .before = isolate_two,
     .otherwise = absent_if_fresh},
    {.name = "transfer",
     .run = [](world& w) { return w.tracker->transfer(two, fresh_frame); },
     .before = isolate_two,
     .otherwise = absent_if_fresh},
    {.name = "forget",
     .run = [](world& w) { return w.tracker->forget(frame{7}); },
     .otherwise = {{p::fresh, status::absent, status::absent}, {p::pinned, status::busy, status::busy}}},
    {.name = "refault_of",
     .run =
         [](world& w) {
             (void)w.tracker->refault(w.tracker->refault_of(5));
             return status::ok;
         }},
    {.name = "drain",
     .run = [](world& w) { return w.tracker->drain(in_a_second); },
     .replies = in_time,
     .nested = refuses},
    {.name = "drain without a deadline",
     .run = [](world& w) { return w.tracker->drain(); },
     .replies = refused,
     .nested = refuses,
     .waits = true},
    {.name = "disable_batches",
     .run =
         [](world& w) {
             auto made = w.tracker->disable_batches(in_a_second);
             if (made) w.token = std::move(*made);
             return made.error();
         },
     .replies = in_time,
     .nested = refuses},
    {.name = "disable_batches, nested",
     .run = [](world& w) { return w.tracker->disable_batches(in_a_second).error(); },
     .replies = {{fault::isolation_lock, status::timed_out, aftermath::nothing}},
     .before = [](world& w) { w.token = std::move(*w.tracker->disable_batches()); },
     .nested = refuses},
    {.name = "look",
     .run =
         [](world& w) {
             (void)w.tracker->stats();
             (void)w.tracker->age_histogram();
             return w.tracker->validate() ? status::ok : status::invalid_argument;
         }},
};

} // namespace

TEST_CASE("each fault point of each operation of an LRU: what is documented, nothing lost, and then it works",
          "[faults]") {
    tally total;
    for (const auto& op : operations)
        for (const p where : {p::fresh, p::batched, p::listed, p::pinned, p::claimed, p::merged, p::inside,
                              p::interrupted, p::locking}) {
            INFO(op.name << " in state " << static_cast<int>(where));
            fault_run<world>{op, where}(total);
        }
    std::fprintf(stderr, "%u operations with points, %u pairs of operation and point, %u runs\n",
                 total.operations, total.pairs, total.runs);
    CHECK(total.pairs >= scaled(100u));
}

TEST_CASE("an LRU without memory for its metadata says so, and one without the barrier locks its gates",
          "[faults]") {
    faults.fail(1, fault_mode::once);
    faulty_lru poor{some_frames(128, 0), 2};
    CHECK(faults.stop() == 1);
    CHECK(poor.error() == status::no_metadata);
    CHECK(poor.add(one) == status::foreign_frame);
    CHECK(poor.drain() == status::no_metadata);
    CHECK(poor.create_group().error() == status::no_metadata);

    faults.fail(2, fault_mode::once);
    faulty_lru locking{some_frames(128, 0), 2};
    CHECK(faults.stop() == 2);
    REQUIRE(locking.error() == status::ok);
    CHECK(locking.add(mine, one) == status::ok);
    CHECK(locking.drain() == status::ok);
    CHECK(on_list(locking) == std::vector{one});
}
