// cordon/lru/batches_disabled.hpp - batches_disabled: an LRU without batches, for as long as it lives.
// SPDX-License-Identifier: BSL-1.0
//
// Linux: lru_cache_disable. While a token lives every batch is empty and closed; adds go to their lists at once.
#pragma once

#include "cordon/lru/core.hpp"

#include <cstdint>
#include <utility>

namespace cordon::inline v0 {

template <class R, class P>
class [[nodiscard]] batches_disabled {
public:
    batches_disabled() = default;
    batches_disabled(batches_disabled&& other) noexcept : tracker_(std::exchange(other.tracker_, nullptr)) {}
    batches_disabled& operator=(batches_disabled&& other) noexcept {
        if (this != &other) {
            enable();
            tracker_ = std::exchange(other.tracker_, nullptr);
        }
        return *this;
    }
    ~batches_disabled() { enable(); }

    // Returns: a token; timed_out, barrier_refused or re_entered, with nothing changed.
    static result<batches_disabled> make(lru_core<R, P>& tracker, deadline limit) {
        const std::uint64_t until = limit.from(P::clock::now());
        if (tracker.error() != status::ok) return tracker.error();
        if (tracker.is_entered(P::thread_slots::peek())) return status::re_entered;
        if (!lock_until<typename P::clock, typename P::backoff>(tracker.control_lock(), until))
            return status::timed_out;
        const typename lru_core<R, P>::control_guard control{tracker.control_lock(), adopt_lock};
        if (const status e = tracker.disable_batches(control.proof(), until); e != status::ok) return e;
        batches_disabled token;
        token.tracker_ = &tracker;
        return token;
    }
    // Returns: whether it keeps the batches of an LRU closed.
    [[nodiscard]] explicit operator bool() const { return tracker_ != nullptr; }
    // Effects: gives the token up before its end.
    void enable() {
        if (!*this) return;
        const typename lru_core<R, P>::control_guard control{tracker_->control_lock()};
        tracker_->enable_batches(control.proof());
        tracker_ = nullptr;
    }

private:
    lru_core<R, P>* tracker_ = nullptr;
};

} // namespace cordon::inline v0
