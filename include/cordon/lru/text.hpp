// cordon/lru/text.hpp - what the LRU tells, as text.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/text.hpp"
#include "cordon/lru/token.hpp"
#include "cordon/lru/types.hpp"

#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

template <text_sink S>
S& operator<<(S& sink, group_id g) {
    return print_decimal(print(sink, "group "), g.raw());
}
// "listed, group 2, list 1, 0 pins, cold 3"
template <text_sink S>
S& operator<<(S& sink, const lru_state& s) {
    print(sink, name(s.place));
    if (s.place == lru_place::untracked) return sink;
    print_decimal(print(print(sink, ", ") << s.group, ", list "), s.list);
    print_count(print(sink, ", "), s.pins, "pin", "pins");
    return print_decimal(print(sink, ", cold "), s.cold);
}
// "96 frames scanned, 64 frames isolated: 60 reclaimed, 2 kept, 0 rotated, 1 pinned, 1 moved, 0 refused"
template <text_sink S>
S& operator<<(S& sink, const scan_result& r) {
    print(print(sink << r.scanned, " scanned, ") << r.isolated, " isolated: ");
    print_decimal(sink, r.reclaimed.raw());
    print_decimal(print(sink, " reclaimed, "), r.kept.raw());
    print_decimal(print(sink, " kept, "), r.rotated.raw());
    print_decimal(print(sink, " rotated, "), r.pinned.raw());
    print_decimal(print(sink, " pinned, "), r.moved.raw());
    return print(print_decimal(print(sink, " moved, "), r.refused.raw()), " refused");
}
// "activate, distance 12"; "distance unknown"
template <text_sink S>
S& operator<<(S& sink, const refault_info& r) {
    print(sink, r.activate ? "activate, distance " : "distance ");
    return r.distance == UINT64_MAX ? print(sink, "unknown") : print_decimal(sink, r.distance);
}
// "65536 frames listed; 70000 added, 900 scanned, ..., 3 ticks"
template <text_sink S>
S& operator<<(S& sink, const lru_stats& s) {
    print(sink << s.listed, " listed; ");
    const auto figure = [&](std::uint64_t n, std::string_view what) { print(print_decimal(sink, n), what); };
    figure(s.added, " added, ");
    figure(s.scanned, " scanned, ");
    figure(s.isolated, " isolated, ");
    figure(s.stolen, " stolen, ");
    figure(s.kept, " kept, ");
    figure(s.culled, " culled, ");
    figure(s.evicted, " evicted, ");
    figure(s.refaulted, " refaulted, ");
    figure(s.activated, " activated, ");
    return print_count(sink, s.ticks, "tick", "ticks");
}
// "12 listed, 0 batched, 1 isolated, 0 unevictable; cold 0: 9, 1: 4"
template <text_sink S>
S& operator<<(S& sink, const age_histogram& h) {
    constexpr unsigned places = sizeof h.by_place / sizeof h.by_place[0];
    for (unsigned place = 1; place != places; ++place) {
        print(print_decimal(print(sink, place == 1 ? "" : ", "), h.by_place[place]), " ");
        print(sink, name(static_cast<lru_place>(place)));
    }
    std::string_view before = "; cold ";
    for (unsigned cold = 0; cold != 256; ++cold) {
        if (h.by_age[cold] == 0) continue;
        print_decimal(print(print_decimal(print(sink, before), cold), ": "), h.by_age[cold]);
        before = ", ";
    }
    return sink;
}
// "100 misses; left with so many frames more: 1: 90, 3: 70, 1023: 10", where the number changes
template <text_sink S>
S& operator<<(S& sink, const miss_curve& c) {
    print_count(sink, c.misses, "miss", "misses");
    std::string_view before = "; left with so many frames more: ";
    for (unsigned power = 0; power != miss_curve::powers; ++power) {
        if (c.by_distance[power] == 0) continue;
        const frame_count more{(std::uint64_t{1} << power) - 1};
        print_decimal(print(print_decimal(print(sink, before), more.raw()), ": "), c.with_more(more));
        before = ", ";
    }
    return sink;
}

} // namespace cordon::inline v0
