// tests/bench/field_test.cpp - what contestants leave behind.
// SPDX-License-Identifier: BSL-1.0
#include "support/field.hpp"

#include "support/catch.hpp"

#include <atomic>

using namespace bench;

namespace {

std::atomic<int> out = 0;

struct counted_frames {
    explicit counted_frames(std::uint32_t, unsigned) {}
    counted_frames& enter(unsigned) { return *this; }
};
struct hoarding {
    auto operator()(counted_frames&, unsigned) const {
        ++out;
        return std::array{reading{.operations = 1}};
    }
    void end(counted_frames&) const { --out; }
};

} // namespace

TEST_CASE("frames that a pattern keeps are freed by each worker when its contestant goes", "[bench]") {
    {
        const lap once = with<counted_frames>("cordon", {.frames = 512, .threads = 2}, hoarding{}).make();
        CHECK(once().at(0).operations == 2);
        CHECK(out.load() == 2);
    }
    CHECK(out.load() == 0);
}
