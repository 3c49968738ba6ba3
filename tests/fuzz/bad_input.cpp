// fuzz/bad_input.cpp - the target bad_input: calls that make no sense, on a zone that is in use.
// SPDX-License-Identifier: BSL-1.0
//
// What an embedder may get wrong: frames, orders, ranges, counts and alignments of any value, zones of any options in
// memory of any size. Each has its status, and changes nothing.
#include "fuzz/target.hpp"

#include <algorithm>
#include <cstddef>

namespace cordon::fuzz {
namespace {

constexpr testing::operation_mix mix{.allocate_or_free = 60,
                                     .free_wrongly = 100,
                                     .bulk = 12,
                                     .drain = 2,
                                     .isolate = 8,
                                     .work_on_range = 10,
                                     .online = 2,
                                     .poison = 6,
                                     .set_type = 2,
                                     .wrong_range = 40,
                                     .wrong_count = 14};
static_assert(mix.total() == 256, "one byte of the input says which");

using testing::byte_choices;
using testing::expect;
using zone_type = basic_zone<small_policy>;

frame_range any_range(byte_choices& choices, std::uint64_t most) {
    const std::uint64_t first =
        choices.below(4) == 3 ? UINT32_MAX - choices.below(most) : choices.below(most);
    const std::uint64_t count =
        choices.below(8) == 7 ? UINT64_MAX - choices.below(most) : choices.below(most);
    return {frame{static_cast<std::uint32_t>(first)}, frame_count{count}};
}

// Returns: what a zone of these options comes to.
status expected_of(const zone_options& options) {
    const frame_range all = options.frames;
    if (all.empty() || all.end_raw() > UINT32_MAX) return status::invalid_range;
    for (const frame_range& hole : options.holes) {
        if (hole.empty() || !all.contains(hole)) return status::invalid_range;
        for (const frame_range& other : options.holes)
            if (&other != &hole && other.overlaps(hole)) return status::invalid_range;
    }
    return status::ok;
}

void make_any_zone(byte_choices& choices, std::ostream* log) {
    frame_range holes[3];
    const auto used = static_cast<std::size_t>(choices.below(4));
    const frame_range frames = any_range(choices, 1024);
    for (frame_range& hole : holes)
        hole = any_range(choices, 1024);
    const zone_options options{.frames = frames,
                               .holes = std::span{holes, used},
                               .max_poisoned = static_cast<std::uint32_t>(choices.below(32))};
    const std::size_t bytes = zone_type::metadata_bytes(options);
    const bool small = choices.below(4) == 3;
    const auto missing = static_cast<std::size_t>(small ? 1 + choices.below(64) : 0);
    const bool shifted = choices.below(4) == 3;
    const auto shift = static_cast<std::size_t>(shifted ? choices.below(64) : 0);
    if (log != nullptr)
        *log << "a zone of " << frames << " with " << used << " holes in " << bytes << " bytes, " << missing
             << " too few, " << shift << " behind a line\n";
    status expected = expected_of(options);
    if (bytes == 0)
        return expect(expected == status::invalid_range, "options that are good have no metadata");
    if (missing != 0 || shift != 0) expected = status::no_metadata;
    const testing::placed_memory memory{bytes + shift};
    const zone_type zone = zone_type::place(memory.bytes().subspan(shift, bytes - missing), options);
    expect(zone.error() == expected, "a zone of any options is made, or refused, for another reason");
}

} // namespace

void run(input bytes, comparison compared, std::ostream* log) {
    byte_choices choices{bytes};
    for (std::uint64_t n = choices.below(4); n != 0; --n)
        make_any_zone(choices, log);
    run_episode<small_policy>(choices, mix, compared, log);
}

} // namespace cordon::fuzz
