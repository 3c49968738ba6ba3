// cordon/zone/frame_info.hpp - frame_info: what the zone knows of one frame; misuse_report: a wrong free.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/text.hpp"
#include "cordon/frames/block_traits.hpp"
#include "cordon/frames/owner_tags.hpp"

#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

// A frame is in exactly one state.
enum class frame_state : std::uint8_t {
    foreign,   // not of this zone
    absent,    // in a hole: it never existed
    free,      // in its block's map
    cached,    // in a thread cache, or on its way between a cache and its owner
    allocated, // the head of an allocation
    tail,      // inside an allocation, behind its head
    isolated,  // free in an isolated block
    offline,   // free in an offline block
    poisoned,  // taken out for good
};

[[nodiscard]] constexpr std::string_view name(frame_state s) {
    switch (s) {
    case frame_state::foreign: return "foreign";
    case frame_state::absent: return "absent";
    case frame_state::free: return "free";
    case frame_state::cached: return "cached";
    case frame_state::allocated: return "allocated";
    case frame_state::tail: return "tail";
    case frame_state::isolated: return "isolated";
    case frame_state::offline: return "offline";
    case frame_state::poisoned: return "poisoned";
    }
    return "unknown state";
}

struct frame_info {
    frame number{};
    frame_state state = frame_state::foreign;
    frame head{};                              // of the allocation, in the states allocated and tail
    order size{};                              // of the allocation
    migrate_type type = migrate_type::movable; // of the block
    bool block_isolated = false;
    bool block_offline = false;
    bool block_reported = false;       // free, and the embedder knows (zone.report_free)
    bool poison_pending = false;       // allocated and poisoned: taken out when it is freed
    owner_tag owner = owner_tag::none; // of the head, if the policy keeps tags

    bool operator==(const frame_info&) const = default;
};

// A call of free that was refused, with the zone unchanged. Or outlives_zone: the zone is being destroyed before an
// isolated_range or a token, which own nothing from now on.
struct misuse_report {
    status what = status::ok;
    order given{};
    frame_info found{};
    frame_range isolated{};               // by the range; empty: a token of disable_caches()
    owner_tag isolator = owner_tag::none; // of that range

    bool operator==(const misuse_report&) const = default;
};

// "frame 42: allocated, order 3, head frame 40, movable block, isolated, owner 7"
template <text_sink S>
S& operator<<(S& sink, const frame_info& info) {
    print(print(sink << info.number, ": "), name(info.state));
    if (info.state == frame_state::allocated || info.state == frame_state::tail)
        print(sink, ", ") << info.size;
    if (info.state == frame_state::tail) print(sink, ", head ") << info.head;
    if (info.state == frame_state::foreign || info.state == frame_state::absent) return sink;
    print(print(print(sink, ", "), name(info.type)), " block");
    if (info.block_isolated && info.state != frame_state::isolated) print(sink, ", isolated");
    if (info.block_offline && info.state != frame_state::offline) print(sink, ", offline");
    if (info.block_reported) print(sink, ", reported");
    if (info.poison_pending) print(sink, ", poison pending");
    if (info.owner != owner_tag::none)
        print_decimal(print(sink, ", owner "), static_cast<std::uint32_t>(info.owner));
    return sink;
}
// "cordon: double_free: free(frame 42, order 0), expected an allocated head of that order; found frame 42: free"
// "cordon: outlives_zone: an isolated_range, frames [512, 1024), isolated by owner 9"
template <text_sink S>
S& operator<<(S& sink, const misuse_report& report) {
    print(sink, "cordon: ") << report.what;
    if (report.what == status::outlives_zone) {
        if (report.isolated.empty()) return print(sink, ": a token of disable_caches()");
        print(sink, ": an isolated_range, ") << report.isolated;
        if (report.isolator == owner_tag::none) return sink;
        return print_decimal(print(sink, ", isolated by owner "),
                             static_cast<std::uint32_t>(report.isolator));
    }
    print(sink, ": free(") << report.found.number;
    print(sink, ", ") << report.given;
    return print(sink, "), expected an allocated head of that order; found ") << report.found;
}

} // namespace cordon::inline v0
