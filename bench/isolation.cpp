// isolation.cpp - how long it takes to seal, drain, empty and switch off blocks, and what traffic notices of it.
// SPDX-License-Identifier: BSL-1.0
#include "support/contestants.hpp"
#include "support/program.hpp"
#include "support/tenants.hpp"
#include "support/traffic.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    R"(What isolation costs, by the wall clock unless said, in zones of 4 GiB (traffic: 256 MiB) in frames of 4 KiB.

  seal            isolate() of so many blocks while so many threads allocate and free, beside a bare membarrier
  seal_per_block  the same for 512 blocks less that for one, a block, without traffic
                  (the middle of 20 samples a lap, and seal_p95: the one that 5 % are above; drain_p95 likewise)
  drain           drain() with so many caches in use, beside a membarrier and 1 us a cache
  traffic         operations of traffic threads while one thread isolates a random block and undoes it, 1,000 times a
                  second (paced), beside those without it; or without a pause, beside bare membarriers without a
                  pause, which interrupt the traffic as often; by the processor time of the traffic threads (cpu) and
                  by the clock (wall), where the isolator may take a processor of theirs
  contiguous      allocate_contiguous() of 8 blocks at so many percent in use, moving what is in the way, and frames moved
  offline_online  isolate, offline and online of so many blocks, a block

The isolator is pinned behind the traffic if there is a processor left, else it runs wherever the system puts it.
)";

constexpr std::uint32_t small_zone = 1u << 16; // frames: 256 MiB
constexpr std::uint32_t large_zone = 1u << 20; // 4 GiB

std::string number(const char* key, unsigned value) {
    return std::string(key) + ':' + std::to_string(value);
}

// Effects: isolates the blocks, undoes it. Returns: ns of the isolating.
double isolate_and_undo(cordon::zone& zone, cordon::frame_range blocks) {
    const double start = wall_ns();
    const auto sealed = zone.isolate(blocks);
    const double end = wall_ns();
    if (!sealed) give_up("isolate", sealed.error());
    return end - start;
}
double barrier_ns(const cordon::membarrier& barrier) {
    const double start = wall_ns();
    if (!barrier.issue()) give_up("membarrier");
    return wall_ns() - start;
}
cordon::membarrier usable_barrier() {
    const cordon::membarrier barrier;
    if (!barrier.enable()) give_up("membarrier");
    return barrier;
}

// A zone under traffic, and a thread beside it that measures: f(zone) is called there.
class busy_zone {
public:
    busy_zone(std::uint32_t frames, unsigned threads) : zone_(frames), threads_(threads) {}
    template <class F>
    void measure(F f) {
        std::thread([&] {
            pin_to(threads_);
            traffic<cordon_zone> running{zone_, threads_};
            f(zone_.zone(), running);
        }).join();
    }

private:
    cordon_zone zone_;
    unsigned threads_;
};

// Returns: the middle of the samples, and the one that 5 % are above: a reading would sum them, and one sample during
// which the system ran somebody else would hide all others.
std::vector<reading> middle_and_tail(const series& samples) {
    return {reading::of_real_time(median(samples)), reading::of_real_time(quantile(samples, 0.95))};
}

