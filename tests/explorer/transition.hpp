// explorer/transition.hpp - transition: one step of a schedule, a number below 64 and a letter of its text.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/clock.hpp"
#include "explorer/store_buffer.hpp"

#include <bit>
#include <cstdint>
#include <string_view>

namespace cordon::explorer {

enum class move : std::uint8_t {
    step,    // the thread does its operation
    refuse,  // its system call fails
    timeout, // the deadline of its wait passes
    kill,    // it never runs again; its buffer drains
    signal,  // its signal handler runs first
    delay,   // its store waits in the buffer (where stores otherwise do not)
    flush,   // the oldest store of a queue of its buffer is seen by all
};

class transition {
public:
    static constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXabcdefghijklmnopqrstuvwxyz0123456789";

    constexpr transition() = default;
    explicit constexpr transition(unsigned number) : number_(static_cast<std::uint8_t>(number)) {}
    constexpr transition(move m, unsigned thread, unsigned queue = 0)
        : transition((static_cast<unsigned>(m) + queue) * max_threads + thread) {}

    [[nodiscard]] constexpr unsigned number() const { return number_; }
    [[nodiscard]] constexpr unsigned thread() const { return number_ % max_threads; }
    [[nodiscard]] constexpr move kind() const {
        const unsigned row = number_ / max_threads;
        return row < static_cast<unsigned>(move::flush) ? static_cast<move>(row) : move::flush;
    }
    // Requires: a flush.
    [[nodiscard]] constexpr unsigned queue() const {
        return number_ / max_threads - static_cast<unsigned>(move::flush);
    }
    [[nodiscard]] constexpr char letter() const { return letters[number_]; }
    constexpr bool operator==(const transition&) const = default;

private:
    std::uint8_t number_ = 63;
};
static_assert(transition{move::flush, max_threads - 1, store_buffer::queues - 1}.number() ==
              transition::letters.size() - 1);

// A set of transitions.
class transition_set {
public:
    constexpr transition_set() = default;
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    [[nodiscard]] constexpr unsigned size() const { return static_cast<unsigned>(std::popcount(bits_)); }
    [[nodiscard]] constexpr bool contains(transition t) const { return (bits_ >> t.number() & 1) != 0; }
    [[nodiscard]] constexpr transition first() const {
        return transition{static_cast<unsigned>(std::countr_zero(bits_))};
    }
    constexpr void insert(transition t) { bits_ |= std::uint64_t{1} << t.number(); }
    constexpr void erase(transition t) { bits_ &= ~(std::uint64_t{1} << t.number()); }
    [[nodiscard]] constexpr transition_set without(transition_set other) const {
        return transition_set{bits_ & ~other.bits_};
    }
    [[nodiscard]] constexpr transition_set with(transition_set other) const {
        return transition_set{bits_ | other.bits_};
    }
    template <class F>
    constexpr void for_each(F f) const {
        for (std::uint64_t left = bits_; left != 0; left &= left - 1)
            f(transition{static_cast<unsigned>(std::countr_zero(left))});
    }

private:
    explicit constexpr transition_set(std::uint64_t bits) : bits_(bits) {}
    std::uint64_t bits_ = 0;
};

} // namespace cordon::explorer
