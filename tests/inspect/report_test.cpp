// inspect/report_test.cpp - the reports say what is in the zone, in the forms that Linux made known.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/inspect/report.hpp"

#include "cordon/zone.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

#include <sstream>
#include <string>
#include <vector>

using namespace cordon;

namespace {

template <class Zone>
std::vector<std::uint64_t> buddyinfo(const Zone& z) {
    std::stringstream text;
    write_buddyinfo(text, z);
    std::string line = text.str();
    REQUIRE(line.find(')') != std::string::npos);
    std::istringstream numbers{line.substr(line.find(')') + 1)};
    std::vector<std::uint64_t> counts;
    for (std::uint64_t n; numbers >> n;)
        counts.push_back(n);
    return counts;
}
std::uint64_t frames_in(const std::vector<std::uint64_t>& counts) {
    std::uint64_t frames = 0;
    for (std::size_t k = 0; k != counts.size(); ++k)
        frames += counts[k] << k;
    return frames;
}

struct small_policy : single_threaded_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    static constexpr cached_order cached_orders[] = {{0, 8}};
};

} // namespace

TEST_CASE("buddyinfo counts each free run once, at its largest order", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{262144}}};
    std::vector<std::uint64_t> expected(19, 0);
    expected[18] = 1;
    CHECK(buddyinfo(z) == expected);

    REQUIRE(z.allocate_exact(frame{0}) == status::ok); // splits one run of every order
    expected.assign(19, 1);
    expected[18] = 0;
    CHECK(buddyinfo(z) == expected);

    REQUIRE(z.allocate_exact(frame{3}) == status::ok); // in the run of order 1 at frame 2
    expected[0] = 2;
    expected[1] = 0;
    CHECK(buddyinfo(z) == expected);

    std::ostringstream text;
    write_buddyinfo(text, z);
    CHECK(text.str() ==
          "zone [0, 262144)      2      0      1      1      1      1      1      1      1      1"
          "      1      1      1      1      1      1      1      1      0\n");
}

TEST_CASE("buddyinfo adds up to the free frames of the zone", "[inspect]") {
    zone z{zone_options{.frames = {frame{700}, frame_count{262144 + 77}}}};
    cordon::testing::rng random{cordon::testing::seed()};
    for (int i = 0; i != 300; ++i)
        static_cast<void>(z.allocate_exact(frame{700 + static_cast<std::uint32_t>(random.below(262000))}));
    CHECK(frames_in(buddyinfo(z)) == z.stats().free.raw());
    const auto sealed = z.isolate({frame{4096}, frame_count{512}});
    REQUIRE(sealed);
    CHECK(frames_in(buddyinfo(z)) == z.stats().free.raw());
}

TEST_CASE("buddyinfo counts runs above the largest order as several of it", "[inspect]") {
    basic_zone<small_policy> z{frame_range{frame{0}, frame_count{64 * 512}}};
    REQUIRE(z.error() == status::ok);
    std::vector<std::uint64_t> expected(9, 0);
    expected[8] = 128;
    CHECK(buddyinfo(z) == expected);
}

TEST_CASE("pagetypeinfo tells types and states of blocks apart", "[inspect]") {
    const frame_range hole[] = {{frame{512 * 8}, frame_count{512}}};
    zone z{zone_options{.frames = {frame{0}, frame_count{512 * 16}}, .holes = hole}};
    const auto block = [](std::uint32_t b) { return frame_range{frame{b * 512}, frame_count{512}}; };
    REQUIRE(z.set_migrate_type(block(9), migrate_type::lent) == status::ok);
    REQUIRE(z.set_migrate_type(block(1), migrate_type::unmovable) == status::ok);
    REQUIRE(z.allocate_exact(frame{512 + 256}, order{8}) == status::ok);
    REQUIRE(z.allocate_exact(frame{512 * 2}, order{9}) == status::ok);
    const auto sealed = z.isolate(block(3));
    REQUIRE(sealed);
    REQUIRE(z.isolate(block(4))->offline() == status::ok);
    std::ostringstream text;
    write_pagetypeinfo(text, z);
    CHECK(text.str() ==
          "free runs of zone [0, 8192) by migrate type and order\n"
          "                    0      1      2      3      4      5      6      7      8      9     10     11"
          "     12     13     14     15     16     17     18\n"
          "movable             0      0      0      0      0      0      0      0      0      2      2      1"
          "      0      0      0      0      0      0      0\n"
          "unmovable           0      0      0      0      0      0      0      0      1      0      0      0"
          "      0      0      0      0      0      0      0\n"
          "reclaimable         0      0      0      0      0      0      0      0      0      0      0      0"
          "      0      0      0      0      0      0      0\n"
          "lent                0      0      0      0      0      0      0      0      0      1      0      0"
          "      0      0      0      0      0      0      0\n"
          "isolated            0      0      0      0      0      0      0      0      0      1      0      0"
          "      0      0      0      0      0      0      0\n"
          "\n"
          "pageblocks by migrate type\n"
          "     movable   unmovable reclaimable        lent    isolated     offline      absent\n"
          "          11           1           0           1           1           1           1\n");
}

TEST_CASE("the summary gives frames and MiB", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{262144}}};
    REQUIRE(z.allocate(order{10}, migrate_type::unmovable));
    REQUIRE(z.isolate({frame{512 * 100}, frame_count{1024}})->offline() == status::ok);
    REQUIRE(z.poison(frame{512 * 200}) == status::ok);
    std::ostringstream text;
    write_summary(text, z, 4096);
    CHECK(text.str() == "zone [0, 262144), frames:\n"
                        "  managed             262144        1024.0 MiB\n"
                        "  allocated             1024           4.0 MiB\n"
                        "  cached                   0           0.0 MiB\n"
                        "  free                260095        1015.9 MiB\n"
                        "    movable           260095        1015.9 MiB\n"
                        "  isolated                 0           0.0 MiB\n"
                        "  offline               1024           4.0 MiB\n"
                        "  poisoned                 1           0.0 MiB\n"
                        "  caches            0 slots used, 1 refill, 0 spills\n");
}

TEST_CASE("a summary counts any number of bytes that 64 bits hold", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{512}}};
    std::stringstream text;
    write_summary(text, z, std::uint64_t{1} << 54);
    CHECK(text.str().find("managed                512 8796093022208.0 MiB\n") != std::string::npos);
}

TEST_CASE("reports need no allocation: what does not fit is cut", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{512}}};
    text_buffer<8> text;
    write_buddyinfo(text, z);
    CHECK(text.view() == "zone [0,");
}
