// explorer/lru_test.cpp - the LRU: claims, put-backs, pins, moves and batches against each other (S7), and the mutants.
// SPDX-License-Identifier: BSL-1.0
#include "explorer/judge.hpp"
#include "explorer/lru_world.hpp"

#include "cordon/lru/policies/fifo.hpp"
#include "cordon/lru/policies/tick_byte.hpp"

#include <type_traits>

using namespace cordon;
using namespace cordon::explorer;

namespace {

using linked = replacement::lru;
using ring = replacement::clock<1>;
using hand = replacement::clock<1, list_kind::hand>;
struct ticking : replacement::tick_byte {
    static constexpr list_kind kind = list_kind::linked;
};
constexpr frame first{0};
constexpr frame second{1};

// S7: of three isolators exactly one wins.
template <class R, class Policy = explored_policy>
struct isolators : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    bool won[threads] = {};
    isolators() : lru_world<R, Policy>(1) {}
    void run(unsigned thread) { won[thread] = this->isolate(first); }
    void check() {
        expect(won[0] + won[1] + won[2] == 1, "not exactly one isolator wins");
        this->put_back(first);
        this->check_lists(1);
    }
};
// Two that isolate and put back, and a scan.
template <class R, class Policy = explored_policy>
struct claims : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    claims() : lru_world<R, Policy>(2) {}
    void run(unsigned thread) {
        frame f = first;
        if (thread == 2 ? this->isolate_coldest(root_group, f) : this->isolate(f)) this->put_back(f);
    }
    void check() { this->check_lists(2); }
};
// The group of a frame that is isolated does not change, whoever wants to move it.
template <class R, bool Merge, class Policy = explored_policy>
struct moves : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    moves() : lru_world<R, Policy>(2) {
        if (Merge && this->tracker.move_group(first, this->other_group) != status::ok) std::abort();
    }
    void run(unsigned thread) {
        auto& core = this->tracker.internals();
        if (thread == 0) {
            if (!this->isolate(first)) return;
            const group_id before = core.peek(frame_index{0}).group();
            expect(core.peek(frame_index{0}).group() == before, "the group of an isolated frame changes");
            return this->put_back(first);
        }
        const status s = Merge ? this->tracker.merge_groups(this->other_group, root_group)
                               : this->tracker.move_group(first, this->other_group);
        expect(s == status::ok || (!Merge && s == status::busy), "the frame could not be moved");
    }
    void check() { this->check_lists(2); }
};
// A group is merged while a scan is in it.
template <class R, class Policy = explored_policy>
struct scan_against_merge : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    scan_against_merge() : lru_world<R, Policy>(2) {
        if (this->tracker.move_group(first, this->other_group) != status::ok) std::abort();
    }
    void run(unsigned thread) {
        frame f;
        if (thread == 0) {
            if (this->isolate_coldest(this->other_group, f)) this->put_back(f);
        } else {
            expect(this->tracker.merge_groups(this->other_group, root_group) == status::ok,
                   "the group could not be merged");
        }
    }
    void check() { this->check_lists(2); }
};
// A span is isolated, and its claims are counted all at once, while its group is merged; and somebody scans.
template <class R, class Policy = explored_policy>
struct span_against_merge : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    span_against_merge() : lru_world<R, Policy>(2) {
        for (const frame f : {first, second})
            if (this->tracker.move_group(f, this->other_group) != status::ok) std::abort();
    }
    void run(unsigned thread) {
        if (thread == 0) {
            const frame both[] = {first, second};
            frame taken[2];
            const std::size_t n = this->tracker.isolate(both, taken);
            for (std::size_t k = 0; k != n; ++k)
                this->take(taken[k]);
            for (std::size_t k = 0; k != n; ++k)
                this->put_back(taken[k]);
        } else {
            frame f;
            if (this->isolate_coldest(this->other_group, f)) this->put_back(f);
            expect(this->tracker.merge_groups(this->other_group, root_group) == status::ok,
                   "the group could not be merged");
        }
    }
    void check() { this->check_lists(2); }
};
// One group is merged into a second while that is merged into the root group, and a frame of the first one is in use.
enum class use { touch_and_claim, scan };
template <class R, use Use, class Policy = explored_policy>
struct merges_in_a_chain : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    static constexpr group_id inner{1}, middle{2};
    merges_in_a_chain() : lru_world<R, Policy>(2, 3) {
        for (unsigned tick = 0; tick != 5; ++tick)
            if (this->tracker.age(tick < 3 ? inner : middle) != status::ok) std::abort();
        if (this->tracker.move_group(first, inner) != status::ok ||
            this->tracker.move_group(second, middle) != status::ok)
            std::abort();
    }
    void run(unsigned thread) {
        if (thread == 2) return use_frame();
        const status s = thread == 0 ? this->tracker.merge_groups(inner, middle)
                                     : this->tracker.merge_groups(middle, root_group);
        expect(s == status::ok, "the groups could not be merged");
    }
    void use_frame() {
        frame f = first;
        if (Use == use::touch_and_claim) this->tracker.touch(first);
        if (Use == use::scan ? this->isolate_coldest(inner, f) : this->isolate(first)) this->put_back(f);
    }
    void check() {
        for (const frame f : {first, second})
            expect(this->tracker.state_of(f).group == root_group, "a frame is not where its group went");
        expect(Use == use::scan || this->tracker.state_of(first).cold == 0, "a touched frame is old");
        this->check_lists(2);
    }
};
// The process forks while a frame is claimed, and goes back. What the fork copies nobody changes meanwhile: here it
// changes it itself, so whoever does races with that.
template <class R, class Policy = explored_policy>
struct claims_against_fork : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    claims_against_fork() : lru_world<R, Policy>(2) {}
    void run(unsigned thread) {
        if (thread != 1) {
            const frame f = thread == 0 ? first : second;
            if (this->isolate(f)) this->put_back(f);
            return;
        }
        fibre_slots::attached->forks(fork_phase::prepare, slot_index{1});
        rewrite_list();
        fibre_slots::attached->forks(fork_phase::parent, slot_index{1});
    }
    void rewrite_list() {
        auto& core = this->tracker.internals();
        auto& lists = core.lists();
        typename std::remove_reference_t<decltype(lists)>::turn turn{lists, core.list_at(root_group, 0)};
        typename std::remove_reference_t<decltype(lists)>::entry oldest{};
        if (turn.oldest(oldest)) turn.keep(oldest);
    }
    void check() { this->check_lists(2); }
};
// A pin comes and goes while a frame is added: the race of the kernel's munlock.
template <class R, class Policy = explored_policy>
struct pin_against_add : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    pin_against_add() : lru_world<R, Policy>(0) { this->warm(0); }
    void run(unsigned thread) {
        if (thread == 1) return this->pin_and_unpin(first);
        expect(this->tracker.add(first) == status::ok, "an untracked frame could not be added");
        this->tracker.internals().flush(slot_index{0});
    }
    void check() { this->check_lists(1); }
};
// The same while it is put back, and a scan that meets it pinned.
template <class R, bool Scan, class Policy = explored_policy>
struct pin_against_putback : lru_world<R, Policy> {
    static constexpr unsigned threads = Scan ? 3 : 2;
    pin_against_putback() : lru_world<R, Policy>(1) { this->isolate(first); }
    void run(unsigned thread) {
        if (thread == 0) return this->put_back(first);
        if (thread == 1) return this->pin_and_unpin(first);
        frame f;
        if (this->isolate_coldest(root_group, f)) this->put_back(f);
    }
    void check() { this->check_lists(1); }
};
// Two frames in one thread's batch: one is stolen by who isolates it, while the owner flushes or another drains.
template <class R, bool Drain, class Policy = explored_policy>
struct steal : lru_world<R, Policy> {
    static constexpr unsigned threads = Drain ? 3 : 2;
    steal() : lru_world<R, Policy>(0) { this->warm(0); }
    void run(unsigned thread) {
        if (thread == 0) {
            for (const frame f : {first, second})
                expect(this->tracker.add(f) == status::ok, "an untracked frame could not be added");
            if (!Drain) this->tracker.internals().flush(slot_index{0});
        } else if (thread == 1) {
            if (this->isolate(first)) this->put_back(first);
        } else {
            expect(this->tracker.drain() == status::ok, "the drain failed");
        }
    }
    void check() { this->check_lists(2); }
};
// All at one frame: claim and put back, pin and unpin, move, and scan.
template <class R, unsigned Threads>
struct traffic : lru_world<R> {
    static constexpr unsigned threads = Threads;
    traffic() : lru_world<R>(1) {}
    void run(unsigned thread) {
        frame f = first;
        if (thread == 0 && this->isolate(first)) this->put_back(first);
        if (thread == 1) this->pin_and_unpin(first);
        if (thread == 2) {
            const status s = this->tracker.move_group(first, this->other_group);
            expect(s == status::ok || s == status::busy, "the frame could not be moved");
        }
        if (thread == 3 && this->isolate_coldest(root_group, f)) this->put_back(f);
    }
    void check() { this->check_lists(1); }
};
// A frame in a batch that is wanted by all: stolen, pinned, drained.
template <class R, class Policy = explored_policy>
struct batched_traffic : lru_world<R, Policy> {
    static constexpr unsigned threads = 4;
    batched_traffic() : lru_world<R, Policy>(0) { this->warm(0); }
    void run(unsigned thread) {
        if (thread == 0)
            expect(this->tracker.add(first) == status::ok, "an untracked frame could not be added");
        if (thread == 1 && this->isolate(first)) this->put_back(first);
        if (thread == 2) expect(this->tracker.drain() == status::ok, "the drain failed");
        if (thread == 3) this->pin_and_unpin(first);
    }
    void check() { this->check_lists(1); }
};
// An add reads the id of a group that is merged away meanwhile; the id is given out again.
template <class R, class Policy = explored_policy>
struct add_against_recycling : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    bool added = false;
    add_against_recycling() : lru_world<R, Policy>(0) { this->warm(0); }
    void run(unsigned thread) {
        if (thread == 0) {
            const status s = this->tracker.add(first, this->other_group);
            expect(s == status::ok || s == status::invalid_argument, "the add failed");
            added = s == status::ok;
            return;
        }
        expect(this->tracker.merge_groups(this->other_group, root_group) == status::ok,
               "the group could not be merged");
        const result<group_id> again = this->tracker.create_group();
        expect(again && *again == this->other_group, "the id of a merged group is not given out again");
    }
    void check() { this->check_lists(added); }
};
// A frame leaves, and comes back, twice.
template <class R>
struct rounds : lru_world<R> {
    static constexpr unsigned threads = 3;
    rounds() : lru_world<R>(1) {}
    void run(unsigned thread) {
        if (thread == 2) {
            if (this->isolate(first)) this->put_back(first);
            return;
        }
        for (unsigned n = 0; n != 2; ++n) {
            if (!this->isolate(first)) continue;
            this->give(first);
            expect(bool{this->tracker.evicted(first)}, "an isolated frame could not be evicted");
            expect(this->tracker.add(slot_index::none(), first) == status::ok,
                   "an untracked frame could not be added");
        }
    }
    void check() { this->check_lists(1); }
};
// A frame leaves, and comes back.
template <class R, class Policy = explored_policy>
struct evict_against_add : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    bool evicted = false;
    bool added = false;
    evict_against_add() : lru_world<R, Policy>(1) {}
    void run(unsigned thread) {
        if (thread == 0) {
            if (!this->isolate(first)) return;
            this->give(first);
            expect(bool{this->tracker.evicted(first)}, "an isolated frame could not be evicted");
            evicted = true;
        } else {
            const status s = this->tracker.add(first);
            expect(s == status::ok || s == status::busy, "the add failed");
            added = s == status::ok;
        }
    }
    void check() {
        expect(!added || evicted, "a frame is added that was not evicted");
        this->check_lists(evicted && !added ? 0 : 1);
    }
};
// The last owner gives a frame up while it is isolated: one of them has it, and nobody else gets it.
template <class R, class Policy = explored_policy>
struct isolate_against_last_put : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    bool isolated = false;
    bool given_up = false;
    isolate_against_last_put() : lru_world<R, Policy>(1) {}
    void run(unsigned thread) {
        if (thread == 0) {
            isolated = this->isolate(first);
            return;
        }
        const status s = this->tracker.forget(first);
        expect(s == status::ok || s == status::busy, "a tracked frame could be neither given up nor left");
        given_up = s == status::ok;
        if (given_up) this->take(first); // it may be freed
    }
    void check() {
        expect(isolated != given_up, "both have the frame, or nobody");
        if (isolated) this->put_back(first);
        this->check_lists(isolated);
    }
};
// The contents of a frame move to another while somebody pins it: he keeps it where it is, or finds it gone. A third one
// believes that the other frame still holds a page of his.
template <class R, class Policy = explored_policy>
struct transfer_against_pin : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    bool moved = false;
    transfer_against_pin() : lru_world<R, Policy>(1) {}
    void run(unsigned thread) {
        if (thread == 2) return this->pin_and_unpin(second);
        if (thread == 1) {
            const status s = this->tracker.pin(first);
            if (s == status::absent) return;
            expect(s == status::ok, "a pin failed");
            expect(this->tracker.state_of(first).place != lru_place::untracked,
                   "the contents of a pinned frame move");
            return expect(this->tracker.unpin(first) == status::ok, "a pinned frame could not be unpinned");
        }
        if (!this->isolate(first)) return;
        const status s = this->tracker.transfer(first, second);
        expect(s == status::ok || s == status::busy, "an isolated frame could not be moved");
        moved = s == status::ok;
        if (moved) this->take(second), this->give(first);
        this->put_back(moved ? second : first);
    }
    void check() {
        if (moved) {
            expect(this->tracker.isolate(second) == status::ok &&
                       this->tracker.transfer(second, first) == status::ok &&
                       this->tracker.putback(first) == status::ok,
                   "the new frame is not in the old one's place");
        }
        this->check_lists(1);
    }
};
// The clock comes round: old ages are clamped, and a touch that comes meanwhile is not lost.
template <class R, class Policy = explored_policy>
struct touch_against_wrap : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    touch_against_wrap() : lru_world<R, Policy>(2) {
        for (unsigned tick = 0; tick != 63; ++tick)
            this->tracker.age();
    }
    void run(unsigned thread) {
        if (thread == 0)
            this->tracker.touch(first);
        else
            this->tracker.age();
    }
    void check() {
        expect(this->tracker.state_of(first).cold <= 1, "a touched frame is old");
        expect(this->tracker.state_of(second).cold == 63, "an old frame is not as old as can be");
        this->check_lists(2);
    }
};
// A frame that is pinned is not reclaimed.
template <class R, class Policy = explored_policy>
struct pin_against_reclaim : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    bool reclaimed = false;
    pin_against_reclaim() : lru_world<R, Policy>(1) {}
    void run(unsigned thread) {
        if (thread == 0) {
            this->tracker.reclaim(
                root_group, frame_count{1}, [](frame) { return verdict::reclaim; },
                [this](frame, lru_token) { reclaimed = true; });
        } else if (this->tracker.pin(first) == status::ok) {
            expect(this->tracker.state_of(first).place != lru_place::untracked,
                   "a pinned frame is reclaimed");
            expect(this->tracker.unpin(first) == status::ok, "a pinned frame could not be unpinned");
        }
    }
    void check() { this->check_lists(reclaimed ? 0 : 1); }
};

