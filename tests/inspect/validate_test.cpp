// inspect/validate_test.cpp - a sound zone is valid whatever happens to it, and each kind of damage is reported.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/inspect/validate.hpp"

#include "cordon/zone.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace cordon;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

namespace {

constexpr validate_options everything{.quiesce = true};

validation check(zone& z, const validate_options& options = {}) {
    return validate_zone(z.internals(), options);
}

std::string text_of(const validation& v) {
    text_buffer<200> text;
    text << v;
    return std::string{text.view()};
}

// A zone of two regions and a bit: holes at its ends and in its middle, blocks in every place and state.
struct damaged {
    [[nodiscard]] const auto& geo() const { return z.internals().geometry(); }
    [[nodiscard]] const auto& parts() { return z.internals().blocks().raw_parts(); }
    damaged() {
        REQUIRE(z.error() == status::ok);
        for (int i = 0; i != 700; ++i)
            held.push_back(*z.allocate());
        held_order_9 = *z.allocate(order{9}, migrate_type::unmovable);
        held_order_3 = *z.allocate(order{3}, migrate_type::unmovable);
        REQUIRE(z.set_migrate_type(block(600), migrate_type::lent) == status::ok);
        REQUIRE(z.poison(frame{block(601).first().raw() + 5}) == status::ok);
        REQUIRE(z.poison(held[0]) == status::deferred);
        sealed = std::move(*z.isolate(block(700)));
        REQUIRE(z.isolate(block(701))->offline() == status::ok);
        REQUIRE(z.drain() == status::ok);
        REQUIRE(check(z, everything));
        partly = geo().block_of(geo().index_of(held_order_3));
        REQUIRE(fill(partly).used != 0);
        REQUIRE(fill(partly).used != 512);
    }
    static frame_range block(std::uint32_t b) { return {frame{b * 512}, frame_count{512}}; }

    block_fill& fill(block_index b) { return parts().fills[b.raw()]; }
    void flip_trait(block_index b, unsigned bit) {
        auto& cell = parts().traits[b.raw()];
        cell.store(static_cast<std::uint8_t>(cell.load(std::memory_order_relaxed) ^ bit),
                   std::memory_order_relaxed);
    }
    [[nodiscard]] std::string_view fault(const validate_options& options = {}) {
        const validation v = check(z, options);
        where = v.where;
        return v ? "none" : v.what;
    }

    static constexpr frame_range holes[] = {{frame{1000}, frame_count{24}}, {frame{2048}, frame_count{1024}}};
    zone z{zone_options{.frames = {frame{100}, frame_count{2 * 262144 + 5000}}, .holes = holes}};
    std::vector<frame> held;
    frame held_order_9;
    frame held_order_3;
    zone::isolated_range sealed;
    block_index partly;
    block_index where;
};

} // namespace

TEST_CASE("a fresh zone is valid, and the walk says what it looked at", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{262144}}};
    CHECK(text_of(check(z)) == "512 blocks and sums: valid");
    CHECK(text_of(check(z, everything)) == "512 blocks, sums and caches: valid");
    zone small{frame_range{frame{0}, frame_count{512}}};
    CHECK(text_of(check(small)) == "1 block and sums: valid");
}

TEST_CASE("a large zone is walked without its sums, unless they are asked for", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{65ull * 262144}}};
    const validation v = check(z);
    CHECK(v);
    CHECK(v.blocks == 65 * 512);
    CHECK_FALSE(v.sums_checked);
    CHECK(text_of(v) == "33280 blocks: valid");
    CHECK(text_of(check(z, {.all_sums = true})) == "33280 blocks and sums: valid");
    auto& count = z.internals().parts().head->count.offline;
    count.store(1, std::memory_order_relaxed);
    CHECK(check(z));
    CHECK(text_of(check(z, {.all_sums = true})) == "block 0: the count of offline frames is not the sum");
}

TEST_CASE("a zone that could not be made has nothing to validate", "[inspect]") {
    zone z{frame_range{}};
    const validation v = check(z, everything);
    CHECK(v);
    CHECK(v.blocks == 0);
}

