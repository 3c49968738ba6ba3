// tests/faults/fault_points.hpp - every seam of a policy as a numbered point, and a run that makes each of them fail.
// SPDX-License-Identifier: BSL-1.0
//
// An operation is run once to count the points that it comes to. Then, for each point n, it is run again in a world
// prepared in the same way: once with point n failing, once with all from n on. Each time it must say what its
// documentation says, must leave the world as the documentation says, and must succeed when it is tried again.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/local/membarrier_gate.hpp"
#include "cordon/platform/default.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/slots.hpp"
#include "support/stepped_clock.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace cordon::testing {

// What can fail.
enum class fault : std::uint8_t {
    start,          // there is no barrier when the gate starts
    barrier,        // the barrier is refused
    memory,         // no memory for metadata
    isolation_lock, // not had before the deadline
    zone_lock,      // held by what a signal handler has interrupted
    gate,           // its owner did not leave before the deadline
    migrator,       // says failed
    reporter,       // says no
    pressure,       // frees nothing
    verdict,        // says keep
};

[[nodiscard]] constexpr const char* name(fault kind) {
    constexpr const char* names[] = {
        "the start of the gate", "the barrier",  "the metadata", "the isolation lock",    "the zone lock",
        "a gate's wait",         "the migrator", "the reporter", "the pressure callback", "the verdict"};
    return names[static_cast<unsigned>(kind)];
}

enum class fault_mode : std::uint8_t { once, from_then_on };

class fault_points {
public:
    // Effects: points are counted, none fails.
    void count() { fail(0, fault_mode::once); }
    void fail(unsigned nth, fault_mode mode) {
        nth_ = nth;
        mode_ = mode;
        seen_ = 0;
        failed_.clear();
        counting_ = true;
    }
    // Returns: how many points there were.
    unsigned stop() {
        counting_ = false;
        return seen_;
    }
    // Called by a seam. Returns: whether it fails now.
    bool reached(fault kind) noexcept {
        if (!counting_) return false;
        ++seen_;
        const bool fails =
            nth_ != 0 && (seen_ == nth_ || (seen_ > nth_ && mode_ == fault_mode::from_then_on));
        if (fails) failed_.push_back(kind);
        return fails;
    }
    // Returns: the kinds of the points that failed, in their order.
    [[nodiscard]] const std::vector<fault>& failed() const { return failed_; }

private:
    bool counting_ = false;
    unsigned nth_ = 0;
    fault_mode mode_ = fault_mode::once;
    unsigned seen_ = 0;
    std::vector<fault> failed_;
};
inline fault_points faults; // the harness is for one thread

// ---- the seams ----

struct no_backoff {
    void operator()() const noexcept {}
    void reset() const noexcept {}
};

struct faulty_barrier {
    [[nodiscard]] bool enable() const noexcept { return !faults.reached(fault::start); }
    [[nodiscard]] bool issue() const noexcept { return !faults.reached(fault::barrier); }
};

// A lock that is not had in time: others hold it for longer than anybody's deadline.
template <fault Kind>
class CORDON_CAPABILITY("lock") faulty_lock {
public:
    void lock() CORDON_ACQUIRE() CORDON_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
    [[nodiscard]] bool try_lock() CORDON_TRY_ACQUIRE(true) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (!faults.reached(Kind)) return lock_.try_lock();
        stepped_clock::skip();
        return false;
    }
    void unlock() CORDON_RELEASE() CORDON_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

private:
    spin_lock<std_atomics, no_backoff> lock_;
};

// A gate whose owner does not leave in time. It remembers its slots, in the order in which they were claimed first.
class faulty_gate : public membarrier_gate<std_atomics, faulty_barrier, stepped_clock, no_backoff> {
    using base = membarrier_gate<std_atomics, faulty_barrier, stepped_clock, no_backoff>;

public:
    static inline std::vector<slot*> slots;

