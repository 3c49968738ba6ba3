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

// In turns, so that the owner always comes right behind a drainer. The turns are relaxed and order nothing else.
template <class Policy>
void run() {
    constexpr int rounds = 100;
    basic_zone<Policy> zone{frame_range{frame{0}, frame_count{4096}}};
    std::atomic<int> turn{0};
    const auto wait_for = [&](int mine) {
        while (turn.load(std::memory_order_relaxed) != mine)
            std::this_thread::yield();
    };
    std::thread owner{[&] {
        for (int i = 0; i != rounds; ++i) {
            wait_for(2 * i);
            if (const auto f = zone.allocate()) zone.free(*f);
            turn.store(2 * i + 1, std::memory_order_relaxed);
        }
    }};
    for (int i = 0; i != rounds; ++i) {
        wait_for(2 * i + 1);
        if (zone.drain() != status::ok) std::cerr << "a drain failed\n";
        turn.store(2 * i + 2, std::memory_order_relaxed);
    }
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
