// cordon/inspect/report.hpp - what a zone holds, as text: free runs by order, by migrate type, and a summary.
// SPDX-License-Identifier: BSL-1.0
//
// The forms of Linux (/proc/buddyinfo, /proc/pagetypeinfo), for eyes and scripts that know them. A free run is
// counted once, at the order of the largest aligned run that it is part of, as a buddy system keeps it. No
// allocation, no stdio: each goes to any text sink. Under traffic each region is counted at another moment.
#pragma once

#include "cordon/core/bitmap.hpp"
#include "cordon/core/text.hpp"
#include "cordon/frames/migrate_type.hpp"
#include "cordon/inspect/columns.hpp"
#include "cordon/zone/zone_core.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cordon::inline v0 {

// A zone as a user has it: cordon::basic_zone.
template <class Z>
concept inspectable_zone = requires(const Z& z) {
    typename Z::policy;
    z.internals();
    z.stats();
};

// What blocks are, one row for each migrate type and for each state that hides the type.
enum class block_row : unsigned { isolated = migrate_types, offline, absent };
inline constexpr unsigned block_rows = migrate_types + 3;

[[nodiscard]] constexpr std::string_view block_row_name(unsigned row) {
    constexpr std::string_view hidden[] = {"isolated", "offline", "absent"};
    return row < migrate_types ? name(static_cast<migrate_type>(row)) : hidden[row - migrate_types];
}

// Free runs of a zone, by what their blocks are and by order. Blocks without a row in `runs` have none.
template <class Policy>
struct free_run_counts {
    static constexpr unsigned orders = Policy::max_order + 1;
    static constexpr unsigned rows = migrate_types + 1; // isolated is the last one
    std::uint64_t runs[rows][orders] = {};
    std::uint64_t blocks[block_rows] = {};
};

template <class Policy>
class free_run_counter {
public:
    using core = zone_core<Policy>;
    using geometry = zone_geometry<Policy>;
    using counts = free_run_counts<Policy>;
    using proof = typename core::zone_proof;

    // Cost: O(blocks), the zone lock for a region at a time.
    static counts count(const core& engine) {
        counts all;
        const geometry& geo = engine.geometry();
        for (std::uint32_t first = 0; first < geo.blocks(); first += geometry::region_blocks)
            engine.with_zone_lock([&](proof held_lock) { add_region(held_lock, engine, first, all); });
        return all;
    }

private:
    // Whole blocks form runs with others of their row, partly used ones within themselves.
    static void add_region(proof held_lock, const core& engine, std::uint32_t first, counts& all) {
        regions::map whole[counts::rows] = {};
        for (std::uint32_t i = 0; i != geometry::region_blocks && first + i < engine.geometry().blocks();
             ++i) {
            const block_index b{first + i};
            const unsigned row = row_of(engine.blocks().traits(b));
            ++all.blocks[row];
            if (row >= counts::rows) continue;
            const std::uint32_t free = engine.blocks().free_frames(held_lock, b);
            if (free == geometry::block_frames)
                whole[row].set(i, 0);
            else if (free != 0)
                add_runs(engine.blocks().free_map(held_lock, b), 0, all.runs[row]);
        }
        for (unsigned row = 0; row != counts::rows; ++row)
            add_runs(whole[row], geometry::pageblock_order, all.runs[row]);
    }
    static unsigned row_of(block_traits t) {
        const auto hidden = t.has(block_traits::isolated)  ? block_row::isolated
                            : t.has(block_traits::offline) ? block_row::offline
                            : t.has(block_traits::absent)  ? block_row::absent
                                                           : static_cast<block_row>(t.type());
        return static_cast<unsigned>(hidden);
    }
    // Effects: adds the runs of a map whose units have order `unit`; those above max_order as several of it.
    template <unsigned Bits>
    static void add_runs(const bitmap<Bits>& m, unsigned unit, std::uint64_t (&runs)[counts::orders]) {
        const auto add = [&](unsigned k, std::uint64_t starts) {
            const unsigned over = unit + k < counts::orders ? 0 : unit + k - (counts::orders - 1);
            runs[unit + k - over] += static_cast<std::uint64_t>(bits_set(starts)) << over;
        };
        std::uint64_t full_words = 0;
        for (unsigned w = 0; w != m.words; ++w) {
            full_words |= std::uint64_t{m.word[w] == ~0ull} << w;
            for (unsigned k = 0; k != 6; ++k)
                add(k, lone_run_starts(m.word[w], k));
        }
        for (unsigned k = 6; k <= m.max_order; ++k)
            add(k, lone_run_starts(full_words, k - 6));
    }
};

