// support/hooks.hpp - hook and hooked policy parts: stop the library between two of its steps and change the world.
// SPDX-License-Identifier: BSL-1.0
//
// A race is a step of one thread between two steps of another. The library's policies are the places where a
// test can put that step: the read of a block's traits, the wait for a gate, the wait for the zone lock, the
// tracer. A test arms the hook of a place, runs the operation, and the step happens exactly there. The other
// thread (other_thread below) runs until it has finished, or is waiting for what the stopped one holds.
#pragma once

#include "cordon/core/atomics.hpp"
#include "cordon/core/config.hpp"
#include "cordon/core/trace.hpp"
#include "cordon/local/drain_gate.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <utility>

namespace cordon::testing {

// Runs an action once, at the first call that fits.
class hook {
public:
    // `where` is the address of what the library is about to touch, null where there is none. The action runs
    // at the call number `skip` + 1 for that address. Requires: no thread is at the hook now.
    void arm(const void* where, std::function<void()> action, int skip = 0) {
        where_ = where;
        action_ = std::move(action);
        left_.store(skip + 1);
    }
    void operator()(const void* where) {
        if (left_.load() > 0 && where == where_ && left_.fetch_sub(1) == 1) action_();
    }
    void disarm() { left_.store(0); }
    // Returns: whether the action has run, or is running.
    [[nodiscard]] bool fired() const { return left_.load() <= 0; }

private:
    std::atomic<int> left_{0};
    const void* where_ = nullptr;
    std::function<void()> action_;
};

// The places.
namespace hooks {
inline hook byte_read;                  // behind a read of a byte: block traits, frame states
inline hook lock_wait;                  // before the wait for a hooked_lock
inline hook gate_wait;                  // while a drainer waits for an owner inside his gate
inline hook barrier;                    // between the claims and the barrier of a drain
inline hook traced[11];                 // by trace_event; where = null
inline std::function<bool()> no_frames; // what gate_that_skips asks instead of waiting

inline hook& traced_event(trace_event event) {
    return traced[static_cast<unsigned>(event)];
}
} // namespace hooks

// Reads of bytes run the hook with what they have read in their hands. A byte can be remembered: then reads of
// it return that, whatever it is now.
struct hooked_atomics : std_atomics {
    struct watched_byte : std_atomics::atomic<std::uint8_t> {
        std::uint8_t load(std::memory_order order) const {
            if (this == remembered) return remembered_value;
            const std::uint8_t value = std_atomics::atomic<std::uint8_t>::load(order);
            hooks::byte_read(this);
            return value;
        }
    };
    template <class T>
    using atomic = std::conditional_t<std::is_same_v<T, std::uint8_t>, watched_byte, std_atomics::atomic<T>>;

    static inline const watched_byte* remembered = nullptr;
    static inline std::uint8_t remembered_value = 0;
};

// A lock that says when somebody has to wait for it.
template <class L>
class CORDON_CAPABILITY("lock") hooked_lock {
public:
    void lock() CORDON_ACQUIRE() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (lock_.try_lock()) return;
        hooks::lock_wait(nullptr);
        lock_.lock();
    }
    [[nodiscard]] bool try_lock() CORDON_TRY_ACQUIRE(true) CORDON_NO_THREAD_SAFETY_ANALYSIS {
        return lock_.try_lock();
    }
    void unlock() CORDON_RELEASE() CORDON_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

private:
    L lock_;
};

// Says when a drainer has to wait for an owner: the gate's backoff.
struct hooked_backoff {
    void operator()() {
        hooks::gate_wait(nullptr);
        std::this_thread::yield();
    }
    void reset() {}
};

// A gate that says where the barrier is.
template <class G>
class hooked_gate : public G {
public:
    using slot = typename G::slot;
    [[nodiscard]] bool barrier() {
        hooks::barrier(nullptr);
        return G::barrier();
    }
};

// Broken: a drainer does not wait for the owner (there is no grace period).
template <class G>
class gate_without_wait : public hooked_gate<G> {
public:
    [[nodiscard]] bool take_over(typename G::slot& s, std::uint64_t) { return G::take_over(s, 0); }
    [[nodiscard]] bool wait(typename G::slot&, std::uint64_t) { return true; }
};

// Broken: a drainer does not wait for the owner of a cache that looks empty (Linux before 66eca1021a42).
template <class G>
class gate_that_skips : public hooked_gate<G> {
public:
    [[nodiscard]] bool take_over(typename G::slot& s, std::uint64_t) { return G::take_over(s, 0); }
    [[nodiscard]] bool wait(typename G::slot& s, std::uint64_t until_ns) {
        return hooks::no_frames() || hooked_gate<G>::wait(s, until_ns);
    }
};

struct hooked_tracer {
    static void on(trace_event event, frame, frame_count) { hooks::traced_event(event)(nullptr); }
};

// A barrier for races that are forced step by step: nothing is left in a store buffer there.
struct fence_barrier {
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return true;
    }
};

// The thread that comes between.
class other_thread {
public:
    other_thread() = default;
    other_thread(const other_thread&) = delete;
    other_thread& operator=(const other_thread&) = delete;
    ~other_thread() { join(); }

    // Effects: starts the work; returns when it has returned, or waits for a lock or for a gate.
    void run(std::function<void()> work) {
        const auto settle = [this] { settled_.store(true); };
        hooks::lock_wait.arm(nullptr, settle);
        hooks::gate_wait.arm(nullptr, settle);
        thread_ = std::thread{[this, work = std::move(work)] {
            work();
            finished_.store(true);
            settled_.store(true);
        }};
        while (!settled_.load())
            std::this_thread::yield();
        had_to_wait_ = !finished_.load();
    }
    void join() {
        if (thread_.joinable()) thread_.join();
        hooks::lock_wait.disarm();
        hooks::gate_wait.disarm();
    }
    // Returns: whether it was kept waiting.
    [[nodiscard]] bool had_to_wait() const { return had_to_wait_; }

private:
    std::atomic<bool> settled_{false};
    std::atomic<bool> finished_{false};
    bool had_to_wait_ = false;
    std::thread thread_;
};

} // namespace cordon::testing
