// tests/stress/every_verb_test.cpp - every verb of a zone at the same time, against who holds what.
// SPDX-License-Identifier: BSL-1.0
//
// Six threads: two allocate and free, two empty ranges and use them, two call all the rest. Each may free, move or evict
// a run that any of them holds: whoever takes it out of the table of held runs owns it. A thread ends after a number of
// steps, or at the first mistake: what follows from one says nothing.
#include "cordon/zone.hpp"

#include "cordon/zone/checked_policy.hpp"
#include "stress/held_runs.hpp"
#include "support/catch.hpp"
#include "support/oracle.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <span>
#include <thread>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;
using namespace std::chrono_literals;

namespace {

template <class Gate>
struct every_verb_policy : checked_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 9;
    static constexpr cached_order cached_orders[] = {{0, 64}, {1, 32}, {2, 16}, {6, 4}};
    static constexpr bool owner_tags = true;
    using gate = Gate;
    using misuse_handler = misuse_record;
};

constexpr std::uint32_t zone_blocks = 600; // more than a region
constexpr std::uint32_t zone_frames = zone_blocks * small_block;

// What the threads share.
template <class Policy>
struct world {
    basic_zone<Policy> zone{
        zone_options{.frames = {frame{0}, frame_count{zone_frames}}, .max_poisoned = 200}};
    ownership_oracle oracle{frame_count{zone_frames}};
    held_runs held{frame_count{zone_frames}};
    std::atomic<const char*> first_mistake{nullptr};

    void expect(bool holds, const char* what) {
        const char* none = nullptr;
        if (!holds) first_mistake.compare_exchange_strong(none, what);
    }
    [[nodiscard]] bool is_sound() const {
        return first_mistake.load() == nullptr && oracle.mistakes() == 0 && misuse_record::count.load() == 0;
    }
};

struct refusal {}; // thrown by migrators and reporters

// One thread's part.
template <class Policy>
class worker {
public:
    worker(world<Policy>& shared, std::uint32_t who)
        : zone_(shared.zone), shared_(shared), random_(seed() + who) {}

    // ---- steps ----

    void take_step(void (worker::*step)()) {
        try {
            (this->*step)();
        } catch (const refusal&) {
        }
    }
    void allocate_or_free() {
        const std::uint32_t dice = any(100);
        if (dice < 45) return allocate();
        if (dice < 90) return free_one();
        return dice < 95 ? allocate_many() : allocate_exactly();
    }
    void isolate() {
        busy_frame blocker;
        auto range = zone_.isolate(
            some_blocks(), {.level = any(4) == 0 ? isolation_level::exclusive : isolation_level::targeted,
                            .deadline = some_time(),
                            .owner = owner_tag{any(10)},
                            .blocker = &blocker});
        shared_.expect(blocker.isolator <= last_isolator, "a foreign isolator is named");
        if (!range) return;
        if (any(3) == 0) { // the list of sealed ranges knows it by its address
            auto elsewhere = std::move(*range);
            *range = std::move(elsewhere);
        }
        if (range->migrate(mover()).outcome == status::ok) use(*range);
    }
    void any_other() {
        static constexpr void (worker::*verbs[])() = {
            &worker::compact,        &worker::allocate_contiguous,
            &worker::report_free,    &worker::poison,
            &worker::set_type,       &worker::disable_caches,
            &worker::drain,          &worker::drain_range,
            &worker::compare_counts, &worker::validate,
            &worker::online,         &worker::online,
        };
        (this->*verbs[any(std::size(verbs))])();
    }
    // Effects: all runs are free again. Requires: no other thread is at work.
    void free_all() {
        while (const auto run = shared_.held.take_one(zone_.frames()))
            give(*run);
    }

private:
    static constexpr owner_tag last_isolator{9};

    // ---- what is drawn ----

    std::uint32_t any(std::uint64_t n) { return static_cast<std::uint32_t>(random_.below(n)); }
    frame any_frame() { return frame{any(zone_frames)}; }
    frame_range some_blocks() {
        const std::uint32_t count = 1 + any(4);
        return block(zone_, any(zone_blocks - count), count);
    }
    deadline some_time() {
        const deadline times[] = {deadline::immediate(), 1ms, 20ms, deadline::never()};
        return times[any(4)];
    }
    migrate_type some_type(std::uint32_t one_in) {
        return any(one_in) == 0 ? static_cast<migrate_type>(any(migrate_types)) : migrate_type::movable;
    }