// Laps of 20 samples: f(zone) is called twice a millisecond.
template <class F>
lap sampled(std::uint32_t frames, unsigned threads, F f) {
    auto busy = std::make_shared<busy_zone>(frames, threads);
    return [=]() mutable {
        series samples(20);
        busy->measure([&](cordon::zone& zone, auto&) {
            for (double& sample : samples) {
                sleep_ns(500'000);
                sample = f(zone);
            }
        });
        return middle_and_tail(samples);
    };
}

void seal(suite& out, unsigned blocks, unsigned threads) {
    const auto cordon = [=] {
        return sampled(large_zone, threads,
                       [=, numbers = random_numbers{blocks}](cordon::zone& zone) mutable {
                           const std::uint32_t places = large_zone / block_frames / blocks;
                           return isolate_and_undo(zone, blocks_from(numbers.below(places) * blocks, blocks));
                       });
    };
    const auto barrier = [=] {
        return sampled(large_zone, threads,
                       [with = usable_barrier()](cordon::zone&) { return barrier_ns(with); });
    };
    out.add({.figures = {{.name = "seal", .what = quantity::real_time},
                         {.name = "seal_p95", .what = quantity::real_time}},
             .arguments = number("threads", threads) + '/' + number("blocks", blocks),
             .bases = {"barrier"},
             .threads = threads,
             .contestants = {{"cordon", cordon}, {"barrier", barrier}}});
}

void seal_per_block(suite& out) {
    const auto cordon = [] {
        auto made = std::make_shared<cordon_zone>(large_zone);
        return [=] {
            series many;
            series one;
            for (std::uint32_t i = 0; i != 20; ++i) {
                many.push_back(isolate_and_undo(made->zone(), blocks_from(i % 4 * 512, 512)));
                one.push_back(isolate_and_undo(made->zone(), blocks_from(i, 1)));
            }
            return std::vector{reading::of_amount((median(many) - median(one)) / 511)};
        };
    };
    // What a goal in absolute terms is measured against.
    const auto limit = [] { return [] { return std::vector{reading::of_amount(30)}; }; };
    out.add({.figures = {{.name = "seal_per_block", .what = quantity::amount, .wanted = goal::at_most(1)}},
             .arguments = "blocks:512",
             .bases = {"30_ns"},
             .contestants = {{"cordon", cordon}, {"30_ns", limit}}});
}

void drain(suite& out, unsigned caches) {
    struct state {
        cordon_zone zone{large_zone};
        crew users;
        explicit state(unsigned n) : users(n) {}
    };
    // after(zone): what is timed when each thread has just drawn a batch, and some still run.
    const auto contestant = [=](auto after) {
        auto made = std::make_shared<state>(caches);
        return [=] {
            series samples(10);
            for (double& sample : samples) {
                made->users.run(caches, [&](unsigned worker) { repeat<0>(made->zone.enter(worker), 1); });
                sample = after(made->zone.zone());
            }
            return middle_and_tail(samples);
        };
    };
    const auto cordon = [=] {
        return contestant([](auto& zone) {
            const double start = wall_ns();
            const cordon::status done = zone.drain();
            const double taken = wall_ns() - start;
            if (done != cordon::status::ok) give_up("drain", done);
            return taken;
        });
    };
    const auto barrier = [=] {
        return contestant([=, with = usable_barrier()](auto&) { return barrier_ns(with) + 1000.0 * caches; });
    };
    out.add({.figures = {{.name = "drain", .what = quantity::real_time, .wanted = goal::at_most(1)},
                         {.name = "drain_p95", .what = quantity::real_time}},
             .arguments = number("caches", caches),
             .bases = {"barrier_and_1_us_each"},
             .contestants = {{"cordon", cordon}, {"barrier_and_1_us_each", barrier}}});
}

// Operations a microsecond of the traffic threads' time, and of the clock, while disturb(zone, numbers) is called.
template <class Disturb>
std::vector<reading> traffic_window(busy_zone& busy, Disturb disturb, double pause_ns) {
    std::vector<reading> rates;
    busy.measure([&](cordon::zone& zone, auto& running) {
        random_numbers numbers{1000};
        const reading before = running.read();
        while (wall_ns() - before.real_ns < 40e6) {
            const double start = wall_ns();
            disturb(zone, numbers);
            const double left = pause_ns - (wall_ns() - start);
            if (left > 0) sleep_ns(left);
        }
        const reading after = running.read();
        const double operations = (after.operations - before.operations) * 1000;
        rates = {reading::of_amount(operations / (after.cpu_ns - before.cpu_ns)),
                 reading::of_amount(operations / (after.real_ns - before.real_ns))};
    });
    return rates;
}
void disturbed_traffic(suite& out, unsigned threads, bool paced) {
    // One zone for all: where the system puts two is a difference of its own.
    const auto busy = std::make_shared<busy_zone>(small_zone, threads);
    const auto window = [=](auto disturb, double pause_ns) {
        return [=] { return [=] { return traffic_window(*busy, disturb, pause_ns); }; };
    };
    const auto isolating = [](cordon::zone& zone, random_numbers& numbers) {
        isolate_and_undo(zone, blocks_from(numbers.below(small_zone / block_frames), 1));
    };
    const auto barriers = [with = usable_barrier()](cordon::zone&, random_numbers&) { barrier_ns(with); };
    const auto nothing = [](cordon::zone&, random_numbers&) {};
    constexpr double ms = 1e6;
    const double pause_ns = paced ? ms : 0;
    const auto rate = [](const char* name) {
        return figure{.name = name,
                      .what = quantity::amount,
                      .unit = "operations/us",
                      .more_is_better = true,
                      .wanted = goal::at_least(0.95)};
    };
    out.add({.figures = {rate("traffic_cpu"), rate("traffic_wall")},
             .arguments = number("threads", threads) + (paced ? "/paced" : "/without_pause"),
             .bases = {paced ? "undisturbed" : "barriers"},
             .threads = threads,
             .contestants = {{"cordon", window(isolating, pause_ns)},
                             {"barriers", window(barriers, pause_ns)},
                             {"undisturbed", window(nothing, ms)}}});
}

void contiguous(suite& out, unsigned percent) {
    struct state {
        cordon::zone zone{blocks_from(0, small_zone / block_frames)};
        tenants<zone_lane> who{zone_lane{zone}, 8};
    };
    const auto cordon = [=] {
        auto made = std::make_shared<state>();
        made->who.fill(std::uint64_t{small_zone} * percent / 100);
        return [=] {
            made->who.breathe((small_zone - made->who.frames()) / 4);
            unsigned moved = 0;
            const auto count = [&](cordon::frame, cordon::frame, cordon::order k) { moved += 1u << k.raw(); };
            const double start = wall_ns();
            const auto run = made->zone.allocate_contiguous(
                blocks_from(0, 8).count(), blocks_from(0, 1).count(), mover(made->who, count));
            const double end = wall_ns();
            if (!run) give_up("allocate_contiguous", run.error());
            for (const cordon::frame f : *run)
                made->zone.free(f);
            return std::vector{reading::of_real_time(end - start), reading::of_amount(moved)};
        };
    };
    out.add({.figures = {{.name = "contiguous", .what = quantity::real_time},
                         {.name = "contiguous_moved", .what = quantity::amount, .unit = "frames"}},
             .arguments = number("percent", percent),
             .contestants = {{"cordon", cordon}}});
}

void offline_online(suite& out, unsigned blocks) {
    const auto cordon = [=] {
        auto made = std::make_shared<cordon_zone>(large_zone);
        return [=] {
            const double start = wall_ns();
            auto range = made->zone().isolate(blocks_from(0, blocks));
            if (!range || range->offline() != cordon::status::ok) give_up("no offline");
            if (made->zone().online(blocks_from(0, blocks)) != cordon::status::ok) give_up("no online");
            return std::vector{reading::of_real_time(wall_ns() - start, blocks)};
        };
    };
    out.add({.figures = {{.name = "offline_online", .what = quantity::real_time}},
             .arguments = number("blocks", blocks),
             .contestants = {{"cordon", cordon}}});
}

void questions(suite& out, const std::vector<peer>&) {
    for (const unsigned threads : {0u, 1u, 2u})
        for (const unsigned blocks : {1u, 8u, 64u, 512u})
            seal(out, blocks, threads);
    seal_per_block(out);
    for (const unsigned caches : {1u, 4u, 16u, 48u})
        drain(out, caches);
    for (const unsigned threads : {1u, 2u}) {
        disturbed_traffic(out, threads, true);
        disturbed_traffic(out, threads, false);
    }
    for (const unsigned percent : {10u, 50u, 75u, 90u})
        contiguous(out, percent);
    for (const unsigned blocks : {1u, 8u, 64u, 512u})
        offline_online(out, blocks);
}

} // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, about, questions);
}
