// cordon/local/drain.hpp - drain_by_claiming, drain_by_asking: taking out what is behind the gates of all slots.
// SPDX-License-Identifier: BSL-1.0
//
// The two forms of a drain as drain_gate.hpp argues them, once for thread caches and LRU batches. A slot is whatever has
// a member `gate`; take_out(slot) runs inside that gate, in the drainer's hands or in those of the owner that was asked.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/local/drain_gate.hpp"

#include <cstdint>
#include <span>

namespace cordon::inline v0 {
namespace detail {

// Effects: waits for the owner of a claimed slot, and takes out what it holds.
template <drain_gate Gate, class Slot, class TakeOut>
status take_out_of(Gate& gate, Slot& s, std::uint64_t until_ns, TakeOut& take_out) {
    if (!gate.wait(s.gate, until_ns)) return status::timed_out;
    take_out(s);
    gate.done(s.gate);
    return status::ok;
}

} // namespace detail

// Effects: claims the slots and takes out what they hold; with all of them closed, calls work(). A claim for draining is
// released at the end, another one stays with the caller. Returns: ok; barrier_refused, timed_out: work() not called, no
// claim left. Requires: drainers are serialised; no lock held that an owner takes inside. Cost: one barrier.
template <drain_gate Gate, class Slot, class TakeOut, class Work>
status drain_by_claiming(Gate& gate, std::span<Slot> slots, gate_claim why, std::uint64_t until_ns,
                         TakeOut take_out, Work work) {
    for (Slot& s : slots)
        gate.claim(s.gate, why);
    status outcome = gate.barrier() ? status::ok : status::barrier_refused;
    for (Slot& s : slots) {
        if (outcome != status::ok) break;
        outcome = detail::take_out_of(gate, s, until_ns, take_out);
    }
    if (outcome == status::ok) work();
    if (outcome != status::ok || why == gate_claim::draining)
        for (Slot& s : slots)
            gate.release(s.gate, why);
    return outcome;
}

// Effects: the same where nothing needs all slots closed at once: owners at work take out what their slots hold, each
// slot is open again as soon as it is done.
template <drain_gate Gate, class Slot, class TakeOut>
status drain_by_asking(Gate& gate, std::span<Slot> slots, std::uint64_t until_ns, TakeOut take_out) {
    for (Slot& s : slots)
        gate.ask(s.gate);
    status outcome = gate.barrier() ? status::ok : status::barrier_refused;
    // Each slot, also after a failure: what was asked is taken back.
    for (Slot& s : slots) {
        if (gate.take_over(s.gate, outcome == status::ok ? until_ns : 0)) {
            if (outcome == status::ok) outcome = detail::take_out_of(gate, s, until_ns, take_out);
            gate.release(s.gate, gate_claim::draining);
        } else if (outcome == status::ok && !gate.wait_helped(s.gate, until_ns)) {
            outcome = status::timed_out;
        }
    }
    return outcome;
}

// Effects: the owner, whose try_enter failed, does first what a drainer asks of it. Returns: what enter_slow() says.
template <drain_gate Gate, class Slot, class TakeOut>
[[nodiscard]] bool help_and_enter(Gate& gate, Slot& s, TakeOut take_out) {
    if (gate.help(s.gate)) {
        take_out(s);
        gate.helped(s.gate);
    }
    return gate.enter_slow(s.gate);
}

} // namespace cordon::inline v0
