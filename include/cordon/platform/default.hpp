// cordon/platform/default.hpp - the platform that this program is built for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/platform/backoff.hpp"
#include "cordon/platform/freestanding.hpp"

#if __STDC_HOSTED__
#include "cordon/platform/clock.hpp"
#include "cordon/platform/memory.hpp"
#include "cordon/platform/sleeping_backoff.hpp"
#include "cordon/platform/thread_slot.hpp"
#if defined(__linux__)
#include "cordon/platform/barrier.hpp"
#elif defined(_WIN32)
#include "cordon/platform/windows/barrier.hpp"
#endif
#endif

namespace cordon::inline v0 {

#if __STDC_HOSTED__ && defined(__linux__)
using default_barrier = membarrier;
#elif __STDC_HOSTED__ && defined(_WIN32)
using default_barrier = write_buffers_barrier;
#else
using default_barrier = no_barrier;
#endif

#if __STDC_HOSTED__
using default_clock = monotonic_clock;
using default_slots = process_thread_slots;
using default_memory = mapped_memory;
using default_backoff = sleeping_backoff;
#else
// Threads may exist, so one slot for all would be wrong: callers name theirs, or go uncached.
using default_clock = no_clock;
using default_slots = explicit_slots<64>;
using default_memory = no_memory_source;
using default_backoff = pause_backoff;
#endif

static_assert(thread_slots<default_slots>);

} // namespace cordon::inline v0