    void claim(slot& s, gate_claim why) {
        remember(s);
        base::claim(s, why);
    }
    void ask(slot& s) {
        remember(s);
        base::ask(s);
    }
    [[nodiscard]] bool wait(slot& s, std::uint64_t until_ns) {
        if (until_ns == UINT64_MAX || !faults.reached(fault::gate)) return base::wait(s, until_ns);
        stepped_clock::skip();
        return false;
    }
    // Returns: the claims on all slots.
    [[nodiscard]] static std::vector<std::uint32_t> claims() {
        std::vector<std::uint32_t> all;
        for (const slot* s : slots)
            all.push_back(s->claimed.load(std::memory_order_relaxed));
        return all;
    }
    // Effects: the slots in this memory are gone.
    static void forget(std::span<const std::byte> memory) {
        std::erase_if(slots, [memory](const slot* s) {
            const auto* const at = reinterpret_cast<const std::byte*>(s);
            return !std::less{}(at, memory.data()) && std::less{}(at, memory.data() + memory.size());
        });
    }

private:
    static void remember(slot& s) {
        if (std::find(slots.begin(), slots.end(), &s) == slots.end()) slots.push_back(&s);
    }
};

struct faulty_memory {
    [[nodiscard]] static std::span<std::byte> map(std::size_t bytes) noexcept {
        return faults.reached(fault::memory) ? std::span<std::byte>{} : default_memory::map(bytes);
    }
    static void unmap(std::span<std::byte> memory) noexcept {
        faulty_gate::forget(memory);
        default_memory::unmap(memory);
    }
};

// What the policies of this directory have in common; Base is one with the rest.
template <class Base>
struct faulty : Base {
    using clock = stepped_clock;
    using backoff = no_backoff;
    using zone_lock = faulty_lock<fault::zone_lock>;
    using isolation_lock = faulty_lock<fault::isolation_lock>;
    using gate = faulty_gate;
    using thread_slots = chosen_slots;
    using metadata_memory = faulty_memory;
};

// For as long as it lives the owner of a slot is inside its gate.
class owner_inside {
public:
    owner_inside() = default;
    explicit owner_inside(faulty_gate::slot& s) : slot_(&s) {
        s.busy.store(static_cast<std::uint32_t>(gate_owner::inside), std::memory_order_relaxed);
    }
    owner_inside(owner_inside&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
    ~owner_inside() {
        if (slot_ != nullptr) faulty_gate::come_back(*slot_);
    }

private:
    faulty_gate::slot* slot_ = nullptr;
};

// ---- operations and what they document ----

enum class aftermath : std::uint8_t {
    nothing, // nothing changed
    drained, // nothing, but that caches gave back some of what they held
    part,    // a part is done, as documented
};

struct reply {
    fault kind;
    status says;
    aftermath leaves;
};

// What a try without faults must come to, behind a failed one.
enum class again : std::uint8_t {
    same, // the same world, but for what caches hold
    sums, // the same sums: which frames were taken may differ
    any,  // success
};

// What an operation does in a signal handler that has interrupted the owner of the slot.
enum class in_handler : std::uint8_t { unsafe, refuses, works };

// World: constructible from a World::state. look() gives a World::picture with same(), drained() and sums(), each a
// comparison with another; sound() returns an empty string, or what is wrong. enter() is what the state is besides, for
// the time of the operation: interrupts(state): its own owner is inside; waits(state): another one.
template <class World>
struct operation {
    struct answer {
        typename World::state where;
        status plain;  // retried: behind the state
        status inside; // within it
    };
    const char* name;
    status (*run)(World&);
    std::vector<reply> replies{}; // to faults of other kinds it says what it says without
    again retried = again::same;
    void (*before)(World&) = nullptr; // made ready by that, which is not counted
    in_handler nested = in_handler::unsafe;
    bool waits = false;                           // for an owner inside, and for ever
    std::vector<answer> otherwise{};              // where it is not ok without faults
    std::vector<typename World::state> nowhere{}; // where it would say one of several things
};

struct tally {
    unsigned operations = 0; // with at least one point
    unsigned pairs = 0;      // (operation in a state, point)
    unsigned runs = 0;
};

template <class World>
class fault_run {
public:
    using state = typename World::state;
    using picture = typename World::picture;

