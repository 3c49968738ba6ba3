// cordon/zone/annotated_policy.hpp - annotated_policy: default_policy that has sanitizers watch the frames' memory.
// SPDX-License-Identifier: BSL-1.0
//
//     cordon::arena ram{cordon::frame_count{262144}};
//     cordon::basic_zone<cordon::annotated_policy> zone{{.frames = ram.frames(), .memory = ram.memory()}};
//
// For programs that are built with -fsanitize=address, or run under valgrind; 30 instructions an operation elsewhere.
#pragma once

#include "cordon/platform/sanitizer_annotator.hpp"
#include "cordon/zone/default_policy.hpp"

namespace cordon::inline v0 {

struct annotated_policy : default_policy {
    using memory_annotator = sanitizer_annotator;
};
static_assert(zone_policy<annotated_policy>);

} // namespace cordon::inline v0
