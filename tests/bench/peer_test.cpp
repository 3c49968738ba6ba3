// tests/bench/peer_test.cpp - libraries that are no peers, and those that are.
// SPDX-License-Identifier: BSL-1.0
#include "support/peer.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
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
    Dl_info c_library{};
    REQUIRE(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &c_library) != 0);
    CHECK(load_peer(c_library.dli_fname, problem).name.empty());
    CHECK(problem.ends_with(
        ": it lacks peer_name peer_create peer_destroy peer_allocate peer_free of bench/peer.h"));
}

TEST_CASE("a peer that cannot be used is told from one that can before anything is measured", "[bench]") {
    const std::string path = FAULTY_PEER;
    const auto problem_with = [&](const char* fault) {
        setenv("PEER_FAULT", fault, 1);
        std::string problem;
        const peer loaded = load_peer(path, problem, std::chrono::milliseconds{500});
        CHECK(loaded.name.empty() == !problem.empty());
        return problem;
    };
    CHECK(problem_with("none") == "");
    for (const char* function : {"create", "allocate", "free", "destroy"})
        CHECK(problem_with(function) ==
              path + ": when it is tried it crashed with signal 11 (Segmentation fault)");
    CHECK(problem_with("exit at once") == path + ": when it is tried it ended the process with code 3");
    CHECK(problem_with("hang") == path + ": when it is tried it made no progress for 0.5 s");
    CHECK(problem_with("cannot be made") == path + ": when it is tried it hands out no frames");
    CHECK(problem_with("name") == path + ": its name has to be of letters, digits and _ . + -");
    unsetenv("PEER_FAULT");
}

TEST_CASE("the example is loaded, and serves one order", "[bench]") {
    std::string problem;
    const peer example = load_peer(EXAMPLE_PEER, problem);
    CHECK(problem.empty());
    CHECK(example.name == "example");
    CHECK(serves(example, 0));
    CHECK(is_bounded(example));
}
