// fuzz/attach.cpp - the target attach: any bytes as metadata; what is not refused must be a zone that works.
// SPDX-License-Identifier: BSL-1.0
//
// A zone goes through some operations; a copy of its metadata is changed in up to four places, or it is other bytes
// altogether; then a zone is attached to it. Of an unchanged copy that must succeed, with each frame as it was. A zone
// that says it is one goes through the rest of the operations beside a model of what it said of each frame.
#include "fuzz/target.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace cordon::fuzz {
namespace {

using testing::byte_choices;
using testing::expect;
using zone_type = basic_zone<small_policy>;
using episode = testing::episode<small_policy, byte_choices>;

std::byte any_byte(byte_choices& choices) {
    return static_cast<std::byte>(choices.below(256));
}

// Effects: one bit, one byte or one word of the metadata is another.
void change(std::span<std::byte> metadata, byte_choices& choices, std::ostream* log) {
    const auto at = static_cast<std::size_t>(choices.below(metadata.size()));
    const std::uint64_t how = choices.below(16);
    if (log != nullptr) *log << "byte " << at << " changes in way " << how << '\n';
    if (how < 8)
        metadata[at] ^= std::byte{1} << static_cast<int>(how);
    else if (how < 12)
        metadata[at] = any_byte(choices);
    else
        for (std::size_t i = at / 4 * 4; i != std::min(at / 4 * 4 + 4, metadata.size()); ++i)
            metadata[i] = any_byte(choices);
}

// Returns: whether it is other than it was.
bool spoil(std::span<std::byte> metadata, byte_choices& choices, std::ostream* log) {
    const testing::placed_memory before{metadata};
    const std::uint64_t changes = choices.below(6);
    if (changes == 5)
        for (std::byte& b : metadata)
            b = any_byte(choices);
    else
        for (std::uint64_t n = 0; n != changes; ++n)
            change(metadata, choices, log);
    return !std::equal(metadata.begin(), metadata.end(), before.bytes().begin());
}

} // namespace

void run(input bytes, comparison compared, std::ostream* log) {
    byte_choices choices{bytes};
    const testing::zone_choice zone = choose_zone(choices);
    episode first{choices, isolation_mix, zone, log};
    first.turn();
    for (std::uint64_t n = choices.below(32); n != 0; --n)
        first.step();
    const testing::placed_memory metadata{first.metadata()};
    const bool spoilt = spoil(metadata.bytes(), choices, log);
    const testing::placed_memory tried{metadata.bytes()};
    const status outcome = zone_type::attach(tried.bytes(), first.options()).error();
    if (log != nullptr) *log << "attach: " << outcome << '\n';
    if (outcome == status::corrupt_metadata && spoilt) return;
    expect(outcome == status::ok, "attach refuses what is a zone, or for another reason");
    episode second{choices, isolation_mix, zone, metadata.bytes(), log};
    if (!spoilt) second.expect_frames_of(first);
    run_all(choices, second, compared);
}

} // namespace cordon::fuzz
