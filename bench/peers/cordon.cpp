// peers/cordon.cpp - cordon itself behind peer.h: what the interface costs, and what --verify says.
// SPDX-License-Identifier: BSL-1.0
#include "peer.h"

#include <cordon/cordon.hpp>
#include <new>

namespace {

cordon::zone& zone_of(void* self) {
    return *static_cast<cordon::zone*>(self);
}
cordon::frame frame_of(uint64_t frame) {
    return cordon::frame{static_cast<std::uint32_t>(frame)};
}

} // namespace

const char* peer_name() {
    return "cordon_as_peer";
}
void* peer_create(uint64_t frames, unsigned) {
    auto* const zone = new (std::nothrow) cordon::zone({cordon::frame{0}, cordon::frame_count{frames}});
    if (zone == nullptr || zone->error() == cordon::status::ok) return zone;
    delete zone;
    return nullptr;
}
void peer_destroy(void* self) {
    delete &zone_of(self);
}
uint64_t peer_allocate(void* self, unsigned, unsigned order) {
    const auto run = zone_of(self).allocate(cordon::order{order});
    return run ? run->raw() : peer_no_frame;
}
void peer_free(void* self, unsigned, uint64_t frame, unsigned order) {
    zone_of(self).free(frame_of(frame), cordon::order{order});
}
void peer_drain(void* self) {
    (void)zone_of(self).drain();
}
int peer_offline(void* self, uint64_t block) {
    auto range = zone_of(self).isolate({frame_of(block * 512), cordon::frame_count{512}});
    return range && range->offline() == cordon::status::ok ? 0 : 1;
}
