// explorer/machine.hpp - machine: threads as fibres over a weak memory, one visible operation at a time.
// SPDX-License-Identifier: BSL-1.0
//
// A thread stops before each visible operation; what may happen next is a set of transitions (transition.hpp),
// one of which a chooser picks: a step of a thread, a store leaving a buffer, a deadline, a refused system call,
// a signal, a death. The run between two visible operations is one step: it touches nothing that another thread
// could be at (memory.hpp: quiet locations).
//
// Store buffers show what x86 (TSO) or a machine that reorders stores (PSO) does; vector clocks, which only a
// release and an acquire join, show what is not ordered although TSO would order it. A heavy barrier empties
// every buffer: it waits for that, which comes to the same and depends on less. It joins no clock: what is handed
// over on the strength of a barrier alone is a race.
//
// A loop that spins is one step: its await goes on when what the loop has read has changed.
#pragma once

#include "explorer/fibre.hpp"
#include "explorer/memory.hpp"
#include "explorer/store_buffer.hpp"
#include "explorer/transition.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>

namespace cordon::explorer {

class machine;

// Picks what happens next.
class chooser {
public:
    static constexpr transition prune{62}; // this run shows nothing new

    virtual void begin() = 0;
    // Requires: something is enabled, or the choice comes from a run that got further.
    virtual transition next(machine& m) = 0;

protected:
    ~chooser() = default;
};

// What the threads of a scenario do; an unscheduled object of it lies in the world.
struct scenario_functions {
    unsigned threads = 0;
    void (*run)(void* scenario, unsigned thread) = nullptr;
    void (*handler)(void* scenario, unsigned thread) = nullptr;
};

struct machine_options {
    memory_model model = memory_model::tso;
    bool all_visible = false; // no location is quiet
    // Budgets of one run, and the threads that may draw on them, a bit each.
    unsigned delays = std::numeric_limits<unsigned>::max(); // stores that may stay in a buffer
    unsigned refusals = 0;                                  // system calls that may fail
    unsigned kills = 0;                                     // threads that may stop for ever
    unsigned signals = 0;                                   // handlers that may run
    std::uint32_t refusable = ~0u;
    std::uint32_t mortal = ~0u;
    std::uint32_t interruptible = ~0u;
};

// What a transition does, as far as others can tell.
struct event {
    transition what;
    const location* where = nullptr;
    bool writes = false;
    bool fills = false;   // a buffer
    bool drains = false;  // waits for the thread's own buffer to be empty
    bool barrier = false; // for all buffers
    bool locks = false;
    bool opens = false;  // a lock
    bool awaits = false; // a change of one of `watch`
    bool awaits_any = false;
    std::uint8_t watches = 0;
    std::uint32_t source = 0; // of a flush: the step that stored, counted from 1
    const location* watch[8] = {};

    [[nodiscard]] bool is_flush() const { return what.kind() == move::flush; }
    // Returns: whether it draws on a budget.
    [[nodiscard]] bool is_bounded() const {
        return what.kind() != move::step && what.kind() != move::flush && what.kind() != move::timeout;
    }
};

class machine {
public:
    enum class outcome : std::uint8_t { complete, pruned, learnt, failed };
    static constexpr unsigned main_thread = max_threads;
    static constexpr unsigned max_steps = 2000;

    machine(std::span<std::byte> world, const machine_options& options) : memory_(world), options_(options) {}

    // The machine whose thread calls, or null: set up and check run without one.
    static machine* running() { return running_; }

    outcome run(void* scenario, const scenario_functions& functions, chooser& by);

    [[nodiscard]] const std::string& failure() const { return failure_; }
    [[nodiscard]] const std::string& schedule() const { return schedule_; }
    [[nodiscard]] memory& locations() { return memory_; }
    void trace_into(std::string* trace) { trace_ = trace; }

    // While it lives, the running thread looks at its world unobserved: no step, no order.
    class pause {
    public:
        pause() : machine_(running_) {
            if (machine_ != nullptr) machine_->paused_ = true;
        }
        ~pause() {
            if (machine_ != nullptr) machine_->paused_ = false;
        }
        pause(const pause&) = delete;
        pause& operator=(const pause&) = delete;

    private:
        machine* machine_;
    };

    // ---- for the threads ----

    [[nodiscard]] unsigned self() const { return current_; }
    std::uint64_t load(const void* at, unsigned size, std::memory_order order);
    void store(void* at, unsigned size, std::uint64_t value, std::memory_order order);
    // Effects: value = change(value), unless change returns false. Returns: the value before.
    template <class F>
    std::uint64_t update(void* at, unsigned size, std::memory_order order, F change);
    // Effects: seen by all at once, and orders nothing: for what a test notes about the real time of its calls.
    std::uint64_t note_load(const void* at, unsigned size);
    void note_store(void* at, unsigned size, std::uint64_t value);
    // Data that the program itself must order.
    void plain_access(const void* at, unsigned size, bool write);

    void lock(void* at);
    [[nodiscard]] bool try_lock(void* at);
    void unlock(void* at);
    void fence() { park({op_kind::fence}), tell("fence"); }
    void barrier() { park({op_kind::barrier}), tell("heavy barrier"); }
    // Returns: whether the system call fails.
    [[nodiscard]] bool refused();
    // Effects: a spinning loop has failed once more.
    void await();
    // Effects: here a spinning loop starts, or has gone round.
    void new_round();
    [[nodiscard]] std::uint64_t now();
    [[noreturn]] void fail(const std::string& what);
    [[nodiscard]] bool is_traced() const { return trace_ != nullptr; }
    void say(const std::string& what) {
        if (trace_ != nullptr) tell(what.c_str());
    }