// S9 with S7: of three that isolate, put back and move one stops for ever. The others do not wait for him, and what he
// does not have works on.
template <class R, class Policy = explored_policy>
struct claims_and_a_death : lru_world<R, Policy> {
    static constexpr unsigned threads = 3;
    bool finished = false;
    claims_and_a_death() : lru_world<R, Policy>(2) {}
    void run(unsigned thread) {
        if (thread == 2) {
            const status s = this->tracker.move_group(first, this->other_group);
            return expect(s == status::ok || s == status::busy, "the frame could not be moved");
        }
        if (this->isolate(first)) this->put_back(first);
        if (thread == 0) finished = true;
    }
    void check() {
        if (finished) return this->check_lists(2);
        expect(bool{this->tracker.validate()}, "a death breaks a list");
        const status s = this->tracker.isolate(first);
        expect(s == status::ok || this->tracker.state_of(first).place == lru_place::isolated,
               "nobody has the frame, and nobody gets it");
        expect(this->tracker.isolate(second) == status::ok, "another frame cannot be isolated");
    }
};
// S9 with batches: their owner stops for ever. A drain gives up in time, or never notices; only what he added is lost.
template <class R, class Policy = explored_policy>
struct batch_and_a_death : lru_world<R, Policy> {
    static constexpr unsigned threads = 2;
    bool finished = false;
    batch_and_a_death() : lru_world<R, Policy>(0) { this->warm(0); }
    void run(unsigned thread) {
        if (thread == 1) {
            const status s = this->tracker.drain(deadline::in_nanoseconds(1000));
            expect(s == status::ok || s == status::timed_out, "the drain failed");
            if (this->isolate(first)) this->put_back(first);
            return;
        }
        for (const frame f : {first, second})
            expect(this->tracker.add(f) == status::ok, "an untracked frame could not be added");
        finished = true;
    }
    void check() {
        if (finished) return this->check_lists(2);
        expect(bool{this->tracker.validate()}, "a death breaks a list");
        if (this->tracker.state_of(first).place == lru_place::listed)
            expect(this->tracker.isolate(first) == status::ok, "a listed frame cannot be isolated");
    }
};

