// tests/core/status_test.cpp - status and result: a value, or the reason why there is none.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/status.hpp"

#include "cordon/core/types.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <type_traits>

using namespace cordon;

TEST_CASE("each status has a name of its own", "[core]") {
    std::set<std::string> names;
    const auto last = static_cast<std::uint32_t>(status::outlives_zone);
    for (std::uint32_t raw = 0; raw <= last; ++raw)
        names.emplace(name(static_cast<status>(raw)));
    CHECK(names.size() == last + 1);
    CHECK(names.count("unknown status") == 0);
    CHECK(std::string{name(status::double_free)} == "double_free");
    CHECK(std::string{name(static_cast<status>(last + 1))} == "unknown status");
}

TEST_CASE("a result of a value has it and is ok", "[core]") {
    result<frame> r = frame{42};
    CHECK(r);
    CHECK(r.has_value());
    CHECK(r.error() == status::ok);
    CHECK(*r == frame{42});
    CHECK(r.value() == frame{42});
    CHECK(r->raw() == 42);
    CHECK(r.value_or(frame{1}) == frame{42});
    ++*r;
    CHECK(r.value() == frame{43});
}

TEST_CASE("a failed result says why and holds a default value", "[core]") {
    const result<frame> r = status::no_memory;
    CHECK_FALSE(r);
    CHECK(r.error() == status::no_memory);
    CHECK(r->is_none());
    CHECK(r.value_or(frame{1}) == frame{1});
}

TEST_CASE("a result hands on a value that can only be moved", "[core]") {
    result<std::unique_ptr<int>> r = std::make_unique<int>(7);
    const std::unique_ptr<int> taken = *std::move(r);
    REQUIRE(taken);
    CHECK(*taken == 7);
    CHECK(*r == nullptr);
    CHECK(*result{std::make_unique<int>(8)}.value_or(nullptr) == 8);
    CHECK(*result<std::unique_ptr<int>>{status::busy}.value_or(std::make_unique<int>(9)) == 9);
}

TEST_CASE("a result of a frame is as cheap to return as a register", "[core]") {
    STATIC_REQUIRE(sizeof(result<frame>) == 8);
    STATIC_REQUIRE(std::is_trivially_copyable_v<result<frame>>);
}
