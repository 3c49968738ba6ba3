// tests/platform/freestanding_test.cpp - the stand-ins.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/freestanding.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("the stand-ins say what they lack", "[platform]") {
    CHECK_FALSE(no_barrier{}.enable());
    CHECK_FALSE(no_barrier{}.issue());
    CHECK(no_clock::now() == 0);
    CHECK(no_memory_source::map(4096).empty());
}

TEST_CASE("a single thread has slot 0, and explicit slots name nobody", "[platform]") {
    CHECK(single_thread_slot::current() == slot_index{0});
    CHECK(single_thread_slot::max_slots == 1);
    CHECK(explicit_slots<3>::current().is_none());
    CHECK(explicit_slots<3>::max_slots == 3);
}
