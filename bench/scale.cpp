// scale.cpp - what grows with the memory and with the threads.
// SPDX-License-Identifier: BSL-1.0
#include "support/field.hpp"
#include "support/line_log.hpp"
#include "support/program.hpp"

#include <cordon/sync/lock_counter.hpp>
#include <cordon/sync/observed_lock.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    R"(What grows with the memory and with the threads.

  create, metadata, metadata_resident
                              a zone of so many GiB: time to make it, bytes of its metadata, bytes of them in memory
                              when it is new
  throughput                  operations a microsecond by the clock of so many threads together, each allocating and
                              freeing bursts of 256 frames; `vs_2_threads`: cordon's beside its own with 2 threads
  lock_taken, lock_held       cordon's zone lock for 1000 operations, and ns of holding it for one, beside an equivalent
                              ns: the gate floor's `repeat` (bench_frames) takes 2.5 of them on any machine
  lines_touched, _shared, _moved   cache lines that 1000 operations touch; those of them that another thread touches, too,
                              and one of both writes; how often one would go from one processor to another. Counted,
                              not timed: two threads' operations in turns, one each (support/line_log.hpp)
)";

constexpr std::uint32_t small_zone = 1u << 16; // frames: 256 MiB

// ---- memory ----

class mapping {
public:
    explicit mapping(std::size_t bytes)
        : bytes_(bytes),
          base_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                     0)) {
        if (base_ == MAP_FAILED) give_up("mmap");
    }
    ~mapping() { munmap(base_, bytes_); }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;

    [[nodiscard]] std::span<std::byte> memory() const { return {static_cast<std::byte*>(base_), bytes_}; }
    [[nodiscard]] double resident_bytes() const {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        std::vector<unsigned char> pages((bytes_ + page - 1) / page);
        if (mincore(base_, bytes_, pages.data()) != 0) give_up("mincore");
        double sum = 0;
        for (const unsigned char p : pages)
            sum += p & 1;
        return sum * static_cast<double>(page);
    }

private:
    std::size_t bytes_;
    void* base_;
};

void creation(suite& out, std::uint64_t gib) {
    // The last frame number is none: 16 TiB lack a block.
    const std::uint64_t frames = std::min<std::uint64_t>(gib << 18, (std::uint64_t{1} << 32) - 512);
    const auto cordon = [=] {
        return [=] {
            const cordon::zone_options options{.frames = {cordon::frame{0}, cordon::frame_count{frames}}};
            const mapping metadata{cordon::zone::metadata_bytes(options)};
            const double start = wall_ns();
            const cordon::zone zone = cordon::zone::place(metadata.memory(), options);
            const double end = wall_ns();
            if (zone.error() != cordon::status::ok) give_up("no zone");
            return std::vector{reading::of_real_time(end - start),
                               reading::of_amount(static_cast<double>(metadata.memory().size())),
                               reading::of_amount(metadata.resident_bytes())};
        };
    };
    out.add({.figures = {{.name = "create", .what = quantity::real_time},
                         {.name = "metadata", .what = quantity::amount, .unit = "bytes"},
                         {.name = "metadata_resident", .what = quantity::amount, .unit = "bytes"}},
             .arguments = "GiB:" + std::to_string(gib),
             .contestants = {{"cordon", cordon}}});
}

// ---- threads ----

// For so long, and then to the end of the burst: a lap of 64 threads takes no longer than one of 2, whoever runs.
struct timed_bursts {
    template <class Lane>
    std::array<reading, 1> operator()(Lane lane, unsigned) const {
        std::array<frame_of<Lane>, 256> held;
        reading done;
        for (const double begin = wall_ns(); wall_ns() - begin < 20e6; done.operations += 2.0 * held.size()) {
            get_all<0>(lane, std::span{held});
            put_all<0>(lane, std::span{held});
        }
        return {done};
    }
};

// All threads together: operations a microsecond.
contestant by_the_clock(std::string name, const contestant& of) {
    return {std::move(name), [make = of.make] {
                return [threads = make()] {
                    const double start = wall_ns();
                    const double operations = threads()[0].operations;
                    return std::vector{reading::of_amount(operations * 1000 / (wall_ns() - start))};
                };
            }};
}

