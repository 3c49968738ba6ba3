// cordon/frames/migrate_type.hpp - how movable the frames of a pageblock are.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `frames` says what a frame and a pageblock are: geometry (geometry.hpp), migrate types, the traits
// byte of a block that everybody may read (block_traits.hpp), the state byte of a frame that finds misuse
// (frame_states.hpp), the name of who holds it (owner_tags.hpp), and the frames that are not there: holes and poisoned
// ones (range_table.hpp).
// It holds no lock and decides nothing; the layers above do.
#pragma once

#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

// Frames of one type share pageblocks, so that what can never move does not pin blocks that could be emptied.
enum class migrate_type : std::uint8_t {
    movable,     // the owner can be asked to move it; the type of fresh memory
    unmovable,   // stays where it is until it is freed
    reclaimable, // cannot move, but can be given up
    lent, // reserved for contiguous allocation; serves movable requests until it is wanted (Linux: CMA)
};
inline constexpr unsigned migrate_types = 4;

[[nodiscard]] constexpr std::string_view name(migrate_type t) {
    switch (t) {
    case migrate_type::movable: return "movable";
    case migrate_type::unmovable: return "unmovable";
    case migrate_type::reclaimable: return "reclaimable";
    case migrate_type::lent: return "lent";
    }
    return "unknown type";
}

} // namespace cordon::inline v0
