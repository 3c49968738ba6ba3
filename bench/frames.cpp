// frames.cpp - what an allocation costs: cordon beside the least that a thread cache can cost, and beside others.
// SPDX-License-Identifier: BSL-1.0
#include "support/field.hpp"
#include "support/program.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    R"(What an allocation costs: cordon beside three floors and beside other allocators, in processor time of its threads.

  repeat         allocate and free the same frame: the pair
  bulk_get, _put allocate half of the zone, free it in the same order; random_free: free it in random order
  burst          allocate so many frames and free them: beyond 512, the cache refills and spills
  cross_thread   one thread allocates, another frees: the pair
  mixed          replace random ones of 1024 runs of orders 0 to 9: the pair
  mixed_types    the same in three migrate types, beside movable only
  .../checks     with each wrong free found (cheap, the default), with sanitizers told, with all checks, for one thread;
                 checks:none: with none, beside the floor

Floors: `stack`, a thread-local stack of frame numbers; `gate`, the same behind the words of the drain gate; `lock`,
behind a lock. `cordon_slot` is cordon with the thread's slot named by the caller. Peers are called through bench/peer.h,
by pointer. No memory lies behind the frames of cordon and of the floors.
)";

constexpr std::uint32_t small_zone = 1u << 16; // frames: 256 MiB
constexpr std::uint32_t large_zone = 1u << 20; // 4 GiB

std::string mib(std::uint32_t frames) {
    return "MiB:" + std::to_string(frames / 256);
}

// ---- patterns ----

