// buffer_pool/pool.hpp - pool: pages of a file in frames of a zone, which of them are warm, and how frames leave.
// SPDX-License-Identifier: BSL-1.0
//
// A page's record says in which frame it is. To use the page, a thread pins that frame and looks at the record again: if
// it still names the frame, nobody can evict or move it until the pin is gone. Pages come in load() and leave by one of:
//
//     write_back, hand_back   an allocation found no frame, and the coldest are reclaimed; or a block is emptied
//     relocate                a block is emptied, and the page moves to a frame elsewhere
#pragma once

#include "page_file.hpp"
#include "policies.hpp"

#include <cordon/cordon.hpp>
#include <cordon/isolation/lru_migrator.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace demo {

using cordon::busy_frame;
using cordon::frame;
using cordon::frame_range;
using cordon::lru_token;
using cordon::migrate_outcome;
using cordon::status;

struct damage {
    std::atomic<std::uint64_t> changed{0};   // pages without the stamp that they should have
    std::atomic<std::uint64_t> misplaced{0}; // frames that did not hold the page that they should
    std::atomic<std::uint64_t> io_errors{0};
    [[nodiscard]] bool any() const { return changed + misplaced + io_errors != 0; }
};

class pool {
public:
    pool(const page_file& file, const cordon::arena& ram, std::size_t pages, unsigned policy)
        : file_(file),
          ram_(ram),
          tracker_(ram.frames(), 1, chosen_policy::at(policy)),
          pressure_(tracker_, write_back{*this}, hand_back{*this}),
          zone_({.frames = ram.frames(), .pressure = pressure_.callback()}),
          pages_(pages),
          versions_(pages),
          page_of_(ram.bytes() / page_bytes) {}

    [[nodiscard]] cordon::zone& zone() { return zone_; }
    [[nodiscard]] demo::tracker& tracker() { return tracker_; }
    [[nodiscard]] std::uint32_t pages() const { return static_cast<std::uint32_t>(pages_.size()); }
    [[nodiscard]] const damage& found() const { return damage_; }
    [[nodiscard]] std::uint64_t written() const { return written_; }

    // ---- what the threads do ----

    // Effects: checks the page, and writes its next version. Returns: whether it was in a frame.
    bool access(std::uint32_t page, bool writes) {
        record& r = pages_[page];
        bool hit = true;
        for (cordon::default_backoff wait;; wait()) {
            const frame f{r.home.load(std::memory_order_acquire)};
            if (damage_.io_errors != 0) return false; // no dirty frame might ever be free again
            if (f.is_none()) {
                hit = false;
                load(page);
                continue;
            }
            const auto pin = tracker_.pinned(f);
            if (!pin || r.home.load(std::memory_order_acquire) != f.raw()) continue; // it is on its way out
            if (hit) tracker_.touch(f);
            const cordon::guard section{r.latch};
            check(page, ram_.address(f));
            if (writes) {
                page_stamp{page, ++versions_[page]}.write(ram_.address(f));
                r.is_dirty = true;
            }
            return hit;
        }
    }

    // ---- what empties a block: callbacks of the LRU and of the migrator; a claim keeps others off the frame ----

    struct write_back {
        pool& self;
        cordon::verdict operator()(frame f) const { return self.clean(f); }
    };
    struct hand_back {
        pool& self;
        void operator()(frame f, lru_token token) const { self.forget(f, token); }
    };
    struct relocate {
        pool& self;
        migrate_outcome operator()(const busy_frame& from, frame to) const {
            return self.move(from.head(), to);
        }
    };

    // ---- the end; no traffic ----