TEST_CASE("a zone is valid after each step of a random life", "[inspect]") {
    zone z{zone_options{.frames = {frame{300}, frame_count{262144 + 3000}}}};
    rng random{seed()};
    struct run {
        frame head;
        order size;
    };
    std::vector<run> live;
    std::vector<zone::isolated_range> sealed;
    const auto some_block = [&] {
        return frame_range{frame{static_cast<std::uint32_t>(1 + random.below(513)) * 512}, frame_count{512}};
    };
    for (int step = 0; step != scaled(3000); ++step) {
        switch (random.below(10)) {
        case 0:
            if (auto range = z.isolate(some_block())) sealed.push_back(std::move(*range));
            break;
        case 1:
            if (sealed.empty()) break;
            if (random.below(2) == 0) static_cast<void>(sealed.back().offline());
            sealed.pop_back();
            break;
        case 2: static_cast<void>(z.online(some_block())); break;
        case 3: static_cast<void>(z.poison(some_block().first() + frame_count{random.below(512)})); break;
        case 4:
            static_cast<void>(
                z.set_migrate_type(some_block(), migrate_type{static_cast<std::uint8_t>(random.below(4))}));
            break;
        case 5: REQUIRE(z.drain() == status::ok); break;
        default:
            for (int i = 0; i != 40; ++i) {
                if (live.empty() || random.below(2) == 0) {
                    const order k{static_cast<unsigned>(random.below(12))};
                    const migrate_type type{static_cast<std::uint8_t>(random.below(4))};
                    if (const result<frame> f = z.allocate(k, type)) live.push_back({*f, k});
                } else {
                    std::swap(live[random.below(live.size())], live.back());
                    z.free(live.back().head, live.back().size);
                    live.pop_back();
                }
            }
        }
        const validation v = check(z, {.quiesce = step % 100 == 0});
        INFO("step " << step << ": " << text_of(v));
        REQUIRE(v);
    }
}

TEST_CASE("a zone is valid under the traffic of other threads", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{131072}}};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (std::uint64_t n = 0; n != 2; ++n)
        threads.emplace_back([&, n] {
            rng random{seed() + n + 1};
            std::vector<std::pair<frame, order>> live;
            while (!stop.load(std::memory_order_relaxed)) {
                const order k{static_cast<unsigned>(random.below(11))};
                if (live.size() < 200 || random.below(2) == 0) {
                    if (const result<frame> f = z.allocate(k)) live.emplace_back(*f, k);
                }
                if (live.size() > 400 || random.below(2) == 0) {
                    std::swap(live[random.below(live.size())], live.back());
                    z.free(live.back().first, live.back().second);
                    live.pop_back();
                }
            }
            for (const auto& [head, size] : live)
                z.free(head, size);
        });
    const int rounds = scaled(200);
    for (int i = 0; i != rounds; ++i) {
        const validation v = check(z, {.quiesce = i % 4 == 0});
        INFO(text_of(v));
        CHECK(v);
        CHECK(v.caches_checked == (i % 4 == 0));
        const auto sealed = z.isolate({frame{512u * 7}, frame_count{512}});
        CHECK(check(z));
    }
    stop = true;
    for (std::thread& t : threads)
        t.join();
    CHECK(check(z, everything));
}

TEST_CASE("damaged traits are reported", "[inspect]") {
    damaged d;
    const block_index plain{50};
    const block_index isolated{700};
    const block_index absent{4};
    const auto fault_with = [&](block_index b, unsigned bits) {
        d.flip_trait(b, bits);
        const std::string_view found = d.fault();
        CHECK(d.where == b);
        d.flip_trait(b, bits);
        REQUIRE(check(d.z, everything));
        return found;
    };
    CHECK(fault_with(plain, 0x80) == "it has a trait that does not exist");
    CHECK(fault_with(isolated, block_traits::offline) == "isolated and offline");
    CHECK(fault_with(absent, block_traits::offline) == "absent, and something else");
    CHECK(fault_with(plain, block_traits::absent) == "absent is not what its holes say");
    CHECK(fault_with(absent, block_traits::absent) == "absent is not what its holes say");
    CHECK(fault_with(block_index{601}, block_traits::poisoned) ==
          "its poisoned frames are not in its traits");
    CHECK(fault_with(plain, block_traits::isolated) == "in the region's map, and should not be");
    CHECK(fault_with(isolated, block_traits::isolated) == "whole, and not in the region's map");
    CHECK(fault_with(block_index{600}, 3) == "whole, and not in the region's map");
    CHECK(fault_with(plain, 3) == "in the region's map, and should not be");
    CHECK(fault_with(d.partly, block_traits::reported) == "reported as free, and used");
    CHECK(fault_with(d.partly, 1) == "partly used, and not in its set");
    CHECK(fault_with(d.partly, block_traits::offline) == "in a set of partly used blocks, and should not be");
}