// ---- mutants ----

// The claim as a load and a store.
struct split_atomics : atomics {
    template <class T>
    struct atomic : atomics::atomic<T> {
        bool compare_exchange(T& expected, T desired, std::memory_order order) {
            const T before = this->load(std::memory_order_acquire);
            if (before == expected) return this->store(desired, order), true;
            expected = before;
            return false;
        }
    };
};
struct split_claims : explored_policy {
    using atomics = split_atomics;
    using gate = membarrier_gate<atomics, model_barrier, model_clock, await_backoff>;
};
struct without_group_lock : explored_policy {
    using group_lock = null_lock;
};
using without_barrier = with_gate<gate_with<missing_barrier>>;

template <class R>
std::string named(const char* name) {
    return std::string{R::kind == list_kind::ring     ? "ring, "
                       : R::kind == list_kind::linked ? "linked, "
                                                      : "hand, "} +
           name;
}

} // namespace

TEMPLATE_TEST_CASE("S7: of three isolators exactly one wins", "[explorer]", linked, ring, hand) {
    holds<isolators<TestType>>(named<TestType>("S7 three isolators"), 15);
}
TEMPLATE_TEST_CASE("isolate, put back and scan: no frame is lost, doubled or stranded", "[explorer]", linked,
                   ring, hand) {
    holds<claims<TestType>>(named<TestType>("two claims and a scan"), 250);
}
TEMPLATE_TEST_CASE("the group of an isolated frame is stable", "[explorer]", linked, ring) {
    holds<moves<TestType, false>>(named<TestType>("claim against a move"), 10);
    holds<moves<TestType, true>>(named<TestType>("claim against a merge"), 4);
}
TEMPLATE_TEST_CASE("a group that is merged while a scan is in it loses no frame", "[explorer]", linked, ring,
                   hand) {
    holds<scan_against_merge<TestType>>(named<TestType>("scan against merge"), 10);
    holds<span_against_merge<TestType>>(named<TestType>("span against scan and merge"), 350);
}
TEMPLATE_TEST_CASE("groups that are merged in a chain lose no frame", "[explorer]", linked, ring) {
    holds<merges_in_a_chain<TestType, use::touch_and_claim>>(named<TestType>("chain of merges, claim"), 50);
    holds<merges_in_a_chain<TestType, use::scan>>(named<TestType>("chain of merges, scan"), 95);
}
TEST_CASE("groups that are merged in a chain lose no touch, whatever their clocks", "[explorer]") {
    holds<merges_in_a_chain<ticking, use::touch_and_claim>>("chain of merges with clocks", 80);
}
TEMPLATE_TEST_CASE("a fork finds lists that nobody changes, and a claim waits for its end", "[explorer]",
                   linked, ring, hand) {
    holds<claims_against_fork<TestType>>(named<TestType>("claims against fork"), 180);
}
TEMPLATE_TEST_CASE("a pin that comes and goes strands no frame that is added or put back", "[explorer]",
                   linked, ring) {
    holds<pin_against_add<TestType>>(named<TestType>("pin against add"), 15);
    holds<pin_against_putback<TestType, false>>(named<TestType>("pin against putback"), 18);
    holds<pin_against_putback<TestType, true>>(named<TestType>("pin against putback and scan"), 250);
}
TEMPLATE_TEST_CASE("a frame in the batch of another thread is stolen by its word alone", "[explorer]", linked,
                   ring) {
    holds<steal<TestType, false>>(named<TestType>("steal against flush"), 15);
    holds<steal<TestType, true>>(named<TestType>("steal against drain"), 2'500);
}
TEMPLATE_TEST_CASE("a frame leaves and comes back, and a pinned one stays", "[explorer]", linked, ring) {
    holds<evict_against_add<TestType>>(named<TestType>("evict against add"), 3);
    holds<pin_against_reclaim<TestType>>(named<TestType>("pin against reclaim"), 90);
}
TEMPLATE_TEST_CASE("a frame that is given up, or moves to another, has one owner", "[explorer]", linked,
                   ring) {
    holds<isolate_against_last_put<TestType>>(named<TestType>("isolate against last put"), 7);
    holds<transfer_against_pin<TestType>>(named<TestType>("transfer against pin"), 1'400);
}
TEST_CASE("a touch is not lost when old ages are clamped", "[explorer]") {
    holds<touch_against_wrap<ticking>>("touch against wrap", 3);
}
TEMPLATE_TEST_CASE("all at one frame: it ends on one list", "[explorer]", linked, ring) {
    holds<traffic<TestType, 3>>(named<TestType>("claim, pin, move"), 5'000);
    holds<traffic<TestType, 4>>(named<TestType>("claim, pin, move, scan"), 500'000);
    holds<traffic<TestType, 3>>(named<TestType>("claim, pin, move, PSO"), 5'000, in(memory_model::pso));
    holds<batched_traffic<TestType>>(named<TestType>("add, steal, drain, pin"), 18'000);
    holds<rounds<TestType>>(named<TestType>("evict and add, twice"), 45'000);
}
TEMPLATE_TEST_CASE("the id of a merged group is given out again while a thread still adds with it",
                   "[explorer]", linked, ring) {
    holds<add_against_recycling<TestType>>(named<TestType>("add against recycling"), 150);
    holds<add_against_recycling<TestType, asking_policy>>(named<TestType>("asking, add against recycling"),
                                                          1);
}
TEMPLATE_TEST_CASE("owners who are asked for their batches lose no frame", "[explorer]", linked, ring) {
    holds<steal<TestType, true, asking_policy>>(named<TestType>("asking, steal against drain"), 22'000);
    holds<batched_traffic<TestType, asking_policy>>(named<TestType>("asking, add, steal, drain, pin, random"),
                                                    1, at_random(100'000, 0, in(memory_model::pso)));
}
TEMPLATE_TEST_CASE("S9: who stops for ever takes only what he holds", "[explorer]", linked, ring) {
    holds<claims_and_a_death<TestType>>(named<TestType>("S9 claims and a move"), 650, with_a_death());
    holds<batch_and_a_death<TestType>>(named<TestType>("S9 batch"), 6'000, with_a_death());
    holds<batch_and_a_death<TestType, asking_policy>>(named<TestType>("asking, S9 batch"), 60'000,
                                                      with_a_death());
}
TEST_CASE("each part of the LRU's protocol is needed", "[explorer]") {
    dies<isolators<linked, split_claims>>("LRU, claim as load and store");
    dies<claims<linked, without_group_lock>>("LRU, lists without a lock");
    dies<steal<linked, true, without_barrier>>("LRU, drain without a barrier");
    dies<claims<ring>>("LRU, relaxed claim", weakened("word", true, false));
    dies<claims<ring>>("LRU, relaxed putback", weakened("word", false, true));
}
