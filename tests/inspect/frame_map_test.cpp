// inspect/frame_map_test.cpp - the map shows each block's state where the block is.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/inspect/frame_map.hpp"

#include "cordon/sync/lock_counter.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/zone.hpp"
#include "support/catch.hpp"

#include <sstream>

using namespace cordon;

namespace {

template <class Zone>
std::string map_of(const Zone& z, const frame_map_options& options = {}) {
    std::ostringstream text;
    write_frame_map(text, z, options);
    return text.str();
}
frame_range block(std::uint32_t b) {
    return {frame{b * 512}, frame_count{512}};
}

struct counted_policy : default_policy {
    using zone_lock = observed_lock<default_policy::zone_lock, lock_counter<default_clock>>;
};

} // namespace

TEST_CASE("the map shows free, partly used, full and closed blocks", "[inspect]") {
    const frame_range hole[] = {block(9)};
    zone z{zone_options{.frames = {frame{0}, frame_count{512 * 20}}, .holes = hole}};
    REQUIRE(z.allocate_exact(frame{0}) == status::ok);             // a frame is shown as an eighth
    REQUIRE(z.allocate_exact(frame{512}, order{8}) == status::ok); // half
    REQUIRE(z.allocate_exact(frame{512 * 2}, order{9}) == status::ok);
    for (unsigned k = 0; k != 9; ++k) // all but one frame
        REQUIRE(z.allocate_exact(frame{512 * 3 + (1u << k)}, order{k}) == status::ok);
    const auto sealed = z.isolate(block(5));
    REQUIRE(sealed);
    REQUIRE(z.isolate(block(6))->offline() == status::ok);
    REQUIRE(z.poison(frame{512 * 7 + 1}) == status::ok);
    CHECK(map_of(z, {.columns = 16}) ==
          "          0  14#7.I-x. ......\n"
          "       8192  ....\n"
          "             . free   1 to 7 eighths used   # full   I isolated   - offline   x poisoned   "
          "(512 frames each)\n");
}

TEST_CASE("the map of a large zone draws several blocks as one character", "[inspect]") {
    zone z{frame_range{frame{512 * 512}, frame_count{512 * 512}}};
    REQUIRE(z.allocate_exact(frame{512 * 512}, order{9}) == status::ok);
    const std::string map = map_of(z, {.columns = 8, .rows = 2});
    CHECK(map == "     262144  1.......\n"
                 "     393216  ........\n"
                 "             . free   1 to 7 eighths used   # full   (16384 frames each)\n");
}

TEST_CASE("the last character of a map may stand for fewer blocks than the others", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{512 * 5}}};
    REQUIRE(z.allocate_exact(frame{512 * 4}, order{9}) == status::ok);
    CHECK(map_of(z, {.columns = 3, .rows = 1}).starts_with("          0  ..#\n"));
}

TEST_CASE("the map starts at the first block that the zone has", "[inspect]") {
    zone z{frame_range{frame{512 * 100 + 8}, frame_count{512 * 3}}};
    CHECK(map_of(z).starts_with("      51200  ....\n"));
}

TEST_CASE("the map in colour draws bars and ends each row without colour", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{512 * 4}}};
    REQUIRE(z.allocate_exact(frame{0}, order{8}) == status::ok);
    REQUIRE(z.allocate_exact(frame{512}, order{9}) == status::ok);
    CHECK(map_of(z, {.ansi = true})
              .starts_with("          0  \x1b[38;5;75m▄\x1b[38;5;61m█\x1b[38;5;240m··\x1b[0m\n"));
}

TEST_CASE("a map of no columns and rows still is one", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{512 * 4}}};
    CHECK(map_of(z, {.columns = 0, .rows = 0}).starts_with("          0  .\n"));
}

TEST_CASE("a character that stands for many blocks holds the zone lock for a region of them at a time",
          "[inspect]") {
    constexpr std::uint32_t regions = 5;
    basic_zone<counted_policy> z{frame_range{frame{0}, frame_count{regions * 512 * 512}}};
    const std::uint64_t before = z.zone_lock().observer().snapshot().acquisitions;
    CHECK(map_of(z, {.columns = 1, .rows = 1}).starts_with("          0  ."));
    CHECK(z.zone_lock().observer().snapshot().acquisitions - before == regions);
}
