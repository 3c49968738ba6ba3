// cordon/sync/observed_lock.hpp - observed_lock: a lock that tells an observer what happens to it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/sync/concepts.hpp"

#include <concepts>

namespace cordon::inline v0 {

// before_lock()        the caller is about to lock(), and may wait. Not called for try_lock().
// acquired(contended)  the caller holds the lock now; contended: it had to wait.
// released()           the caller is about to unlock(); it still holds the lock.
// wants_contention     false: acquired() may be told `false` always, which spares lock() a try_lock() first.
template <class O>
concept lock_observer = requires(O& observer, bool contended) {
    observer.before_lock();
    observer.acquired(contended);
    observer.released();
    { O::wants_contention } -> std::convertible_to<bool>;
};

struct null_observer {
    static constexpr bool wants_contention = false;
    constexpr void before_lock() {}
    constexpr void acquired(bool) {}
    constexpr void released() {}
};
static_assert(lock_observer<null_observer>);

// Several observers as one, told in the order given. Each is a base: convert to it to read it.
template <lock_observer... Observers>
struct observers : Observers... {
    static constexpr bool wants_contention = (Observers::wants_contention || ...);
    constexpr void before_lock() { (Observers::before_lock(), ...); }
    constexpr void acquired(bool contended) { (Observers::acquired(contended), ...); }
    constexpr void released() { (Observers::released(), ...); }
};

// The interface of L, observed. The observer's calls for one lock do not overlap, but for before_lock().
// Contention shows only where L has try_lock(). With null_observer it is L, in size and in code.
template <basic_lockable L, lock_observer Observer = null_observer>
class CORDON_CAPABILITY("lock") observed_lock {
public:
    constexpr observed_lock() = default;
    observed_lock(const observed_lock&) = delete;
    observed_lock& operator=(const observed_lock&) = delete;

    CORDON_ALWAYS_INLINE void lock() CORDON_ACQUIRE() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        observer_.before_lock();
        bool contended = false;
        if constexpr (Observer::wants_contention && try_lockable<L>) {
            contended = !lock_.try_lock();
            if (contended) lock_.lock();
        } else {
            lock_.lock();
        }
        observer_.acquired(contended);
    }

    [[nodiscard]] CORDON_ALWAYS_INLINE bool try_lock() requires try_lockable<L> CORDON_TRY_ACQUIRE(true)
    CORDON_NO_THREAD_SAFETY_ANALYSIS {
        if (!lock_.try_lock()) return false;
        observer_.acquired(false);
        return true;
    }

    CORDON_ALWAYS_INLINE void unlock() CORDON_RELEASE() CORDON_NO_THREAD_SAFETY_ANALYSIS {
        observer_.released();
        lock_.unlock();
    }

    [[nodiscard]] constexpr const Observer& observer() const { return observer_; }
    // Returns: the lock itself; what is done to it there the observer does not hear.
    [[nodiscard]] constexpr L& unobserved() { return lock_; }

private:
    [[no_unique_address]] L lock_;
    [[no_unique_address]] Observer observer_;
};

// Returns: the lock without its observer, if it has one. For what is held over a fork(): the locks of all zones are held
// there one after the other, in which a rank_checker would see one zone's nested in another's.
template <class L>
[[nodiscard]] constexpr auto& unobserved(L& lock) {
    if constexpr (requires { lock.unobserved(); })
        return lock.unobserved();
    else
        return lock;
}

} // namespace cordon::inline v0
