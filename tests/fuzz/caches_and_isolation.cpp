// fuzz/caches_and_isolation.cpp - the target caches_and_isolation: four caches, and all that empties blocks.
// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

namespace cordon::fuzz {
namespace {

constexpr testing::operation_mix mix{.allocate_or_free = 116,
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
static_assert(mix.total() == 256, "one byte of the input says which");

} // namespace

void run(input bytes, std::ostream* log) {
    run_episode<small_policy>(bytes, mix, log);
}

} // namespace cordon::fuzz
