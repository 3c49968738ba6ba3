// cordon/isolation/caches_disabled.hpp - caches_disabled: a zone without thread caches, for as long as it lives.
// SPDX-License-Identifier: BSL-1.0
//
// Linux: zone_pcp_disable. While a token lives every cache is empty and closed: no push, no refill, and no
// tuner, new thread or other token can open one. Operations go to the zone lock. The zone outlives the token; if it does
// not, the misuse handler hears of it, and the token owns nothing. In a fork child it does not hear; and there the tokens
// of other threads live for ever: its caches stay closed.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/time.hpp"
#include "cordon/sync/timed_lock.hpp"
#include "cordon/zone/zone_core.hpp"

#include <cstdint>
#include <utility>

namespace cordon::inline v0 {

template <class Policy>
class [[nodiscard]] caches_disabled {
public:
    caches_disabled() = default;
    caches_disabled(caches_disabled&& other) noexcept { take(other); }
    caches_disabled& operator=(caches_disabled&& other) noexcept {
        if (this != &other) {
            enable();
            take(other);
        }
        return *this;
    }
    ~caches_disabled() { enable(); }

    // Returns: a token; timed_out, barrier_refused or re_entered, with nothing changed. Cost: for the first
    // token one barrier and the cached runs, for nested ones nothing.
    static result<caches_disabled> make(zone_core<Policy>& engine, deadline limit) {
        const std::uint64_t until = limit.from(Policy::clock::now());
        if (engine.error() != status::ok) return engine.error();
        if (engine.caches().is_entered(Policy::thread_slots::current())) return status::re_entered;
        if (!lock_until<typename Policy::clock, typename Policy::backoff>(engine.isolation_lock(), until))
            return status::timed_out;
        const typename zone_core<Policy>::isolation_guard section{engine.isolation_lock(), adopt_lock};
        if (const status e = engine.disable_caches(section.proof(), until); e != status::ok) return e;
        return caches_disabled{engine};
    }
    // Returns: whether it keeps the caches of a zone closed.
    [[nodiscard]] explicit operator bool() const { return zone_ != nullptr && !node_.is_orphan; }
    // Effects: gives the token up before its end.
    void enable() {
        if (!*this) return;
        const typename zone_core<Policy>::isolation_guard section{zone_->isolation_lock()};
        zone_->enable_caches(section.proof());
        zone_->with_zone_lock([&](proof held_lock) { zone_->sealed(held_lock).erase(node_); });
        zone_ = nullptr;
    }

private:
    using proof = typename zone_core<Policy>::zone_proof;

    explicit caches_disabled(zone_core<Policy>& engine) : zone_(&engine) {
        engine.with_zone_lock([&](proof held_lock) { engine.sealed(held_lock).insert(node_); });
    }
    void take(caches_disabled& other) {
        if (!other) return;
        zone_ = std::exchange(other.zone_, nullptr);
        node_ = {}; // an orphan no more
        zone_->with_zone_lock([&](proof held_lock) { zone_->sealed(held_lock).replace(other.node_, node_); });
    }

    zone_core<Policy>* zone_ = nullptr;
    sealed_blocks node_;
};

} // namespace cordon::inline v0
