// support/byte_choices.hpp - byte_choices: the decisions of a test, read from the bytes of a fuzzer's input.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::testing {

// The stand-in for rng (seed.hpp) where a fuzzer decides. A choice eats no more bytes than it needs, so that a changed
// byte changes one decision; behind the last byte every choice is 0.
class byte_choices {
public:
    explicit byte_choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    // Returns: a number in [0, n). Requires: n is not 0.
    std::uint64_t below(std::uint64_t n) {
        std::uint64_t value = 0;
        for (std::uint64_t left = n - 1; left != 0; left >>= 8)
            value = value << 8 | next();
        return value % n;
    }
    [[nodiscard]] bool ended() const { return at_ == bytes_.size(); }

private:
    std::uint8_t next() { return ended() ? std::uint8_t{0} : bytes_[at_++]; }

    std::span<const std::uint8_t> bytes_;
    std::size_t at_ = 0;
};

} // namespace cordon::testing
