// cordon/isolation/isolated_range.hpp - isolated_range: the owner of a sealed range of pageblocks.
// SPDX-License-Identifier: BSL-1.0
//
//     auto range = zone.isolate(frames, {.deadline = 50ms});
//     if (!range || range->migrate(mover).outcome != status::ok) return;
//     if (range->offline() == status::ok) give_back(range->range());
//
// Destruction undoes what was not finished: an early return, an exception, a lost race leave no trace. The zone outlives
// the range; if it does not, the misuse handler hears of it, and the range owns nothing. A fork() copies it: the thread
// that forks has its ranges in the child, too, where nobody hears if they outlive the zone; those of other threads stay
// sealed there, for nobody has them.
#pragma once

#include "cordon/isolation/migrator.hpp"
#include "cordon/isolation/protocol.hpp"

#include <cstdint>
#include <utility>

namespace cordon::inline v0 {

template <class Policy>
class [[nodiscard]] isolated_range {
public:
    // Owns nothing: every operation says not_isolated.
    isolated_range() = default;
    // Effects: see zone.isolate().
    [[nodiscard]] static result<isolated_range> seal(zone_core<Policy>& engine, frame_range range,
                                                     const isolate_options& options) {
        isolation_protocol<Policy> protocol{engine};
        const result<block_span> span = protocol.blocks_of(range);
        if (!span) return span.error();
        result<isolated_range> made{isolated_range{range, *span, options}};
        if (const status e = protocol.seal(slot(), made->node_, options); e == status::ok)
            made->own(engine);
        else
            made = e;
        return made;
    }
    // Effects: seals the blocks that choose(proof) picks, under one hold of the zone lock. All of them are whole and
    // free, so no cache has a frame of them, and no barrier is needed. Returns: their owner; of nothing, if none was.
    template <class Choose>
    [[nodiscard]] static isolated_range seal_free(zone_core<Policy>& engine, Choose choose) {
        isolated_range made;
        engine.with_zone_lock([&](proof held_lock) {
            const block_span chosen = choose(held_lock);
            made = {engine.geometry().frames_of(chosen.first, chosen.count), chosen, {}};
            if (chosen.count != 0) isolation_protocol<Policy>::close(held_lock, engine, made.node_);
        });
        if (made.span().count != 0) made.own(engine);
        return made;
    }
    isolated_range(isolated_range&& other) noexcept { take(other); }
    isolated_range& operator=(isolated_range&& other) noexcept {
        if (this != &other) {
            undo();
            take(other);
        }
        return *this;
    }
    ~isolated_range() { undo(); }

    [[nodiscard]] explicit operator bool() const { return zone_ != nullptr && !node_.is_orphan; }
    [[nodiscard]] frame_range range() const { return range_; }

    // Returns: frames of the range that are in use or on their way. It only falls: nobody is given one any more.
    [[nodiscard]] frame_count busy() const {
        if (!*this) return frame_count{};
        return frame_count{zone_->with_zone_lock([&](proof held_lock) {
            return isolation_protocol<Policy>{*zone_}.used_frames(held_lock, span());
        })};
    }
    [[nodiscard]] bool all_free() const { return *this && busy().raw() == 0; }

    // Returns: the first allocation in the way that has a frame at or behind `from`; false if there is none.
    // Its head may lie before the range. Cost: O(frames looked at), the zone lock for one block at a time.
    [[nodiscard]] busy_frame next_busy(frame from = frame{0}) const { return next_busy_in(range_, from); }

    // Effects: asks the migrator for each allocation in the way, until the range is idle, or nothing more can be
    // done, or the deadline passes. Locks: none while the migrator runs. The migrator may throw: see there.
    template <migrator M>
    migrate_report migrate(M&& migrate_one, deadline limit) {
        return run_passes(range_, migrate_one, limit);
    }
    template <migrator M>
    migrate_report migrate(M&& migrate_one) {
        return run_passes(range_, migrate_one, deadline_);
    }
    // Effects: the same for the allocations that touch a part of the range.
    template <migrator M>
    migrate_report migrate(frame_range part, M&& migrate_one, deadline limit) {
        return run_passes(part, migrate_one, limit);
    }
    template <migrator M>
    migrate_report migrate(frame_range part, M&& migrate_one) {
        return run_passes(part, migrate_one, deadline_);
    }