template <unsigned Order>
struct repeat_pattern {
    auto operator()(auto&& lane, unsigned) const { return repeat<Order>(lane, 50'000); }
};

template <unsigned Order>
struct bulk_pattern {
    std::uint32_t count;
    free_order how = free_order::as_allocated;
    template <class Lane>
    std::array<reading, 2> operator()(Lane lane, unsigned worker) const {
        // Written once, so that no page fault falls into a measurement.
        static thread_local std::vector<frame_of<Lane>> held(count);
        static thread_local random_numbers numbers{worker};
        return bulk<Order>(lane, held, count < 1u << 15 ? (1u << 15) / count : 1, how, numbers);
    }
};

struct random_free_pattern {
    std::uint32_t count;
    auto operator()(auto&& lane, unsigned worker) const { // of the shuffled bulk only the free is news
        return std::array{bulk_pattern<0>{.count = count, .how = free_order::shuffled}(lane, worker)[1]};
    }
};

// Get and put of a burst as one figure: a clock between them would cost more than a small burst.
struct burst_pattern {
    std::uint32_t count;
    template <class Lane>
    std::array<reading, 1> operator()(Lane lane, unsigned) const {
        static thread_local std::vector<frame_of<Lane>> held(count);
        const unsigned times = (1u << 15) / count;
        const stopwatch time;
        for (unsigned i = 0; i != times; ++i) {
            get_all<0>(lane, std::span{held});
            put_all<0>(lane, std::span{held});
        }
        return {time.read(static_cast<double>(count) * times)};
    }
};

// Worker 0 allocates, worker 1 frees; in the next lap they change places, so that no floor runs empty.
template <class Frame>
class conveyor {
public:
    static constexpr std::size_t bursts = 32;
    static constexpr std::size_t burst = 1024;
    template <class Lane>
    std::array<reading, 1> work(Lane lane, bool allocates) {
        reading sum;
        for (std::size_t i = 0; i != bursts; ++i) {
            cell& c = cells_[i % cells_.size()];
            // Pairs with the store below, in both directions.
            while (c.full.load(std::memory_order_acquire) == allocates)
                std::this_thread::yield();
            const stopwatch time;
            if (allocates)
                get_all<0>(lane, std::span{c.frames});
            else
                put_all<0>(lane, std::span{c.frames});
            sum += time.read(allocates ? burst : 0);
            c.full.store(allocates, std::memory_order_release);
        }
        return {sum};
    }

private:
    struct cell {
        std::atomic<bool> full{false};
        std::array<Frame, burst> frames;
    };
    std::array<cell, 4> cells_;
};
struct cross_thread_pattern {
    template <class Lane>
    auto operator()(Lane lane, unsigned worker) const {
        static thread_local bool turn = worker == 0;
        const bool allocates = turn;
        turn = !turn;
        return belt<frame_of<Lane>>.work(lane, allocates);
    }
    template <class Frame>
    static inline conveyor<Frame> belt; // contestants run one after the other, and leave it empty
};

// Orders are told at run time, as by who has use for many. Types: how many migrate types; 1: the lane's default.
template <unsigned Types>
struct mixed_pattern {
    struct step {
        std::uint16_t place;
        std::uint8_t order;
        std::uint8_t type;
    };
    static std::vector<step> script() {
        constexpr std::array<std::uint8_t, 16> orders{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 5, 9};
        random_numbers numbers{7};
        std::vector<step> steps(20'000);
        for (step& s : steps)
            s = {.place = static_cast<std::uint16_t>(numbers.below(1024)),
                 .order = orders[numbers.below(16)],
                 .type = static_cast<std::uint8_t>(numbers.below(Types))};
        return steps;
    }
    template <class Lane>
    std::array<reading, 1> operator()(Lane lane, unsigned) const {
        static const std::vector<step> steps = script();
        std::array<run<Lane>, 1024>& held = held_by<Lane>();
        const stopwatch time;
        for (const step s : steps) {
            run<Lane>& r = held[s.place];
            put<Lane>(lane, r);
            r.order = s.order;
            if constexpr (Types == 1)
                r.first = lane.get(s.order);
            else
                r.first = lane.get(s.order, static_cast<cordon::migrate_type>(s.type));
        }
        const reading read = time.read(static_cast<double>(steps.size()));
        // What is refused is quickly done: nobody is to look fast by it. All places are taken long before the end.
        for (const run<Lane>& r : held)
            require_frame(lane, r.first);
        return {read};
    }
    template <class Lane>
    void end(Lane lane) const {
        for (const run<Lane>& r : held_by<Lane>())
            put<Lane>(lane, r);
    }

private:
    template <class Lane>
    struct run {
        frame_of<Lane> first = Lane::none;
        unsigned order = 0;
    };
    template <class Lane>
    static std::array<run<Lane>, 1024>& held_by() {
        static thread_local std::array<run<Lane>, 1024> held{};
        return held;
    }
    template <class Lane>
    static void put(Lane lane, const run<Lane>& r) {
        if (r.first != Lane::none) lane.put(r.first, r.order);
    }
};

// ---- questions ----

figure named(const char* name, goal wanted = {}) {
    return {.name = name, .wanted = wanted};
}

void order_0(suite& out, std::uint32_t frames, const std::vector<peer>& peers) {
    const size_of_field size{.frames = frames};
    out.add({.figures = {named("repeat", goal::at_most(1.4))},
             .arguments = mib(frames),
             .bases = {"gate"},
             .contestants = whole_field(size, repeat_pattern<0>{}, peers)});
    out.add({.figures = {named("bulk_get", goal::at_most(1.5)), named("bulk_put", goal::at_most(1.5))},
             .arguments = mib(frames),
             .bases = {"gate"},
             .contestants = whole_field(size, bulk_pattern<0>{.count = frames / 2}, peers)});
    out.add({.figures = {named("random_free", goal::at_most(6))},
             .arguments = mib(frames),
             .bases = {"gate"},
             .contestants = whole_field(size, random_free_pattern{.count = frames / 2}, peers)});
    out.add({.figures = {named("cross_thread", goal::at_most(8))},
             .arguments = mib(frames),
             .bases = {"gate"},
             .threads = 2,
             .contestants = whole_field({.frames = frames, .threads = 2}, cross_thread_pattern{}, peers)});
}

// Each worker has a quarter of the zone, together or alone.
template <class Pattern>
void two_threads(suite& out, std::uint32_t frames, std::vector<figure> figures, Pattern pattern) {
    const size_of_field together{.frames = frames, .threads = 2};
    const size_of_field alone{.frames = frames, .threads = 1};
    out.add({.figures = std::move(figures),
             .arguments = mib(frames) + "/threads:2",
             .bases = {"cordon_1_thread"},
             .threads = 2,
             .contestants = {with<cordon_zone>("cordon", together, pattern),
                             with<cordon_zone>("cordon_1_thread", alone, pattern),
                             // What the machine makes of it.
                             with<stack_floor<gate_guard>>("gate", together, pattern),
                             with<stack_floor<gate_guard>>("gate_1_thread", alone, pattern)}});
}
void two_threads(suite& out, std::uint32_t frames) {
    const goal same = goal::at_most(1.2);
    two_threads(out, frames, {named("repeat", same)}, repeat_pattern<0>{});
    two_threads(out, frames, {named("bulk_get", same), named("bulk_put", same)},
                bulk_pattern<0>{.count = frames / 4});
    two_threads(out, frames, {named("random_free", goal::at_most(1.6))},
                random_free_pattern{.count = frames / 4});
}

template <unsigned Order>
void cached_order(suite& out) {
    const size_of_field size{.frames = large_zone};
    out.add({.figures = {named("repeat", goal::at_most(1.5))},
             .arguments = "order:" + std::to_string(Order),
             .bases = {"cordon_order_0"},
             .contestants = {with<cordon_zone>("cordon", size, repeat_pattern<Order>{}),
                             with<cordon_zone>("cordon_order_0", size, repeat_pattern<0>{})}});
}
template <unsigned Order>
void uncached_order(suite& out, const std::vector<peer>& peers) {
    out.add({.figures = {named("repeat", goal::at_most(10))},
             .arguments = "order:" + std::to_string(Order),
             .bases = {"gate"},
             .contestants = whole_field({.frames = small_zone}, repeat_pattern<Order>{}, peers, Order)});
}

// What each check costs, and what is saved without threads.
struct unchecked_policy : cordon::default_policy {
    static constexpr cordon::check_level checks = cordon::check_level::none;
};
template <class Pattern>
void checks(suite& out, std::vector<figure> figures, Pattern pattern) {
    const size_of_field size{.frames = small_zone};
    out.add(
        {.figures = std::move(figures),
         .arguments = "checks",
         .bases = {"none"},
         .contestants = {with<cordon_zone>("cheap", size, pattern),
                         with<zone_frames<cordon::annotated_policy>>("annotated", size, pattern),
                         with<zone_frames<cordon::checked_policy>>("full", size, pattern),
                         with<zone_frames<cordon::single_threaded_policy>>("single_threaded", size, pattern),
                         with<zone_frames<unchecked_policy>>("none", size, pattern)}});
}
// Without checks cordon does what the floor does, and besides knows whose block a frame is and finds its slot.
template <class Pattern>
void unchecked(suite& out, std::vector<figure> figures, Pattern pattern) {
    const size_of_field size{.frames = small_zone};
    out.add({.figures = std::move(figures),
             .arguments = "checks:none",
             .bases = {"gate"},
             .contestants = {with<zone_frames<unchecked_policy>>("cordon", size, pattern),
                             with<stack_floor<gate_guard>>("gate", size, pattern)}});
}

void questions(suite& out, const std::vector<peer>& peers) {
    order_0(out, small_zone, peers);
    order_0(out, large_zone, {}); // the peers would touch gigabytes
    two_threads(out, small_zone);
    two_threads(out, large_zone);
    checks(out, {named("repeat")}, repeat_pattern<0>{});
    checks(out, {named("bulk_get"), named("bulk_put")}, bulk_pattern<0>{.count = small_zone / 2});
    unchecked(out, {named("repeat", goal::at_most(1.4))}, repeat_pattern<0>{});
    unchecked(out, {named("bulk_get", goal::at_most(1.5)), named("bulk_put", goal::at_most(1.5))},
              bulk_pattern<0>{.count = small_zone / 2});
    unchecked(out, {named("random_free", goal::at_most(6))}, random_free_pattern{.count = small_zone / 2});
    cached_order<1>(out);
    cached_order<2>(out);
    cached_order<3>(out);
    cached_order<4>(out);
    cached_order<5>(out);
    cached_order<8>(out);
    cached_order<9>(out);
    uncached_order<10>(out, peers);
    const size_of_field large{.frames = large_zone};
    const size_of_field small{.frames = small_zone};
    out.add({.figures = {named("bulk_get", goal::at_most(5)), named("bulk_put", goal::at_most(5))},
             .arguments = "order:9",
             .bases = {"cordon_order_0"},
             .contestants = {
                 with<cordon_zone>("cordon", large, bulk_pattern<9>{.count = large_zone / 512 / 2}),
                 with<cordon_zone>("cordon_order_0", large, bulk_pattern<0>{.count = large_zone / 2})}});
    for (const std::uint32_t count : {16u, 64u, 256u, 1024u, 4096u, 16384u})
        out.add({.figures = {named("burst")},
                 .arguments = "frames:" + std::to_string(count),
                 .bases = {"gate"},
                 .contestants = whole_field(small, burst_pattern{.count = count}, peers)});
    out.add({.figures = {named("mixed")},
             .arguments = mib(small_zone),
             .bases = {"gate"},
             .contestants = whole_field(small, mixed_pattern<1>{}, peers, 9)});
    out.add({.figures = {named("mixed_types")},
             .arguments = mib(small_zone),
             .bases = {"cordon_movable"},
             .contestants = {with<cordon_zone>("cordon", small, mixed_pattern<3>{}),
                             with<cordon_zone>("cordon_movable", small, mixed_pattern<1>{})}});
}

} // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, about, questions);
}
