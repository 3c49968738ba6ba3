// cordon/sync/guard.hpp - guard: a scope that holds a lock; held: the proof of it.
// SPDX-License-Identifier: BSL-1.0
//
// A function that needs a lock says so twice:
//
//     class list {
//         void push(frame f) {
//             guard section{lock_};
//             link(f, section.proof());
//         }
//         void link(frame f, held<spin_lock<>> proof) CORDON_REQUIRES(lock_);
//         spin_lock<> lock_;
//         frame head_ CORDON_GUARDED_BY(lock_);
//     };
//
// The token makes every compiler reject a caller that holds no lock of that type; only a guard with a name
// can mint it. The attribute makes Clang check which lock it is, and every access to the guarded data. A
// function that cannot name the lock takes the token alone; one that can reach it checks `proof.of(lock_)`
// when checks are full. (WebKit's bmalloc passes its lock holder down, tcmalloc annotates; here both.)
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/sync/concepts.hpp"

namespace cordon::inline v0 {

template <basic_lockable L>
class guard;

// Stands for "the caller holds a lock of type L". It proves the moment it was minted at: pass it down, do not
// keep it beyond the guard's scope or an early unlock().
template <class L>
class held {
public:
    [[nodiscard]] constexpr bool of(const L& lock) const { return lock_ == &lock; }

private:
    friend class guard<L>;
    explicit constexpr held(const L* lock) : lock_(lock) {}

    const L* lock_;
};

// Says that the caller holds the lock already, for example by lock_until (timed_lock.hpp).
struct adopt_lock_t {
    explicit adopt_lock_t() = default;
};
inline constexpr adopt_lock_t adopt_lock{};

template <basic_lockable L>
class CORDON_SCOPED_CAPABILITY [[nodiscard]] guard {
public:
    CORDON_ALWAYS_INLINE explicit guard(L& lock) CORDON_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
    CORDON_ALWAYS_INLINE guard(L& lock, adopt_lock_t) CORDON_REQUIRES(lock) : lock_(lock) {}
    CORDON_ALWAYS_INLINE ~guard() CORDON_RELEASE() {
        if (holds_) lock_.unlock();
    }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

    // Effects: drops the lock before the scope ends, for example around a callback; lock() takes it again.
    // Requires: unlock() while it is held, lock() while it is not.
    CORDON_ALWAYS_INLINE void unlock() CORDON_RELEASE() {
        holds_ = false;
        lock_.unlock();
    }
    CORDON_ALWAYS_INLINE void lock() CORDON_ACQUIRE() {
        lock_.lock();
        holds_ = true;
    }

    // Returns: the token; after an early unlock() one that is `of` no lock.
    [[nodiscard]] CORDON_ALWAYS_INLINE held<L> proof() const& { return held<L>{holds_ ? &lock_ : nullptr}; }
    // The token of a guard without a name would outlive it unseen.
    held<L> proof() const&& = delete;

private:
    L& lock_;
    bool holds_ = true;
};

} // namespace cordon::inline v0
