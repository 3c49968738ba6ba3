// tests/local/drain_test.cpp - draining slots, by claiming them and by asking their owners.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/local/drain.hpp"

#include "cordon/local/lock_gate.hpp"
#include "cordon/local/membarrier_gate.hpp"
#include "cordon/platform/default.hpp"
#include "support/catch.hpp"
#include "support/hooks.hpp"

#include <chrono>
#include <span>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// A barrier that the test can refuse, and where it can do something.
struct chosen_barrier : fence_barrier {
    static inline bool is_refused = false;
    [[nodiscard]] bool issue() const {
        hooks::barrier(nullptr);
        return !is_refused && fence_barrier::issue();
    }
};
using locks = lock_gate<std_atomics, default_clock, default_backoff>;
using barriers = membarrier_gate<std_atomics, chosen_barrier, default_clock, default_backoff>;

// Three slots that each hold so many things.
template <class Gate>
struct row {
    struct slot {
        typename Gate::slot gate;
        unsigned held;
    };
    row() { gate.start(); }

    // Returns: whether the owner came in.
    bool add(unsigned n) {
        slot& s = slots[n];
        if (gate.try_enter(s.gate)) {
            ++s.held;
            gate.leave(s.gate);
            return true;
        }
        if (!help_and_enter(gate, s, taker())) return false;
        ++s.held;
        gate.leave_slow(s.gate);
        return true;
    }
    void fill() {
        for (unsigned n = 0; n != 3; ++n)
            REQUIRE(add(n));
    }
    [[nodiscard]] std::vector<unsigned> held() const { return {slots[0].held, slots[1].held, slots[2].held}; }
    auto taker() {
        return [this](slot& s) {
            taken += s.held;
            s.held = 0;
        };
    }
    template <class Work>
    status claim(gate_claim why, std::uint64_t until_ns, Work work) {
        return drain_by_claiming(gate, all(), why, until_ns, taker(), work);
    }
    status ask(std::uint64_t until_ns = UINT64_MAX) {
        return drain_by_asking(gate, all(), until_ns, taker());
    }

    std::span<slot> all() { return slots; }

    Gate gate;
    slot slots[3]{};
    unsigned taken = 0;
};

std::uint64_t soon() {
    return default_clock::now() + 1'000'000;
}
const std::vector<unsigned> one_each{1, 1, 1};

} // namespace

TEMPLATE_TEST_CASE("a drain by claiming works while all slots are empty and closed, and opens them",
                   "[local]", null_gate, locks, barriers) {
    row<TestType> all;
    all.fill();
    bool worked = false;
    CHECK(all.claim(gate_claim::draining, UINT64_MAX, [&] {
        worked = true;
        CHECK(all.taken == 3);
        for (unsigned n = 0; n != 3; ++n)
            CHECK_FALSE(all.add(n));
    }) == status::ok);
    CHECK(worked);
    all.fill();
    CHECK(all.held() == one_each);
}

TEMPLATE_TEST_CASE("a claim that is not for draining stays with the caller", "[local]", null_gate, locks,
                   barriers) {
    row<TestType> all;
    all.fill();
    REQUIRE(all.claim(gate_claim::disabled, UINT64_MAX, [] {}) == status::ok);
    CHECK(all.taken == 3);
    CHECK_FALSE(all.add(2));
    all.gate.release(all.slots[2].gate, gate_claim::disabled);
    CHECK(all.add(2));
    CHECK_FALSE(all.add(1));
}

TEMPLATE_TEST_CASE("a drain by asking empties every slot whose owner is away, and opens it", "[local]",
                   null_gate, locks, barriers) {
    row<TestType> all;
    all.fill();
    CHECK(all.ask() == status::ok);
    CHECK(all.taken == 3);
    all.fill();
    CHECK(all.held() == one_each);
}

TEST_CASE("an owner who comes by while he is asked empties his slot and goes on", "[local]") {
    row<barriers> all;
    all.fill();
    hooks::barrier.arm(nullptr, [&] {
        CHECK(all.add(1));
        CHECK(all.taken == 1);
        CHECK(all.held() == one_each); // what he held is taken, what he adds is new
    });
    CHECK(all.ask() == status::ok);
    CHECK(all.taken == 3);
    CHECK(all.held() == std::vector<unsigned>{0, 1, 0}); // the drainer left him alone
    all.fill();
}

TEST_CASE("an owner who comes by while his slot is claimed stays out, whatever the drainer is at",
          "[local]") {
    row<barriers> all;
    all.fill();
    hooks::barrier.arm(nullptr, [&] { CHECK_FALSE(all.add(1)); });
    CHECK(all.claim(gate_claim::draining, UINT64_MAX, [] {}) == status::ok);
    CHECK(all.taken == 3);
}

TEST_CASE("without the barrier nothing is taken out, and no claim is left", "[local]") {
    row<barriers> all;
    all.fill();
    chosen_barrier::is_refused = true;
    CHECK(all.claim(gate_claim::draining, UINT64_MAX, [] { FAIL("it works"); }) == status::barrier_refused);
    CHECK(all.claim(gate_claim::disabled, UINT64_MAX, [] { FAIL("it works"); }) == status::barrier_refused);
    CHECK(all.ask() == status::barrier_refused);
    chosen_barrier::is_refused = false;
    CHECK(all.taken == 0);
    CHECK(all.held() == one_each);
    all.fill();
}

TEMPLATE_TEST_CASE("a drain gives up on an owner who stays inside, and leaves no claim", "[local]", locks,
                   barriers) {
    row<TestType> all;
    all.fill();
    REQUIRE(all.gate.try_enter(all.slots[1].gate));
    SECTION("claiming") {
        CHECK(all.claim(gate_claim::disabled, soon(), [] { FAIL("it works"); }) == status::timed_out);
    }
    SECTION("asking") {
        CHECK(all.ask(soon()) == status::timed_out);
    }
    CHECK(all.held() == std::vector<unsigned>{0, 1, 1});
    all.gate.leave(all.slots[1].gate);
    all.fill();
}

TEST_CASE("a drain that asks gives up on an owner who is long at its work", "[local]") {
    row<barriers> all;
    all.fill();
    hooks::barrier.arm(nullptr, [&] { REQUIRE(all.gate.help(all.slots[1].gate)); });
    CHECK(all.ask(soon()) == status::timed_out);
    CHECK(all.held() == std::vector<unsigned>{0, 1, 1});
    all.taker()(all.slots[1]);
    all.gate.helped(all.slots[1].gate);
    CHECK(all.ask() == status::ok);
    CHECK(all.taken == 3);
    all.fill();
}
