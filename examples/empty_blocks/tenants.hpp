// empty_blocks/tenants.hpp - tenants: the owners of the frames, what they do, and how their frames are moved.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stamp.hpp"

#include <cordon/cordon.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace demo {

using cordon::frame;
using cordon::frame_range;
using cordon::order;

// A tenant holds one run of frames. Its record is locked by whoever looks at the run, writes it or moves it.
struct tenant {
    cordon::spin_lock<cordon::std_atomics, cordon::default_backoff> lock;
    frame home; // the head of the run; none while the tenant is between two runs
    order size;
    std::uint32_t sequence = 0;
};

struct damage {
    std::atomic<std::uint64_t> changed{0};   // frames without the stamp that they should have
    std::atomic<std::uint64_t> twice{0};     // frames that were handed out while they had an owner
    std::atomic<std::uint64_t> misplaced{0}; // frames that their owner did not own any more
};

class tenants {
public:
    tenants(cordon::zone& zone, const cordon::arena& ram, std::size_t count)
        : zone_(zone), ram_(ram), tenants_(count), owners_(ram.bytes() / ram.frame_bytes()) {}

    [[nodiscard]] std::size_t count() const { return tenants_.size(); }
    [[nodiscard]] const damage& found() const { return damage_; }

    // ---- what a tenant does ----

    // Effects: the tenant verifies its run, frees it, gets another one and writes it.
    void move_house(std::size_t id, order size) {
        leave(id);
        enter(id, size);
    }
    // Effects: every frame of every tenant is verified. Returns: how many that were.
    std::uint64_t verify_all() {
        std::uint64_t frames = 0;
        for (std::size_t id = 0; id != tenants_.size(); ++id) {
            tenant& t = tenants_[id];
            const cordon::guard section{t.lock};
            if (t.home.is_none()) continue;
            verify(id);
            for (const frame f : run(t.home, t.size))
                if (owner_of(f).load(std::memory_order_relaxed) != id + 1) ++damage_.misplaced;
            frames += t.size.frames().raw();
        }
        return frames;
    }
    // Returns: the frames of the range that have an owner.
    [[nodiscard]] std::uint64_t in_use(frame_range range) {
        std::uint64_t n = 0;
        for (const frame f : range)
            n += owner_of(f).load(std::memory_order_relaxed) != 0;
        return n;
    }

    // ---- the migrator ----

    // The tenant may leave at any time, so its record is locked before anything is believed. Not found, or not
    // there any more: the library looks again.
    cordon::migrate_outcome operator()(const cordon::busy_frame& from, frame to) {
        const std::uint32_t owner = owner_of(from.head()).load(std::memory_order_relaxed);
        if (owner == 0) return cordon::migrate_outcome::retry;
        tenant& t = tenants_[owner - 1];
        const cordon::guard section{t.lock};
        if (t.home != from.head() || t.size != from.size()) return cordon::migrate_outcome::retry;
        claim(owner - 1, to, t.size);
        std::ranges::copy(ram_.memory(run(t.home, t.size)), ram_.address(to));
        disclaim(owner - 1, t.home, t.size);
        t.home = to;
        return cordon::migrate_outcome::moved;
    }

private:
    static frame_range run(frame head, order size) { return {head, size.frames()}; }
    std::atomic<std::uint32_t>& owner_of(frame f) { return owners_[f.raw() - zone_.frames().first().raw()]; }
    static stamp stamp_of(std::size_t id, std::uint32_t sequence, std::uint64_t page) {
        return {id << 8 | page, sequence};
    }

    // The oracle of frames that are handed out twice.
    void claim(std::size_t id, frame head, order size) {
        for (const frame f : run(head, size))
            if (owner_of(f).exchange(static_cast<std::uint32_t>(id + 1), std::memory_order_relaxed) != 0)
                ++damage_.twice;
    }
    void disclaim(std::size_t id, frame head, order size) {
        for (const frame f : run(head, size))
            if (owner_of(f).exchange(0, std::memory_order_relaxed) != id + 1) ++damage_.misplaced;
    }
    // Requires: the tenant's lock is held.
    void verify(std::size_t id) {
        const tenant& t = tenants_[id];
        for (std::uint64_t page = 0; const frame f : run(t.home, t.size))
            if (!stamp_of(id, t.sequence, page++).is_on(ram_.address(f))) ++damage_.changed;
    }

    void leave(std::size_t id) {
        tenant& t = tenants_[id];
        frame home;
        {
            const cordon::guard section{t.lock};
            if (t.home.is_none()) return;
            verify(id);
            disclaim(id, t.home, t.size);
            home = std::exchange(t.home, frame::none());
        }
        zone_.free(home, t.size);
    }
    void enter(std::size_t id, order size) {
        const cordon::result<frame> home = zone_.allocate(size);
        if (!home) return; // no memory now: the tenant stays without a run for a while
        claim(id, *home, size);
        tenant& t = tenants_[id];
        const std::uint32_t sequence = t.sequence + 1;
        for (std::uint64_t page = 0; const frame f : run(*home, size))
            stamp_of(id, sequence, page++).write(ram_.address(f));
        const cordon::guard section{t.lock};
        t.home = *home;
        t.size = size;
        t.sequence = sequence;
    }

    cordon::zone& zone_;
    const cordon::arena& ram_;
    std::vector<tenant> tenants_;
    std::vector<std::atomic<std::uint32_t>> owners_; // of each frame: its tenant's number + 1, or 0
    damage damage_;
};

} // namespace demo
