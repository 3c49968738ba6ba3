// buffer_pool/policies.hpp - the replacement policies that the program can run with, by name.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cordon/lru.hpp>
#include <cordon/lru/policies/adaptive.hpp>
#include <cordon/lru/policies/any_policy.hpp>
#include <cordon/lru/policies/clock.hpp>
#include <cordon/lru/policies/fifo.hpp>
#include <cordon/lru/policies/generations.hpp>
#include <cordon/lru/policies/lirs.hpp>
#include <cordon/lru/policies/lru.hpp>
#include <cordon/lru/policies/s3_fifo.hpp>
#include <cordon/lru/policies/sieve.hpp>
#include <cordon/lru/policies/two_list.hpp>

#include <array>
#include <string_view>

namespace demo {

namespace replacement = cordon::replacement;

// A program that needs only one writes cordon::lru<cordon::replacement::adaptive>.
using chosen_policy =
    replacement::any_policy<replacement::fifo, replacement::lru, replacement::clock<>, replacement::two_list,
                            replacement::generations<>, replacement::s3_fifo<>, replacement::sieve,
                            replacement::lirs, replacement::adaptive>;
using tracker = cordon::lru<chosen_policy>;

inline constexpr std::array<std::string_view, 9> policy_names{
    "fifo", "lru", "clock", "two_list", "generations", "s3_fifo", "sieve", "lirs", "adaptive"};
inline constexpr unsigned default_policy_number = 8;
inline constexpr unsigned no_policy = policy_names.size();

[[nodiscard]] constexpr unsigned number_of(std::string_view name) {
    unsigned n = 0;
    while (n != no_policy && policy_names[n] != name)
        ++n;
    return n;
}

} // namespace demo