TEST_CASE("damaged maps and counts are reported", "[inspect]") {
    damaged d;
    auto& map = d.parts().maps[d.partly.raw()];
    auto& fill = d.fill(d.partly);
    const auto good_map = map;
    const block_fill good_fill = fill;
    const auto restored = [&](std::string_view found) {
        CHECK(d.where == d.partly);
        map = good_map;
        fill = good_fill;
        REQUIRE(check(d.z, everything));
        return found;
    };
    map.set(good_map.find(0) == 0 ? 511 : 0, 0);
    map.clear(511, 0);
    map.clear(510, 0);
    CHECK(restored(d.fault()) == "its map has another number of free frames");
    fill.used = 513;
    CHECK(restored(d.fault()) == "more frames are used than it has");
    ++fill.used;
    CHECK(restored(d.fault()) == "its map has another number of free frames");
    ++fill.largest;
    CHECK(restored(d.fault()) == "its largest free run is another");
    fill.used = 0;
    CHECK(restored(d.fault()) == "whole, and not in the region's map");
}

TEST_CASE("missing frames that are free are reported", "[inspect]") {
    damaged d;
    const auto free_instead = [&](block_index b, unsigned missing) {
        auto& map = d.parts().maps[b.raw()];
        const unsigned free = map.find(0);
        REQUIRE(free != map.none);
        REQUIRE_FALSE(map.test(missing));
        map.clear(free, 0);
        map.set(missing, 0);
        const std::string_view found = d.fault();
        CHECK(d.where == b);
        map.clear(missing, 0);
        map.set(free, 0);
        REQUIRE(check(d.z, everything));
        return found;
    };
    // Blocks 0, 1 and 1033 have holes at their ends; one of them is partly used.
    block_index b{0};
    while (d.fill(b).used == 512)
        b = block_index{b.raw() == 0 ? 1u : 1033u};
    const unsigned first_missing = b.raw() == 0 ? 0 : b.raw() == 1 ? 488 : 492;
    CHECK(free_instead(b, first_missing) == "a frame that never existed is free");
    CHECK(free_instead(b, b.raw() == 0 ? 99 : 511) == "a frame that never existed is free");
    CHECK(free_instead(block_index{601}, 5) == "a poisoned frame is free");

    damaged e;
    const unsigned condemned = e.held[0].raw() % 512;
    b = e.geo().block_of(e.geo().index_of(e.held[0]));
    for (const frame f : e.held)
        if (f != e.held[0] && e.geo().block_of(e.geo().index_of(f)) == b && e.fill(b).used == 512)
            e.z.free(f);
    REQUIRE(e.z.drain() == status::ok);
    auto& map = e.parts().maps[b.raw()];
    map.clear(map.find(0), 0);
    map.set(condemned, 0);
    CHECK(e.fault() == "a frame to be poisoned when it is freed is free");

    damaged f;
    f.fill(block_index{601}).used = 0;
    CHECK(f.fault() == "missing frames count as free");
}

TEST_CASE("damaged sets are reported", "[inspect]") {
    damaged d;
    index_sets partial = d.parts().partial; // the same words
    regions whole = d.parts().whole;
    const auto set = zone_core<default_policy>::buddy_type::set_of(
        d.z.internals().blocks().traits(d.partly).type(), d.fill(d.partly).largest);

    partial.erase(set, d.partly.raw());
    CHECK(d.fault() == "partly used, and not in its set");
    CHECK(d.where == d.partly);
    partial.insert(set, d.partly.raw());
    REQUIRE(check(d.z));

    partial.insert(set, 90);
    partial.insert(set, 91); // the first fault is the one that is told
    CHECK(d.fault() == "in a set of partly used blocks, and should not be");
    CHECK(d.where == block_index{90});
    partial.erase(set, 90);
    partial.erase(set, 91);

    partial.insert(set + 1, d.partly.raw());
    CHECK(d.fault() == "in a set of partly used blocks, and should not be");
    partial.erase(set + 1, d.partly.raw());
    REQUIRE(check(d.z));

    whole.insert(block_pool::lent, block_index{90});
    CHECK(d.fault() == "in the region's map of lent blocks, and should not be");
    whole.erase(block_pool::lent, block_index{90});
    whole.erase(block_pool::lent, block_index{600});
    CHECK(d.fault() == "whole and lent, and not in the region's map");
    whole.insert(block_pool::lent, block_index{600});
    REQUIRE(check(d.z));

    whole.insert(block_pool::ordinary, block_index{1535});
    CHECK(d.fault() == "behind the last block, and free");
    whole.erase(block_pool::ordinary, block_index{1535});
    REQUIRE(check(d.z));

    d.z.internals().parts().marks_of_regions[0].largest -= 1;
    CHECK(d.fault() == "its region is in the wrong bin");
    d.z.internals().parts().marks_of_regions[0].largest += 1;
    REQUIRE(check(d.z));
}

