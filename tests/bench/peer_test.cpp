// tests/bench/peer_test.cpp - libraries that are no peers, and those that are.
// SPDX-License-Identifier: BSL-1.0
#include "support/peer.hpp"

#include "support/catch.hpp"

#include <string>

using namespace bench;

TEST_CASE("a library that crashes when it is loaded is a problem that is told, and ends nothing", "[bench]") {
    std::string problem;
    const peer none = load_peer(CRASHING_PEER, problem);
    CHECK(none.name.empty());
    CHECK(problem ==
          std::string{CRASHING_PEER} + ": when it is loaded it crashed with signal 11 (Segmentation fault)");
}

TEST_CASE("a file that is no library, and a library that is no peer, are told as that", "[bench]") {
    std::string problem;
    CHECK(load_peer("/no/such/peer.so", problem).name.empty());
    CHECK(problem.find("/no/such/peer.so: cannot open shared object file") != std::string::npos);
    CHECK(load_peer("libc.so.6", problem).name.empty());
    CHECK_FALSE(problem.empty());
}

TEST_CASE("the example is loaded, and serves one order", "[bench]") {
    std::string problem;
    const peer example = load_peer(EXAMPLE_PEER, problem);
    CHECK(problem.empty());
    CHECK(example.name == "example");
    CHECK(serves(example, 0));
    CHECK(is_bounded(example));
}
