// explorer/isolation_scenarios.hpp - isolation against traffic: scenarios S3, S4, S5, S12 and more.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/zone_world.hpp"

#include <optional>

namespace cordon::explorer {

constexpr auto targeted = isolation_level::targeted;
constexpr auto exclusive = isolation_level::exclusive;

constexpr slot_index uncached = slot_index::none();

// The block 0 is the one that is sealed; threads hold frames of it.
template <class Policy = explored_policy, std::uint32_t Blocks = 2>
struct world : zone_world<Policy, Blocks> {
    using range_type = typename zone_world<Policy, Blocks>::range_type;
    void seal(frame_range range, isolation_level level, deadline limit = {}) {
        auto sealing = this->isolate(range, {.level = level, .deadline = limit});
        expect(bool{sealing} || !limit.is_never(), "the isolation failed");
        if (sealing) sealed_range.emplace(std::move(*sealing));
    }
    // Effects: at the end of a run, whatever is sealed still is idle but for the frames that are held, and opens.
    void check_and_open(std::uint32_t held) {
        if (sealed_range) {
            expect(!this->is_cached(sealed_range->range()), "a cache holds a frame of a sealed range");
            expect(sealed_range->busy().raw() == held, "a sealed range is not as idle as it should be");
            expect(sealed_range->undo() == status::ok, "the undo failed");
        }
        this->check_frames();
    }
    void label(names& labels) const { this->label_zone(labels); }

    std::optional<range_type> sealed_range;
};

// S3: a free through the cache, a free past it, and a seal.
template <isolation_level Level, unsigned Cached, bool Slow, class Policy = explored_policy>
struct seal_against_frees : world<Policy> {
    static constexpr unsigned threads = Slow ? 3 : 2;
    frame held[2];
    seal_against_frees() {
        this->warm(0, 0);
        held[0] = this->hold(0, frame{5});
        held[1] = this->hold(Cached == 2 ? 0 : 2, frame{9});
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), Level);
        if (thread == 2) return this->free(uncached, held[1]);
        this->free(held[0]);
        if (Cached == 2) this->free(held[1]);
    }
    void check() { this->check_and_open(Slow || Cached == 2 ? 0 : 1); }
};

// S4: seal and undo, while a thread allocates and frees.
template <isolation_level Level, unsigned Operations, class Policy = explored_policy>
struct seal_and_undo : world<Policy> {
    static constexpr unsigned threads = 2;
    seal_and_undo() { this->warm(0, 1); }
    void run(unsigned thread) {
        if (thread == 1) {
            this->seal(this->blocks(0), Level);
            return this->undo(*this->sealed_range);
        }
        frame held;
        for (unsigned i = 0; i != Operations; ++i)
            if (i % 2 == 0) {
                const result<frame> f = this->allocate();
                expect(bool{f}, "an allocation failed");
                held = *f;
            } else {
                this->free(held);
            }
    }
    void check() { this->check_frames(); }
};

// S5: a refill from the block that is being sealed.
template <isolation_level Level, class Policy = explored_policy>
struct seal_against_refill : world<Policy> {
    static constexpr unsigned threads = 2;
    seal_against_refill() {
        this->warm(0, 0);
        this->hold(2, frame{63}); // the block is a partial one: the first choice
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), Level);
        const result<frame> f = this->allocate();
        expect(bool{f}, "an allocation failed");
        this->free(*f);
    }
    void check() { this->check_and_open(1); }
};

// What a user sees of a seal, whatever its level: which block he is served from, and how many frames stay busy.
template <isolation_level Level>
struct guarantee : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    std::uint64_t seen = 0;
    guarantee() {
        warm(0, 1);
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 1) {
            seal(blocks(0), Level);
            const machine::pause unobserved;
            seen += sealed_range->busy().raw() * 10;
            return;
        }
        free(held);
        const result<frame> f = allocate();
        expect(bool{f}, "an allocation failed");
        seen += 1 + f->raw() / block_frames;
    }
    void check() { check_and_open(seen % 10 == 1 ? 1 : 0); }
    [[nodiscard]] std::string outcome() const {
        return "served from the block " + std::to_string(seen % 10 - 1) + ", " + std::to_string(seen / 10) +
               " frames busy";
    }
};

// Late frees, past the cache and through it, against seal and undo.
template <isolation_level Level, class Policy = explored_policy>
struct undo_against_frees : world<Policy> {
    static constexpr unsigned threads = 3;
    frame held[2];
    undo_against_frees() {
        this->warm(0, 0);
        held[0] = this->hold(0, frame{5});
        held[1] = this->hold(2, frame{9});
        this->seal(this->blocks(0), Level);
        this->sealed.store(0);
    }
    void run(unsigned thread) {
        if (thread == 1) return this->undo(*this->sealed_range);
        this->free(thread == 0 ? slot_index{0} : uncached, held[thread / 2]);
        if (thread != 0) return;
        const result<frame> f = this->allocate();
        expect(bool{f}, "an allocation failed");
        this->free(*f);
    }
    void check() { this->check_frames(); }
};