TEST_CASE("a block that is in its set but that no search finds is reported", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{262144}}};
    REQUIRE(z.allocate_exact(frame{200 * 512}) == status::ok);
    const auto& parts = z.internals().blocks().raw_parts();
    const auto set = zone_core<default_policy>::buddy_type::set_of(migrate_type::movable, 8);
    REQUIRE(parts.partial.contains(set, 200));

    // Takes the block out of all levels of the set and puts it back into the lowest one only.
    const auto memory = z.internals().metadata_memory();
    auto* const words = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(memory.data()));
    const std::vector<std::uint64_t> before(words, words + memory.size() / sizeof(std::uint64_t));
    index_sets partial = parts.partial;
    partial.erase(set, 200);
    for (std::size_t i = 0; i != before.size(); ++i)
        if ((before[i] ^ words[i]) == 1ull << (200 % 64)) words[i] = before[i];
    REQUIRE(parts.partial.contains(set, 200));
    const validation v = check(z);
    REQUIRE_FALSE(v);
    CHECK(text_of(v) == "block 0: its region has a partly used block that no search finds");
    partial.insert(set, 200);
    partial.erase(set, 200);
    partial.insert(set, 200);
    CHECK(check(z));
}

TEST_CASE("a set that has members and says that it is empty is reported", "[inspect]") {
    zone z{frame_range{frame{0}, frame_count{262144}}};
    REQUIRE(z.allocate_exact(frame{201 * 512}) == status::ok);
    const auto set = zone_core<default_policy>::buddy_type::set_of(migrate_type::movable, 8);
    const auto memory = z.internals().metadata_memory();
    auto* const words = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(memory.data()));
    const std::vector<std::uint64_t> before(words, words + memory.size() / sizeof(std::uint64_t));
    index_sets partial = z.internals().blocks().raw_parts().partial;
    partial.erase(set, 201);
    for (std::size_t i = 0; i != before.size(); ++i) // all but the word that says which sets have members
        if ((before[i] ^ words[i]) != 1ull << set) words[i] = before[i];
    REQUIRE(partial.contains(set, 201));
    REQUIRE(partial.empty(set));
    CHECK(text_of(check(z)) == "block 0: its region has a partly used block that no search finds");
}

TEST_CASE("wrong counters are reported", "[inspect]") {
    damaged d;
    auto& count = *d.parts().count;
    const auto fault_of = [&](auto& counter) {
        const auto before = counter.load(std::memory_order_relaxed);
        counter.store(before + 1, std::memory_order_relaxed);
        const std::string_view found = d.fault();
        counter.store(before, std::memory_order_relaxed);
        REQUIRE(check(d.z));
        return found;
    };
    CHECK(fault_of(count.free[0]) == "the count of free movable frames is not the sum");
    CHECK(fault_of(count.free[1]) == "the count of free unmovable frames is not the sum");
    CHECK(fault_of(count.free[2]) == "the count of free reclaimable frames is not the sum");
    CHECK(fault_of(count.free[3]) == "the count of free lent frames is not the sum");
    CHECK(fault_of(count.isolated_free) == "the count of free isolated frames is not the sum");
    CHECK(fault_of(count.offline) == "the count of offline frames is not the sum");
    CHECK(fault_of(count.poisoned) == "the count of poisoned frames is not the sum");
    CHECK(fault_of(count.absent) == "the count of absent frames is not the sum");
}

TEST_CASE("frame states that disagree with the maps are reported when asked for", "[inspect]") {
    damaged d;
    auto& states = d.z.internals().states();
    const frame_index free{90 * 512};
    states.set_head(free, order{0});
    CHECK(check(d.z));
    CHECK(d.fault(everything) == "a frame is allocated and free");
    CHECK(d.where == block_index{90});
    states.clear_head(free);
    states.set_head(free, order{10});
    CHECK(d.fault(everything) == "a frame is allocated and free");
    states.clear_head(free);

    const frame_index large = d.geo().index_of(d.held_order_9);
    states.set_head(frame_index{large.raw() + 8}, order{3});
    CHECK(d.fault(everything) == "two allocations overlap");
    states.clear_head(frame_index{large.raw() + 8});
    states.set_head(large, order{19});
    CHECK(d.fault(everything) == "an allocation that is no run of the zone");
    states.set_head(large, order{9});
    REQUIRE(check(d.z, everything));

    const frame_index misaligned{90 * 512 + 1};
    states.set_head(misaligned, order{3});
    CHECK(d.fault(everything) == "an allocation that is no run of the zone");
    states.clear_head(misaligned);
    const frame_index at_the_end{1033 * 512}; // the zone ends inside this block
    states.set_head(at_the_end, order{9});
    CHECK(d.fault(everything) == "an allocation that is no run of the zone");
    CHECK(d.where == block_index{1033});
    states.clear_head(at_the_end);

    const frame_index before{50}; // the zone starts at frame 100
    states.set_head(before, order{0});
    CHECK(d.fault(everything) == "an allocation that starts before the zone");
    states.clear_head(before);
    const frame_index hole{1000};
    states.set_head(hole, order{0});
    CHECK(d.fault(everything) == "a frame is allocated and missing");
    states.clear_head(hole);
    REQUIRE(check(d.z, everything));
}

