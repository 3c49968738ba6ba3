// cordon/lru/core.hpp - lru_core: the engine of an LRU: creation, touch, tokens, and what a fork does to it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/groups.hpp"
#include "cordon/sync/observed_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace cordon::inline v0 {

template <replacement_policy R, lru_policy P>
class lru_core : public lru_groups<R, P> {
    using base = lru_groups<R, P>;

public:
    using typename base::control_guard;
    using typename base::group;
    using typename base::lists_type;
    using typename base::metadata;
    using typename base::section;
    using typename base::view;

    [[nodiscard]] static std::size_t metadata_bytes(const lru_options& options, const R& replacement) {
        return base::check(options, replacement) == status::ok
                   ? metadata{nullptr, options, replacement}.bytes()
                   : 0;
    }
    // Effects: an LRU over `memory`, zero bytes aligned to a cache line; or, if it is null, over memory of the policy's
    // own source.
    lru_core(const std::span<std::byte>* memory, const lru_options& options, const R& replacement)
        : base(replacement), listener_(&on_thread_exit, &on_fork, this) {
        this->make(memory, options);
        if (error_ == status::ok) {
            this->start_gate();
            this->open_group(root_group);
        }
        P::thread_slots::attach(listener_);
    }
    ~lru_core() {
        P::thread_slots::detach(listener_);
        for (std::uint32_t g = 0; g != this->groups_; ++g)
            this->group_of(group_id{g}).destroy_lock();
    }

    // ---- touch ----

    CORDON_ALWAYS_INLINE void touch(frame f) {
        const std::uint32_t direct = this->direct_.load(std::memory_order_relaxed);
        frame_index i{f.raw()};
        auto clock = static_cast<std::uint8_t>(direct);
        if (f.raw() >= direct) [[unlikely]] {
            i = this->index_of(f);
            if (!this->contains(i)) return;
            clock = clock_at(i);
        }
        touch_at(i, clock);
    }
    // The same without a look at the word. Requires: the frame is in the group, and the group exists.
    CORDON_ALWAYS_INLINE void touch(frame f, group_id g) {
        const frame_index i = this->index_of(f);
        if (!this->contains(i)) [[unlikely]]
            return;
        touch_at(i, R::uses_clock ? this->clock_of(g) : std::uint8_t{0});
    }

    // ---- ghosts ----

    void remember(std::uint64_t key, lru_token token) { this->ghosts_.remember(key, token); }
    // By the id of a merged group first what its frames have left since the merge.
    [[nodiscard]] lru_token recall(std::uint64_t key, group_id g) {
        const group_id at = this->is_live(g) ? this->root_of(g) : g;
        const lru_token token = this->ghosts_.take(key, at);
        return token || at == g ? token : this->ghosts_.take(key, g);
    }
    [[nodiscard]] refault_info refault(lru_token token) {
        if (!token || error_ != status::ok || !this->is_live(token.group())) return {};
        section hold{*this};
        hold.enter(token.group());
        const view seen{*this, hold.id()};
        return this->replacement_.refault(seen, token.payload());
    }

private:
    // ---- touch ----

    CORDON_ALWAYS_INLINE void touch_at(frame_index i, std::uint8_t clock) {
        auto& cell = this->age_of(i);
        const std::uint8_t before = cell.load(std::memory_order_relaxed);
        const std::uint8_t after = this->replacement_.touched(before, clock);
        if (after != before) [[unlikely]] // once in a tick, or in a few looks of a scan
            cell.store(after, std::memory_order_relaxed);
        if constexpr (R::relinks)
            if (this->replacement_.relink(before, clock)) [[unlikely]]
                relink(i);
    }
    [[nodiscard]] std::uint8_t clock_at(frame_index i) const {
        if (!R::uses_clock) return 0;
        return this->clock_of(this->groups_ == 1 ? root_group : this->peek(i).group());
    }
    CORDON_COLD void relink(frame_index i) {
        if (!this->contains(i)) return;       // but it has an age byte
        this->flush(P::thread_slots::peek()); // what was added before is older
        section hold{*this};
        const state_word w = hold.enter_of(i);
        if constexpr (lists_type::unlinks)
            if (w.place() == lru_place::listed)
                this->lists_.renew(this->list_at(hold.id(), lists_type::list_of(w.mark())), i);
    }

    static void on_thread_exit(void* self, slot_index s) noexcept {
        auto& engine = *static_cast<lru_core*>(self);
        if (s.raw() < engine.active_slots()) engine.flush(s);
    }
    static void on_fork(void* self, fork_phase phase, slot_index) noexcept;

    using base::error_;

    typename P::thread_slots::listener listener_;
    bool fork_quiesced_ = false;
};

// A fork takes the LRU at rest: every batch empty and closed, nobody in a section, so that the child's lists are whole.
// Frames that other threads had claimed stay claimed in the child.
template <replacement_policy R, lru_policy P>
void lru_core<R, P>::on_fork(void* self, fork_phase phase,
                             slot_index) noexcept CORDON_NO_THREAD_SAFETY_ANALYSIS {
    auto& engine = *static_cast<lru_core*>(self);
    if (engine.error_ != status::ok) return;
    if (phase == fork_phase::prepare) {
        {
            const control_guard control{engine.control_lock_};
            engine.fork_quiesced_ = engine.disable_batches(control.proof(), UINT64_MAX) == status::ok;
        }
        unobserved(engine.control_lock_).lock();
        unobserved(engine.slots_lock_).lock();
        engine.stop();
        return;
    }
    const bool is_child = phase == fork_phase::child;
    engine.start();
    unobserved(engine.slots_lock_).unlock();
    unobserved(engine.control_lock_).unlock();
    if (is_child) {
        for (std::uint32_t s = 0; s != P::thread_slots::max_slots; ++s)
            if (!engine.gate_.is_outside(engine.batch_at(s).gate))
                engine.gate_.abandon(engine.batch_at(s).gate);
        if (!engine.gate_.needs_lock()) engine.start_gate(); // a child need not inherit the barrier
        // Threads that waited for a lock are gone, and must not be waited for.
        for (std::uint32_t g = 0; g != engine.groups_; ++g)
            if (group& one = engine.group_of(group_id{g}); one.has_lock()) one.renew_lock();
        ::new (&engine.slots_lock_) group_lock_t<P>;
        ::new (&engine.control_lock_) typename P::isolation_lock;
    }
    if (!engine.fork_quiesced_) return;
    const control_guard control{engine.control_lock_};
    engine.enable_batches(control.proof());
}

} // namespace cordon::inline v0