    fault_run(const operation<World>& op, state where) : op_(op), where_(where) {}

    void operator()(tally& total) {
        if (op_.waits && World::waits(where_)) return;
        if (op_.nested == in_handler::unsafe && World::interrupts(where_)) return;
        if (std::count(op_.nowhere.begin(), op_.nowhere.end(), where_) != 0) return;
        World free_of_faults{where_};
        prepare(free_of_faults);
        before_ = free_of_faults.look();
        plain_ = op_.run(free_of_faults);
        plain_after_ = free_of_faults.look();
        CHECK(free_of_faults.sound() == "");

        World counted{where_};
        prepare(counted);
        unsigned points = 0;
        {
            const auto held = counted.enter();
            faults.count();
            usual_ = op_.run(counted);
            points = faults.stop();
        }
        usual_after_ = counted.look();
        CHECK(counted.sound() == "");
        CHECK(name(plain_) == name(documented().plain));
        CHECK(name(usual_) == name(documented().inside));

        // On a scaled run, the first few points and a part of the rest.
        const unsigned step = scale() < 1 ? static_cast<unsigned>(1 / scale()) : 1;
        for (unsigned n = 1; n <= points; n += n < 4 ? 1 : step) {
            ++total.pairs;
            for (const fault_mode mode : {fault_mode::once, fault_mode::from_then_on}) {
                INFO("point " << n << " of " << points
                              << (mode == fault_mode::once ? ", once" : ", from then on"));
                fail(n, mode);
                ++total.runs;
            }
        }
        total.operations += points != 0;
    }

private:
    // Returns: what it says without faults.
    [[nodiscard]] typename operation<World>::answer documented() const {
        for (const auto& one : op_.otherwise)
            if (one.where == where_) return one;
        if (World::interrupts(where_) && op_.nested == in_handler::refuses)
            return {where_, status::ok, status::re_entered};
        const bool in_time = std::any_of(op_.replies.begin(), op_.replies.end(),
                                         [](const reply& r) { return r.kind == fault::gate; });
        return {where_, status::ok, World::waits(where_) && in_time ? status::timed_out : status::ok};
    }
    void prepare(World& world) {
        if (op_.before != nullptr) op_.before(world);
    }
    void fail(unsigned nth, fault_mode mode) {
        World world{where_};
        prepare(world);
        status said = status::ok;
        {
            const auto held = world.enter();
            faults.fail(nth, mode);
            said = op_.run(world);
            faults.stop();
        }
        const std::vector<fault> failed = faults.failed();
        REQUIRE_FALSE(failed.empty());
        // The first fault that the operation does not make up for decides what it says.
        const reply* answer = nullptr;
        for (const fault kind : failed)
            for (const reply& one : op_.replies)
                if (answer == nullptr && one.kind == kind) answer = &one;
        INFO("which is " << name(failed.front()));
        CHECK(name(said) == name(answer == nullptr ? usual_ : answer->says));
        const picture after = world.look(); // before sound() drains
        CHECK(world.sound() == "");
        if (answer == nullptr) {
            CHECK(compare(after, usual_after_));
            return;
        }
        if (answer->leaves == aftermath::nothing) CHECK(after.same(before_));
        if (answer->leaves == aftermath::drained) CHECK(after.drained(before_));

        CHECK(name(op_.run(world)) == name(plain_));
        CHECK(compare(world.look(), plain_after_));
    }
    [[nodiscard]] bool compare(const picture& seen, const picture& wanted) const {
        switch (op_.retried) {
        case again::same: return seen.drained(wanted);
        case again::sums: return seen.sums(wanted);
        case again::any: break;
        }
        return true;
    }

    const operation<World>& op_;
    state where_;
    status plain_ = status::ok;
    status usual_ = status::ok;
    picture before_{};
    picture plain_after_{};
    picture usual_after_{};
};

} // namespace cordon::testing
