// cordon/inspect/frame_map.hpp - write_frame_map: a zone at a glance, one character a pageblock.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/inspect/columns.hpp"
#include "cordon/inspect/report.hpp"

#include <cstdint>

namespace cordon::inline v0 {

struct frame_map_options {
    std::uint32_t columns = 64;
    std::uint32_t rows = 16; // at most: a larger zone gets characters that stand for 2, 4, 8, ... blocks
    bool ansi = false;       // colours and block characters (UTF-8), for a terminal
};

// What one character stands for. A state that somebody brought about shows if one block of the group has it.
struct map_cell {
    std::uint64_t frames = 0; // that exist and are not poisoned
    std::uint64_t free = 0;
    bool isolated = false;
    bool offline = false;
    bool poisoned = false;
};

template <class Policy>
class frame_map {
public:
    using core = zone_core<Policy>;
    using geometry = zone_geometry<Policy>;
    using proof = typename core::zone_proof;

    frame_map(const core& engine, const frame_map_options& options) : zone_(engine), options_(options) {
        if (options_.columns == 0) options_.columns = 1;
        if (options_.rows == 0) options_.rows = 1;
        first_ = geometry::block_of(geo().index_of(geo().frames().first())).raw();
        while (std::uint64_t{group_} * options_.columns * options_.rows < geo().blocks() - first_)
            group_ *= 2;
    }

    template <text_sink S>
    void write(S& sink) const {
        map_cell seen;
        const std::uint64_t row_blocks = std::uint64_t{group_} * options_.columns;
        for (std::uint64_t row = first_; row < geo().blocks(); row += row_blocks) {
            const auto start = geo().frames_of(block_index{static_cast<std::uint32_t>(row)}).first();
            print(print_right(sink, start.raw(), 11), "  ");
            unsigned colour = plain;
            for (std::uint64_t b = row; b < row + row_blocks && b < geo().blocks(); b += group_) {
                const map_cell cell = cell_at(static_cast<std::uint32_t>(b));
                draw(sink, cell, colour);
                seen.isolated |= cell.isolated;
                seen.offline |= cell.offline;
                seen.poisoned |= cell.poisoned;
            }
            paint(sink, plain, colour);
            print(sink, "\n");
        }
        write_legend(sink, seen);
    }

private:
    // Colours of the 256 that terminals agree on; 0 is none.
    enum : unsigned { plain = 0, grey = 240, yellow = 226, orange = 208, red = 196 };
    static constexpr unsigned fill_colours[] = {153, 153, 117, 111, 75, 69, 68, 67, 61}; // lighter is emptier

    [[nodiscard]] const geometry& geo() const { return zone_.geometry(); }

    [[nodiscard]] map_cell cell_at(std::uint32_t first) const {
        const std::uint32_t left = geo().blocks() - first;
        const std::uint32_t end = first + (left < group_ ? left : group_);
        map_cell cell;
        for (std::uint32_t at = first; at < end; at += geometry::region_blocks)
            zone_.with_zone_lock([&](proof held_lock) {
                for (std::uint32_t i = at; i != end && i != at + geometry::region_blocks; ++i)
                    add(held_lock, block_index{i}, cell);
            });
        return cell;
    }
    void add(proof held_lock, block_index b, map_cell& cell) const {
        const block_traits t = zone_.blocks().traits(b);
        if (t.has(block_traits::absent)) return;
        cell.isolated |= t.has(block_traits::isolated);
        cell.offline |= t.has(block_traits::offline);
        cell.poisoned |= t.has(block_traits::poisoned);
        cell.free += zone_.blocks().free_frames(held_lock, b);
        cell.frames += geometry::block_frames - zone_.blocks().missing_frames(held_lock, b);
    }

    template <text_sink S>
    void draw(S& sink, const map_cell& cell, unsigned& colour) const {
        constexpr const char* letters[] = {".", "1", "2", "3", "4", "5", "6", "7", "#"};
        constexpr const char* bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        if (cell.isolated) return put(sink, "I", "◆", yellow, colour);
        if (cell.offline) return put(sink, "-", "░", orange, colour);
        if (cell.frames == 0) return put(sink, " ", " ", colour, colour);
        if (cell.poisoned) return put(sink, "x", "×", red, colour);
        const std::uint64_t used = cell.frames - cell.free;
        // Only free and full are exact.
        const std::uint64_t eighths = used == 0                ? 0
                                      : cell.free == 0         ? 8
                                      : used * 8 < cell.frames ? 1
                                                               : used * 8 / cell.frames;
        put(sink, letters[eighths], bars[eighths], eighths == 0 ? unsigned{grey} : fill_colours[eighths],
            colour);
    }
    template <text_sink S>
    void put(S& sink, const char* letter, const char* glyph, unsigned wanted, unsigned& colour) const {
        paint(sink, wanted, colour);
        print(sink, options_.ansi ? glyph : letter);
    }
    template <text_sink S>
    void paint(S& sink, unsigned wanted, unsigned& colour) const {
        if (!options_.ansi || wanted == colour) return;
        colour = wanted;
        if (wanted == plain)
            print(sink, "\x1b[0m");
        else
            print(print_decimal(print(sink, "\x1b[38;5;"), wanted), "m");
    }

    template <text_sink S>
    void write_legend(S& sink, const map_cell& seen) const {
        const auto entry = [&](const map_cell& cell, const char* what) {
            unsigned colour = plain;
            draw(sink, cell, colour);
            paint(sink, plain, colour);
            print(sink, what);
        };
        print_spaces(sink, 13);
        entry({.frames = 8, .free = 8}, " free   ");
        entry({.frames = 8, .free = 7}, " to ");
        entry({.frames = 8, .free = 1}, " eighths used   ");
        entry({.frames = 8}, " full   ");
        if (seen.isolated) entry({.isolated = true}, " isolated   ");
        if (seen.offline) entry({.offline = true}, " offline   ");
        if (seen.poisoned) entry({.frames = 8, .poisoned = true}, " poisoned   ");
        print_decimal(print(sink, "("), std::uint64_t{group_} * geometry::block_frames);
        print(sink, " frames each)\n");
    }

    const core& zone_;
    frame_map_options options_;
    std::uint32_t first_ = 0;
    std::uint32_t group_ = 1;
};

// Effects: rows of characters, each with the number of its first frame, and a line that explains them. Frames
// that rest in thread caches are used. Cost: O(blocks), the zone lock for 512 of them, or one
// character, at a time.
template <text_sink S, inspectable_zone Zone>
S& write_frame_map(S& sink, const Zone& z, const frame_map_options& options = {}) {
    frame_map<typename Zone::policy>{z.internals(), options}.write(sink);
    return sink;
}

} // namespace cordon::inline v0
