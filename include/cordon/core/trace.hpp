// cordon/core/trace.hpp - tracer: hears of the slow paths. null_tracer hears nothing and costs nothing.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"

#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

enum class trace_event : std::uint8_t {
    refill,    // a cache, or a caller without one, took `count` frames from the zone
    spill,     // the zone got `count` frames back
    steal,     // `count` frames came from a block of another migrate type
    drain,     // caches were emptied of a range
    isolate,   // a range was sealed
    undo,      // a sealed range came back
    claim,     // `count` frames of a sealed range were allocated, the rest of it came back
    offline,   // a sealed range left the zone
    online,    // an offline range came back
    poison,    // a frame was taken out for good
    no_memory, // an allocation of `count` frames failed
};

// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(trace_event event) {
    switch (event) {
    case trace_event::refill: return "refill";
    case trace_event::spill: return "spill";
    case trace_event::steal: return "steal";
    case trace_event::drain: return "drain";
    case trace_event::isolate: return "isolate";
    case trace_event::undo: return "undo";
    case trace_event::claim: return "claim";
    case trace_event::offline: return "offline";
    case trace_event::online: return "online";
    case trace_event::poison: return "poison";
    case trace_event::no_memory: return "no_memory";
    }
    return "unknown trace_event";
}

// A tracer is called from any thread with the zone lock free, and must not call the zone or throw. `first` is the first
// frame of the range or run; of a refill or a spill, one of its frames; of no_memory, none.
template <class T>
concept tracer = requires(trace_event event, frame first, frame_count count) {
    T::on(event, first, count);
};

struct null_tracer {
    static constexpr void on(trace_event, frame, frame_count) {}
};
static_assert(tracer<null_tracer>);

} // namespace cordon::inline v0
