// tests/lru/ghost_test.cpp - tokens by the embedder's key.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/ghost.hpp"

#include "support/catch.hpp"

#include "cordon/core/atomics.hpp"

#include <vector>

using namespace cordon;

namespace {

struct table {
    explicit table(std::uint32_t wanted)
        : memory(ghost_table<std_atomics>::cells(wanted)), ghosts{memory.data(), wanted} {}
    std::vector<ghost_table<std_atomics>::cell> memory;
    ghost_table<std_atomics> ghosts;
};

} // namespace

TEST_CASE("A key's token is given back once, to its group only", "[lru]") {
    table t{100};
    CHECK(t.memory.size() == 112);
    t.ghosts.remember(42, {group_id{3}, 1234});
    CHECK(!t.ghosts.take(42, group_id{2}));
    CHECK(!t.ghosts.take(43, group_id{3}));
    CHECK(t.ghosts.take(42, group_id{3}) == lru_token{group_id{3}, 1234});
    CHECK(!t.ghosts.take(42, group_id{3}));
}

TEST_CASE("No token is remembered as none", "[lru]") {
    table t{16};
    t.ghosts.remember(42, {});
    CHECK(!t.ghosts.take(42, group_id{}));
}

TEST_CASE("A key that is remembered again has its newer token", "[lru]") {
    table t{16};
    t.ghosts.remember(42, {group_id{}, 1});
    t.ghosts.remember(42, {group_id{}, 2});
    CHECK(t.ghosts.take(42, group_id{}).payload() == 2);
    CHECK(!t.ghosts.take(42, group_id{}));
}

TEST_CASE("A table remembers nearly as many keys as it has entries, and rarely confuses them", "[lru]") {
    table t{4096};
    for (std::uint32_t key = 0; key != 2048; ++key)
        t.ghosts.remember(key, {group_id{}, key});
    std::uint32_t strangers = 0;
    for (std::uint32_t key = 0; key != 10000; ++key)
        strangers += bool{t.ghosts.take(1'000'000 + key, group_id{})};
    CHECK(strangers < 60); // 8 entries a line, 13 bits
    std::uint32_t right = 0;
    for (std::uint32_t key = 0; key != 2048; ++key)
        right += t.ghosts.take(key, group_id{}) == lru_token{group_id{}, key};
    CHECK(right > 1980);
}

TEST_CASE("A full line forgets one key for each new one", "[lru]") {
    table t{16};
    for (std::uint32_t key = 0; key != 1000; ++key)
        t.ghosts.remember(key, {group_id{}, key});
    std::uint32_t found = 0;
    for (std::uint32_t key = 0; key != 1000; ++key)
        found += bool{t.ghosts.take(key, group_id{})};
    CHECK(found <= 16);
    CHECK(found >= 8);
    CHECK(!table{0}.ghosts.take(1, group_id{}));
}
