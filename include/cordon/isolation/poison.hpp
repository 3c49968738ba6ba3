// cordon/isolation/poison.hpp - poison_frame: take one frame out for good, wherever it is.
// SPDX-License-Identifier: BSL-1.0
//
//     free               its bit is cleared, which splits whatever run it was in
//     cached             as in isolation: condemned under the zone lock, so that a later free sees it; one
//                        barrier; taken out of the cache, and diverted on its way to the map
//     in use             condemned: it is diverted when it is freed
//     isolated, offline  as free; it stays out when its block comes back
//
// (Linux: hwpoison; take_page_off_buddy.)
#pragma once

#include "cordon/zone/zone_core.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// Returns: ok, it is out; deferred, it is in use; poisoned, absent or foreign_frame; no_memory, the table is full;
// barrier_refused, re_entered: nothing changed.
template <class Policy>
status poison_frame(zone_core<Policy>& engine, slot_index s, frame f) {
    using proof = typename zone_core<Policy>::zone_proof;
    const auto& geo = engine.geometry();
    const frame_index i = geo.index_of(f);
    if (engine.error() != status::ok) return engine.error();
    if (!geo.contains(i)) return status::foreign_frame;
    if (engine.caches().is_entered(s)) return status::re_entered;

    const typename zone_core<Policy>::isolation_guard section{engine.isolation_lock()};
    const status outcome = engine.with_zone_lock([&](proof held_lock) {
        const frame_info info = engine.state_of(held_lock, i);
        if (info.state == frame_state::absent) return status::absent;
        if (info.state == frame_state::poisoned || info.poison_pending) return status::poisoned;
        if (!engine.blocks().can_poison(held_lock)) return status::no_memory;
        if (engine.blocks().is_free(held_lock, i)) {
            engine.blocks().poison_free(held_lock, i);
            return status::ok;
        }
        engine.blocks().condemn(held_lock, i);
        return status::deferred;
    });
    if (outcome == status::ok) Policy::tracer::on(trace_event::poison, f, frame_count{1});
    if (outcome != status::deferred) return outcome;

    const status drained =
        engine.drain(section.proof(), {i.raw(), std::uint64_t{i.raw()} + 1}, gate_claim::draining, UINT64_MAX,
                     typename zone_core<Policy>::no_work{});
    return engine.with_zone_lock([&](proof held_lock) {
        if (engine.state_of(held_lock, i).state == frame_state::poisoned) return status::ok;
        if (drained == status::ok) return status::deferred;
        engine.blocks().pardon(held_lock, i);
        return drained;
    });
}

} // namespace cordon::inline v0
