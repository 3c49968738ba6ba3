// expect of allocate: \+ g\+\+-12 +allocate +[0-9]+ +[0-9]+ +[0-9]+ +2 +1
#include <cordon/cordon.hpp>

#include <atomic>

std::atomic<unsigned> calls;

extern "C" std::uint32_t allocate(cordon::zone& zone) {
    calls.fetch_add(1, std::memory_order_relaxed);
    return zone.allocate().value().raw();
}

int main() {}
