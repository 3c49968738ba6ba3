// explorer/clock.hpp - vector_clock and footprint: what happened before what, by release and acquire alone.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace cordon::explorer {

inline constexpr unsigned max_threads = 4;

class vector_clock {
public:
    [[nodiscard]] std::uint16_t of(unsigned thread) const { return at_[thread]; }
    void set(unsigned thread, std::uint16_t time) { at_[thread] = time; }
    void advance(unsigned thread) { ++at_[thread]; }
    void join(const vector_clock& other) {
        for (unsigned t = 0; t != max_threads; ++t)
            at_[t] = std::max(at_[t], other.at_[t]);
    }

private:
    std::array<std::uint16_t, max_threads> at_{};
};

// When each thread last read and last wrote a location.
class footprint {
public:
    // Returns: whether an access of the thread is unordered with one of another thread, one of the two a write.
    [[nodiscard]] bool conflicts(unsigned thread, const vector_clock& now, bool write) const {
        for (unsigned t = 0; t != max_threads; ++t)
            if (t != thread && (writes_.of(t) > now.of(t) || (write && reads_.of(t) > now.of(t))))
                return true;
        return false;
    }
    void add(unsigned thread, const vector_clock& now, bool write) {
        (write ? writes_ : reads_).set(thread, now.of(thread));
    }

private:
    vector_clock reads_;
    vector_clock writes_;
};

} // namespace cordon::explorer
