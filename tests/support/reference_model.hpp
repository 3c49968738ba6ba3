// support/reference_model.hpp - reference_model: what a zone promises, told one frame at a time.
// SPDX-License-Identifier: BSL-1.0
//
// One cell a frame and one state a pageblock; every question is answered by looking at each frame concerned. It
// knows no cache: where it says `free`, the zone says `free` or `cached`.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/types.hpp"
#include "cordon/zone/frame_info.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon::testing {

class reference_model {
public:
    enum class block : std::uint8_t { open, isolated, offline };
    struct cell {
        frame_state state = frame_state::free; // free, allocated, tail, absent or poisoned
        bool condemned = false;
        order size{};
        frame head{};
    };

    reference_model(frame_range frames, order pageblock, order max)
        : frames_(frames),
          pageblock_(pageblock),
          max_(max),
          cells_(static_cast<std::size_t>(frames.count().raw())),
          blocks_(static_cast<std::size_t>((frames.end_raw() >> pageblock.raw()) + 1)) {}

    [[nodiscard]] frame_range frames() const { return frames_; }
    [[nodiscard]] cell& at(frame f) { return cells_[f.raw() - frames_.first().raw()]; }
    [[nodiscard]] const cell& at(frame f) const { return cells_[f.raw() - frames_.first().raw()]; }
    [[nodiscard]] block& block_of(frame f) { return blocks_[f.raw() >> pageblock_.raw()]; }
    [[nodiscard]] block block_of(frame f) const { return blocks_[f.raw() >> pageblock_.raw()]; }

    [[nodiscard]] frame_state state_of(frame f) const {
        if (!frames_.contains(f)) return frame_state::foreign;
        if (at(f).state != frame_state::free || block_of(f) == block::open) return at(f).state;
        return block_of(f) == block::isolated ? frame_state::isolated : frame_state::offline;
    }
    // Returns: whether the run can be allocated.
    [[nodiscard]] bool is_free(frame f, order k) const { return exact_status(f, k) == status::ok; }
    [[nodiscard]] status exact_status(frame f, order k) const {
        if (k > max_) return status::invalid_order;
        const frame_range run{f, k.frames()};
        if (!f.is_aligned(k) || !frames_.contains(run)) return status::invalid_range;
        status outcome = status::ok;
        for (const frame each : run)
            switch (state_of(each)) {
            case frame_state::free: break;
            case frame_state::absent: return status::absent;
            case frame_state::offline: return status::offline;
            case frame_state::poisoned: return status::poisoned;
            default: outcome = status::busy;
            }
        return outcome;
    }
    // `cached`: whether a free frame lies in a thread cache.
    [[nodiscard]] status free_status(frame f, order k, bool cached = false) const {
        if (!frames_.contains(f)) return status::foreign_frame;
        if (k > max_) return status::invalid_order;
        switch (state_of(f)) {
        case frame_state::absent: return status::free_of_absent;
        case frame_state::free: return cached ? status::free_of_cached : status::double_free;
        case frame_state::tail: return status::free_of_tail;
        case frame_state::isolated: return status::free_of_isolated;
        case frame_state::offline: return status::free_of_offline;
        case frame_state::poisoned: return status::free_of_poisoned;
        default: break;
        }
        if (at(f).size == k) return status::ok;
        if (!f.is_aligned(k)) return status::misaligned_frame;
        return frames_.contains(frame_range{f, k.frames()}) ? status::wrong_order : status::foreign_frame;
    }

    void allocate(frame f, order k) {
        for (const frame each : frame_range{f, k.frames()}) {
            at(each) = {each == f ? frame_state::allocated : frame_state::tail, at(each).condemned, k, f};
            ++allocated_;
        }
    }
    void free(frame f, order k) {
        for (const frame each : frame_range{f, k.frames()}) {
            at(each) = {at(each).condemned ? frame_state::poisoned : frame_state::free};
            --allocated_;
        }
    }
    // Returns: what poisoning the frame comes to, the table of poisoned frames aside.
    status poison(frame f) {
        const frame_state now = state_of(f);
        if (now == frame_state::foreign) return status::foreign_frame;
        if (now == frame_state::absent) return status::absent;
        if (now == frame_state::poisoned || at(f).condemned) return status::poisoned;
        const bool in_use = now == frame_state::allocated || now == frame_state::tail;
        if (in_use)
            at(f).condemned = true;
        else
            at(f).state = frame_state::poisoned;
        return in_use ? status::deferred : status::ok;
    }
    [[nodiscard]] std::uint64_t allocated() const { return allocated_; }

private:
    frame_range frames_;
    order pageblock_;
    order max_;
    std::vector<cell> cells_;
    std::vector<block> blocks_;
    std::uint64_t allocated_ = 0;
};

} // namespace cordon::testing
