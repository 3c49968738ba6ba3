// cordon/core/status.hpp - status: what an operation came to; result<T>: a value or a status.
// SPDX-License-Identifier: BSL-1.0
//
// Three tiers of failure. Exhaustion, contention and refusal are values of this type. Misuse by the caller has
// values here too; the freeing functions hand it to the policy's misuse handler, their try_ forms return it.
// The library's own bugs are neither: checks of level `full` catch them.
//
// What each value means is said below for zones; lru.hpp says what the LRU means by those that it returns.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace cordon::inline v0 {

// 32 bits, so that a result<frame> is one register: the hit path returns it without assembling bytes.
enum class status : std::uint32_t {
    ok,
    // The call could not be done now; nothing changed, unless the function says so.
    no_memory,        // no free run of that order anywhere: zone, caches, other types
    busy,             // frames of the range are in use, or another isolation holds it
    timed_out,        // the deadline passed
    barrier_refused,  // the system refused the process-wide barrier at run time
    unmovable,        // a block of the range has migrate type unmovable, and is not idle
    migration_failed, // the migrator gave up on a frame, or did not free one that it said was freed
    deferred,         // poison: the frame is in use; it is diverted when it is freed
    re_entered,       // called from inside an operation of the same thread that cannot nest
    // The arguments make no sense; nothing changed.
    invalid_range,    // empty, outside the zone, not made of whole pageblocks, or beyond 2^32 - 1
    invalid_order,    // above the policy's max_order
    invalid_argument, // any other: no such migrate type or group, an alignment that is no power of two, ...
    not_isolated,     // the isolated_range is spent or empty
    offline,          // a block of the range is offline
    not_offline,      // a block of the range is not offline
    poisoned,         // the frame is poisoned already
    absent,           // the frame lies in a hole: it never existed
    // Making a zone or an arena failed.
    no_metadata,      // the metadata memory is missing, too small or misaligned
    corrupt_metadata, // attach: the bytes are no zone of these options
    system_error,     // a system call failed; the object says which, with errno
    unsupported,      // the policy or the system lacks it
    // Misuse of free.
    foreign_frame,    // the frame is not of this zone
    misaligned_frame, // the frame is not a multiple of 2^order
    wrong_order,      // allocated with another order
    double_free,      // the frame is free already
    free_of_cached,   // the frame lies in a thread cache: freed already
    free_of_tail,     // the frame is inside a larger allocation, not its head
    free_of_isolated, // the frame is free in an isolated block
    free_of_offline,
    free_of_poisoned,
    free_of_absent,
    // Misuse of the zone.
    outlives_zone, // an isolated_range or a token of disable_caches(): it was destroyed before they were
};

// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(status s) {
    switch (s) {
    case status::ok: return "ok";
    case status::no_memory: return "no_memory";
    case status::busy: return "busy";
    case status::timed_out: return "timed_out";
    case status::barrier_refused: return "barrier_refused";
    case status::unmovable: return "unmovable";
    case status::migration_failed: return "migration_failed";
    case status::deferred: return "deferred";
    case status::re_entered: return "re_entered";
    case status::invalid_range: return "invalid_range";
    case status::invalid_order: return "invalid_order";
    case status::invalid_argument: return "invalid_argument";
    case status::not_isolated: return "not_isolated";
    case status::offline: return "offline";
    case status::not_offline: return "not_offline";
    case status::poisoned: return "poisoned";
    case status::absent: return "absent";
    case status::no_metadata: return "no_metadata";
    case status::corrupt_metadata: return "corrupt_metadata";
    case status::system_error: return "system_error";
    case status::unsupported: return "unsupported";
    case status::foreign_frame: return "foreign_frame";
    case status::misaligned_frame: return "misaligned_frame";
    case status::wrong_order: return "wrong_order";
    case status::double_free: return "double_free";
    case status::free_of_cached: return "free_of_cached";
    case status::free_of_tail: return "free_of_tail";
    case status::free_of_isolated: return "free_of_isolated";
    case status::free_of_offline: return "free_of_offline";
    case status::free_of_poisoned: return "free_of_poisoned";
    case status::free_of_absent: return "free_of_absent";
    case status::outlives_zone: return "outlives_zone";
    }
    return "unknown status";
}

// A value of T, or the status that says why there is none. T is default constructible; a failed result holds
// a default T, so reading it is harmless (a failed result<frame> holds frame::none()).
template <class T>
class [[nodiscard]] result {
public:
    constexpr result(T value) : value_(std::move(value)) {}
    // Requires: s is not status::ok.
    constexpr result(status s) : status_(s) {}

    [[nodiscard]] constexpr bool has_value() const { return status_ == status::ok; }
    [[nodiscard]] constexpr explicit operator bool() const { return has_value(); }
    // Returns: ok, if there is a value.
    [[nodiscard]] constexpr status error() const { return status_; }

    // Requires: has_value().
    [[nodiscard]] constexpr T& value() & { return value_; }
    [[nodiscard]] constexpr const T& value() const& { return value_; }
    [[nodiscard]] constexpr T&& value() && { return std::move(value_); }
    [[nodiscard]] constexpr T& operator*() & { return value_; }
    [[nodiscard]] constexpr const T& operator*() const& { return value_; }
    [[nodiscard]] constexpr T&& operator*() && { return std::move(value_); }
    [[nodiscard]] constexpr T* operator->() { return &value_; }
    [[nodiscard]] constexpr const T* operator->() const { return &value_; }
    [[nodiscard]] constexpr T value_or(T otherwise) const& { return has_value() ? value_ : otherwise; }
    [[nodiscard]] constexpr T value_or(T otherwise) && {
        return has_value() ? std::move(value_) : std::move(otherwise);
    }

private:
    T value_{};
    status status_ = status::ok;
};

} // namespace cordon::inline v0
