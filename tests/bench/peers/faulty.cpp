// tests/bench/peers/faulty.cpp - a peer that does what the environment variable PEER_FAULT says wrong.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace {

bool is(std::string_view fault) {
    const char* const set = std::getenv("PEER_FAULT");
    return set != nullptr && set == fault;
}
void crash_if(std::string_view fault) {
    if (is(fault)) std::raise(SIGSEGV);
}
struct state {
    bool out = false;
};

} // namespace

const char* peer_name() {
    return is("name") ? "two words" : is("gate") ? "gate" : "faulty";
}
void* peer_create(uint64_t, unsigned threads) {
    crash_if("create");
    if (is("exit at once")) std::exit(3);
    return is("cannot be made") || (is("few threads") && threads > 1) ? nullptr : new state;
}
void peer_destroy(void* self) {
    crash_if("destroy");
    delete static_cast<state*>(self);
}
uint64_t peer_allocate(void* self, unsigned, unsigned order) {
    crash_if("allocate");
    while (is("hang"))
        pause();
    static int calls = 0;
    if (is("exit") && ++calls == 1000) std::exit(0); // when it is measured
    bool& out = static_cast<state*>(self)->out;
    if (out || order != 0) return peer_no_frame;
    out = true;
    return 0;
}
void peer_free(void* self, unsigned, uint64_t, unsigned) {
    crash_if("free");
    static_cast<state*>(self)->out = false;
}