    // Effects: the frames of the range, or of a part of it, are the caller's, allocated with order 0 each; what
    // is left of the range is open again. Returns: busy, poisoned or absent, with the range still isolated, if
    // one of them cannot be had; invalid_range, if the part is not of the range; not_isolated.
    result<frame_range> claim() { return claim(range_); }
    result<frame_range> claim(frame_range part) {
        if (!*this) return status::not_isolated;
        if (part.empty() || !range_.contains(part)) return status::invalid_range;
        const status outcome = isolation_protocol<Policy>{*zone_}.claim(node_, level_, part);
        if (outcome != status::ok) return outcome;
        Policy::tracer::on(trace_event::claim, part.first(), part.count());
        zone_ = nullptr;
        return part;
    }
    // Effects: the range leaves the zone until zone.online(). Returns: ok; busy, with the range still isolated, if
    // a frame of it is in use; not_isolated.
    [[nodiscard]] status offline() {
        if (!*this) return status::not_isolated;
        const status outcome = isolation_protocol<Policy>{*zone_}.offline(node_, level_);
        if (outcome != status::ok) return outcome;
        Policy::tracer::on(trace_event::offline, range_.first(), range_.count());
        zone_ = nullptr;
        return status::ok;
    }
    // Effects: the range is as if it had never been isolated. Returns: ok; not_isolated.
    status undo() {
        if (!*this) return status::not_isolated;
        isolation_protocol<Policy>{*zone_}.open(node_, level_);
        Policy::tracer::on(trace_event::undo, range_.first(), range_.count());
        zone_ = nullptr;
        return status::ok;
    }

private:
    using proof = typename zone_core<Policy>::zone_proof;
    using geometry = zone_geometry<Policy>;

    // A fresh run that goes back unless the migrator moved something into it.
    class destination {
    public:
        destination(zone_core<Policy>& engine, const busy_frame& from)
            : zone_(engine), size_(from.size()), to_(engine.allocate(slot(), size_, from.found.type)) {
            if (to_) take_tag_of(from.head());
        }
        ~destination() {
            if (to_) zone_.free(slot(), *to_, size_);
        }
        destination(const destination&) = delete;
        destination& operator=(const destination&) = delete;
        [[nodiscard]] const result<frame>& to() const { return to_; }
        void keep() { to_ = status::busy; }

    private:
        void take_tag_of(frame old) {
            const geometry& geo = zone_.geometry();
            zone_.tags().set(geo.index_of(*to_), zone_.tags().of(geo.index_of(old)));
        }

        zone_core<Policy>& zone_;
        order size_;
        result<frame> to_;
    };

    // Owns nothing until own().
    isolated_range(frame_range range, block_span span, const isolate_options& options)
        : range_(range), node_{span, options.owner}, level_(options.level), deadline_(options.deadline) {}
    // Requires: node_ was sealed, and is listed.
    void own(zone_core<Policy>& engine) {
        zone_ = &engine;
        Policy::tracer::on(trace_event::isolate, range_.first(), range_.count());
    }

    static slot_index slot() { return Policy::thread_slots::current(); }
    [[nodiscard]] block_span span() const { return node_.blocks; }
    [[nodiscard]] busy_frame next_busy_in(frame_range part, frame from) const;
    // Returns: whether the allocation is still one. Its frame within the range tells: nobody can get that one anew.
    [[nodiscard]] bool is_in_use(const busy_frame& from) const {
        const frame_state now = zone_->state_of(from.found.number).state;
        return now == frame_state::allocated || now == frame_state::tail;
    }

    // A frame that the migrator says was freed, and was not. Looked at after each pass: without a deadline nothing else
    // would end a call whose migrator forgets to free.
    class broken_promise {
    public:
        void remember(const busy_frame& from) { given_for_ = from; }
        [[nodiscard]] const busy_frame& given_for() const { return given_for_; }
        // Returns: whether this was the last of migrate_patience passes with no fewer frames in use than before.
        [[nodiscard]] bool outlasts_patience(const isolated_range& range) {
            if (given_for_ && !range.is_in_use(given_for_)) given_for_ = {};
            if (!given_for_) return false;
            if (const frame_count now = range.busy(); now < fewest_) {
                fewest_ = now;
                passes_in_vain_ = 0;
            }
            return ++passes_in_vain_ == migrate_patience;
        }

    private:
        busy_frame given_for_;
        frame_count fewest_{UINT64_MAX};
        unsigned passes_in_vain_ = 0;
    };

    [[nodiscard]] static bool has_passed(std::uint64_t until) {
        return until != UINT64_MAX && Policy::clock::now() >= until;
    }
    template <class M>
    migrate_report run_passes(frame_range part, M& migrate_one, deadline limit);
    template <class M>
    void run_pass(frame_range part, M& migrate_one, std::uint64_t until, migrate_report& report,
                  broken_promise& broken);
    template <class M>
    migrate_outcome ask(M& migrate_one, const busy_frame& from, status& trouble);

    void take(isolated_range& other) {
        zone_ = other ? std::exchange(other.zone_, nullptr) : nullptr;
        range_ = other.range_;
        // Not its link: that is the list's, under the zone lock.
        node_ = {other.node_.blocks, other.node_.owner, nullptr};
        level_ = other.level_;
        deadline_ = other.deadline_;
        if (zone_ == nullptr) return;
        zone_->with_zone_lock([&](proof held_lock) { zone_->sealed(held_lock).replace(other.node_, node_); });
    }

