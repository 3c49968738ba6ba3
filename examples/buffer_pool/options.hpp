// buffer_pool/options.hpp - what can be asked of the program.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/command_line.hpp"
#include "policies.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string_view>

namespace demo {

struct options {
    std::size_t file_mib = 4096;
    std::size_t frames_mib = 256;
    std::size_t threads = 2;
    double seconds = 3;
    unsigned policy = default_policy_number;
    std::uint64_t seed = std::random_device{}();

    static constexpr std::string_view help =
        "Usage: buffer_pool [options]\n"
        "A page cache over a file that is larger than its memory; it shrinks by half and grows again while\n"
        "threads read and write pages, and every page is checked.\n"
        "\n"
        "  --file-size MIB  size of the file, at least twice the frames (default 4096; sparse, in $TMPDIR)\n"
        "  --frames MIB     memory of the pool, a multiple of 4 (default 256)\n"
        "  --threads N      threads that read and write, 1 to 64 (default 2)\n"
        "  --seconds S      length of each phase of traffic, 0.05 to 3600 (default 3)\n"
        "  --policy NAME    fifo, lru, clock, two_list, generations, s3_fifo, sieve, lirs or adaptive\n"
        "                   (default adaptive)\n"
        "  --seed N         repeat the random choices of an earlier run (printed by each)\n"
        "  --help           this text\n"
        "\n"
        "Exit status: 0 every page is in order; 1 one was lost or changed; 2 bad options; 77 the system "
        "lacks\n"
        "the memory, or the room for the file.\n";

    // Effects: says on stderr what is wrong with the options.
    verdict parse(int argc, char** argv) {
        const verdict outcome =
            parse_command_line("buffer_pool", argc, argv, [&](std::string_view name, std::string_view value) {
                return name == "--file-size" ? read(value, file_mib, 8, 1 << 20)
                       : name == "--frames"  ? read(value, frames_mib, 4, 1 << 19)
                       : name == "--threads" ? read(value, threads, 1, 64)
                       : name == "--seconds" ? read(value, seconds, 0.05, 3600)
                       : name == "--policy"  ? (policy = number_of(value)) != no_policy
                       : name == "--seed"    ? read(value, seed, 0, UINT64_MAX)
                                             : false;
            });
        if (outcome != verdict::run) return outcome;
        if (frames_mib % 4 == 0 && file_mib >= 2 * frames_mib) return verdict::run;
        std::fprintf(stderr,
                     "buffer_pool: the frames are a multiple of 4 MiB, and at most half of the file\n");
        return verdict::bad;
    }
};

} // namespace demo
