// fragmentation.cpp - how many whole blocks are left when a zone has been used for long.
// SPDX-License-Identifier: BSL-1.0
#include "support/program.hpp"
#include "support/tenants.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

using namespace bench;

constexpr const char* about =
    R"(How many whole blocks of 512 frames are left of 512 (1 GiB) after long churn of runs of orders 0 to 3, at so many
percent in use: a quarter of what is free is allocated, and as much freed, taken at random; thirty times before the
first round and once before each.

  blocks_obtainable  runs of order 9 that can be allocated now
  blocks_untouched   blocks without a frame in use, caches aside: what any allocator can be asked, a malloc, too
  blocks_compacted   runs of order 9 that can be allocated after zone.compact(migrator), and by isolate and migrate of
                     the emptiest blocks, by hand
  frames_moved       frames that compact() moved for each block that became whole

cordon is compared with the best other allocator of the row. `best_possible` is what would be left if all that is in use
lay side by side.
)";

constexpr std::uint32_t zone_blocks = 512;
constexpr std::uint32_t zone_size = zone_blocks * block_frames;

// Effects: allocates runs of order 9 and frees them. Returns: how many there were.
template <class Lane>
double obtainable(const Lane& lane) {
    std::vector<typename Lane::frame> blocks;
    while (blocks.size() != zone_blocks) {
        const auto f = lane.get(9);
        if (f == Lane::none) break;
        blocks.push_back(f);
    }
    for (const auto f : blocks)
        lane.put(f, 9);
    return static_cast<double>(blocks.size());
}

template <class Tenants>
double untouched(const Tenants& who) {
    std::unordered_set<std::uint64_t> touched;
    for (const auto& run : who.runs())
        touched.insert(run.first / block_frames);
    return touched.size() > zone_blocks ? 0 : zone_blocks - static_cast<double>(touched.size());
}

struct cordon_state {
    cordon::zone zone{blocks_from(0, zone_blocks)};
    tenants<zone_lane> who{zone_lane{zone}, 9};
    void prepare() { (void)zone.drain(); }
};
struct peer_state {
    peer_frames frames;
    tenants<peer_lane> who{frames.enter(), 9};
    explicit peer_state(const peer& api) : frames(api, zone_size, 1) {}
    void prepare() { frames.drain(); }
};

// Laps of a wave of churn; what `count(state)` finds after each.
template <class State, class Count, class... Arguments>
contestant churned(std::string name, unsigned percent, Count count, Arguments... arguments) {
    return {std::move(name), [=] {
                auto made = std::make_shared<State>(arguments...);
                const std::uint64_t used = std::uint64_t{zone_size} * percent / 100;
                made->who.fill(used);
                for (int wave = 0; wave != 30; ++wave)
                    made->who.breathe((zone_size - used) / 4);
                return [=] {
                    made->who.breathe((zone_size - used) / 4);
                    made->prepare();
                    return std::vector{reading::of_amount(count(*made))};
                };
            }};
}
contestant best_possible(unsigned percent) {
    return {"best_possible", [=] {
                const std::uint64_t used = std::uint64_t{zone_size} * percent / 100;
                const double blocks = static_cast<double>((zone_size - used) / block_frames);
                return [=] { return std::vector{reading::of_amount(blocks)}; };
            }};
}

void question_at(suite& out, const char* name, unsigned percent, std::vector<std::string> bases, goal wanted,
                 std::vector<contestant> contestants) {
    out.add({.figures = {{.name = name,
                          .what = quantity::amount,
                          .unit = "blocks",
                          .more_is_better = true,
                          .wanted = wanted}},
             .arguments = "percent:" + std::to_string(percent),
             .bases = std::move(bases),
             .contestants = std::move(contestants)});
}

void questions(suite& out, const std::vector<peer>& peers) {
    const auto get_blocks = [](auto& state) { return obtainable(state.who.lane()); };
    const auto look = [](auto& state) { return untouched(state.who); };
    const auto compact_and_get = [](cordon_state& state) {
        if (state.zone.compact(mover(state.who, nothing_to_copy)).outcome != cordon::status::ok)
            give_up("compact");
        return obtainable(state.who.lane());
    };
    const auto moved_a_block = [](cordon_state& state) {
        const auto done = state.zone.compact(mover(state.who, nothing_to_copy));
        return done.emptied == 0 ? 0.0 : static_cast<double>(done.moved.raw()) / done.emptied;
    };
    const auto empty_and_get = [](cordon_state& state) {
        const auto undo = [](auto& range) { range.undo(); };
        empty_blocks(state.zone, mover(state.who, nothing_to_copy), undo);
        return obtainable(state.who.lane());
    };
    for (const unsigned percent : {50u, 75u, 90u, 99u}) {
        std::vector<contestant> obtaining{churned<cordon_state>("cordon", percent, get_blocks)};
        std::vector<contestant> looking{churned<cordon_state>("cordon", percent, look)};
        std::vector<std::string> bounded;
        std::vector<std::string> all;
        for (const peer& p : others(peers)) {
            if (!serves(p, 9)) continue;
            if (is_bounded(p)) {
                obtaining.push_back(churned<peer_state>(p.name, percent, get_blocks, p));
                bounded.push_back(p.name);
            }
            looking.push_back(churned<peer_state>(p.name, percent, look, p));
            all.push_back(p.name);
        }
        obtaining.push_back(best_possible(percent));
        looking.push_back(best_possible(percent));
        question_at(out, "blocks_obtainable", percent, bounded, goal::at_least(1), std::move(obtaining));
        question_at(out, "blocks_untouched", percent, all, goal::at_least(1), std::move(looking));
        question_at(out, "blocks_compacted", percent, {"best_possible"}, goal::at_least(0.9),
                    {churned<cordon_state>("cordon", percent, compact_and_get),
                     churned<cordon_state>("by_hand", percent, empty_and_get), best_possible(percent)});
        out.add({.figures = {{.name = "frames_moved", .what = quantity::amount, .unit = "frames/block"}},
                 .arguments = "percent:" + std::to_string(percent),
                 .contestants = {churned<cordon_state>("cordon", percent, moved_a_block)}});
    }
}

} // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, about, questions);
}
