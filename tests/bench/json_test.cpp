// tests/bench/json_test.cpp - JSON goes out and comes back.
// SPDX-License-Identifier: BSL-1.0
#include "support/json.hpp"

#include "support/catch.hpp"

#include <cmath>

using bench::json;

namespace {

json sample() {
    json inner;
    inner.set("text", "quote \" backslash \\ line\nand \x01 control, é");
    inner.set("none", json{});
    inner.set("true", true);
    json list;
    for (const double v : {0.0, -1.5, 1e300, 0.1, 123456789012.0})
        list.add(v);
    list.add(inner);
    json out;
    out.set("list", list);
    out.set("empty list", json::array{});
    out.set("empty object", json::object{});
    return out;
}

} // namespace

TEST_CASE("what is written is read again", "[bench]") {
    const auto again = json::read(sample().write());
    REQUIRE(again);
    CHECK(*again == sample());
    CHECK((*again)["list"].items()[5]["text"].text().ends_with("é"));
}

TEST_CASE("JSON of others is read", "[bench]") {
    const auto read = json::read(" { \"a\\u00e9\\u20ac\\/\" : [ 1 , -2.5e1 , true , null , \"\" ] } ");
    REQUIRE(read);
    const json& list = (*read)["aé€/"];
    REQUIRE(list.items().size() == 5);
    CHECK(list.items()[1].number() == -25);
    CHECK(list.items()[2].boolean());
    CHECK(list.items()[3].is_null());
    CHECK((*read)["missing"].is_null());
    CHECK((*read)["missing"]["deeper"].number(7) == 7);
}

TEST_CASE("numbers that JSON has no word for are read as Google Benchmark writes them", "[bench]") {
    const auto read = json::read("[NaN, Infinity, -Infinity]");
    REQUIRE(read);
    CHECK(std::isnan(read->items()[0].number()));
    CHECK(std::isinf(read->items()[1].number()));
    CHECK(read->items()[2].number() < 0);
    for (const char* text : {"inf", "[nan]", "[infinity]", "-", "[-nan]", ".5"})
        CHECK_FALSE(json::read(text));
}

TEST_CASE("a member that is set again is replaced", "[bench]") {
    json out;
    out.set("a", 1);
    out.set("b", 2);
    out.set("a", 3);
    CHECK(out.members().size() == 2);
    CHECK(out["a"].number() == 3);
}

TEST_CASE("what is no JSON is refused", "[bench]") {
    for (const char* text : {"", "{", "[1,]", "{\"a\":}", "{a:1}", "\"open", "tru", "1 2", "{\"a\" 1}",
                             "\"\\x\"", "\"\\u12\"", "[1", "nul"})
        CHECK_FALSE(json::read(text));
    CHECK_FALSE(json::read(std::string(100'000, '[')));
}

TEST_CASE("a number of things has no exponent and no point", "[bench]") {
    CHECK(json{100'000.0}.write() == "100000");
    CHECK(json{-3.0}.write() == "-3");
    CHECK(json{0.25}.write() == "0.25");
    CHECK(json{1e300}.write() == "1e+300");
}

TEST_CASE("a number that JSON has no word for is null", "[bench]") {
    CHECK(json{std::nan("")}.write() == "null");
}