void throughput(suite& out, unsigned threads, const std::vector<peer>& peers) {
    const std::string arguments = "threads:" + std::to_string(threads);
    const size_of_field size{.frames = small_zone, .threads = threads};
    const contestant cordon = with<cordon_zone>("cordon", size, timed_bursts{});
    const figure rate{
        .name = "throughput", .what = quantity::amount, .unit = "operations/us", .more_is_better = true};
    std::vector<contestant> field{
        by_the_clock("cordon", cordon),
        by_the_clock("gate", with<stack_floor<gate_guard>>("gate", size, timed_bursts{}))};
    for (const peer& p : others(peers))
        if (serves(p, 0)) field.push_back(by_the_clock(p.name, with_peer(p, size, timed_bursts{})));
    out.add({.figures = {rate},
             .arguments = arguments,
             .bases = {"gate"},
             .threads = threads,
             .contestants = field});

    if (threads <= 2) return;
    figure relative = rate;
    relative.name = "vs_2_threads";
    relative.wanted = goal::at_least(0.9);
    out.add({.figures = {relative},
             .arguments = arguments,
             .bases = {"cordon_2_threads"},
             .threads = threads,
             .contestants = {by_the_clock("cordon", cordon),
                             by_the_clock("cordon_2_threads",
                                          with<cordon_zone>("cordon", {.frames = small_zone, .threads = 2},
                                                            timed_bursts{}))}});
}

// ---- the zone lock ----

struct counting_policy : cordon::default_policy {
    using zone_lock = cordon::observed_lock<cordon::default_policy::zone_lock,
                                            cordon::lock_counter<cordon::default_policy::clock>>;
};

