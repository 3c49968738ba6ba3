// lru/golden_trace_test.cpp - the reference simulators meet the miss counts that others published.
// SPDX-License-Identifier: BSL-1.0
#include "support/replacement/belady.hpp"
#include "support/replacement/clock.hpp"
#include "support/replacement/fifo.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/s3_fifo.hpp"
#include "support/replacement/sieve.hpp"

#include "support/catch.hpp"
#include "support/skip.hpp"

#include <functional>
#include <map>

namespace r = cordon::testing::replacement;

// The miss counts that libCacheSim's own tests assert, for caches of 128 MiB to 1 GiB in steps of 128 MiB.
TEST_CASE("the simulators meet published miss counts on the CloudPhysics sample", "[lru]") {
    r::trace t;
    for (const auto& file : r::trace_files_of_environment())
        if (file.filename() == "cloudPhysicsIO.oracleGeneral.bin") t = r::read_trace(file);
    if (t.empty()) return cordon::testing::skip("CORDON_TRACES names no cloudPhysicsIO.oracleGeneral.bin");
    REQUIRE(t.size() == 113'872);
    const std::map<std::string, std::vector<std::uint64_t>> published{
        {"lru", {93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704}},
        {"fifo", {93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140}},
        {"clock", {93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456}},
        {"sieve", {91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376}},
        {"s3_fifo", {89307, 82387, 77041, 76791, 71300, 70343, 70455, 70355}},
        {"belady", {79256, 70724, 65481, 61594, 59645, 57599, 50873, 48974}}};
    const std::map<std::string, std::function<std::uint64_t(std::uint64_t)>> simulated{
        {"lru", [&](std::uint64_t c) { return r::misses(r::lru{c}, t); }},
        {"fifo", [&](std::uint64_t c) { return r::misses(r::fifo{c}, t); }},
        {"clock", [&](std::uint64_t c) { return r::misses(r::clock{c}, t); }},
        {"sieve", [&](std::uint64_t c) { return r::misses(r::sieve{c}, t); }},
        {"s3_fifo", [&](std::uint64_t c) { return r::misses(r::s3_fifo<>{c}, t); }},
        {"belady", [&](std::uint64_t c) { return r::belady_misses(t, c); }}};
    for (const auto& [name, counts] : published)
        for (std::size_t i = 0; i != counts.size(); ++i) {
            CAPTURE(name, i);
            CHECK(simulated.at(name)((i + 1) << 27) == counts[i]);
        }
}
