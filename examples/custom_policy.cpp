// custom_policy - a zone made to measure: fair lock, owner tags, a tracer, and misuse that does not abort.
// SPDX-License-Identifier: BSL-1.0
#include "support/command_line.hpp"

#include <cordon/cordon.hpp>
#include <cordon/sync/ticket_lock.hpp>

#include <cstdint>
#include <iostream>

namespace {

// Hears of the slow paths.
struct printing_tracer {
    static void on(cordon::trace_event event, cordon::frame first, cordon::frame_count count) {
        std::cout << "  trace: " << event << ", " << count << " from " << first << '\n';
    }
};

struct printing_misuse_handler {
    static inline int calls = 0;
    static void on_misuse(const cordon::misuse_report& report) {
        ++calls;
        std::cout << "  " << report << '\n';
    }
};

struct my_policy : cordon::default_policy {
    static constexpr unsigned pageblock_order = 6; // 64 frames
    static constexpr unsigned max_order = 10;
    static constexpr cordon::cached_order cached_orders[] = {{0, 32}, {6, 4}};
    static constexpr bool owner_tags = true;
    using zone_lock = cordon::ticket_lock<atomics, backoff>;
    using tracer = printing_tracer;
    using misuse_handler = printing_misuse_handler;
};

enum : std::uint32_t { decoder = 7 };

} // namespace

int main(int argc, char** argv) {
    if (const auto answer = demo::answer_without_options(
            argc, argv, "A zone with a lock, a tracer and a misuse handler of its own.\n"))
        return *answer;
    cordon::basic_zone<my_policy> zone{cordon::frame_range{cordon::frame{0}, cordon::frame_count{1024}}};
    std::cout << "allocate\n";
    const cordon::frame f = zone.allocate().value_or(cordon::frame::none());
    if (f.is_none()) return 1;
    zone.set_owner(f, cordon::owner_tag{decoder});
    std::cout << "  " << zone.state_of(f) << '\n';

    std::cout << "free with the wrong order, then twice\n";
    zone.free(f, cordon::order{3});
    zone.free(f);
    zone.free(f);

    std::cout << "who is in the way?\n";
    const cordon::frame again = zone.allocate().value_or(cordon::frame::none());
    zone.set_owner(again, cordon::owner_tag{decoder});
    const auto range = zone.isolate({cordon::frame{0}, cordon::frame_count{64}});
    const cordon::busy_frame blocker = range->next_busy();
    std::cout << "  " << blocker.found << '\n';
    return printing_misuse_handler::calls == 2 && blocker.found.owner == cordon::owner_tag{decoder} ? 0 : 1;
}