    // ---- for the chooser ----

    [[nodiscard]] transition_set enabled();
    // Returns: whether two threads may compete for what is left of a budget.
    [[nodiscard]] bool budgets_are_shared() const {
        const auto shared = [&](unsigned left, std::uint32_t by) {
            return left != 0 && std::popcount(by & ((1u << functions_.threads) - 1)) > 1;
        };
        return shared(left_.refusals, left_.refusable) || shared(left_.kills, left_.mortal) ||
               shared(left_.signals, left_.interruptible) || is_bounded(left_.delays);
    }
    // Requires: the transition is enabled.
    [[nodiscard]] event describe(transition t) const;
    // Returns: whether the order of two enabled transitions makes no difference.
    [[nodiscard]] bool independent(const event& a, const event& b) const;
    [[nodiscard]] unsigned threads() const { return functions_.threads; }

private:
    enum class op_kind : std::uint8_t { load, store, update, lock, fence, barrier, wait, call, point };
    struct operation {
        op_kind what = op_kind::load;
        location* where = nullptr;
        bool release = false;
        bool at_once = false; // a note
        std::uint64_t value = 0;
    };
    struct watched {
        const location* where;
        std::uint64_t seen;
    };
    struct thread_state {
        fibre stack;
        operation pending;
        vector_clock now;
        store_buffer buffer;
        bool done = false;
        bool dead = false;
        bool signalled = false;
        bool in_handler = false;
        bool refused = false;
        bool delayed = false;
        bool timed = false;     // this round of its loop looked at the clock
        bool all_count = false; // this round of its loop saw more than it watches
        unsigned locks = 0;
        unsigned watches = 0;
        watched watch[8];
        std::uint64_t commits = 0;      // its own writes that all have seen
        std::uint64_t commits_seen = 0; // those of the others when this round began
        std::uint64_t clock = 0;
    };
    static constexpr std::uint64_t deadline_step = std::uint64_t{1} << 40;

    static bool acquires(std::memory_order o) {
        return o == std::memory_order_acquire || o == std::memory_order_acq_rel ||
               o == std::memory_order_seq_cst;
    }
    static bool releases(std::memory_order o) {
        return o == std::memory_order_release || o == std::memory_order_acq_rel ||
               o == std::memory_order_seq_cst;
    }

    thread_state& me() { return threads_[current_]; }
    static void enter(void* self) { static_cast<machine*>(self)->main_of_thread(); }
    void main_of_thread();
    void begin(void* scenario, const scenario_functions& functions);
    void park(operation op);
    void change_to(unsigned thread) {
        fibre& from = current_ == main_thread ? main_ : me().stack;
        current_ = thread;
        running_ = thread == main_thread ? nullptr : this;
        fibre::change(from, thread == main_thread ? main_ : me().stack);
    }
    unsigned decide();
    [[noreturn]] void leave(outcome how);
    [[nodiscard]] bool take(transition t);
    void end_run(outcome how) { outcome_ = how; }

    [[nodiscard]] bool is_visible(location& x, bool write);
    // Effects: here too the thread can be interrupted.
    void point() {
        if (left_.signals != 0 && !me().in_handler && (options_.interruptible >> current_ & 1) != 0)
            park({op_kind::point});
    }
    [[noreturn]] void learn(location& x);
    void acquire(const location& x, std::memory_order order) {
        if (acquires(order) && !x.relaxed_loads) me().now.join(x.released);
    }
    // Returns: the clock that a store publishes; empty for one that releases nothing.
    vector_clock publish(const location& x, std::memory_order order);
    void commit(unsigned thread, const buffered_store& store);
    [[nodiscard]] std::uint64_t value_for(unsigned thread, const location& x) const {
        const buffered_store* const own = threads_[thread].buffer.newest(x);
        return own != nullptr ? own->value : memory_.read(x);
    }
    void watch(const location& x, std::uint64_t value);

    [[nodiscard]] bool can_step(unsigned thread);
    [[nodiscard]] bool may_go_on(const thread_state& t, unsigned number) const;
    [[nodiscard]] bool goes_to_buffer(const thread_state& t) const {
        return options_.model != memory_model::sc && !t.pending.at_once &&
               (!is_bounded(options_.delays) || !t.buffer.empty());
    }
    static bool is_bounded(unsigned delays) { return delays != std::numeric_limits<unsigned>::max(); }
    [[nodiscard]] bool buffers_empty() const {
        for (unsigned t = 0; t != functions_.threads; ++t)
            if (!threads_[t].buffer.empty()) return false;
        return true;
    }
    [[nodiscard]] std::string stuck() const;

    void tell(const char* what, const location* x = nullptr, const std::uint64_t* value = nullptr);
    void tell(const char* what, const location& x, std::uint64_t value) { tell(what, &x, &value); }

    static inline machine* running_ = nullptr;

    memory memory_;
    machine_options options_;
    scenario_functions functions_;
    void* scenario_ = nullptr;
    chooser* chooser_ = nullptr;
    fibre main_;
    thread_state threads_[max_threads];
    unsigned current_ = main_thread;
    bool starting_ = false;
    bool paused_ = false;
    machine_options left_; // the budgets
    std::uint64_t commits_ = 0;
    outcome outcome_ = outcome::complete;
    std::string failure_;
    std::string schedule_;
    std::string* trace_ = nullptr;
};

} // namespace cordon::explorer

#include "explorer/machine_memory.hpp"
#include "explorer/machine_schedule.hpp"
