// explorer/store_buffer.hpp - store_buffer: stores of a thread that the others do not see yet.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/memory.hpp"

#include <cstdint>

namespace cordon::explorer {

enum class memory_model : std::uint8_t {
    sc,  // a store is seen by all at once
    tso, // one queue a thread (x86)
    pso, // a queue for each location: stores pass each other, but not a release store
};

struct buffered_store {
    location* where;
    std::uint64_t value;
    vector_clock released;
    std::uint32_t step = 0; // of the schedule, counted from 1
};

// TSO uses the queue 0 alone. PSO gives each location a queue, in the order in which the thread stores first.
class store_buffer {
public:
    static constexpr unsigned queues = 9;
    static constexpr unsigned depth = 32;

    void clear(memory_model model) {
        for (queue& q : queue_)
            q.count = q.first = 0;
        filled_ = 0;
        known_ = 0;
        model_ = model;
    }
    [[nodiscard]] bool empty() const { return filled_ == 0; }
    // Returns: the queues that hold something, a bit each.
    [[nodiscard]] std::uint32_t filled() const { return filled_; }
    [[nodiscard]] bool has_room(const location& x) { return queue_[queue_of(x)].count != depth; }

    void push(const buffered_store& store) {
        const unsigned n = queue_of(*store.where);
        queue& q = queue_[n];
        q.item[(q.first + q.count++) % depth] = store;
        filled_ |= 1u << n;
    }
    [[nodiscard]] const buffered_store& oldest(unsigned n) const { return queue_[n].item[queue_[n].first]; }
    void pop(unsigned n) {
        queue& q = queue_[n];
        q.first = (q.first + 1) % depth;
        if (--q.count == 0) filled_ &= ~(1u << n);
    }
    // Returns: the store that a load of the same thread reads; null if there is none.
    [[nodiscard]] const buffered_store* newest(const location& x) const {
        if (filled_ == 0) return nullptr;
        for (unsigned n = 0; n != queues; ++n)
            if ((filled_ >> n & 1) != 0)
                for (unsigned i = queue_[n].count; i-- != 0;)
                    if (const buffered_store& s = queue_[n].item[(queue_[n].first + i) % depth];
                        s.where == &x)
                        return &s;
        return nullptr;
    }

private:
    struct queue {
        buffered_store item[depth];
        unsigned first = 0;
        unsigned count = 0;
    };
    unsigned queue_of(const location& x) {
        if (model_ != memory_model::pso) return 0;
        for (unsigned n = 0; n != known_; ++n)
            if (owner_[n] == &x) return n;
        if (known_ == queues) return x.offset % queues; // shared: a little stronger than PSO
        owner_[known_] = &x;
        return known_++;
    }

    queue queue_[queues];
    const location* owner_[queues] = {};
    unsigned known_ = 0;
    std::uint32_t filled_ = 0;
    memory_model model_ = memory_model::tso;
};

} // namespace cordon::explorer
