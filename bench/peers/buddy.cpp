// peers/buddy.cpp - the buddy system of the textbook: a free list for each order, one mutex.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <array>
#include <mutex>
#include <new>
#include <vector>

namespace {

class buddy {
public:
    static constexpr unsigned orders = 19;

    explicit buddy(uint64_t frames) : nodes_(frames) {
        heads_.fill(none);
        for (uint64_t at = 0; at != frames;) {
            unsigned order = orders - 1;
            while (at % (uint64_t{1} << order) != 0 || at + (uint64_t{1} << order) > frames)
                --order;
            push(at, order);
            at += uint64_t{1} << order;
        }
    }
    uint64_t allocate(unsigned order) {
        const std::lock_guard held{lock_};
        unsigned found = order;
        while (found < orders && heads_[found] == none)
            ++found;
        if (found >= orders) return none;
        const uint64_t run = heads_[found];
        take(run);
        while (found != order) {
            --found;
            push(run + (uint64_t{1} << found), found); // the upper half
        }
        return run;
    }
    void free(uint64_t run, unsigned order) {
        const std::lock_guard held{lock_};
        for (; order + 1 != orders; ++order) {
            const uint64_t other = run ^ (uint64_t{1} << order);
            if (other >= nodes_.size() || nodes_[other].order != order) break;
            take(other);
            run &= other;
        }
        push(run, order);
    }

private:
    static constexpr uint64_t none = peer_no_frame;
    static constexpr unsigned not_free = orders;
    struct node {
        uint64_t next = none;
        uint64_t previous = none;
        unsigned order = not_free; // of the free run that begins here
    };

    void push(uint64_t run, unsigned order) {
        nodes_[run] = {heads_[order], none, order};
        if (heads_[order] != none) nodes_[heads_[order]].previous = run;
        heads_[order] = run;
    }
    void take(uint64_t run) {
        node& n = nodes_[run];
        (n.previous == none ? heads_[n.order] : nodes_[n.previous].next) = n.next;
        if (n.next != none) nodes_[n.next].previous = n.previous;
        n.order = not_free;
    }

    std::mutex lock_;
    std::array<uint64_t, orders> heads_;
    std::vector<node> nodes_;
};

} // namespace

const char* peer_name() {
    return "buddy";
}
void* peer_create(uint64_t frames, unsigned) {
    return new (std::nothrow) buddy(frames);
}
void peer_destroy(void* self) {
    delete static_cast<buddy*>(self);
}
uint64_t peer_allocate(void* self, unsigned, unsigned order) {
    return static_cast<buddy*>(self)->allocate(order);
}
void peer_free(void* self, unsigned, uint64_t frame, unsigned order) {
    static_cast<buddy*>(self)->free(frame, order);
}
