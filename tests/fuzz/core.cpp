// fuzz/core.cpp - the target core: one thread without locks and gates; maps, sets, types, poison, one small cache.
// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

namespace cordon::fuzz {
namespace {

struct policy : small_policy {
    using zone_lock = null_lock;
    using isolation_lock = null_lock;
    using gate = null_gate;
    using thread_slots = explicit_slots<1>;
};

constexpr testing::operation_mix mix{.allocate_or_free = 152,
                                     .free_wrongly = 16,
                                     .bulk = 32,
                                     .exact = 32,
                                     .drain = 4,
                                     .poison = 8,
                                     .set_type = 12};
static_assert(mix.total() == 256, "one byte of the input says which");

} // namespace

void run(input bytes, comparison compared, std::ostream* log) {
    testing::byte_choices choices{bytes};
    run_episode<policy>(choices, mix, compared, log);
}

} // namespace cordon::fuzz
