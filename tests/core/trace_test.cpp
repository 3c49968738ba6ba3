// tests/core/trace_test.cpp - trace_event: each has a name, so that a tracer can print what it hears.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/trace.hpp"

#include "cordon/core/text.hpp"
#include "support/catch.hpp"

#include <set>
#include <string>
#include <string_view>

using namespace cordon;

TEST_CASE("each event prints its name", "[core]") {
    constexpr unsigned events = static_cast<unsigned>(trace_event::no_memory) + 1;
    std::set<std::string_view> names;
    for (unsigned n = 0; n != events; ++n)
        names.insert(name(static_cast<trace_event>(n)));
    CHECK(names.size() == events);
    const auto unknown = static_cast<trace_event>(events);
    CHECK_FALSE(names.contains(name(unknown)));
    text_buffer<64> out;
    out << trace_event::refill << frame_count{1} << trace_event::no_memory << unknown;
    CHECK(std::string{out.view()} == "refill1 frameno_memoryunknown trace_event");
}