    // ---- who holds what: told before the zone can give it to another ----

    held_run own(frame head, order k) {
        const held_run run = shared_.held.named(head, k);
        shared_.oracle.take(head, k, run.name());
        zone_.set_owner(head, run.tag);
        return run;
    }
    void disown(held_run run) { shared_.oracle.give(run.head, run.size(), run.name()); }
    void keep(frame head, order k) { shared_.held.put(own(head, k)); }
    void give(held_run run) {
        const frame_info is = zone_.state_of(run.head);
        shared_.expect(is.state == frame_state::allocated && is.size == run.size() && is.owner == run.tag,
                       "a run is not as its holder knows it");
        disown(run);
        if (any(2) == 0) return zone_.free(run.head, run.size());
        shared_.expect(zone_.try_free(run.head, run.size()) == status::ok, "a run cannot be freed");
    }
    void hold_for_a_moment(const auto& heads, order k) {
        std::vector<held_run> runs;
        for (const frame f : heads)
            runs.push_back(own(f, k));
        for (const held_run run : runs)
            disown(run);
    }
    void expect_unheld(frame_range range, const char* what) {
        for (const frame f : range)
            shared_.expect(!shared_.oracle.is_held(f), what);
    }

    // ---- allocate and free ----

    void allocate() {
        const order k{any(10) < 7 ? any(3) : any(Policy::max_order + 1)};
        if (zone_.stats().free.raw() < zone_frames / 3) return free_one(); // isolators need room to move to
        if (const auto f = zone_.allocate(k, some_type(12))) keep(*f, k);
    }
    void free_one() {
        const frame from = any_frame();
        const frame_range near{from, frame_count{std::min(zone_frames - from.raw(), 300u)}};
        if (const auto run = shared_.held.take_one(near)) give(*run);
    }
    void allocate_many() {
        frame out[70];
        const order k{any(3)};
        const std::span got = std::span{out}.first(zone_.allocate_bulk(std::span{out}.first(1 + any(70)), k));
        hold_for_a_moment(got, k);
        zone_.free_bulk(got, k);
    }
    void allocate_exactly() {
        const frame f = any_frame();
        if (zone_.allocate_exact(f) == status::ok) keep(f, order{0});
    }
    void allocate_contiguous() {
        const frame_count alignment{std::uint64_t{1} << any(8)};
        const auto got = zone_.allocate_contiguous(frame_count{1 + any(300)}, alignment, mover(),
                                                   {.deadline = some_time()});
        if (!got) return;
        hold_for_a_moment(*got, order{0});
        zone_.free_contiguous(*got);
    }

    // ---- migrators ----

    auto mover() {
        return [this](const busy_frame& from, frame to) { return move(from, to); };
    }
    migrate_outcome move(const busy_frame& from, frame to) {
        const std::uint32_t dice = any(100);
        if (dice == 0) throw refusal{};
        if (dice < 3 || !shared_.is_sound()) return migrate_outcome::failed;
        if (dice < 6) return migrate_outcome::retry;
        const auto run = shared_.held.take(from.head());
        if (!run) return migrate_outcome::retry; // another is at work on it
        if (run->size() != from.size()) {        // it is not the one that was seen
            shared_.held.put(*run);
            return migrate_outcome::retry;
        }
        if (dice < 10) {
            give(*run);
            return migrate_outcome::freed;
        }
        if (dice < 14) { // no lock is held
            compare_counts();
            (void)zone_.drain(deadline::immediate());
        }
        const held_run moved{to, run->tag};
        shared_.oracle.take(to, moved.size(), moved.name());
        follow_tag(from, moved);
        disown(*run);
        shared_.held.put(moved);
        return migrate_outcome::moved;
    }
    // The tag came along, unless the holder had not yet set it when the destination was made.
    void follow_tag(const busy_frame& from, held_run moved) {
        const owner_tag came = zone_.state_of(moved.head).owner;
        if (came == moved.tag) return;
        shared_.expect(came == owner_tag::none || from.found.owner != moved.tag, "another's tag came along");
        zone_.set_owner(moved.head, moved.tag);
    }
    void compact() { (void)zone_.compact(mover(), {.budget = frame_count{200}, .deadline = some_time()}); }

    // ---- isolated ranges ----

    using isolated = typename basic_zone<Policy>::isolated_range;