    // Effects: every page that is in a frame is checked and written back. Returns: how many.
    std::uint64_t flush() {
        std::uint64_t n = 0;
        for (std::uint32_t page = 0; page != pages(); ++page) {
            const frame f{pages_[page].home.load(std::memory_order_relaxed)};
            if (f.is_none()) continue;
            ++n;
            if (page_of(f) != page) ++damage_.misplaced;
            check(page, ram_.address(f));
            (void)clean(f);
        }
        return n;
    }
    // Effects: every page of the file is checked; a hole is a page that was never written. Returns: how many were.
    std::uint64_t verify_file() {
        alignas(64) std::byte buffer[page_bytes] = {};
        std::uint64_t n = 0;
        for (std::uint32_t page = 0, data = 0; page != pages(); ++page) {
            if (data <= page) data = file_.next_data(page);
            const bool is_hole = page < data;
            if (is_hole && versions_[page] != 0) ++damage_.changed;
            if (is_hole) continue;
            if (!file_.read(page, buffer)) ++damage_.io_errors;
            check(page, buffer);
            n += versions_[page] != 0;
        }
        return n;
    }

private:
    struct record {
        cordon::spin_lock<cordon::std_atomics, cordon::default_backoff>
            latch; // of the contents, and of loading
        std::atomic<std::uint32_t> home{frame::none().raw()};
        lru_token token; // of the page's last eviction
        bool is_dirty = false;
    };

    std::uint32_t& page_of(frame f) { return page_of_[f.raw() - ram_.frames().first().raw()]; }

    void check(std::uint32_t page, const std::byte* at) {
        if (!page_stamp{page, versions_[page]}.is_on(at)) ++damage_.changed;
    }
    // The frame comes first: allocating may reclaim, and that takes the latches of other pages.
    void load(std::uint32_t page) {
        const cordon::result<frame> f = zone_.allocate();
        if (!f) return; // all frames are pinned or on their way: the caller tries again
        if (!load_into(*f, page)) zone_.free(*f);
    }
    bool load_into(frame f, std::uint32_t page) {
        record& r = pages_[page];
        const cordon::guard section{r.latch};
        if (r.home.load(std::memory_order_relaxed) != frame::none().raw()) return false; // another was faster
        if (!file_.read(page, ram_.address(f))) ++damage_.io_errors;
        page_of(f) = page;
        r.home.store(f.raw(), std::memory_order_release);
        // From here on it can be pinned, moved and evicted.
        if (tracker_.add(f, cordon::root_group, r.token, std::uint64_t{page} + 1) != status::ok)
            ++damage_.misplaced;
        r.token = {};
        return true;
    }
    cordon::verdict clean(frame f) {
        const cordon::guard section{pages_[page_of(f)].latch};
        return write_if_dirty(f) ? cordon::verdict::reclaim : cordon::verdict::keep;
    }
    // The frame is not tracked any more. It may have been written to after clean(), by somebody who pinned it in time.
    void forget(frame f, lru_token token) {
        record& r = pages_[page_of(f)];
        {
            const cordon::guard section{r.latch};
            (void)write_if_dirty(f);
            if (r.home.load(std::memory_order_relaxed) != f.raw()) ++damage_.misplaced;
            r.home.store(frame::none().raw(), std::memory_order_relaxed);
            r.token = token;
        }
        zone_.free(f);
    }
    migrate_outcome move(frame from, frame to) {
        const std::uint32_t page = page_of(from);
        std::memcpy(ram_.address(to), ram_.address(from), page_bytes);
        page_of(to) = page;
        if (pages_[page].home.exchange(to.raw(), std::memory_order_release) != from.raw())
            ++damage_.misplaced;
        return migrate_outcome::moved;
    }
    // Requires: the latch of the frame's page is held.
    bool write_if_dirty(frame f) {
        record& r = pages_[page_of(f)];
        if (!r.is_dirty) return true;
        if (!file_.write(page_of(f), ram_.address(f))) return ++damage_.io_errors, false;
        ++written_;
        r.is_dirty = false;
        return true;
    }

    const page_file& file_;
    const cordon::arena& ram_;
    demo::tracker tracker_;
    cordon::lru_pressure<demo::tracker, write_back, hand_back> pressure_;
    cordon::zone zone_;
    std::vector<record> pages_;
    std::vector<std::uint32_t> versions_; // of each page, under its latch: what the oracle knows
    std::vector<std::uint32_t> page_of_;  // of each frame
    std::atomic<std::uint64_t> written_{0};
    damage damage_;
};

} // namespace demo
