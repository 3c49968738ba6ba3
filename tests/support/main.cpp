// support/main.cpp - main() of the tests: Catch2's, with a status for programs that could test nothing.
// SPDX-License-Identifier: BSL-1.0
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"
#include "support/skip.hpp"

#include <cstdint>

namespace {

using cordon::testing::skipped_cases;

#if CATCH_VERSION_MAJOR < 3
using listener = Catch::TestEventListenerBase;
#else
using listener = Catch::EventListenerBase;
#endif

struct case_counter : listener {
    using listener::listener;
    void testRunEnded(const Catch::TestRunStats& run) override { cases = run.totals.testCases.total(); }
    static inline std::uint64_t cases = 0;
};
CATCH_REGISTER_LISTENER(case_counter)

} // namespace

int main(int argc, char** argv) {
    // Catch2's status may be a count of failures, which could be any.
    if (Catch::Session().run(argc, argv) != 0) return 1;
    return case_counter::cases != 0 && case_counter::cases == skipped_cases().size()
               ? cordon::testing::skipped
               : 0;
}
