// quickstart - allocate frames, empty a pageblock that is in use, take it out of the zone.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>

#include <cstring>
#include <iostream>

int main() {
    cordon::arena ram{cordon::frame_count{4096}}; // 16 MiB
    cordon::zone zone{ram.frames()};
    const auto text = [&](cordon::frame f) { return reinterpret_cast<char*>(ram.address(f)); };

    cordon::frame mine = zone.allocate().value_or(cordon::frame::none());
    if (mine.is_none()) return 1;
    std::cout << mine << ": " << std::strcpy(text(mine), "hello") << '\n';

    // Frames 0 to 511 are a pageblock: seal it, move what is in use there, switch it off.
    auto block = zone.isolate({cordon::frame{0}, cordon::frame_count{512}});
    const auto report = block->migrate([&](const cordon::busy_frame& from, cordon::frame to) {
        std::memcpy(text(to), text(from.head()), ram.frame_bytes());
        mine = to;
        return cordon::migrate_outcome::moved;
    });
    const cordon::status offline = block->offline();
    std::cout << report.moved << " moved\n" << mine << ": " << text(mine) << "\noffline: " << offline << '\n';
    zone.free(mine);
    return offline == cordon::status::ok ? 0 : 1;
}
