// cordon/core/time.hpp - deadline: how long a call may wait.
// SPDX-License-Identifier: BSL-1.0
//
// The core knows no clock; the policy has one, `clock::now()`, in nanoseconds. A deadline is given relative to
// the call that takes it, so that it can be written in place: isolate_options{.deadline = 5ms}.
#pragma once

#include <concepts>
#include <cstdint>

namespace cordon::inline v0 {

class deadline {
public:
    // Never passes.
    constexpr deadline() = default;
    [[nodiscard]] static constexpr deadline never() { return deadline{}; }
    // Passes at once: the call does what it can without waiting.
    [[nodiscard]] static constexpr deadline immediate() { return deadline{0}; }
    [[nodiscard]] static constexpr deadline in_nanoseconds(std::uint64_t ns) { return deadline{ns}; }
    // Returns: what is left until the clock reads `until`, for a clock that reads `now`.
    [[nodiscard]] static constexpr deadline until(std::uint64_t until, std::uint64_t now) {
        return deadline{until == UINT64_MAX ? UINT64_MAX : until > now ? until - now : 0};
    }
    // Any std::chrono::duration; negative ones have passed, ones of more than 2^64 ns never do.
    template <class Duration>
    requires requires(Duration d) {
        { Duration::period::den } -> std::convertible_to<std::intmax_t>;
        d.count();
    }
    constexpr deadline(Duration d)
        : ns_(rounded(static_cast<long double>(d.count()) * Duration::period::num * 1'000'000'000.0L /
                      Duration::period::den)) {}

    [[nodiscard]] constexpr bool is_never() const { return ns_ == UINT64_MAX; }
    // Returns: the clock's reading at which the deadline passes, for a clock that reads `now` at the call.
    [[nodiscard]] constexpr std::uint64_t from(std::uint64_t now) const {
        return ns_ > UINT64_MAX - now ? UINT64_MAX : now + ns_;
    }

private:
    explicit constexpr deadline(std::uint64_t ns) : ns_(ns) {}
    static constexpr std::uint64_t rounded(long double ns) {
        constexpr long double end = 18446744073709551616.0L; // 2^64
        return !(ns > 0)   ? 0
               : ns >= end ? UINT64_MAX
                           : static_cast<std::uint64_t>(ns); // 0 if it is no number
    }
    std::uint64_t ns_ = UINT64_MAX;
};

} // namespace cordon::inline v0
