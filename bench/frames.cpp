// frames.cpp - what an allocation costs: cordon beside the least that a thread cache can cost, and under isolation.
// SPDX-License-Identifier: BSL-1.0
#include "support/contestants.hpp"
#include "support/crew.hpp"
#include "support/measure.hpp"
#include "support/patterns.hpp"
#include "support/report.hpp"
#include "support/traffic.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    "Measures cordon and three floors in turns: a stack of frame numbers for each thread, the same behind "
    "the words\n"
    "of the drain gate, the same behind a lock. Each figure is the median over the rounds, each ratio the "
    "median of\n"
    "the ratios within a round; a first round is not counted. No memory lies behind the frames.\n\n"
    "Patterns (order 0 unless said; zones of 256 MiB and 4 GiB in frames of 4 KiB):\n"
    "  repeat                 allocate and free the same frame: ns for the pair\n"
    "  bulk get, bulk put     allocate half of the zone, free it in the same order: ns each\n"
    "  random free            free it in random order\n"
    "  ..., 2 threads         each with a quarter of the zone, beside one of them alone with its quarter\n"
    "  seal 512 blocks        isolate() of 1 GiB under traffic, beside a bare membarrier under the same "
    "traffic\n"
    "  traffic under isolation  operations of the traffic while one thread isolates a random block and "
    "undoes it\n"
    "                         1,000 times a second, beside those without it: by the processor time of the "
    "traffic\n"
    "                         threads (cpu), and by the wall clock, where the isolator may take a processor "
    "of theirs\n"
    "Except there and for seal, time is the processor time of the threads that work. With 2 threads of "
    "traffic and 2\n"
    "processors the isolator has none of its own; with 1 it has.\n\n"
    "  --rounds N     rounds, default 15\n"
    "  --filter text  only patterns with this text in their name\n"
    "  --csv file     the table once more, for programs\n";

constexpr std::uint32_t small_zone = 1u << 16; // frames: 256 MiB
constexpr std::uint32_t large_zone = 1u << 20; // 4 GiB
constexpr unsigned most_threads = 2;

struct context {
    const options& chosen;
    table& out;
    crew& workers;
};

// Returns: what pattern(frames, worker) returns, the mean over the workers.
template <class Frames, class Pattern>
auto sample(crew& workers, unsigned threads, Frames& frames, Pattern pattern) {
    std::array<decltype(pattern(frames, 0u)), most_threads> of;
    workers.run(threads, [&](unsigned w) { of[w] = pattern(frames, w); });
    auto mean = of[0];
    for (std::size_t i = 0; i != mean.size(); ++i) {
        for (unsigned w = 1; w != threads; ++w)
            mean[i] += of[w][i];
        mean[i] /= threads;
    }
    return mean;
}

// For each figure of a pattern, a series for each contestant.
template <std::size_t Contestants, std::size_t Figures>
class race {
public:
    explicit race(unsigned rounds) : rounds_(rounds + 1) {}
    template <class... Contestant>
    void run(Contestant... next) {
        for (unsigned round = 0; round != rounds_; ++round) {
            const std::array<std::array<double, Figures>, Contestants> lap{next()...}; // from left to right
            for (std::size_t c = 0; c != Contestants && round != 0; ++c)
                for (std::size_t f = 0; f != Figures; ++f)
                    times_[c][f].push_back(lap[c][f]);
        }
    }
    [[nodiscard]] const series& of(std::size_t contestant, std::size_t figure = 0) const {
        return times_[contestant][figure];
    }

private:
    unsigned rounds_;
    std::array<std::array<series, Figures>, Contestants> times_;
};

// One thread: cordon and the floors. Adds a row for each name, measured against the gate floor.
template <std::size_t Figures, class Pattern>
void against_floors(const context& c, std::uint32_t frames, const std::array<std::string, Figures>& names,
                    const std::array<goal, Figures>& goals, Pattern pattern) {
    cordon_zone zone{frames};
    stack_floor<no_guard> stack;
    stack_floor<gate_guard> gate;
    stack_floor<lock_guard> lock;
    c.workers.run(1, [&](unsigned) {
        stack.attach(frames);
        gate.attach(frames);
        lock.attach(frames);
    });
    const auto lap = [&](auto& contestant) {
        return [&] { return sample(c.workers, 1, contestant, pattern); };
    };
    race<4, Figures> times{c.chosen.rounds};
    times.run(lap(zone), lap(gate), lap(stack), lap(lock));
    for (std::size_t f = 0; f != Figures; ++f)
        c.out.add({.pattern = names[f],
                   .measured = median(times.of(0, f)),
                   .base_name = "gate floor",
                   .base = median(times.of(1, f)),
                   .ratio = median_ratio(times.of(0, f), times.of(1, f)),
                   .wanted = goals[f],
                   .stack = median(times.of(2, f)),
                   .lock = median(times.of(3, f))});
}

