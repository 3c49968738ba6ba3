// fuzz/target.hpp - what a fuzz target is: run(), which reads an input as a sequence of operations and carries them out.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/byte_choices.hpp"
#include "support/episode.hpp"

#include <cstdint>
#include <ostream>
#include <span>

namespace cordon::fuzz {

using input = std::span<const std::uint8_t>;

// When the whole zone is compared with the model and its invariants are walked, which takes far longer than an operation.
enum class comparison { behind_the_last_operation, behind_each_operation };

// Defined by each target. Effects: throws a testing::disagreement at the first operation that comes to something else
// than the model says, or at the first comparison that shows a broken invariant. Tells the operations to `log` unless
// it is null.
void run(input bytes, comparison compared, std::ostream* log);

// Small magazines, which spill and refill all the time, and nothing that sleeps.
struct small_policy : testing::small_policy {
    static constexpr cached_order cached_orders[] = {{0, 8}, {1, 4}, {3, 4}, {6, 2}};
    static constexpr check_level checks = check_level::full;
    using backoff = pause_backoff;
    using zone_lock = spin_lock<atomics, backoff>;
    using isolation_lock = spin_lock<atomics, backoff>;
    using gate = lock_gate<atomics, clock, backoff>;
};
inline constexpr std::uint32_t blocks = 2;
inline constexpr std::uint32_t max_poisoned = 6;

// One byte of the input says which.
inline constexpr testing::operation_mix isolation_mix{.allocate_or_free = 116,
                                                      .free_wrongly = 8,
                                                      .bulk = 12,
                                                      .exact = 12,
                                                      .contiguous = 8,
                                                      .drain = 8,
                                                      .disable_or_enable = 12,
                                                      .isolate = 20,
                                                      .work_on_range = 28,
                                                      .online = 8,
                                                      .poison = 6,
                                                      .set_type = 6,
                                                      .compact = 6,
                                                      .report_free = 6};
static_assert(isolation_mix.total() == 256);

// Effects: does all operations of the input; half of the inputs then give everything back.
template <class Choices, class Episode>
void run_all(Choices& choices, Episode& one, comparison compared) {
    const bool releases = choices.below(2) == 1;
    one.turn();
    while (!choices.ended()) {
        one.step();
        one.conserve();
        if (compared == comparison::behind_each_operation) one.compare_all();
    }
    if (releases) one.release_all();
    one.compare_all();
}

inline testing::zone_choice choose_zone(testing::byte_choices& choices) {
    return testing::choose_zone(choices, testing::small_block, blocks, max_poisoned);
}

template <class Policy>
void run_episode(testing::byte_choices& choices, const testing::operation_mix& mix, comparison compared,
                 std::ostream* log) {
    testing::episode<Policy, testing::byte_choices> one{choices, mix, choose_zone(choices), log};
    run_all(choices, one, compared);
}

} // namespace cordon::fuzz
