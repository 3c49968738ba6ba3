// empty_blocks/options.hpp - what can be asked of the program.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/command_line.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string_view>

namespace demo {

struct options {
    std::size_t size_mib = 1024;
    std::size_t threads = 2;
    std::size_t blocks = 64;
    double seconds = 1.5;
    std::uint64_t seed = std::random_device{}();

    static constexpr std::string_view help =
        "Usage: empty_blocks [options]\n"
        "Empties pageblocks of a zone while threads allocate and free in it, and checks every frame.\n"
        "\n"
        "  --size MIB       memory to manage, 64 to 1048576 (default 1024)\n"
        "  --threads N      threads that make traffic, 1 to 64 (default 2)\n"
        "  --blocks N       pageblocks of 2 MiB to empty, at most a quarter of the memory (default 64)\n"
        "  --seconds S      length of each phase of traffic, 0.1 to 3600 (default 1.5)\n"
        "  --seed N         repeat the random choices of an earlier run (printed by each)\n"
        "  --help           this text\n"
        "\n"
        "Exit status: 0 every frame is in order; 1 one was lost, handed out twice or changed;\n"
        "2 bad options; 77 the system lacks the memory.\n";

    // Effects: says on stderr what is wrong with the options.
    verdict parse(int argc, char** argv) {
        const verdict outcome = parse_command_line(
            "empty_blocks", argc, argv, [&](std::string_view name, std::string_view value) {
                return name == "--size"      ? read(value, size_mib, 64, 1 << 20)
                       : name == "--threads" ? read(value, threads, 1, 64)
                       : name == "--blocks"  ? read(value, blocks, 1, 1 << 20)
                       : name == "--seconds" ? read(value, seconds, 0.1, 3600)
                       : name == "--seed"    ? read(value, seed, 0, UINT64_MAX)
                                             : false;
            });
        if (outcome != verdict::run) return outcome;
        if (blocks * 2 * 4 <= size_mib) return verdict::run;
        std::fprintf(stderr, "empty_blocks: %zu blocks are more than a quarter of %zu MiB\n", blocks,
                     size_mib);
        return verdict::bad;
    }
};

} // namespace demo
