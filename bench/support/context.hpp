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

// Returns: what is known before the run, the load among it. `executable` is argv[0].
json context_of(const std::string& executable);
// Effects: the context tells how the run went, too.
void add_course(json& context, const machine_watch& watch, bool interrupted);
// Returns: the context of results that several runs have measured: what differs stands side by side, and what speaks
// against one of them speaks against all.
json common_context(const json& a, const json& b);
// Returns: what speaks against trusting the figures, a line each; empty if nothing does.
std::string warnings_of(const json& context);

} // namespace bench
