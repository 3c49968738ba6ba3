// support/tenants.hpp - tenants: who holds which run of a zone, so that runs can be moved, freed and replaced at random.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/patterns.hpp"
#include "support/statistics.hpp"

#include <cordon/cordon.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

// Orders of the runs that tenants hold: mostly single frames, some runs of 2, 4 and 8.
inline constexpr std::array<unsigned, 16> tenant_orders{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3};

// Lane: get(order), put(frame, order) with the order at run time, and the type of its frames (run_time_lane below).
template <class Lane>
class tenants {
public:
    using frame = typename Lane::frame;
    struct run {
        frame first;
        unsigned order;
    };

    tenants(Lane lane, std::uint64_t seed) : lane_(lane), numbers_(seed) {}
    ~tenants() { // for a malloc lives on, and whoever comes next would find what was left
        for (const run& r : runs_)
            lane_.put(r.first, r.order);
    }
    tenants(const tenants&) = delete;
    tenants& operator=(const tenants&) = delete;

    // Effects: the lists of so many frames have their memory, and have written it: what is measured next is the lane's.
    void make_room(std::uint64_t frames) {
        runs_.resize(frames);
        runs_.clear();
        if constexpr (sizeof(frame) == sizeof(std::uint32_t)) place_of_.resize(2 * frames);
    }
    // Effects: allocates until so many frames are held; single ones where there is no longer run.
    void fill(std::uint64_t frames) {
        while (frames_ < frames)
            if (!add(tenant_orders[numbers_.below(tenant_orders.size())]) && !add(0))
                give_up("out of frames");
    }
    // Effects: frees random runs until no more than so many frames are held.
    void shrink(std::uint64_t frames) {
        while (frames_ > frames)
            remove();
    }
    // Effects: allocates so many frames more, and frees as many, taken at random.
    void breathe(std::uint64_t frames) {
        const std::uint64_t level = frames_;
        fill(level + frames);
        shrink(level);
    }
    // Effects: the run at `from` is at `to` now. Requires: the lane's frames are small numbers.
    void moved(frame from, frame to) {
        const std::uint32_t place = place_of_[from];
        runs_[place].first = to;
        note(place);
    }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] const std::vector<run>& runs() const { return runs_; }
    [[nodiscard]] Lane& lane() { return lane_; }

private:
    bool add(unsigned order) {
        const frame f = lane_.get(order);
        if (f == Lane::none) return false;
        runs_.push_back({f, order});
        note(static_cast<std::uint32_t>(runs_.size() - 1));
        frames_ += std::uint64_t{1} << order;
        return true;
    }
    void remove() {
        const std::uint32_t place = numbers_.below(static_cast<std::uint32_t>(runs_.size()));
        const run gone = runs_[place];
        runs_[place] = runs_.back();
        note(place);
        runs_.pop_back();
        frames_ -= std::uint64_t{1} << gone.order;
        lane_.put(gone.first, gone.order);
    }
    // Effects: the run at that place can be found, if frames are small numbers.
    void note(std::uint32_t place) {
        if constexpr (sizeof(frame) == sizeof(std::uint32_t)) {
            const frame f = runs_[place].first;
            if (f >= place_of_.size()) place_of_.resize(std::size_t{2} * f + 1);
            place_of_[f] = place;
        }
    }

    Lane lane_;
    random_numbers numbers_;
    std::vector<run> runs_;
    std::vector<std::uint32_t> place_of_;
    std::uint64_t frames_ = 0;
};

// A zone as a lane whose orders are known at run time.
class zone_lane {
public:
    using frame = std::uint32_t;
    static constexpr frame none = UINT32_MAX;

    explicit zone_lane(cordon::zone& zone) : zone_(&zone) {}
    frame get(unsigned order) const {
        const auto f = zone_->allocate(cordon::order{order});
        return f ? f->raw() : none;
    }
    void put(frame f, unsigned order) const { zone_->free(cordon::frame{f}, cordon::order{order}); }

private:
    cordon::zone* zone_;
};

inline constexpr std::uint32_t block_frames = 512;

inline cordon::frame_range blocks_from(std::uint32_t first, std::uint32_t count) {
    return {cordon::frame{first * block_frames}, cordon::frame_count{std::uint64_t{count} * block_frames}};
}
[[noreturn]] inline void give_up(const char* what, cordon::status why) {
    give_up((std::string(what) + ": " + std::string(cordon::name(why))).c_str());
}

// A migrator that moves runs of the tenants; `copy(from, to, order)` moves what lies behind them.
template <class Tenants, class Copy>
auto mover(Tenants& who, Copy copy) {
    return [&who, copy](const cordon::busy_frame& from, cordon::frame to) {
        copy(from.head(), to, from.size());
        who.moved(from.head().raw(), to.raw());
        return cordon::migrate_outcome::moved;
    };
}
inline constexpr auto nothing_to_copy = [](cordon::frame, cordon::frame, cordon::order) {};

// Effects: empties block after block, the emptiest first, as long as what is in them fits into those that stay.
// `emptied(range)` owns each that is empty, and decides what becomes of it.
template <class Migrator, class Emptied>
void empty_blocks(cordon::zone& zone, Migrator migrate, Emptied emptied) {
    const auto blocks = static_cast<std::uint32_t>(zone.frames().count().raw() / block_frames);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_use; // frames in use, block
    for (std::uint32_t b = 0; b != blocks; ++b)
        if (auto range = zone.isolate(blocks_from(b, 1))) by_use.emplace_back(range->busy().raw(), b);
    std::sort(by_use.begin(), by_use.end());
    std::uint64_t used = 0;
    for (const auto& [in_block, b] : by_use)
        used += in_block;
    for (std::size_t stay = by_use.size() - 1; const auto& [in_block, b] : by_use) {
        if (stay-- * block_frames < used) return;
        auto range = zone.isolate(blocks_from(b, 1));
        if (!range || (in_block != 0 && range->migrate(migrate).outcome != cordon::status::ok)) return;
        emptied(*range);
    }
}

} // namespace bench
