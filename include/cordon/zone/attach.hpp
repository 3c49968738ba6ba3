// cordon/zone/attach.hpp - zone_attachment: bytes of unknown origin, looked at before anything follows what they say.
// SPDX-License-Identifier: BSL-1.0
//
// The metadata holds no pointer, so a copy of it is a zone, wherever it lies. Attaching checks it in three steps, each of
// which may rely on those before it:
//
//     here                  the bytes are of this layout, policy and options; the tables are sorted and in range, the
//                           trees can be searched, no magazine is larger than it can be. From then on no index that the
//                           walk follows leaves its part. The gates are new: their words belonged to other threads
//     inspect/validate.hpp  the invariants: maps, counts and sets agree; no frame is free, cached or allocated twice
//     zone_core::adopt      caches are given back, sealed blocks opened; each frame that is in use belongs to somebody
#pragma once

#include "cordon/zone/creation.hpp"
#include "cordon/zone/metadata.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon::inline v0 {

// What a zone is made from.
enum class zone_origin : std::uint8_t {
    own_memory, // zero bytes of the policy's own source
    zero_bytes, // of the embedder
    metadata,   // of a zone, from the embedder
};

template <class Policy>
class zone_attachment {
public:
    using geometry = zone_geometry<Policy>;
    using metadata = zone_metadata<Policy>;
    using header = zone_header<Policy>;
    using bins = magazine_bins<Policy>;
    using slot = cache_slot<Policy>;

    // Returns: ok; invalid_range if the options make no zone; corrupt_metadata. Changes nothing. Cost: O(blocks), and of holes
    // in no order holes times holes.
    [[nodiscard]] static status check(const metadata& parts, const geometry& geo,
                                      const zone_options& options) {
        if (!are_disjoint(options.holes)) return status::invalid_range;
        const bool sound = is_header(*parts.head, options) &&
                           are_holes(parts.buddy_parts.holes, geo, options) && are_poisoned(parts, geo) &&
                           parts.buddy_parts.partial.is_sound(buddy<Policy>::sets, geo.blocks()) &&
                           parts.buddy_parts.whole.is_sound() && are_magazines(parts);
        return sound ? status::ok : status::corrupt_metadata;
    }
    // Effects: no thread is in its cache, nobody drains, caches are enabled: all of which zero bytes say.
    static void open_gates(const metadata& parts) {
        parts.head->disabled = 0;
        for (std::uint32_t s = 0; s != slots; ++s) {
            auto* const gate = reinterpret_cast<std::byte*>(&parts.cache_slots[s].gate);
            for (std::size_t i = 0; i != sizeof parts.cache_slots[s].gate; ++i)
                gate[i] = std::byte{0};
        }
    }

private:
    static constexpr std::uint32_t slots = Policy::thread_slots::max_slots + 1; // the first is nobody's

    static bool is_header(const header& head, const zone_options& options) {
        return head.magic == header::magic_value && head.format == header::format_value &&
               head.first_frame == options.frames.first().raw() &&
               head.frames == options.frames.count().raw() && head.max_poisoned == options.max_poisoned &&
               head.active_slots.load(std::memory_order_relaxed) < slots;
    }
    static bool are_disjoint(std::span<const frame_range> holes) {
        bool rise = true;
        for (std::size_t i = 1; i < holes.size(); ++i)
            rise = rise && holes[i - 1].end_raw() <= holes[i].first().raw();
        if (rise) return true;
        for (const frame_range& hole : holes)
            for (const frame_range& other : holes)
                if (&hole != &other && hole.overlaps(other)) return false;
        return true;
    }
    static bool is_table(const range_table& table) {
        return table.size() <= table.capacity() && table.is_disjoint();
    }
    static bool are_holes(const range_table& table, const geometry& geo, const zone_options& options) {
        if (!is_table(table)) return false;
        std::uint32_t found = 0;
        std::uint32_t expected = 0;
        zone_creation<Policy>::for_each_hole(geo, options, [&](frame_index first, std::uint32_t count) {
            found += table.has(first, count);
            ++expected;
        });
        return found == expected && table.size() == expected;
    }
    static bool are_poisoned(const metadata& parts, const geometry& geo) {
        const range_table& out = parts.buddy_parts.poisoned;
        const range_table& condemned = parts.buddy_parts.condemned;
        if (!is_table(out) || !is_table(condemned)) return false;
        if (out.size() > out.capacity() - condemned.size()) return false;
        const auto are_frames = [&](const range_table& table) {
            for (std::uint32_t i = 0; i != table.size(); ++i) {
                const frame_index at{table[i].first};
                if (table[i].count != 1 || !geo.contains(at) || parts.buddy_parts.holes.contains(at))
                    return false;
                if (&table == &condemned && out.contains(at)) return false;
            }
            return true;
        };
        return are_frames(out) && are_frames(condemned);
    }
    static bool are_magazines(const metadata& parts) {
        const std::uint32_t active = parts.head->active_slots.load(std::memory_order_relaxed);
        for (std::uint32_t s = 0; s != slots; ++s)
            for (unsigned bin = 0; bin != bins::count; ++bin) {
                const slot& c = parts.cache_slots[s];
                const std::uint32_t runs = c.magazines[bin].count.load(std::memory_order_relaxed);
                const std::uint32_t mark = c.magazines[bin].mark;
                const bool is_used = s != 0 && s <= active;
                if (runs > mark || mark > (is_used ? bins::capacity(bin) : 0u)) return false;
            }
        return true;
    }
};

} // namespace cordon::inline v0
