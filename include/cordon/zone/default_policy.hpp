// cordon/zone/default_policy.hpp - default_policy: threads on an operating system; single_threaded_policy: one of them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/local/membarrier_gate.hpp"
#include "cordon/platform/default.hpp"
#include "cordon/platform/fatal.hpp"
#include "cordon/sync/null_lock.hpp"
#include "cordon/zone/policy.hpp"

namespace cordon::inline v0 {

// Says what was wrong with the call and how the frame stands, and aborts.
struct report_and_abort {
    [[noreturn]] static void on_misuse(const misuse_report& report) {
        text_buffer<512> message;
        message << report;
        fatal(message.view());
    }
};

struct default_policy : bare_policy {
    // A batch of single frames is a whole pageblock: where processors are far apart a hold of the zone lock takes longer to
    // come by than 512 frames take to hand over. What of it is not used is not committed.
    static constexpr cached_order cached_orders[] = {{0, 1024}, {1, 128}, {2, 64}, {3, 64}, {4, 32},
                                                     {5, 16},   {6, 8},   {7, 8},  {8, 8},  {9, 16}};
    using clock = default_clock;
    using backoff = default_backoff;
    using zone_lock = spin_lock<atomics, backoff>;
    using isolation_lock = spin_lock<atomics, backoff>;
    using gate = membarrier_gate<atomics, default_barrier, clock, backoff>;
    using thread_slots = default_slots;
    using metadata_memory = default_memory;
    using misuse_handler = report_and_abort;
};
static_assert(zone_policy<default_policy>);

// No lock, no gate, one slot: nothing is paid for other threads. A second thread breaks it.
struct single_threaded_policy : default_policy {
    using zone_lock = null_lock;
    using isolation_lock = null_lock;
    using gate = null_gate;
    using thread_slots = single_thread_slot;
};
static_assert(zone_policy<single_threaded_policy>);

} // namespace cordon::inline v0
