// support/context.hpp - where and how a run was measured, as the context object of Google Benchmark.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/json.hpp"

#include <string>

namespace bench {

// Watches the machine from its construction on.
class machine_watch {
public:
    machine_watch();
    // Returns: the part of the machine's processor time that others took since then, or that the hypervisor did.
    [[nodiscard]] double taken_by_others() const;

private:
    struct times {
        double all = 0;
        double idle = 0;
    };
    static times read_machine();

    times begin_;
    double own_begin_;
};

constexpr double busy_limit = 0.05; // taken_by_others() above this deserves a warning

// `executable` is argv[0].
json context_of(const std::string& executable, const machine_watch& watch, bool interrupted);
// Returns: what speaks against trusting the figures, a line each; empty if nothing does.
std::string warnings_of(const json& context);

} // namespace bench