// cordon with two threads and with one of them.
template <std::size_t Figures, class Pattern>
void against_one_thread(const context& c, std::uint32_t frames, const std::array<std::string, Figures>& names,
                        Pattern pattern) {
    cordon_zone zone{frames};
    race<2, Figures> times{c.chosen.rounds};
    times.run([&] { return sample(c.workers, 2, zone, pattern); },
              [&] { return sample(c.workers, 1, zone, pattern); });
    for (std::size_t f = 0; f != Figures; ++f)
        c.out.add({.pattern = names[f],
                   .measured = median(times.of(0, f)),
                   .base_name = "1 thread",
                   .base = median(times.of(1, f)),
                   .ratio = median_ratio(times.of(0, f), times.of(1, f)),
                   .wanted = goal::at_most(1.3)});
}

constexpr std::size_t pairs = 100'000;

// A pattern for sample(): bulk with `count` frames for each worker, repeated until about 2^18 operations are timed.
template <unsigned Order>
auto bulk_of(std::uint32_t count, free_order how) {
    const unsigned times = count >= 1u << 17 ? 1 : count >= 1u << 14 ? (1u << 17) / count : 16;
    return [=](auto& frames, unsigned worker) {
        // Where a worker keeps what it holds; written once, so that no page fault falls into a measurement.
        static std::array<std::vector<std::uint32_t>, most_threads> held;
        if (held[worker].size() < count) held[worker].resize(count);
        random_numbers numbers{worker};
        return bulk<Order>(frames, std::span{held[worker]}.first(count), times, how, numbers);
    };
}

void order_0(const context& c, std::uint32_t frames, const std::string& zone) {
    const std::string repeat_name = "repeat, " + zone;
    const std::string get_name = "bulk get, " + zone;
    const std::string put_name = "bulk put, " + zone;
    const std::string random_name = "random free, " + zone;
    const std::string two = ", 2 threads";
    const auto wants = [&](std::initializer_list<std::string_view> names) {
        return c.chosen.wants_one_of(names);
    };

    const auto repeat_0 = [](auto& contestant, unsigned) { return repeat<0>(contestant, pairs); };
    // Of the shuffled bulk only the free is news.
    const auto random_free = [](auto pattern) {
        return [pattern](auto& contestant, unsigned worker) {
            return std::array{pattern(contestant, worker)[1]};
        };
    };
    if (wants({repeat_name})) against_floors<1>(c, frames, {repeat_name}, {goal::at_most(1.5)}, repeat_0);
    if (wants({get_name, put_name}))
        against_floors<2>(c, frames, {get_name, put_name}, {goal::at_most(2), goal::at_most(2)},
                          bulk_of<0>(frames / 2, free_order::as_allocated));
    if (wants({random_name}))
        against_floors<1>(c, frames, {random_name}, {goal::at_most(10)},
                          random_free(bulk_of<0>(frames / 2, free_order::shuffled)));
    if (wants({repeat_name + two})) against_one_thread<1>(c, frames, {repeat_name + two}, repeat_0);
    if (wants({get_name + two, put_name + two}))
        against_one_thread<2>(c, frames, {get_name + two, put_name + two},
                              bulk_of<0>(frames / 4, free_order::as_allocated));
    if (wants({random_name + two}))
        against_one_thread<1>(c, frames, {random_name + two},
                              random_free(bulk_of<0>(frames / 4, free_order::shuffled)));
}

// A larger order beside order 0, both of cordon.
template <unsigned Order>
void repeat_order(const context& c, const std::string& name, goal wanted) {
    if (!c.chosen.wants(name)) return;
    cordon_zone zone{large_zone};
    race<2, 1> times{c.chosen.rounds};
    times.run(
        [&] { return sample(c.workers, 1, zone, [](auto& z, unsigned) { return repeat<Order>(z, pairs); }); },
        [&] { return sample(c.workers, 1, zone, [](auto& z, unsigned) { return repeat<0>(z, pairs); }); });
    c.out.add({.pattern = name,
               .measured = median(times.of(0)),
               .base_name = "order 0",
               .base = median(times.of(1)),
               .ratio = median_ratio(times.of(0), times.of(1)),
               .wanted = wanted});
}

void larger_orders(const context& c) {
    repeat_order<3>(c, "repeat order 3", goal::at_most(2));
    repeat_order<9>(c, "repeat order 9", goal::at_most(2));
    repeat_order<5>(c, "repeat order 5, not cached", {});
    const std::string get_name = "bulk get order 9";
    const std::string put_name = "bulk put order 9";
    if (c.chosen.wants_one_of({get_name, put_name}))
        against_floors<2>(c, large_zone, {get_name, put_name}, {},
                          bulk_of<9>(large_zone / 512 / 2, free_order::as_allocated));
}

