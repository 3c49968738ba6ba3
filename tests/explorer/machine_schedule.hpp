// explorer/machine_schedule.hpp - machine: which transitions are enabled, which commute, and how one is taken.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/machine.hpp"

namespace cordon::explorer {

inline machine::outcome machine::run(void* scenario, const scenario_functions& functions, chooser& by) {
    chooser_ = &by;
    begin(scenario, functions);
    starting_ = true;
    for (unsigned t = 0; t != functions_.threads && starting_; ++t)
        change_to(t); // up to its first visible operation
    if (starting_) {
        starting_ = false;
        if (const unsigned first = decide(); first != main_thread) change_to(first);
    }
    return outcome_;
}

inline void machine::begin(void* scenario, const scenario_functions& functions) {
    scenario_ = scenario;
    functions_ = functions;
    left_ = options_;
    commits_ = 0;
    failure_.clear();
    schedule_.clear();
    memory_.begin_run();
    for (unsigned n = 0; n != functions_.threads; ++n) {
        thread_state& t = threads_[n];
        t.stack.create(&enter, this);
        t.stack.restart();
        t.now = {};
        t.now.set(n, 1);
        t.buffer.clear(options_.model);
        t.done = t.dead = t.signalled = t.in_handler = t.refused = t.delayed = t.timed = t.all_count = false;
        t.locks = t.watches = 0;
        t.commits = t.commits_seen = t.clock = 0;
    }
    chooser_->begin();
}

inline void machine::main_of_thread() {
    functions_.run(scenario_, current_);
    me().done = true;
    change_to(starting_ ? main_thread : decide());
}

// Effects: the thread goes on when its operation, `op`, is to happen next.
inline void machine::park(operation op) {
    for (;;) {
        me().pending = op;
        if (starting_)
            change_to(main_thread);
        else if (const unsigned next = decide(); next != current_)
            change_to(next);
        if (!me().signalled) break;
        me().signalled = false;
        me().in_handler = true;
        tell("signal");
        functions_.handler(scenario_, current_);
        me().in_handler = false;
    }
    if (op.what == op_kind::wait) new_round();
}

// Returns: the thread that goes on; main_thread if the run is over, and then outcome_ says how.
inline unsigned machine::decide() {
    for (;;) {
        const transition t = chooser_->next(*this);
        if (t == chooser::prune) return end_run(outcome::pruned), main_thread;
        if (t == transition{}) {
            failure_ = stuck();
            return end_run(failure_.empty() ? outcome::complete : outcome::failed), main_thread;
        }
        if (schedule_.size() == max_steps) {
            failure_ = "livelock: " + std::to_string(max_steps) + " steps";
            return end_run(outcome::failed), main_thread;
        }
        schedule_.push_back(t.letter());
        if (take(t)) return t.thread();
    }
}

// Returns: whether the thread goes on.
inline bool machine::take(transition t) {
    thread_state& who = threads_[t.thread()];
    switch (t.kind()) {
    case move::step: return true;
    case move::refuse:
        who.refused = true;
        --left_.refusals;
        return true;
    case move::timeout: who.clock += deadline_step; return true;
    case move::signal:
        who.signalled = true;
        --left_.signals;
        return true;
    case move::delay:
        who.delayed = true;
        --left_.delays;
        return true;
    case move::kill:
        who.dead = true;
        --left_.kills;
        if (trace_ != nullptr) *trace_ += std::string{"  "} + t.letter() + ' ' + "dies\n";
        return false;
    case move::flush: break;
    }
    const buffered_store store = who.buffer.oldest(t.queue());
    who.buffer.pop(t.queue());
    commit(t.thread(), store);
    if (trace_ != nullptr)
        *trace_ += std::string{"  "} + t.letter() + "   flushes " + memory_.name_of(*store.where) + " = " +
                   std::to_string(store.value) + '\n';
    return false;
}

inline void machine::leave(outcome how) {
    starting_ = false;
    end_run(how);
    change_to(main_thread);
    __builtin_unreachable();
}
inline void machine::fail(const std::string& what) {
    failure_ = what;
    say("FAILS: " + what);
    leave(outcome::failed);
}

inline std::string machine::stuck() const {
    std::string who;
    for (unsigned t = 0; t != functions_.threads; ++t)
        if (!threads_[t].done && !threads_[t].dead) {
            who += who.empty() ? "deadlock: " : ", ";
            who += static_cast<char>('A' + t);
            const operation& op = threads_[t].pending;
            who += op.what == op_kind::lock ? " waits for " + memory_.name_of(*op.where) : " spins";
        }
    return who;
}

inline bool machine::may_go_on(const thread_state& t, unsigned number) const {
    if (t.all_count) return commits_ - t.commits != t.commits_seen;
    if (t.watches == 0) return true; // the first round
    for (unsigned i = 0; i != t.watches; ++i)
        if (value_for(number, *t.watch[i].where) != t.watch[i].seen) return true;
    return false;
}

inline bool machine::can_step(unsigned number) {
    thread_state& t = threads_[number];
    const operation& op = t.pending;
    switch (op.what) {
    case op_kind::load:
    case op_kind::call:
    case op_kind::point: return true;
    case op_kind::store:
        if (options_.model == memory_model::pso && op.release && !op.at_once && !t.buffer.empty())
            return false;
        return true;
    case op_kind::update:
    case op_kind::fence: return t.buffer.empty();
    case op_kind::lock: return t.buffer.empty() && memory_.read(*op.where) == 0;
    case op_kind::barrier: return buffers_empty();
    case op_kind::wait: return may_go_on(t, number);
    }
    return false;
}

inline transition_set machine::enabled() {
    transition_set all;
    for (unsigned n = 0; n != functions_.threads; ++n) {
        thread_state& t = threads_[n];
        for (std::uint32_t q = t.buffer.filled(); q != 0; q &= q - 1)
            all.insert({move::flush, n, static_cast<unsigned>(std::countr_zero(q))});
        if (t.done || t.dead) continue;
        const bool steps = can_step(n);
        if (steps) all.insert({move::step, n});
        if (t.pending.what == op_kind::call && left_.refusals != 0) all.insert({move::refuse, n});
        if (t.pending.what == op_kind::wait && t.timed) all.insert({move::timeout, n});
        if (left_.kills != 0 && t.locks == 0 && (options_.mortal >> n & 1) != 0) all.insert({move::kill, n});
        if (left_.signals != 0 && !t.in_handler && (options_.interruptible >> n & 1) != 0)
            all.insert({move::signal, n});
        if (is_bounded(options_.delays) && steps && left_.delays != 0 && options_.model != memory_model::sc &&
            t.pending.what == op_kind::store && !t.pending.at_once && t.buffer.empty())
            all.insert({move::delay, n});
    }
    return all;
}

inline event machine::describe(transition t) const {
    const thread_state& who = threads_[t.thread()];
    event e;
    e.what = t;
    if (t.kind() == move::flush) {
        const buffered_store& store = who.buffer.oldest(t.queue());
        e.where = store.where;
        e.writes = true;
        e.opens = store.where->is_lock && store.value == 0;
        e.source = store.step;
        return e;
    }
    const operation& op = who.pending;
    e.fills = t.kind() == move::delay;
    e.awaits = t.kind() == move::timeout || (t.kind() == move::step && op.what == op_kind::wait);
    e.awaits_any = e.awaits && who.all_count;
    if (e.awaits && !who.all_count)
        for (; e.watches != who.watches; ++e.watches)
            e.watch[e.watches] = who.watch[e.watches].where;
    if (t.kind() != move::step) return e;
    switch (op.what) {
    case op_kind::load: e.where = op.where; break;
    case op_kind::store:
        e.drains = options_.model == memory_model::pso && op.release;
        e.fills = goes_to_buffer(who);
        if (e.fills) break;
        e.where = op.where;
        e.writes = true;
        e.opens = op.where->is_lock && op.value == 0;
        break;
    case op_kind::lock:
    case op_kind::update:
        e.where = op.where;
        e.writes = e.drains = true;
        e.locks = op.what == op_kind::lock;
        break;
    case op_kind::fence: e.drains = true; break;
    case op_kind::barrier: e.drains = e.barrier = true; break;
    case op_kind::wait:
    case op_kind::call:
    case op_kind::point: break;
    }
    return e;
}

// Returns: whether events of two threads can disturb each other while both are enabled.
inline bool conflict(const event& a, const event& b) {
    const auto disturbs = [](const event& writer, const event& reader) {
        if (!writer.writes) return false;
        if (reader.where == writer.where) return true;
        for (unsigned i = 0; i != reader.watches; ++i)
            if (reader.watch[i] == writer.where) return true;
        return false;
    };
    const bool one_budget = a.what.kind() == b.what.kind() && a.is_bounded();
    // A write ends a wait for any, and a second one changes nothing: here it is as if it did.
    return one_budget || (a.awaits_any && b.writes) || (b.awaits_any && a.writes) || disturbs(a, b) ||
           disturbs(b, a) || (a.barrier && b.fills) || (b.barrier && a.fills);
}

// An event as two sets of bits: a cheap answer to most questions of whether one depends on another.
struct imprint {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    // Returns: true if it does, unless one follows the other in their thread; seldom also if it does not.
    [[nodiscard]] bool may_depend_on(const imprint& earlier) const {
        return (reads & earlier.writes) != 0 || (writes & earlier.reads) != 0;
    }
};
inline imprint imprint_of(const event& e) {
    constexpr unsigned locations = 56; // the bits below; then for each thread one of its flushes
    const auto bit = [](unsigned n) { return std::uint64_t{1} << n; };
    const auto bit_of = [&](const location* x) { return bit(x->number % locations); };
    const auto flushes_of = [&](unsigned thread) { return bit(locations + thread); };
    const std::uint64_t fill = bit(60), budget = bit(61), any_write = bit(62);
    const unsigned thread = e.what.thread();
    imprint sets;
    if (e.is_flush()) sets.reads = sets.writes = flushes_of(thread);
    if (e.where != nullptr) sets.reads |= bit_of(e.where);
    if (e.writes) sets.writes |= bit_of(e.where) | any_write;
    for (unsigned i = 0; i != e.watches; ++i)
        sets.reads |= bit_of(e.watch[i]);
    if (e.awaits_any) sets.reads |= any_write;
    if (e.fills) sets.writes |= fill;
    if (e.drains) sets.reads |= flushes_of(thread);
    if (e.barrier) sets.reads |= fill;
    for (unsigned t = 0; t != max_threads && e.barrier; ++t)
        sets.reads |= flushes_of(t);
    if (e.is_bounded()) {
        sets.reads |= budget;
        sets.writes |= budget;
    }
    return sets;
}

inline bool machine::independent(const event& a, const event& b) const {
    if (a.what.thread() != b.what.thread()) return !conflict(a, b);
    if (a.is_flush() == b.is_flush()) return a.is_flush(); // of different queues
    // A store leaves the buffer while the thread does something that does not wait for that.
    const event& step = a.is_flush() ? b : a;
    const event& flush = a.is_flush() ? a : b;
    if (step.drains || (step.fills && is_bounded(options_.delays))) return false;
    return !step.writes || step.where != flush.where;
}

// Returns: whether the later event needs the earlier one, or is of another thread and in conflict with it: then
// their order is a fact about the run. `at` is the number of the earlier one, counted from 1.
inline bool depends(const event& earlier, std::uint32_t at, const event& later) {
    if (earlier.what.thread() != later.what.thread())
        return conflict(earlier, later) || (earlier.is_flush() && later.barrier);
    if (later.is_flush()) return earlier.is_flush() ? earlier.what == later.what : later.source == at;
    return !earlier.is_flush() || later.drains;
}
// Returns: whether the other order of two events of different threads may be possible.
inline bool can_race(const event& earlier, const event& later) {
    return conflict(earlier, later) && !(earlier.opens && later.locks);
}

inline void machine::tell(const char* what, const location* x, const std::uint64_t* value) {
    if (trace_ == nullptr) return;
    *trace_ += std::string{"  "} + static_cast<char>('A' + current_) + ' ' + what;
    if (x != nullptr) *trace_ += ' ' + memory_.name_of(*x);
    if (value != nullptr) *trace_ += " = " + std::to_string(*value);
    *trace_ += '\n';
}

} // namespace cordon::explorer