template <text_sink S>
S& print_zone_name(S& sink, frame_range frames) {
    print(print_decimal(print(sink, "zone ["), frames.first().raw()), ", ");
    return print(print_decimal(sink, frames.end_raw()), ")");
}

// Effects: one line, the number of free runs of each order from 0 on, isolated ones left out.
template <text_sink S, inspectable_zone Zone>
S& write_buddyinfo(S& sink, const Zone& z) {
    using counter = free_run_counter<typename Zone::policy>;
    const auto all = counter::count(z.internals());
    print_zone_name(sink, z.frames());
    for (unsigned k = 0; k != all.orders; ++k) {
        std::uint64_t runs = 0;
        for (unsigned t = 0; t != migrate_types; ++t)
            runs += all.runs[t][k];
        print_right(sink, runs, 7);
    }
    return print(sink, "\n");
}

// Effects: a table of free runs, migrate type by order, and the number of blocks of each type and state.
template <text_sink S, inspectable_zone Zone>
S& write_pagetypeinfo(S& sink, const Zone& z) {
    using counter = free_run_counter<typename Zone::policy>;
    constexpr std::size_t name_width = 14;
    const auto all = counter::count(z.internals());
    print(print_zone_name(print(sink, "free runs of "), z.frames()), " by migrate type and order\n");
    print_spaces(sink, name_width);
    for (unsigned k = 0; k != all.orders; ++k)
        print_right(sink, k, 7);
    for (unsigned row = 0; row != all.rows; ++row) {
        print_left(print(sink, "\n"), block_row_name(row), name_width);
        for (const std::uint64_t runs : all.runs[row])
            print_right(sink, runs, 7);
    }
    print(sink, "\n\npageblocks by migrate type\n");
    for (unsigned row = 0; row != block_rows; ++row)
        print_right(sink, block_row_name(row), 12);
    print(sink, "\n");
    for (const std::uint64_t blocks : all.blocks)
        print_right(sink, blocks, 12);
    return print(sink, "\n");
}

// Effects: where the frames are, in frames and MiB, for frames of `frame_bytes` bytes each; the figures of
// zone.stats(), a line each.
template <text_sink S, inspectable_zone Zone>
S& write_summary(S& sink, const Zone& z, std::uint64_t frame_bytes = 4096) {
    const zone_stats now = z.stats();
    const auto line = [&](std::string_view what, frame_count n) {
        constexpr std::uint64_t mib = 1 << 20;
        const std::uint64_t bytes = n.bytes(frame_bytes);
        print_right(print_left(print(sink, "  "), what, 14), n.raw(), 12);
        print_right(print(sink, " "), bytes / mib, 11);
        print(print_decimal(print(sink, "."), bytes % mib * 10 / mib), " MiB\n");
    };
    print(print_zone_name(sink, z.frames()), ", frames:\n");
    line("managed", now.managed);
    line("allocated", now.allocated);
    line("cached", now.cached);
    line("free", now.free);
    for (unsigned t = 0; t != migrate_types; ++t) {
        if (now.free_of_type[t].raw() == 0) continue;
        text_buffer<14> indented;
        print(print(indented, "  "), name(static_cast<migrate_type>(t)));
        line(indented.view(), now.free_of_type[t]);
    }
    line("isolated", now.isolated_free);
    line("offline", now.offline);
    line("poisoned", now.poisoned);
    print_count(print(print_left(sink, "  caches", 16), "    "), now.active_slots, "slot", "slots");
    print_count(print(sink, " used, "), now.refills, "refill", "refills");
    return print(print_count(print(sink, ", "), now.spills, "spill", "spills"), "\n");
}

} // namespace cordon::inline v0
