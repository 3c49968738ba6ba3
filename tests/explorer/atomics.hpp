// explorer/atomics.hpp - the policy parts that put the machine under the shipped headers.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/platform/concepts.hpp"
#include "explorer/explore.hpp"

#include <atomic>
#include <cstdint>

namespace cordon::explorer {

// The atomics policy (core/atomics.hpp). Aggregates for which zero bytes are a value: what the machine knows of a
// word it finds by the word's address. Outside of a run (set up, check) they are bare words.
struct atomics {
    template <class T>
    struct atomic {
        using value_type = T;
        alignas(sizeof(T)) mutable T raw_value;

        T load(std::memory_order order) const {
            machine* const m = machine::running();
            return m == nullptr ? raw_value : static_cast<T>(m->load(&raw_value, sizeof(T), order));
        }
        void store(T value, std::memory_order order) {
            if (machine* const m = machine::running())
                m->store(&raw_value, sizeof(T), value, order);
            else
                raw_value = value;
        }
        T exchange(T value, std::memory_order order) {
            return change(order, [=](std::uint64_t& word) { return word = value, true; });
        }
        T fetch_add(T value, std::memory_order order) {
            return change(order, [=](std::uint64_t& word) { return word += value, true; });
        }
        T fetch_or(T value, std::memory_order order) {
            return change(order, [=](std::uint64_t& word) { return word |= value, true; });
        }
        T fetch_and(T value, std::memory_order order) {
            return change(order, [=](std::uint64_t& word) { return word &= value, true; });
        }
        bool compare_exchange(T& expected, T desired, std::memory_order order) {
            const T before = change(
                order, [=](std::uint64_t& word) { return word == expected && (word = desired, true); });
            if (before == expected) return true;
            expected = before;
            return false;
        }

    private:
        template <class F>
        T change(std::memory_order order, F f) {
            if (machine* const m = machine::running())
                return static_cast<T>(m->update(&raw_value, sizeof(T), order, f));
            const T before = raw_value;
            std::uint64_t word = before;
            if (f(word)) raw_value = static_cast<T>(word);
            return before;
        }
    };

    // Data that changes hands: each access must be ordered with those of others.
    template <class T>
    struct plain {
        T raw_value;
        operator T() const {
            if (machine* const m = machine::running()) m->plain_access(&raw_value, sizeof(T), false);
            return raw_value;
        }
        plain& operator=(T value) {
            if (machine* const m = machine::running()) m->plain_access(&raw_value, sizeof(T), true);
            raw_value = value;
            return *this;
        }
    };

    static void light_barrier() {}
    static void relax() {
        if (machine* const m = machine::running()) m->await();
    }
};

// A note of the test itself: seen at once, orders nothing.
template <class T>
struct note {
    T raw_value{};
    [[nodiscard]] T load() const {
        machine* const m = machine::running();
        return m == nullptr ? raw_value : static_cast<T>(m->note_load(&raw_value, sizeof(T)));
    }
    void store(T value) {
        if (machine* const m = machine::running())
            m->note_store(&raw_value, sizeof(T), value);
        else
            raw_value = value;
    }
};

// Waiting for it is one step, enabled while it is free.
class CORDON_CAPABILITY("lock") model_lock {
public:
    constexpr model_lock() = default;
    model_lock(const model_lock&) = delete;
    model_lock& operator=(const model_lock&) = delete;

    void lock() CORDON_ACQUIRE() {
        if (machine* const m = machine::running()) m->lock(&word_);
    }
    [[nodiscard]] bool try_lock() CORDON_TRY_ACQUIRE(true) {
        machine* const m = machine::running();
        return m == nullptr || m->try_lock(&word_);
    }
    void unlock() CORDON_RELEASE() {
        if (machine* const m = machine::running()) m->unlock(&word_);
    }

private:
    std::uint32_t word_ = 0;
};

// One for each spinning loop: what was read since it was made, or since the last wait, is what the loop waits for.
struct await_backoff {
    await_backoff() {
        if (machine* const m = machine::running()) m->new_round();
    }
    void operator()() noexcept { atomics::relax(); }
    void reset() noexcept {}
};

// Time stands still but for waits that end because their deadline passes.
struct model_clock {
    [[nodiscard]] static std::uint64_t now() noexcept {
        machine* const m = machine::running();
        return m == nullptr ? 0 : m->now();
    }
};

// Empties all store buffers, unless the system refuses.
struct model_barrier {
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept {
        machine* const m = machine::running();
        if (m == nullptr) return true;
        if (m->refused()) return false;
        m->barrier();
        return true;
    }
};
static_assert(heavy_barrier<model_barrier>);

// Mutants: nothing at all; a fence of the caller alone.
struct missing_barrier {
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept { return true; }
};
struct local_barrier {
    [[nodiscard]] bool enable() const noexcept { return true; }
    [[nodiscard]] bool issue() const noexcept {
        if (machine* const m = machine::running()) m->fence();
        return true;
    }
};

// Thread n has slot n. Set up can speak for one of them.
struct fibre_slots {
    static constexpr std::uint32_t max_slots = max_threads;
    static inline slot_index of_setup = slot_index::none();

    class listener {
    public:
        listener(thread_exit_function on_exit, fork_function on_fork, void* self) noexcept
            : on_exit_(on_exit), on_fork_(on_fork), self_(self) {}
        listener(const listener&) = delete;
        listener& operator=(const listener&) = delete;
        void exits(slot_index s) { on_exit_(self_, s); }
        void forks(fork_phase phase, slot_index s) { on_fork_(self_, phase, s); }

    private:
        thread_exit_function on_exit_;
        fork_function on_fork_;
        void* self_;
    };
    static inline listener* attached = nullptr; // the last zone that was made

    [[nodiscard]] static slot_index current() noexcept {
        machine* const m = machine::running();
        return m == nullptr ? of_setup : slot_index{m->self()};
    }
    [[nodiscard]] static slot_index peek() noexcept { return current(); }
    static void attach(listener& l) noexcept { attached = &l; }
    static void detach(listener&) noexcept { attached = nullptr; }
};
static_assert(thread_slots<fibre_slots>);

} // namespace cordon::explorer
