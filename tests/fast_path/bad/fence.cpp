// expect: hit_allocate: an atomic read-modify-write or a fence:
#include <atomic>

struct slot {
    std::atomic<unsigned> busy, claimed, count;
};

extern "C" unsigned hit_allocate(slot& s) {
    s.busy.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    unsigned n = 0;
    if (s.claimed.load(std::memory_order_acquire) == 0) s.count.store(n = 1, std::memory_order_relaxed);
    s.busy.store(0, std::memory_order_release);
    return n;
}

int main() {}