    zone_core<Policy>* zone_ = nullptr;
    frame_range range_;
    sealed_blocks node_;
    isolation_level level_ = isolation_level::targeted;
    deadline deadline_;
};

template <class Policy>
busy_frame isolated_range<Policy>::next_busy_in(frame_range part, frame from) const {
    if (!*this) return {};
    std::uint64_t at = from > part.first() ? from.raw() : part.first().raw();
    busy_frame seen;
    while (at < part.end_raw() && !seen) {
        const frame_index start = zone_->geometry().index_of(frame{static_cast<std::uint32_t>(at)});
        const block_index b = geometry::block_of(start);
        zone_->with_zone_lock([&](proof held_lock) {
            const auto map = zone_->blocks().free_map(held_lock, b);
            for (unsigned bit = geometry::bit_of(start); bit != geometry::block_frames && at < part.end_raw();
                 ++bit, ++at) {
                if (map.test(bit)) continue;
                const frame_info info = zone_->state_of(held_lock, geometry::index_of(b, bit));
                if (info.state == frame_state::absent || info.state == frame_state::poisoned) continue;
                seen.found = info;
                if (info.head.is_none()) seen.found.head = info.number;
                return;
            }
        });
    }
    return seen;
}

// One allocation. The destination comes from outside the range, because the range is sealed.
template <class Policy>
template <class M>
migrate_outcome isolated_range<Policy>::ask(M& migrate_one, const busy_frame& from, status& trouble) {
    if (from.found.state == frame_state::cached) return migrate_outcome::retry; // on its way: nobody to ask
    zone_core<Policy>& engine = *zone_; // also when the migrator ends the isolation
    trouble = status::migration_failed;
    migrate_outcome outcome;
    if constexpr (!moving_migrator<M>) {
        outcome = migrate_one(from);
    } else {
        destination fresh{engine, from};
        if (!fresh.to()) {
            trouble = fresh.to().error();
            return migrate_outcome::failed;
        }
        outcome = migrate_one(from, *fresh.to());
        if (outcome == migrate_outcome::moved) fresh.keep();
    }
    if (outcome == migrate_outcome::moved) engine.free(slot(), from.head(), from.size());
    return outcome;
}

// Asks for each allocation once; what failed ends the call after the pass, so that one stubborn frame does not keep the
// others from moving.
template <class Policy>
template <class M>
void isolated_range<Policy>::run_pass(frame_range part, M& migrate_one, std::uint64_t until,
                                      migrate_report& report, broken_promise& broken) {
    std::uint64_t at = part.first().raw();
    while (at < part.end_raw()) {
        const busy_frame from = next_busy_in(part, frame{static_cast<std::uint32_t>(at)});
        if (!from) return;
        const frame_count size = from.size().frames();
        at = from.head().raw() + size.raw();
        status trouble = status::ok;
        const migrate_outcome said = ask(migrate_one, from, trouble);
        if (!*this) return; // the migrator has ended the isolation
        switch (said) {
        case migrate_outcome::moved: report.moved += size; break;
        case migrate_outcome::freed:
            if (!is_in_use(from)) {
                report.freed += size;
                break;
            }
            broken.remember(from);
            [[fallthrough]];
        case migrate_outcome::retry: ++report.retries; break;
        case migrate_outcome::failed:
            report.failed += size;
            report.outcome = trouble;
            report.blocker = from;
            break;
        }
        if (has_passed(until)) return;
    }
}

template <class Policy>
template <class M>
migrate_report isolated_range<Policy>::run_passes(frame_range part, M& migrate_one, deadline limit) {
    migrate_report report;
    const auto end = [&](status why, const busy_frame& blocker) {
        report.outcome = why;
        report.blocker = blocker;
        return report;
    };
    if (!*this) return end(status::not_isolated, {});
    if (part.empty() || !range_.contains(part)) return end(status::invalid_range, {});
    const std::uint64_t until = limit.from(Policy::clock::now());
    typename Policy::backoff wait;
    broken_promise broken;
    for (;;) {
        const frame_count before = report.moved + report.freed;
        run_pass(part, migrate_one, until, report, broken);
        if (!*this) return end(status::not_isolated, report.blocker);
        const busy_frame left = next_busy_in(part, part.first());
        if (!left) return end(status::ok, {});
        if (report.outcome != status::ok) return report;
        if (has_passed(until)) return end(status::timed_out, left);
        if (broken.outlasts_patience(*this)) {
            report.failed += broken.given_for().size().frames();
            return end(status::migration_failed, broken.given_for());
        }
        if (report.moved + report.freed != before) wait.reset();
        wait();
    }
}

} // namespace cordon::inline v0
