// cordon/platform/barrier.hpp - membarrier: one thread pays for the store-load order of all.
// SPDX-License-Identifier: BSL-1.0
//
// Contract of the pair, in terms of fences. light = Atomics::light_barrier() (core/atomics.hpp), heavy = an
// issue() that returned true. Take any light L in one thread and any heavy H in another (or two heavies): L
// and H are ordered, one before the other, as if both were atomic_thread_fence(seq_cst). Hence
//
//     owner                          drainer
//     busy.store(1, relaxed)         claimed.store(1, relaxed)
//     light                          heavy
//     claimed.load(...)              busy.load(...)
//
// not both loads read the old value: if L comes first the drainer reads busy == 1, else the owner reads
// claimed == 1. Two lights order nothing between each other, so the pair serves protocols where one side
// alone is rare. The pair gives store-load order and no more; what travels from thread to thread rides on a
// release and an acquire of its own (local/drain_gate.hpp), which is also what ThreadSanitizer understands.
//
// Why it holds: the kernel runs a full barrier on each processor that runs a thread of this process (an
// interrupt), and a thread that does not run passes one when it is switched in. A light emits no instruction;
// it keeps the compiler from moving the store below the load. See P1202 (asymmetric fences), folly's
// AsymmetricThreadFence, membarrier(2). Unlike folly there is no fallback by mprotect: that rests on how the
// processor invalidates TLBs, and arm64 does it without interrupts.
//
// Progress: does not wait for other threads' code, only for their processors. Cost: 8-14 us with one running
// peer in a 2-core VM.
#pragma once

#include "cordon/platform/concepts.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cordon::inline v0 {

class membarrier {
public:
    // Effects: registers the process with the kernel, and tries the barrier once; again is cheap. A fork child inherits
    // the registration on kernels of today, but nothing promises it: call it again there. A process behind execve is new.
    // Returns: false before Linux 4.14, too: what cannot be issued cannot be registered.
    [[nodiscard]] bool enable() const noexcept {
        return call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 && issue();
    }

    // Returns: false if the system refused, for example under a seccomp filter that was installed late. The
    // caller must then give up its operation: owners stay on the light side, so no fence of the caller's own
    // can stand in.
    [[nodiscard]] bool issue() const noexcept { return call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0; }

private:
    static long call(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }
};
static_assert(heavy_barrier<membarrier>);

} // namespace cordon::inline v0
