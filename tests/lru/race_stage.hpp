// tests/lru/race_stage.hpp - stage: a tracker whose words are watched, three frames on it, and a second thread.
// SPDX-License-Identifier: BSL-1.0
//
// A hook runs before or after a change of one frame's word, or behind a read of it. Where no lock is held there, the other
// thread's whole step is done in the hook; where one is, a thread does it, and may have to wait.
#pragma once

#include "cordon/lru.hpp"

#include "support/catch.hpp"
#include "support/hooks.hpp"
#include "support/lrus.hpp"

#include <cstdint>
#include <type_traits>

namespace cordon::testing {

inline hook word_read;     // behind it, with the value in hand
inline hook before_change; // of a word, by a read-modify-write
inline hook after_change;

struct watched_atomics : std_atomics {
    struct word : std_atomics::atomic<std::uint32_t> {
        using base = std_atomics::atomic<std::uint32_t>;
        std::uint32_t load(std::memory_order order) const {
            const std::uint32_t value = base::load(order);
            word_read(this);
            return value;
        }
        bool compare_exchange(std::uint32_t& expected, std::uint32_t desired, std::memory_order order) {
            before_change(this);
            const bool changed = base::compare_exchange(expected, desired, order);
            if (changed) after_change(this);
            return changed;
        }
        std::uint32_t exchange(std::uint32_t value, std::memory_order order) {
            before_change(this);
            return base::exchange(value, order);
        }
        std::uint32_t fetch_add(std::uint32_t value, std::memory_order order) {
            before_change(this);
            const std::uint32_t before = base::fetch_add(value, order);
            after_change(this);
            return before;
        }
    };
    template <class T>
    using atomic = std::conditional_t<std::is_same_v<T, std::uint32_t>, word, std_atomics::atomic<T>>;
};

struct watched_policy : small_lru_policy {
    using atomics = watched_atomics;
    using group_lock = hooked_lock<spin_lock<>>;
};

inline constexpr frame a{1000}, b{1001}, c{1002};

template <class R>
struct stage {
    lru<R, watched_policy> tracker{some_frames(64), 4};
    group_id other = *tracker.create_group();
    status outcome = status::busy; // of the second thread's step
    other_thread second;

    stage() {
        chosen_slots::mine = slot_index::none();
        for (const frame f : {a, b, c})
            REQUIRE(tracker.add(f) == status::ok);
    }
    ~stage() {
        for (hook* one : {&word_read, &before_change, &after_change})
            one->disarm();
    }
    [[nodiscard]] const void* word(frame f) {
        return &tracker.internals().word_of(tracker.internals().index_of(f));
    }
    [[nodiscard]] lru_place where(frame f) { return tracker.state_of(f).place; }
    void check_whole() {
        const lru_validation valid = tracker.validate(true);
        INFO((valid ? "" : valid.what));
        CHECK(valid);
    }
};

} // namespace cordon::testing
