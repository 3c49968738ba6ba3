// expect: hit_allocate: no load of claimed between busy = 1 and busy = 0:
#include <atomic>

struct slot {
    std::atomic<unsigned> busy, claimed, count;
};

extern "C" unsigned hit_allocate(slot& s) {
    unsigned n = 0;
    const bool open = s.claimed.load(std::memory_order_acquire) == 0;
    s.busy.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (open) s.count.store(n = 1, std::memory_order_relaxed);
    s.busy.store(0, std::memory_order_release);
    return n;
}

int main() {}
