// support/program.hpp - what every benchmark program does with its command line.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer.hpp"
#include "support/suite.hpp"

#include <functional>
#include <string>
#include <vector>

namespace bench {

// Effects: reads the flags (flags.hpp), has the suite filled, and measures, prints, compares and reports.
// `add` gets the peers to let run beside cordon. Returns: the exit code: 0, 2 for a wrong command line, 130 when it was
// interrupted, 1 if a peer fails to load or to verify, or a file cannot be read, or it or the output not be written.
int run_program(int argc, char** argv, const char* about,
                const std::function<void(suite&, const std::vector<peer>&)>& add);

} // namespace bench
