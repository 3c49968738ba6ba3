// memory.cpp - how much memory goes back to the system when most of it is free again.
// SPDX-License-Identifier: BSL-1.0
#include "support/child.hpp"
#include "support/program.hpp"
#include "support/tenants.hpp"

#include <cordon/platform/arena.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    R"(How much memory stays with the process when 64 MiB of frames were written and all but so many percent of them,
taken at random, are free again.

  resident    what is in memory then and was not before, in a process of its own
  give_back   the time from the last free on until that is so: cordon empties blocks (isolate, migrate, offline) and
              punches them out of its arena; a peer is asked to (peer_drain: malloc_trim and the like)

`best_possible` are the frames still in use. `cordon_idle` is cordon if nobody empties blocks. Peers take part that have
memory behind their frames (peer_address).
)";

constexpr std::uint32_t zone_blocks = 32;
constexpr std::uint32_t zone_size = zone_blocks * block_frames;
constexpr double frame_bytes = 4096;

// Of the process, in memory of any kind.
double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    double total = 0;
    double resident = 0;
    in >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Allocates and writes all, frees the rest, has it given back. `address(frame)` is where a frame's memory lies.
template <class Tenants, class Address, class GiveBack>
std::vector<reading> round(Tenants& who, unsigned percent, Address address, GiveBack give_back) {
    who.make_room(zone_size);
    const double before = resident_bytes();
    who.fill(zone_size);
    for (const auto& run : who.runs())
        std::memset(address(run.first), 1, static_cast<std::size_t>(frame_bytes) << run.order);
    who.shrink(std::uint64_t{zone_size} * percent / 100);
    const double start = wall_ns();
    give_back();
    const double end = wall_ns();
    return {reading::of_amount(std::max(resident_bytes() - before, 0.0)), reading::of_real_time(end - start)};
}

std::vector<reading> cordon_lap(unsigned percent, bool emptying) {
    cordon::arena ram{blocks_from(0, zone_blocks).count()};
    cordon::zone zone{ram.frames()};
    tenants<zone_lane> who{zone_lane{zone}, 10};
    const auto copy = [&](cordon::frame from, cordon::frame to, cordon::order k) {
        std::memcpy(ram.address(to), ram.address(from), k.frames().raw() * ram.frame_bytes());
    };
    const auto punch = [&](auto& range) {
        const cordon::frame_range empty = range.range();
        if (range.offline() != cordon::status::ok || ram.discard(empty) != cordon::status::ok)
            give_up("a block stays");
    };
    return round(
        who, percent, [&](std::uint32_t f) { return ram.address(cordon::frame{f}); },
        [&] {
            if (emptying) empty_blocks(zone, mover(who, copy), punch);
        });
}
std::vector<reading> peer_lap(const peer& api, unsigned percent) {
    const peer_frames frames{api, zone_size, 1};
    tenants<peer_lane> who{frames.enter(), 10};
    return round(
        who, percent, [&](std::uint64_t f) { return frames.address(f); }, [&] { frames.drain(); });
}

// Each lap has a process of its own: what one allocator keeps must not be another's beginning.
template <class Lap>
contestant alone(std::string name, Lap lap) {
    return {std::move(name), [=] { return [=] { return in_child(lap); }; }};
}

contestant best_possible(unsigned percent) {
    return {
        "best_possible", [=] {
            const std::uint64_t used = std::uint64_t{zone_size} * percent / 100;
            return [=] {
                return std::vector{reading::of_amount(static_cast<double>(used) * frame_bytes), reading{}};
            };
        }};
}

void questions(suite& out, const std::vector<peer>& peers) {
    for (const unsigned percent : {5u, 10u, 25u, 50u}) {
        std::vector<contestant> field{
            alone("cordon", [=] { return cordon_lap(percent, true); }),
            best_possible(percent),
            alone("cordon_idle", [=] { return cordon_lap(percent, false); }),
        };
        for (const peer& p : peers)
            if (p.address != nullptr) field.push_back(alone(p.name, [=] { return peer_lap(p, percent); }));
        out.add({.figures = {{.name = "resident", .what = quantity::amount, .unit = "bytes"},
                             {.name = "give_back", .what = quantity::real_time}},
                 .arguments = "percent:" + std::to_string(percent),
                 .bases = {"best_possible"},
                 .contestants = std::move(field)});
    }
}

} // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, about, questions);
}
