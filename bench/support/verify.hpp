// support/verify.hpp - does an allocator keep the frames that it has?
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct verify_options {
    std::uint64_t frames = 1u << 14;
    unsigned threads = 2;
    unsigned operations = 30'000; // for each thread
    std::uint64_t seed = 1;
    std::chrono::milliseconds patience = std::chrono::seconds{10}; // with one call of the peer
};

// Effects: fills the allocator to the brim, empties it, lets threads allocate and free at random (one thread frees
// what another allocated), takes a block offline if the peer can, and does both again. All in a child process, which the
// peer may crash, end or keep for ever.
// Returns: what went wrong, a line for each kind; empty if nothing did.
std::vector<std::string> verify(const peer& api, const verify_options& options = {});

} // namespace bench