// Two isolators whose ranges share a block: one of them gets it, or one after the other.
template <isolation_level First, isolation_level Second, class Policy = explored_policy>
struct two_isolators : world<Policy, 3> {
    static constexpr unsigned threads = 3;
    frame held;
    two_isolators() {
        this->warm(0, 0);
        held = this->hold(0, frame{70});
    }
    void run(unsigned thread) {
        if (thread == 0) return this->free(held);
        auto range = this->isolate(this->blocks(thread - 1, 2), {.level = thread == 1 ? First : Second});
        if (!range) return expect(range.error() == status::busy, "the isolation failed");
        this->before_open(range->range());
        expect(range->undo() == status::ok, "the undo failed");
    }
    void check() {
        this->check_frames();
        expect(this->zone.stats().isolated_free.raw() == 0, "a block stays sealed");
    }
};

// A range is emptied by waiting for its owner, leaves the zone and comes back.
template <isolation_level Level>
struct offline_and_online : world<> {
    static constexpr unsigned threads = 2;
    frame held;
    offline_and_online() {
        warm(0, 0);
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) return free(held);
        seal(blocks(0), Level);
        const auto wait = [](const busy_frame&) { return migrate_outcome::retry; };
        expect(sealed_range->migrate(wait).outcome == status::ok, "the range was not emptied");
        before_open(blocks(0));
        expect(sealed_range->offline() == status::ok, "an idle range could not leave");
        expect(zone.online(blocks(0)) == status::ok, "it could not come back");
    }
    void check() { check_frames(); }
};

// Contiguous allocation against an allocation that steals from a block of another type.
template <bool Cached>
struct contiguous_against_stealing : world<> {
    static constexpr unsigned threads = 2;
    static constexpr slot_index by = Cached ? slot_index{0} : uncached;
    frame held;
    contiguous_against_stealing() {
        if (Cached) warm(0, 0);
        hold(3, frame{70});
        held = hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) {
            free(by, held);
            const result<frame> f = allocate(by, order{0}, migrate_type::reclaimable);
            expect(f || f.error() == status::no_memory, "an allocation failed");
            return;
        }
        const result<frame_range> range = zone.allocate_contiguous(frame_count{block_frames});
        tell(range.error());
        if (!range) return;
        say("gets a block");
        for (const frame f : *range)
            take(f, order{0}, 1);
    }
    void check() { check_frames(); }
};

// S11, and S9 with S3 to S5: refused, or an owner that stops for ever: the seal fails and nothing has changed.
enum class owner_work { frees, refills, both };
template <isolation_level Level, owner_work Work = owner_work::frees, class Policy = explored_policy>
struct seal_refused : world<Policy> {
    static constexpr unsigned threads = 2;
    frame held;
    bool finished = false;
    seal_refused() {
        this->warm(0, 0);
        held = this->hold(0, frame{5});
    }
    void run(unsigned thread) {
        if (thread == 0) {
            if (Work != owner_work::refills) this->free(held);
            if (Work != owner_work::frees) expect(bool{this->allocate()}, "an allocation failed");
            finished = true;
            return;
        }
        auto range =
            this->isolate(this->blocks(0), {.level = Level, .deadline = deadline::in_nanoseconds(1000)});
        if (range) return this->undo(*range);
        expect(range.error() == status::barrier_refused || range.error() == status::timed_out,
               "the isolation failed");
        expect(this->zone.stats().isolated_free.raw() == 0, "a refused isolation leaves the block sealed");
    }
    void check() { this->check_frames(finished ? 0 : 2); }
};

// S12: buddies merge while their block is sealed, under a lock of the library.
template <template <class, class> class Lock>
struct locked_policy : explored_policy {
    using zone_lock = Lock<atomics, await_backoff>;
};
template <template <class, class> class Lock>
struct merge_against_seal : world<locked_policy<Lock>> {
    static constexpr unsigned threads = 2;
    frame held[2];
    merge_against_seal() {
        held[0] = this->hold(0, frame{6});
        held[1] = this->hold(0, frame{7});
    }
    void run(unsigned thread) {
        if (thread == 1) return this->seal(this->blocks(0), isolation_level::targeted);
        this->free(uncached, held[0]);
        this->free(uncached, held[1]);
    }
    void check() { this->check_and_open(0); }
};

} // namespace cordon::explorer