// Reads the lock before and after the pattern; the figures of all workers together are those of the first.
template <class Pattern>
contestant lock_of(Pattern pattern) {
    struct state {
        zone_frames<counting_policy> zone{small_zone};
        crew worker{1};
    };
    return {"cordon", [=] {
                auto made = std::make_shared<state>();
                return [=] {
                    const auto& counter = made->zone.zone().zone_lock().observer();
                    const cordon::lock_figures before = counter.snapshot();
                    const auto read = made->worker.measure(
                        1, [&](unsigned worker) { return pattern(made->zone.enter(worker), worker); });
                    const cordon::lock_figures after = counter.snapshot();
                    const auto per_operation = [&](std::uint64_t a, std::uint64_t b) {
                        return static_cast<double>(b - a) / read[0].operations;
                    };
                    return std::vector{
                        reading::of_amount(1000 * per_operation(before.acquisitions, after.acquisitions)),
                        reading::of_amount(per_operation(before.total_hold_ns, after.total_hold_ns))};
                };
            }};
}
constexpr auto repeat_pairs = [](auto&& lane, unsigned) { return repeat<0>(lane, 50'000); };

// What the goal is told in: a ns of the machine on which the gate floor allocates and frees a frame in 2.5.
contestant equivalent_ns() {
    return {"equivalent_ns",
            [make = with<stack_floor<gate_guard>>("gate", {.frames = small_zone}, repeat_pairs).make] {
                return [floor = make()] {
                    const reading pairs = floor()[0];
                    return std::vector{reading{}, reading::of_amount(pairs.cpu_ns / pairs.operations / 2.5)};
                };
            }};
}
template <class Pattern>
void lock(suite& out, const char* pattern_name, Pattern pattern) {
    out.add({.figures = {{.name = "lock_taken", .what = quantity::amount, .unit = "per_1000"},
                         {.name = "lock_held", .what = quantity::amount, .wanted = goal::at_most(2.5)}},
             .arguments = pattern_name,
             .bases = {"equivalent_ns"},
             .contestants = {lock_of(pattern), equivalent_ns()}});
}

// Allocates half of the zone and frees it, in the same order or in a random one.
struct bulk_pattern {
    free_order how;
    template <class Lane>
    std::array<reading, 1> operator()(Lane lane, unsigned) const {
        static thread_local std::vector<frame_of<Lane>> held(small_zone / 2);
        static thread_local random_numbers numbers{1};
        auto both = bulk<0>(lane, std::span{held}, 1, how, numbers);
        both[0] += both[1];
        return {both[0]};
    }
};

// ---- cache lines ----

using logged_zone = cordon::basic_zone<logged_policy>;

// What two workers do in turns, one operation each.
class logged_workers {
public:
    explicit logged_workers(logged_zone& zone, line_log& log) : zone_(zone), log_(log) {}
    cordon::frame get(unsigned worker) {
        log_.begin_operation(worker);
        const auto f = zone_.allocate(cordon::slot_index{worker});
        return f ? *f : (give_up("out of frames"), cordon::frame{});
    }
    void put(unsigned worker, cordon::frame f) {
        log_.begin_operation(worker);
        zone_.free(cordon::slot_index{worker}, f);
    }

private:
    logged_zone& zone_;
    line_log& log_;
};
struct logged_repeat {
    void operator()(logged_workers both) const {
        for (unsigned i = 0; i != 10'000; ++i)
            for (const unsigned worker : {0u, 1u})
                both.put(worker, both.get(worker));
    }
};
// Each worker allocates a quarter of the zone and frees it.
struct logged_bulk {
    free_order how;
    void operator()(logged_workers both) const {
        std::array<std::vector<cordon::frame>, 2> held;
        random_numbers numbers{1};
        for (unsigned i = 0; i != small_zone / 4; ++i)
            for (const unsigned worker : {0u, 1u})
                held[worker].push_back(both.get(worker));
        for (auto& frames : held)
            if (how == free_order::shuffled) numbers.shuffle(frames);
        for (unsigned i = 0; i != small_zone / 4; ++i)
            for (const unsigned worker : {0u, 1u})
                both.put(worker, held[worker][i]);
    }
};

template <class Pattern>
contestant lines_of(std::string name, bool cached, Pattern pattern) {
    return {
        std::move(name), [=] {
            return [=] {
                logged_zone zone{cordon::frame_range{cordon::frame{0}, cordon::frame_count{small_zone}}};
                line_log unused;
                pattern(logged_workers{zone, unused}); // magazines grow, pages are there
                const auto disabled = cached
                                          ? cordon::result<logged_zone::caches_disabled>{cordon::status::busy}
                                          : zone.disable_caches();
                line_log log;
                const logged_section section{zone, log};
                pattern(logged_workers{zone, log});
                const auto per_1000 = [&](std::size_t lines) {
                    return reading::of_amount(1000 * static_cast<double>(lines) /
                                              static_cast<double>(log.operations()));
                };
                return std::vector{per_1000(log.touched()), per_1000(log.shared()), per_1000(log.moved())};
            };
        }};
}
template <class Pattern>
void lines(suite& out, const char* pattern_name, Pattern pattern) {
    out.add({.figures = {{.name = "lines_touched", .what = quantity::amount, .unit = "per_1000"},
                         {.name = "lines_shared", .what = quantity::amount, .unit = "per_1000"},
                         {.name = "lines_moved", .what = quantity::amount, .unit = "per_1000"}},
             .arguments = pattern_name,
             .threads = 2,
             .contestants = {lines_of("cordon", true, pattern), lines_of("uncached", false, pattern)}});
}

void questions(suite& out, const std::vector<peer>& peers) {
    for (std::uint64_t gib = 1; gib <= 16384; gib *= 4)
        creation(out, gib);
    for (const unsigned threads : {1u, 2u, 4u, 8u, 16u, 32u, 64u})
        throughput(out, threads, peers);
    lock(out, "repeat", repeat_pairs);
    lock(out, "bulk", bulk_pattern{free_order::as_allocated});
    lock(out, "random_free", bulk_pattern{free_order::shuffled});
    lines(out, "repeat", logged_repeat{});
    lines(out, "bulk", logged_bulk{free_order::as_allocated});
    lines(out, "random_free", logged_bulk{free_order::shuffled});
}

} // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, about, questions);
}
