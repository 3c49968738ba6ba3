// inspect/columns_test.cpp - columns line up; what is too wide is not cut.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/inspect/columns.hpp"

#include "support/catch.hpp"

using namespace cordon;

TEST_CASE("words and numbers fill their columns and are never cut", "[inspect]") {
    text_buffer<100> text;
    print_right(print_left(text, "ab", 4), 17, 5);
    CHECK(text.view() == "ab     17");
    text.clear();
    print_right(print_left(text, "abcde", 4), 123456, 5);
    CHECK(text.view() == "abcde123456");
    text.clear();
    print_right(print_spaces(text, 2), "x", 3);
    CHECK(text.view() == "    x");
    text.clear();
    print_right(text, UINT64_MAX, 0);
    CHECK(text.view() == "18446744073709551615");
}