// ---- isolation ----

constexpr std::uint32_t block_frames = 512;

// Effects: isolates `blocks` blocks, undoes it. Returns: wall-clock ns of the isolating.
double isolate_and_undo(cordon_zone& zone, std::uint32_t first_block, std::uint32_t blocks) {
    const cordon::frame_range range{cordon::frame{first_block * block_frames},
                                    cordon::frame_count{blocks * block_frames}};
    const double start = wall_ns();
    const auto sealed = zone.zone().isolate(range);
    const double end = wall_ns();
    if (!sealed) {
        std::fprintf(stderr, "isolate: %s\n", cordon::name(sealed.error()).data());
        std::exit(1);
    }
    return end - start;
}

void sleep_ns(long ns) {
    const timespec pause{.tv_sec = 0, .tv_nsec = ns};
    nanosleep(&pause, nullptr);
}

// The isolator: pinned behind the traffic if there is a processor left, else wherever the system puts it.
void seal(const context& c, unsigned threads, const std::string& name) {
    const std::string p99_name = name + ", p99";
    if (!c.chosen.wants_one_of({name, p99_name})) return;
    series seals;
    series barriers;
    std::thread isolator([&] {
        pin_to(threads);
        cordon_zone zone{large_zone};
        const traffic running{zone, threads};
        const cordon::membarrier barrier;
        random_numbers numbers{512};
        for (unsigned i = 0; i != c.chosen.rounds * 20; ++i) {
            sleep_ns(500'000);
            seals.push_back(isolate_and_undo(zone, numbers.below(4) * 512, 512) / 1000);
            sleep_ns(500'000);
            const double start = wall_ns();
            if (!barrier.issue()) std::exit(1);
            barriers.push_back((wall_ns() - start) / 1000);
        }
    });
    isolator.join();
    const auto add = [&](const std::string& pattern, double q, double allowance, const char* base_name,
                         goal wanted) {
        const double base = quantile(barriers, q) + allowance;
        c.out.add({.pattern = pattern,
                   .measured = quantile(seals, q),
                   .base_name = base_name,
                   .base = base,
                   .ratio = quantile(seals, q) / base,
                   .wanted = wanted,
                   .unit = "us"});
    };
    add(name, 0.5, 0, "barrier", {});
    add(name, 0.5, 100, "barrier+100", goal::at_most(1));
    add(p99_name, 0.99, 0, "barrier", {});
}

void disturb(const context& c, unsigned threads, const std::string& name) {
    const std::string cpu_name = name + ", cpu";
    const std::string wall_name = name + ", wall";
    if (!c.chosen.wants_one_of({cpu_name, wall_name})) return;
    constexpr int milliseconds = 40;
    race<2, 2> rates{c.chosen.rounds};
    std::thread isolator([&] {
        pin_to(threads);
        cordon_zone zone{small_zone};
        traffic running{zone, threads};
        random_numbers numbers{1000};
        // Returns: operations a microsecond of processor time of the traffic, and of wall-clock time.
        const auto window = [&](bool isolating) {
            const traffic::reading before = running.read();
            for (int i = 0; i != milliseconds; ++i) {
                const double start = wall_ns();
                if (isolating) isolate_and_undo(zone, numbers.below(small_zone / block_frames), 1);
                const double left = 1e6 - (wall_ns() - start);
                if (left > 0) sleep_ns(static_cast<long>(left));
            }
            const traffic::reading after = running.read();
            const double operations = (after.operations - before.operations) * 1000;
            return std::array{operations / (after.processor_ns - before.processor_ns),
                              operations / (after.wall_ns - before.wall_ns)};
        };
        rates.run([&] { return window(true); }, [&] { return window(false); });
    });
    isolator.join();
    for (std::size_t f = 0; f != 2; ++f)
        c.out.add({.pattern = f == 0 ? cpu_name : wall_name,
                   .measured = median(rates.of(0, f)),
                   .base_name = "undisturbed",
                   .base = median(rates.of(1, f)),
                   .ratio = median_ratio(rates.of(0, f), rates.of(1, f)),
                   .wanted = goal::at_least(0.9),
                   .unit = "1/us"});
}

} // namespace

int main(int argc, char** argv) {
    int exit_code = 0;
    const auto chosen = parse(argc, argv, about, exit_code);
    if (!chosen) return exit_code;
    table out{*chosen};
    {
        crew workers{most_threads};
        const context c{*chosen, out, workers};
        order_0(c, small_zone, "256 MiB");
        order_0(c, large_zone, "4 GiB");
        larger_orders(c);
        for (const unsigned threads : {1u, 2u}) {
            const std::string with = std::to_string(threads) + " busy";
            seal(c, threads, "seal 512 blocks, " + with);
            disturb(c, threads, "traffic under isolation, " + with);
        }
    }
}
