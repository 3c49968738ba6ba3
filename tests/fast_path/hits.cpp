// hits.cpp - the hit paths of the default zone, each behind a name that the disassembly shows.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>

extern "C" {
std::uint32_t hit_allocate(cordon::zone& zone) {
    return zone.allocate().value().raw();
}
void hit_free(cordon::zone& zone, std::uint32_t f) {
    zone.free(cordon::frame{f});
}
}

int main() {}
