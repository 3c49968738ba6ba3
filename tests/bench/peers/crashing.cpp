// tests/bench/peers/crashing.cpp - a peer that crashes while it is loaded.
// SPDX-License-Identifier: BSL-1.0
#include <csignal>

namespace {

struct crash {
    crash() { std::raise(SIGSEGV); }
} at_loading;

} // namespace
