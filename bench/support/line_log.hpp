// support/line_log.hpp - line_log: which cache lines of a zone operations touch, share, and move between processors.
// SPDX-License-Identifier: BSL-1.0
//
// What several processors pay for is lines that one writes and another touches. That can be counted without running
// them at the same time: one thread does the operations of all workers in turns, each with a slot of its own, and
//
//     logged_policy   has atomics that log each access: gates, magazines, state bytes, traits, counters, the lock's word
//     line_watch      observes the zone lock: what else of the metadata differs when it is dropped was written under it
//
// So a line that was only read under the zone lock, or written with what it held, is not in the log, unless it is atomic.
#pragma once

#include <cordon/cordon.hpp>
#include <cordon/sync/observed_lock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <unordered_map>
#include <vector>

namespace bench {

class line_log {
public:
    static constexpr std::size_t line = 64;

    // Effects: what is noted from now on is one operation of that worker (0 to 31).
    void begin_operation(unsigned worker) {
        worker_ = 1u << worker;
        starts_.push_back(touched_.size());
    }
    void note(const void* address, bool writes) {
        if (starts_.empty()) return;
        const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(address) / line;
        users& u = lines_[at];
        u.all |= worker_;
        u.written = u.written || writes;
        moved_ += u.holders != 0 && ((u.holders & worker_) == 0 || (writes && u.holders != worker_));
        u.holders = writes ? worker_ : u.holders | worker_;
        const auto begin = touched_.begin() + static_cast<std::ptrdiff_t>(starts_.back());
        if (std::find(begin, touched_.end(), at) == touched_.end()) touched_.push_back(at);
    }
    [[nodiscard]] std::size_t operations() const { return starts_.size(); }
    // Returns: lines of each operation that several workers touched, at least one of them writing; the sum.
    [[nodiscard]] std::size_t shared() const {
        return static_cast<std::size_t>(
            std::count_if(touched_.begin(), touched_.end(), [&](std::uintptr_t at) {
                const users& u = lines_.at(at);
                return u.written && (u.all & (u.all - 1)) != 0;
            }));
    }
    [[nodiscard]] std::size_t touched() const { return touched_.size(); }
    // Returns: how often a line would have gone from one processor to another, or been taken away from others: had each
    // worker a cache that forgets nothing.
    [[nodiscard]] std::size_t moved() const { return moved_; }

private:
    struct users {
        std::uint32_t all = 0;
        std::uint32_t holders = 0; // whose caches have it: one, if he wrote it
        bool written = false;
    };
    std::unordered_map<std::uintptr_t, users> lines_;
    std::vector<std::uintptr_t> touched_; // the lines of each operation, one behind the other
    std::vector<std::size_t> starts_;
    std::size_t moved_ = 0;
    std::uint32_t worker_ = 0;
};

// The log of the calling thread, while it has one.
inline thread_local line_log* logging = nullptr;

struct logged_atomics : cordon::std_atomics {
    template <class T>
    struct atomic : cordon::std_atomics::atomic<T> {
        using base = cordon::std_atomics::atomic<T>;
        T load(std::memory_order order) const { return note(false), base::load(order); }
        void store(T value, std::memory_order order) { note(true), base::store(value, order); }
        T exchange(T value, std::memory_order order) { return note(true), base::exchange(value, order); }
        T fetch_add(T value, std::memory_order order) { return note(true), base::fetch_add(value, order); }
        T fetch_or(T value, std::memory_order order) { return note(true), base::fetch_or(value, order); }
        T fetch_and(T value, std::memory_order order) { return note(true), base::fetch_and(value, order); }
        bool compare_exchange(T& expected, T desired, std::memory_order order) {
            return note(true), base::compare_exchange(expected, desired, order);
        }

    private:
        void note(bool writes) const {
            if (logging != nullptr) logging->note(this, writes);
        }
    };
};

// Notes the lines of `watched` that change while a lock is held.
class line_watch {
public:
    static constexpr bool wants_contention = false;

    static void watch(std::span<const std::byte> memory) {
        watched_ = memory;
        before_.assign(memory.begin(), memory.end());
    }
    void before_lock() {}
    void acquired(bool) {}
    void released() {
        if (logging == nullptr) return;
        for (std::size_t at = 0; at < watched_.size(); at += line_log::line) {
            const std::size_t bytes = std::min(line_log::line, watched_.size() - at);
            if (std::memcmp(&watched_[at], &before_[at], bytes) == 0) continue;
            logging->note(&watched_[at], true);
            std::memcpy(&before_[at], &watched_[at], bytes);
        }
    }

private:
    static inline thread_local std::span<const std::byte> watched_;
    static inline thread_local std::vector<std::byte> before_;
};

struct logged_policy : cordon::default_policy {
    using atomics = logged_atomics;
    using zone_lock = cordon::observed_lock<cordon::spin_lock<atomics, backoff>, line_watch>;
    using gate = cordon::membarrier_gate<atomics, cordon::default_barrier, clock, backoff>;
    using thread_slots = cordon::explicit_slots<32>;
};

// Effects: until it is destroyed, what the thread does to the zone is logged.
class logged_section {
public:
    logged_section(cordon::basic_zone<logged_policy>& zone, line_log& log) {
        const std::span<const std::byte> all = zone.internals().metadata_memory();
        const auto* states = reinterpret_cast<const std::byte*>(zone.internals().parts().states_cells);
        line_watch::watch(all.first(static_cast<std::size_t>(states - all.data())));
        logging = &log;
    }
    ~logged_section() { logging = nullptr; }
    logged_section(const logged_section&) = delete;
    logged_section& operator=(const logged_section&) = delete;
};

} // namespace bench
