// cordon/platform/thread_slot.hpp - process_thread_slots: a small number for each thread of the process.
// SPDX-License-Identifier: BSL-1.0
//
// A thread takes the lowest free number at its first current() and hands it back when it exits, so thread
// caches can be an array. Zones listen: a thread that exits, or vanishes in a fork, must not take the frames
// of its cache along. One registry serves all zones; it is constant-initialised and never destroyed.
//
// Locks: the registry lock comes before every lock of a zone. It is held around each call of a listener, so a
// listener must not attach, detach, fork, or wait for another thread to start or exit.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"
#include "cordon/platform/default_system.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

// A zone's place in the list of those that hear of exits and forks. Lives from attach to detach where it is.
class slot_listener {
public:
    slot_listener(thread_exit_function on_thread_exit, fork_function on_fork, void* self) noexcept
        : on_thread_exit_(on_thread_exit), on_fork_(on_fork), self_(self) {}
    slot_listener(const slot_listener&) = delete;
    slot_listener& operator=(const slot_listener&) = delete;

private:
    friend class process_thread_slots;

    thread_exit_function on_thread_exit_;
    fork_function on_fork_;
    void* self_;
    slot_listener* next_ = nullptr;
    slot_listener* previous_ = nullptr;
};

namespace detail {

struct thread_slot_registry {
    static constexpr std::uint32_t words = 4;

    host_system::mutex mutex;
    slot_listener* first = nullptr;
    slot_listener* last = nullptr;
    std::uint64_t taken[words] = {};
    // Changes when slots fall free. Written under the mutex; read without, as a hint to try again.
    std::atomic<std::size_t> releases{1};

    slot_index take_lowest() noexcept {
        for (std::uint32_t word = 0; word != words; ++word)
            if (const int bit = std::countr_one(taken[word]); bit != 64) {
                taken[word] |= std::uint64_t{1} << bit;
                return slot_index{word * 64 + static_cast<std::uint32_t>(bit)};
            }
        return slot_index::none();
    }
    void give_back(slot_index slot) noexcept {
        taken[slot.raw() / 64] &= ~(std::uint64_t{1} << slot.raw() % 64);
        releases.fetch_add(1, std::memory_order_relaxed);
    }
    void give_back_all_but(slot_index kept) noexcept {
        for (std::uint64_t& word : taken)
            word = 0;
        if (!kept.is_none()) taken[kept.raw() / 64] = std::uint64_t{1} << kept.raw() % 64;
        releases.fetch_add(1, std::memory_order_relaxed);
    }
};

} // namespace detail

class process_thread_slots {
public:
    using listener = slot_listener;
    static constexpr std::uint32_t max_slots = detail::thread_slot_registry::words * 64;

    // Returns: this thread's slot; none when all are taken (asked again after a thread has exited), when the
    // thread has handed its slot back (frees in thread_local destructors), or inside the taking itself (an
    // allocator below that calls back).
    // Locks: the registry lock on a thread's first call, which is therefore not for a signal handler.
    // Cost: one thread-local load and a compare.
    [[nodiscard]] CORDON_ALWAYS_INLINE static slot_index current() noexcept {
        const slot_index mine = mine_;
        if (mine.is_none()) [[unlikely]]
            return find_slot();
        return mine;
    }

    // Returns: this thread's slot if it has one, else none; takes none. Cost: one thread-local load.
    [[nodiscard]] CORDON_ALWAYS_INLINE static slot_index peek() noexcept { return mine_; }

    // Effects: from now on `l` hears of each slot that falls free and of each fork(). (vfork, _Fork and clone
    // run no handlers.)
    //   exit: by the exiting thread, with its slot; no other thread has the slot until all listeners returned.
    //     current() is none by then.
    //   fork: phase prepare in the order of attaching, parent and child in reverse order, by the forking
    //     thread. When the child goes on, only that thread's slot is taken.
    // Locks: the registry lock.
    static void attach(listener& l) noexcept {
        const section registry_lock;
        l.previous_ = registry_.last;
        l.next_ = nullptr;
        (l.previous_ != nullptr ? l.previous_->next_ : registry_.first) = &l;
        registry_.last = &l;
    }

    // Requires: l is attached. Effects: when it returns, `l` is not being called and never will be again.
    // Locks: the registry lock; the caller holds no lock that a listener takes.
    static void detach(listener& l) noexcept {
        const section registry_lock;
        (l.previous_ != nullptr ? l.previous_->next_ : registry_.first) = l.next_;
        (l.next_ != nullptr ? l.next_->previous_ : registry_.last) = l.previous_;
    }

    // Returns: the number of slots that are taken now. Locks: the registry lock.
    [[nodiscard]] static std::uint32_t in_use() noexcept {
        const section registry_lock;
        int slots = 0;
        for (const std::uint64_t word : registry_.taken)
            slots += std::popcount(word);
        return static_cast<std::uint32_t>(slots);
    }

private:
    struct section {
        // The handlers come before the lock is ever taken, so that no fork copies it locked into a child
        // without an owner.
        section() noexcept {
            host_system::at_fork<before_fork, after_fork_in_parent, after_fork_in_child>();
            registry_.mutex.lock();
        }
        ~section() { registry_.mutex.unlock(); }
        section(const section&) = delete;
        section& operator=(const section&) = delete;
    };

    enum class stage : std::uint8_t { open, taking, left };

    CORDON_COLD static slot_index find_slot() noexcept {
        if (stage_ != stage::open || full_at_ == registry_.releases.load(std::memory_order_relaxed))
            return slot_index::none();
        stage_ = stage::taking;
        const slot_index taken = take();
        // This may allocate: outside the lock, and with calls from below answered by none.
        const bool is_heard = taken.is_none() || host_system::at_thread_exit<leave>(taken.raw());
        mine_ = taken;
        stage_ = stage::open;
        if (!is_heard) leave(taken.raw()); // nobody would hear of its exit: this thread goes without
        return mine_;
    }
    static slot_index take() noexcept {
        const section registry_lock;
        const slot_index lowest = registry_.take_lowest();
        if (lowest.is_none()) full_at_ = registry_.releases.load(std::memory_order_relaxed);
        return lowest;
    }

    static void leave(std::uint32_t number) noexcept {
        const slot_index slot{number};
        stage_ = stage::left;
        mine_ = slot_index::none();
        const section registry_lock;
        for (const listener* l = registry_.first; l != nullptr; l = l->next_)
            l->on_thread_exit_(l->self_, slot);
        registry_.give_back(slot);
    }

    static void before_fork() noexcept {
        registry_.mutex.lock();
        for (const listener* l = registry_.first; l != nullptr; l = l->next_)
            l->on_fork_(l->self_, fork_phase::prepare, mine_);
    }
    static void after_fork_in_parent() noexcept {
        tell_in_reverse(fork_phase::parent);
        registry_.mutex.unlock();
    }
    // The child's only thread is the one that locked: it may unlock.
    static void after_fork_in_child() noexcept {
        tell_in_reverse(fork_phase::child);
        registry_.give_back_all_but(mine_);
        registry_.mutex.unlock();
    }
    static void tell_in_reverse(fork_phase phase) noexcept {
        for (const listener* l = registry_.last; l != nullptr; l = l->previous_)
            l->on_fork_(l->self_, phase, mine_);
    }

    static inline constinit detail::thread_slot_registry registry_{};
    // Trivial to destroy: readable for as long as the thread runs code.
    static inline constinit thread_local slot_index mine_{};
    static inline constinit thread_local stage stage_ = stage::open;
    static inline constinit thread_local std::size_t full_at_ = 0;
};

} // namespace cordon::inline v0
