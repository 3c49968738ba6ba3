// tests/cache/tuning_test.cpp - how magazines learn their sizes.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cache/tuning.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("marks and batches stay within what a magazine can hold", "[cache]") {
    for (std::uint16_t capacity = 1; capacity != 1100; ++capacity) {
        const magazine_tuning tuning{capacity};
        magazine_marks m = tuning.first();
        const auto check = [&] {
            REQUIRE(m.batch >= 1);
            REQUIRE(m.mark >= m.batch);
            REQUIRE(m.mark <= capacity);
        };
        for (int i = 0; i != 12; ++i, m = tuning.grown(m))
            check();
        const magazine_marks most = m;
        CHECK(tuning.grown(most).mark == most.mark);
        CHECK(tuning.most().mark == most.mark);
        CHECK(most.mark + 1 >= capacity); // an odd capacity leaves one place unused
        for (int i = 0; i != 12; ++i, m = tuning.shrunk(m))
            check();
        CHECK(m.batch == 1);
    }
}

TEST_CASE("growing doubles and shrinking halves", "[cache]") {
    constexpr magazine_tuning tuning{512};
    STATIC_REQUIRE(tuning.first().batch == 64);
    STATIC_REQUIRE(tuning.first().mark == 128);
    STATIC_REQUIRE(tuning.grown(tuning.first()).batch == 128);
    STATIC_REQUIRE(tuning.shrunk(tuning.first()).batch == 32);
    STATIC_REQUIRE(tuning.grown({512, 256}).batch == 256);
    STATIC_REQUIRE(tuning.most().batch == 256);
    STATIC_REQUIRE(tuning.most().mark == 512);
    constexpr magazine_tuning large{1024}; // starts with no more
    STATIC_REQUIRE(large.first().batch == 64);
    STATIC_REQUIRE(large.most().batch == 512);
}