TEST_CASE("an offline block with a frame in use is reported when asked for", "[inspect]") {
    damaged d;
    const block_index offline{701};
    auto& map = d.parts().maps[offline.raw()];
    map.set();
    map.clear(3, 0);
    d.fill(offline) = {.used = 1, .largest = static_cast<std::uint8_t>(map.largest_order()), .unused = 0};
    auto& count = d.parts().count->offline;
    count.store(count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    CHECK(check(d.z));
    CHECK(d.fault(everything) == "offline, and in use");
    CHECK(d.where == offline);
}

TEST_CASE("damaged caches are reported when asked for", "[inspect]") {
    damaged d;
    const frame f = *d.z.allocate(); // fills a magazine
    const slot_index s = default_policy::thread_slots::current();
    REQUIRE(d.z.internals().caches().racy_count(s, 0) > 2);
    std::uint32_t* const entries = &d.z.internals().parts().cache_slots[s.raw() + 1].entries[0];
    const std::uint32_t good = entries[0];
    const auto fault_with = [&](std::uint32_t run) {
        entries[0] = run;
        CHECK(check(d.z));
        const std::string_view found = d.fault(everything);
        entries[0] = good;
        REQUIRE(check(d.z, everything));
        return found;
    };
    CHECK(fault_with(entries[1]) == "a frame is cached twice");
    CHECK(fault_with(90 * 512 + 7) == "a frame is cached and free");
    CHECK(fault_with(900 * 512 + 7) == "a frame is cached and free");
    CHECK(fault_with(d.geo().index_of(f).raw()) == "a frame is cached and allocated");
    CHECK(fault_with(d.geo().index_of(d.held_order_9).raw() + 40) == "a frame is cached and allocated");
    CHECK(fault_with(1000) == "a frame is cached and missing");
    CHECK(fault_with(601 * 512 + 5) == "a frame is cached and missing");
    CHECK(fault_with(700 * 512) == "frames of a block that is closed are cached");
    CHECK(fault_with(2 * 262144 + 5100) == "a cached run that is no run of the zone");
    d.z.free(f);

    // Behind a fault the walk over the caches ends, although there are cached frames further up.
    const frame far{900 * 512};
    REQUIRE(d.z.allocate_exact(far) == status::ok);
    d.z.free(far);
    REQUIRE(check(d.z, everything));
    CHECK(fault_with(entries[1]) == "a frame is cached twice");

    const order pair{1};
    const frame g = *d.z.allocate(pair);
    std::uint32_t* const runs = entries + magazine_bins<default_policy>::offset(
                                              magazine_bins<default_policy>::of(pair, migrate_type::movable));
    const std::uint32_t run = std::exchange(runs[0], runs[0] + 1);
    CHECK(d.fault(everything) == "a cached run that is no run of the zone");
    runs[0] = run;
    REQUIRE(check(d.z, everything));
    d.z.free(g, pair);
}

TEST_CASE("what cannot be closed is not looked at, and the result says so", "[inspect]") {
    SECTION("the caches of a thread that is inside its own, as a signal handler finds it") {
        zone z{frame_range{frame{0}, frame_count{262144}}};
        z.free(*z.allocate());
        auto& slot = z.internals().parts().cache_slots[default_policy::thread_slots::current().raw() + 1];
        default_policy::gate gate;
        gate.start();
        REQUIRE((gate.try_enter(slot.gate) || gate.enter_slow(slot.gate)));
        CHECK(text_of(check(z, everything)) == "512 blocks and sums: valid");
        gate.leave_slow(slot.gate);
        CHECK(text_of(check(z, everything)) == "512 blocks, sums and caches: valid");
    }
    SECTION("any, when the system refuses the barrier") {
        basic_zone<cordon::testing::refusable_policy> z{frame_range{frame{0}, frame_count{640}}};
        cordon::testing::refusable_barrier::at_issue = true;
        const validation v = validate_zone(z.internals(), everything);
        cordon::testing::refusable_barrier::at_issue = false;
        CHECK(text_of(v) == "10 blocks and sums: valid");
    }
}
