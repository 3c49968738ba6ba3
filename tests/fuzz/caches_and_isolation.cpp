// fuzz/caches_and_isolation.cpp - the target caches_and_isolation: four caches, and all that empties blocks.
// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

void cordon::fuzz::run(input bytes, comparison compared, std::ostream* log) {
    testing::byte_choices choices{bytes};
    run_episode<small_policy>(choices, isolation_mix, compared, log);
}
