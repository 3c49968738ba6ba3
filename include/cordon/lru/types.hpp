// cordon/lru/types.hpp - the words of the LRU's interface: group_id, verdict, putback_at, results and options.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/types.hpp"

#include <bit>
#include <compare>
#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

// The number of a group of frames (Linux: memcg). The default value is the root group, which always exists.
class group_id {
public:
    static constexpr std::uint32_t limit = 4096; // ids fit in 12 bits of the state word

    constexpr group_id() = default;
    explicit constexpr group_id(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    constexpr auto operator<=>(const group_id&) const = default;

private:
    std::uint32_t raw_ = 0;
};
inline constexpr group_id root_group{};

// Where a frame is. Each tracked frame is in exactly one place.
enum class lru_place : std::uint8_t {
    untracked,
    listed,      // on a list of its group: the "LRU flag" of Linux
    batched,     // added, waiting in a thread's batch
    isolated,    // claimed; its claimant alone may put it back, move it or evict it
    unevictable, // pinned, and off the lists
};
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(lru_place value) {
    switch (value) {
    case lru_place::untracked: return "untracked";
    case lru_place::listed: return "listed";
    case lru_place::batched: return "batched";
    case lru_place::isolated: return "isolated";
    case lru_place::unevictable: return "unevictable";
    }
    return "unknown lru_place";
}

struct lru_state {
    lru_place place = lru_place::untracked;
    group_id group;
    std::uint32_t pins = 0;
    unsigned list = 0;     // the policy's number for it
    std::uint8_t age = 0;  // the age byte, as the policy wrote it
    std::uint8_t cold = 0; // 0: just used; larger: colder

    bool operator==(const lru_state&) const = default;
};

enum class putback_at : std::uint8_t {
    automatic, // where the replacement policy wants it; its age is kept
    head,      // as if just used: reclaimed last
    tail,      // reclaimed next
};
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(putback_at value) {
    switch (value) {
    case putback_at::automatic: return "automatic";
    case putback_at::head: return "head";
    case putback_at::tail: return "tail";
    }
    return "unknown putback_at";
}

enum class lru_hint : std::uint8_t {
    will_need,  // as if touched
    sequential, // used once and in order: touches so far do not count
    once,       // not used again: reclaimed next
};
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(lru_hint value) {
    switch (value) {
    case lru_hint::will_need: return "will_need";
    case lru_hint::sequential: return "sequential";
    case lru_hint::once: return "once";
    }
    return "unknown lru_hint";
}

// What a reclaim callback wants done with a frame.
enum class verdict : std::uint8_t {
    keep,    // back where the policy wants it
    rotate,  // back as if just used
    reclaim, // untracked; the frame is the embedder's again
    pin,     // pinned once, by the callback's owner
    move,    // to another group
};
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(verdict value) {
    switch (value) {
    case verdict::keep: return "keep";
    case verdict::rotate: return "rotate";
    case verdict::reclaim: return "reclaim";
    case verdict::pin: return "pin";
    case verdict::move: return "move";
    }
    return "unknown verdict";
}

struct reclaim_answer {
    constexpr reclaim_answer(verdict v = verdict::keep) : what(v) {}
    constexpr reclaim_answer(verdict v, group_id target) : what(v), to(target) {}
    [[nodiscard]] static constexpr reclaim_answer move_to(group_id target) { return {verdict::move, target}; }

    verdict what;
    group_id to; // of move
};

struct scan_result {
    frame_count scanned; // looked at on the lists
    frame_count isolated;
    frame_count reclaimed;
    frame_count kept;
    frame_count rotated;
    frame_count pinned;
    frame_count moved;
    frame_count refused; // the verdict could not be done (pinned meanwhile, no such group): put back

    constexpr bool operator==(const scan_result&) const = default;
};

struct lru_options {
    frame_range frames;       // what can be tracked
    std::uint32_t groups = 1; // at most, with the root group
    // Frames touched more recently are not reclaimed. Policies with ticks only, and told by these: call age() so often
    // that several fit into it. With 64 or more in that time all frames count as touched, as older ticks have no time.
    // One that is young when it moves to another group is as if just added there.
    std::uint64_t min_ttl_ns = 0;
    std::uint32_t ghost_entries = 0; // of the table that remembers evicted keys; 4 bytes each
};

// What a group holds and what happened in it. Each figure is true at some moment.
struct lru_stats {
    frame_count listed;     // on the lists; with a ring also those that were just claimed
    std::uint64_t added;    // out of a batch to a list, or to wait for an unpin
    std::uint64_t scanned;  // looked at by scans
    std::uint64_t isolated; // claimed by scans
    std::uint64_t stolen;   // claimed out of a batch, before they were on a list
    std::uint64_t kept;     // stayed on a list when they were looked at
    std::uint64_t culled;   // found pinned and taken off
    std::uint64_t evicted;
    std::uint64_t refaulted; // added with a token of this group
    std::uint64_t activated; // of those, warm enough to start so
    std::uint64_t ticks;

    bool operator==(const lru_stats&) const = default;
};

// How often frames of a group missed that would have hit, had it had more frames: of each frame that came back with its
// token, how many had been evicted since. For least-recently-used order that many more frames are enough to have
// kept it; how far other policies are from that is theirs.
struct miss_curve {
    static constexpr unsigned powers = 33;

    std::uint64_t misses = 0;                   // frames added
    std::uint64_t by_distance[powers + 1] = {}; // of these, by bit width of the distance; last: not known

    // Returns: how many misses would have been left with so many more frames; at most.
    [[nodiscard]] constexpr std::uint64_t with_more(frame_count extra) const {
        std::uint64_t left = misses;
        for (unsigned power = 0; power != powers && (std::uint64_t{1} << power) - 1 <= extra.raw(); ++power)
            left -= by_distance[power];
        return left;
    }
    // Returns: the place of a distance.
    [[nodiscard]] static constexpr unsigned power_of(std::uint64_t distance) {
        const auto width = static_cast<unsigned>(std::bit_width(distance));
        return width < powers ? width : powers;
    }
};

// Frames of a group by place, and the ages of all but the untracked.
struct age_histogram {
    std::uint64_t by_place[5] = {}; // by lru_place; untracked stays 0
    std::uint64_t by_age[256] = {}; // by coldness
    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t n = 0;
        for (const std::uint64_t one : by_place)
            n += one;
        return n;
    }
};

} // namespace cordon::inline v0

template <>
struct std::hash<cordon::group_id> : cordon::hash_of_number<cordon::group_id> {};
