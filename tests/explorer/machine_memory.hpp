// explorer/machine_memory.hpp - machine: what the operations of a thread do to memory, buffers and clocks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/machine.hpp"

namespace cordon::explorer {

// A location that only this thread writes reads the same whenever it is read.
inline bool machine::is_visible(location& x, bool write) {
    const auto self_bit = static_cast<std::uint8_t>(1u << current_);
    if (options_.all_visible) return true;
    if (write && (x.writers & self_bit) == 0) {
        x.writers |= self_bit;
        if (x.contended) leave(outcome::learnt);
    }
    if (x.contended) return write || x.writers != self_bit;
    if (x.touched.conflicts(current_, me().now, write)) learn(x);
    x.touched.add(current_, me().now, write);
    return false;
}
inline void machine::learn(location& x) {
    x.contended = true;
    leave(outcome::learnt);
}

inline vector_clock machine::publish(const location& x, std::memory_order order) {
    if (!releases(order) || x.relaxed_stores) return {};
    const vector_clock published = me().now;
    me().now.advance(current_); // after the copy: what follows the store is not published by it
    return published;
}

inline void machine::commit(unsigned thread, const buffered_store& store) {
    location& x = *store.where;
    memory_.write(x, store.value);
    x.released = store.released;
    if (x.contended || options_.all_visible) {
        ++threads_[thread].commits;
        ++commits_;
    }
}

inline std::uint64_t machine::load(const void* at, unsigned size, std::memory_order order) {
    location* const x = memory_.find(at, size);
    if (x == nullptr) return memory::get(at, size);
    if (paused_) return value_for(current_, *x);
    const bool visible = is_visible(*x, false);
    visible ? park({.what = op_kind::load, .where = x}) : point();
    const buffered_store* const own = me().buffer.newest(*x);
    const std::uint64_t value = own != nullptr ? own->value : memory_.read(*x);
    if (own == nullptr) acquire(*x, order);
    watch(*x, value);
    if (visible) tell(own != nullptr ? "reads its own" : "reads", *x, value);
    return value;
}

inline void machine::store(void* at, unsigned size, std::uint64_t value, std::memory_order order) {
    location* const x = memory_.find(at, size);
    if (x == nullptr) return memory::put(at, size, value);
    const bool visible = is_visible(*x, true);
    const bool release = releases(order) && !x->relaxed_stores;
    visible ? park({.what = op_kind::store, .where = x, .release = release, .value = value}) : point();
    const buffered_store store{x, value, publish(*x, order), static_cast<std::uint32_t>(schedule_.size())};
    if (visible && (me().delayed || goes_to_buffer(me()))) {
        if (!me().buffer.has_room(*x)) fail("the store buffer is too small for this scenario");
        me().buffer.push(store);
        tell("buffers", *x, value);
    } else {
        commit(current_, store);
        if (visible) tell("writes", *x, value);
    }
    me().delayed = false;
}

template <class F>
std::uint64_t machine::update(void* at, unsigned size, std::memory_order order, F change) {
    location* const x = memory_.find(at, size);
    if (x == nullptr) fail("a read-modify-write outside of the scenario");
    const bool visible = is_visible(*x, true);
    visible ? park({.what = op_kind::update, .where = x}) : point();
    const std::uint64_t before = memory_.read(*x);
    std::uint64_t after = before;
    if (!change(after)) { // relaxed then
        watch(*x, before);
        if (visible) tell("compares in vain", *x, before);
        return before;
    }
    acquire(*x, order);
    me().all_count = true;
    vector_clock released = x->released; // the release sequence goes on
    released.join(publish(*x, order));
    commit(current_, {x, after, released});
    if (visible) tell("updates to", *x, after);
    return before;
}

inline std::uint64_t machine::note_load(const void* at, unsigned size) {
    location* const x = memory_.find(at, size);
    if (is_visible(*x, false)) park({.what = op_kind::load, .where = x, .at_once = true});
    return memory_.read(*x);
}
inline void machine::note_store(void* at, unsigned size, std::uint64_t value) {
    location* const x = memory_.find(at, size);
    if (is_visible(*x, true)) park({.what = op_kind::store, .where = x, .at_once = true});
    memory_.write(*x, value);
    tell("notes", *x, value);
}

inline void machine::plain_access(const void* at, unsigned size, bool write) {
    location* const x = memory_.find(at, size);
    if (x == nullptr || paused_) return;
    point();
    if (x->touched.conflicts(current_, me().now, write))
        fail("race on plain data: " + memory_.name_of(*x) + (write ? " written" : " read") +
             ", unordered with another access");
    x->touched.add(current_, me().now, write);
}

// A lock word holds the number of its holder, from 1. It is taken by an acquiring read-modify-write that waits, and
// given back by a release store.
inline void machine::lock(void* at) {
    location* const x = memory_.find(at, 4);
    x->is_lock = true;
    const bool visible = is_visible(*x, true);
    if (value_for(current_, *x) == current_ + 1)
        fail("deadlock: a thread waits for its own " + memory_.name_of(*x));
    visible ? park({.what = op_kind::lock, .where = x}) : point();
    if (memory_.read(*x) != 0) learn(*x);
    acquire(*x, std::memory_order_acquire);
    commit(current_, {x, current_ + 1, x->released});
    ++me().locks;
    me().all_count = true;
    tell("locks", x);
}
inline bool machine::try_lock(void* at) {
    const std::uint64_t holder = current_ + 1;
    const auto take = [=](std::uint64_t& word) { return word == 0 && (word = holder) != 0; };
    const bool taken = update(at, 4, std::memory_order_acquire, take) == 0;
    if (taken) ++me().locks;
    return taken;
}
inline void machine::unlock(void* at) {
    store(at, 4, 0, std::memory_order_release);
    --me().locks;
}

inline bool machine::refused() {
    if (options_.refusals == 0 || (options_.refusable >> current_ & 1) == 0) return false;
    me().refused = false;
    park({.what = op_kind::call});
    return me().refused;
}

inline void machine::await() {
    park({.what = op_kind::wait});
}
inline std::uint64_t machine::now() {
    me().timed = true;
    return me().clock;
}

inline void machine::watch(const location& x, std::uint64_t value) {
    thread_state& t = me();
    if (t.all_count) return;
    for (unsigned i = 0; i != t.watches; ++i)
        if (t.watch[i].where == &x) {
            t.watch[i].seen = value;
            return;
        }
    if (t.watches == std::size(t.watch))
        t.all_count = true;
    else
        t.watch[t.watches++] = {&x, value};
}
inline void machine::new_round() {
    thread_state& t = me();
    t.watches = 0;
    t.all_count = false;
    t.timed = false;
    t.commits_seen = commits_ - t.commits;
}

} // namespace cordon::explorer
