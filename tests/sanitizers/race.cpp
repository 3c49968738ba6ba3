// sanitizers/race.cpp - race <gate>: an owner and a drainer; ThreadSanitizer must report the broken gate, and no other.
// SPDX-License-Identifier: BSL-1.0
//
// `relaxed` is the shipped gate whose owner looks at the claim with a relaxed load. It can see that the drainer is gone
// and not what the drainer did to the cache: on x86 the machine hides that, and ThreadSanitizer tells.
#include "cordon/cordon.hpp"

#include <atomic>
#include <iostream>
#include <string_view>
#include <thread>

using namespace cordon;

namespace {

struct relaxed_gate : default_policy::gate {
    [[nodiscard]] bool try_enter(slot& s) {
        const std::uint32_t inside = s.busy.load(std::memory_order_relaxed);
        s.busy.store(1, std::memory_order_relaxed);
        std_atomics::light_barrier();
        if ((inside | s.claimed.load(std::memory_order_relaxed)) != 0) {
            if (inside == 0) leave(s);
            return false;
        }
        return true;
    }
    [[nodiscard]] bool enter_slow(slot& s) { return try_enter(s); }
};
struct relaxed_policy : default_policy {
    using gate = relaxed_gate;
};

template <class Policy>
void run() {
    basic_zone<Policy> zone{frame_range{frame{0}, frame_count{4096}}};
    std::atomic<bool> stop{false};
    std::thread owner{[&] {
        while (!stop.load(std::memory_order_relaxed))
            if (const auto f = zone.allocate()) zone.free(*f);
    }};
    for (int i = 0; i != 2000; ++i)
        if (zone.drain() != status::ok) break;
    stop.store(true, std::memory_order_relaxed);
    owner.join();
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view gate = argc == 2 ? argv[1] : "";
    if (gate == "shipped") {
        run<default_policy>();
    } else if (gate == "relaxed") {
        run<relaxed_policy>();
    } else {
        std::cerr << "usage: race shipped | relaxed\n";
        return 2;
    }
    std::cout << "no report\n";
}