    void use(isolated& range) {
        expect_unheld(range.range(), "a frame of an empty range is held");
        switch (any(4)) {
        case 0: return offline(range);
        case 1: return claim_part(range);
        case 2: return shared_.expect(range.undo() == status::ok, "a range cannot be opened");
        default: return; // the destructor opens it
        }
    }
    void offline(isolated& range) {
        shared_.expect(range.offline() == status::ok, "an empty range cannot go offline");
        // Else that is for another thread, which may come before this one, too.
        if (any(2) == 0) (void)zone_.online(range.range());
    }
    void claim_part(isolated& range) {
        const frame_range all = range.range();
        const std::uint64_t first = any(all.count().raw());
        const frame_count count{1 + any(all.count().raw() - first)};
        if (const auto got = range.claim({all.first() + frame_count{first}, count})) // not of poisoned frames
            for (const frame f : *got)
                keep(f, order{0});
    }

    // ---- the rest ----

    void report_free() {
        zone_.report_free([this](frame_range run) { return discard(run); }, frame_count{any(5000)});
    }
    bool discard(frame_range run) {
        expect_unheld(run, "a frame that is reported is held");
        if (any(20) == 0) throw refusal{};
        if (any(10) == 0) (void)zone_.poison(run.first());
        if (any(10) == 0) online();
        expect_unheld(run, "a frame is given away while it is reported");
        return any(2) == 0;
    }
    void poison() {
        if (any(10) == 0) (void)zone_.poison(any_frame());
    }
    void online() {
        for (unsigned tries = 20; tries != 0; --tries)
            (void)zone_.online(some_blocks());
    }
    void set_type() { (void)zone_.set_migrate_type(some_blocks(), some_type(4)); }
    void disable_caches() {
        if (const auto token = zone_.disable_caches(some_time())) compare_counts();
    }
    void drain() { (void)zone_.drain(some_time()); }
    void drain_range() { (void)zone_.drain(some_blocks(), some_time()); }
    void compare_counts() {
        if (const auto is = zone_.exact_stats())
            shared_.expect(is->free + is->isolated_free + is->cached + is->allocated + is->offline +
                                   is->poisoned ==
                               is->managed,
                           "the counters do not add up");
    }
    void validate() {
        const validation found = zone_.validate({.quiesce = any(2) == 0, .all_sums = any(2) == 0});
        shared_.expect(bool{found}, found.what);
    }

    basic_zone<Policy>& zone_;
    world<Policy>& shared_;
    rng random_;
};

// Effects: two threads for each kind of step. Returns when each has done all of its own.
template <class Policy>
void run_threads(world<Policy>& shared) {
    using one = worker<Policy>;
    struct kind {
        void (one::*step)();
        unsigned steps;
    };
    static constexpr kind kinds[] = {
        {&one::allocate_or_free, 100'000}, {&one::isolate, 3'000}, {&one::any_other, 3'000}};
    std::vector<std::thread> threads;
    for (const kind& each : kinds)
        for (unsigned twice = 0; twice != 2; ++twice)
            threads.emplace_back([&shared, each, who = threads.size()] {
                one me{shared, static_cast<std::uint32_t>(who)};
                for (unsigned n = scaled(each.steps); n != 0 && shared.is_sound(); --n)
                    me.take_step(each.step);
            });
    for (std::thread& thread : threads)
        thread.join();
}

using locked_gate = lock_gate<default_policy::atomics, default_policy::clock, default_policy::backoff>;

} // namespace

TEMPLATE_TEST_CASE("all verbs at the same time give no frame to two holders, and lose none", "[stress]",
                   default_policy::gate, locked_gate) {
    using policy = every_verb_policy<TestType>;
    misuse_record::reset();
    world<policy> shared;
    run_threads(shared);
    const char* const mistake = shared.first_mistake.load();
    INFO((mistake != nullptr ? mistake : "misuse, or a run of two holders"));
    REQUIRE(shared.is_sound());

    worker<policy>{shared, 6}.free_all();
    basic_zone<policy>& zone = shared.zone;
    for (std::uint32_t b = 0; b != zone_blocks; ++b)
        (void)zone.online(block(zone, b)); // those that are offline
    REQUIRE(zone.drain() == status::ok);
    CHECK(shared.is_sound());
    CHECK(shared.oracle.held() == 0);
    CHECK(zone.validate({.quiesce = true, .all_sums = true}));
    const zone_stats stats = *zone.exact_stats();
    CHECK(stats.free + stats.poisoned == stats.managed);
}
