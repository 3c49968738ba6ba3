// support/contestants.hpp - cordon, and the three floors that it is measured against.
// SPDX-License-Identifier: BSL-1.0
//
// A contestant has get<Order>() and put<Order>(frame). A floor has attach(frames), which the thread calls first.
// A floor is a stack of frame numbers for each thread that never runs empty: the least that an allocator with thread
// caches can do. They are written out here, not made from the library's parts, so that they stay where they are.
//
//     stack_floor<no_guard>     nobody else may touch the stack: no drain is possible
//     stack_floor<gate_guard>   the words of the drain gate; no barrier is ever issued
//     stack_floor<lock_guard>   a lock in each cache
#pragma once

#include <cordon/cordon.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

struct no_guard {
    static bool enter() { return true; }
    static void leave() {}
};

struct gate_guard {
    std::atomic<std::uint32_t> busy{0};
    std::atomic<std::uint32_t> claimed{0};
    bool enter() {
        busy.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (claimed.load(std::memory_order_acquire) == 0) [[likely]]
            return true;
        leave();
        return false;
    }
    void leave() { busy.store(0, std::memory_order_release); }
};

struct lock_guard {
    std::atomic<std::uint32_t> word{0};
    bool enter() {
        while (word.exchange(1, std::memory_order_acquire) != 0)
            [[unlikely]] cordon::cpu_relax();
        return true;
    }
    void leave() { word.store(0, std::memory_order_release); }
};

template <class Guard>
class stack_floor {
public:
    // Effects: the calling thread has a stack with these frames.
    void attach(std::uint32_t frames) {
        static thread_local stack own;
        own.frames.clear();
        for (std::uint32_t f = frames; f != 0; --f)
            own.frames.push_back(f - 1);
        own.entries = own.frames.data();
        own.count = own.frames.size();
        mine_ = &own;
    }
    template <unsigned Order>
    std::uint32_t get() {
        stack& s = *mine_;
        std::uint32_t f = UINT32_MAX;
        if (!s.guard.enter()) [[unlikely]]
            return f;
        if (s.count != 0) [[likely]]
            f = s.entries[--s.count];
        s.guard.leave();
        return f;
    }
    template <unsigned Order>
    void put(std::uint32_t f) {
        stack& s = *mine_;
        if (!s.guard.enter()) [[unlikely]]
            return;
        s.entries[s.count++] = f;
        s.guard.leave();
    }

private:
    struct alignas(64) stack {
        [[no_unique_address]] Guard guard;
        std::size_t count = 0;
        std::uint32_t* entries = nullptr;
        std::vector<std::uint32_t> frames;
    };
    static inline constinit thread_local stack* mine_ = nullptr;
};

class cordon_zone {
public:
    explicit cordon_zone(std::uint32_t frames)
        : zone_(cordon::frame_range{cordon::frame{0}, cordon::frame_count{frames}}) {}
    template <unsigned Order>
    std::uint32_t get() {
        const cordon::result<cordon::frame> r = zone_.allocate(cordon::order{Order});
        return r ? r->raw() : UINT32_MAX;
    }
    template <unsigned Order>
    void put(std::uint32_t f) {
        zone_.free(cordon::frame{f}, cordon::order{Order});
    }
    cordon::zone& zone() { return zone_; }

private:
    cordon::zone zone_;
};

} // namespace bench
