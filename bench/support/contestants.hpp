// support/contestants.hpp - cordon, and the three floors that it is measured against.
// SPDX-License-Identifier: BSL-1.0
//
// A contestant is made of a number of frames and of threads. enter(worker), called by the worker's thread, returns a
// lane with get(order) and put(frame, order). Other allocators are contestants of type peer_frames (peer.hpp).
// A floor is a stack of frame numbers for each thread that never runs empty: the least that an allocator with thread
// caches can do. They are written out here, not made from the library's parts, so that they stay where they are. A
// lane is a handle that patterns take by value, and what it does is inline, for the floors as for cordon: else a compiler
// calls some of them, and reads some handles from memory again and again.
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

// One at a time for a thread.
template <class Guard>
class stack_floor {
public:
    class lane {
    public:
        using frame = std::uint32_t;
        static constexpr frame none = UINT32_MAX;

        CORDON_ALWAYS_INLINE frame get(unsigned) {
            stack& s = *mine_;
            frame f = none;
            if (!s.guard.enter()) [[unlikely]]
                return f;
            if (s.count != 0) [[likely]]
                f = s.entries[--s.count];
            s.guard.leave();
            return f;
        }
        CORDON_ALWAYS_INLINE void put(frame f, unsigned) {
            stack& s = *mine_;
            if (!s.guard.enter()) [[unlikely]]
                return;
            s.entries[s.count++] = f;
            s.guard.leave();
        }
    };

    stack_floor(std::uint32_t frames, unsigned) : frames_(frames) {}
    [[nodiscard]] lane enter(unsigned) {
        if (mine_ == nullptr) attach();
        return {};
    }

private:
    struct alignas(64) stack {
        [[no_unique_address]] Guard guard;
        std::size_t count = 0;
        std::uint32_t* entries = nullptr;
        std::vector<std::uint32_t> frames;
    };
    // Effects: the calling thread has a stack with all frames, and room for as many again.
    void attach() {
        static thread_local stack own;
        own.frames.resize(std::size_t{2} * frames_);
        own.entries = own.frames.data();
        for (std::uint32_t f = frames_; f != 0; --f)
            own.entries[own.count++] = f - 1;
        mine_ = &own;
    }

    std::uint32_t frames_;
    static inline constinit thread_local stack* mine_ = nullptr;
};

// A zone as its user sees it. The thread's slot is found at each call, or once and named (with_slot).
enum class thread_slot { implicit, with_slot };

template <class Policy = cordon::default_policy, thread_slot Slot = thread_slot::implicit>
class zone_frames {
public:
    using zone_type = cordon::basic_zone<Policy>;

    class lane {
    public:
        using frame = std::uint32_t;
        static constexpr frame none = UINT32_MAX;

        explicit lane(zone_type& zone) : zone_(zone) {}
        CORDON_ALWAYS_INLINE frame get(unsigned order,
                                       cordon::migrate_type type = cordon::migrate_type::movable) {
            const cordon::order k{order};
            if constexpr (Slot == thread_slot::implicit)
                return raw(zone_.allocate(k, type));
            else
                return raw(zone_.allocate(slot_, k, type));
        }
        CORDON_ALWAYS_INLINE void put(frame f, unsigned order) {
            const cordon::order k{order};
            if constexpr (Slot == thread_slot::implicit)
                zone_.free(cordon::frame{f}, k);
            else
                zone_.free(slot_, cordon::frame{f}, k);
        }

    private:
        static frame raw(const cordon::result<cordon::frame>& r) { return r ? r->raw() : none; }
        zone_type& zone_;
        cordon::slot_index slot_ = Policy::thread_slots::current();
    };

    explicit zone_frames(std::uint32_t frames, unsigned = 0)
        : zone_(cordon::frame_range{cordon::frame{0}, cordon::frame_count{frames}}) {}
    [[nodiscard]] lane enter(unsigned) { return lane{zone_}; }
    [[nodiscard]] zone_type& zone() { return zone_; }

private:
    zone_type zone_;
};

using cordon_zone = zone_frames<>;

} // namespace bench
