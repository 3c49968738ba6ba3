// tests/frames/migrate_type_test.cpp - migrate types have names and fit into two bits.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/frames/migrate_type.hpp"

#include "support/catch.hpp"

#include <set>
#include <string>

using namespace cordon;

TEST_CASE("each migrate type has a name of its own", "[frames]") {
    std::set<std::string> names;
    for (unsigned t = 0; t != migrate_types; ++t)
        names.emplace(name(static_cast<migrate_type>(t)));
    CHECK(names == std::set<std::string>{"lent", "movable", "reclaimable", "unmovable"});
    CHECK(std::string{name(static_cast<migrate_type>(migrate_types))} == "unknown type");
}

TEST_CASE("fresh memory is movable", "[frames]") {
    STATIC_REQUIRE(migrate_type{} == migrate_type::movable);
}
