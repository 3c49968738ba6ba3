// contiguous - a buffer of frames in a row from a zone in which every second frame is in use.
// SPDX-License-Identifier: BSL-1.0
//
// A video decoder wants 8 MiB in one piece; it will give them back soon. Part of the zone is lent to it: until
// it comes, movable frames live there; when it comes, they move.
#include "support/command_line.hpp"

#include <cordon/cordon.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <vector>

using cordon::frame;
using cordon::frame_count;

int main(int argc, char** argv) {
    if (const auto answer = demo::answer_without_options(
            argc, argv,
            "Takes 8 MiB of frames in a row out of a zone in which every second frame is in use.\n"))
        return *answer;
    cordon::arena ram{frame_count{16384}}; // 64 MiB
    cordon::zone zone{ram.frames()};
    if (zone.set_migrate_type({frame{8192}, frame_count{4096}}, cordon::migrate_type::lent) !=
        cordon::status::ok)
        return 1;

    // Half of all frames, scattered; page[f] says what frame f holds.
    std::vector<frame> held;
    std::vector<std::uint32_t*> page(ram.bytes() / ram.frame_bytes());
    while (const auto f = zone.allocate())
        held.push_back(*f);
    std::vector<frame> kept;
    for (const frame f : held) {
        if (f.raw() % 2 == 0) {
            zone.free(f);
            continue;
        }
        page[f.raw()] = reinterpret_cast<std::uint32_t*>(ram.address(f));
        *page[f.raw()] = static_cast<std::uint32_t>(kept.size());
        kept.push_back(f);
    }
    std::cout << "in use: " << kept.size() << " of " << ram.frames().count() << ", every second one\n";
    std::cout << "largest run of the allocator: order 11 " << zone.allocate(cordon::order{11}).error()
              << '\n';

    // The owner of a frame is found by what the frame says.
    const auto move = [&](const cordon::busy_frame& from, frame to) {
        std::memcpy(ram.address(to), ram.address(from.head()), ram.frame_bytes());
        kept[*page[from.head().raw()]] = to;
        page[to.raw()] = reinterpret_cast<std::uint32_t*>(ram.address(to));
        return cordon::migrate_outcome::moved;
    };
    const auto buffer = zone.allocate_contiguous(frame_count{2048}, frame_count{2048}, move);
    if (!buffer) {
        std::cout << "no contiguous frames: " << buffer.error() << '\n';
        return 1;
    }
    std::cout << "contiguous buffer: " << *buffer << '\n';

    std::ranges::fill(ram.memory(*buffer), std::byte{0xff});
    std::size_t intact = 0;
    for (std::uint32_t i = 0; i != kept.size(); ++i)
        intact += *page[kept[i].raw()] == i && !buffer->contains(kept[i]);
    std::cout << "intact after the move: " << intact << " frames\n";

    zone.free_contiguous(*buffer);
    return intact == kept.size() && zone.validate() ? 0 : 1;
}
