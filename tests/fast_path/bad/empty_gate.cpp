// expect: hit_allocate: nothing is stored inside the gate:
#include <atomic>

struct slot {
    std::atomic<unsigned> busy, claimed, count;
};

extern "C" unsigned hit_allocate(slot& s) {
    s.busy.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const unsigned n = s.claimed.load(std::memory_order_acquire);
    s.busy.store(0, std::memory_order_release);
    return n;
}

int main() {}
