// tests/zone/policy_test.cpp - the same zone with other locks, gates, checks and slots.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/policy.hpp"

#include "cordon/sync/lock_counter.hpp"
#include "cordon/sync/lock_rank.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/sync/ticket_lock.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/zones.hpp"

#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

frame_range frames(std::uint32_t count) {
    return {frame{0}, frame_count{count}};
}

struct wrong_order {
    static inline std::atomic<unsigned> count{0};
    void operator()(lock_rank, lock_rank) const { count.fetch_add(1); }
};

struct ticket_policy : default_policy {
    using zone_lock = ticket_lock<atomics, backoff>;
    using isolation_lock = ticket_lock<atomics, backoff>;
};
// The table of cached orders is that of pageblocks of 2^9.
struct small_blocks_policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 15;
};
struct mutex_policy : default_policy {
    using zone_lock = std::mutex;
    using isolation_lock = std::mutex;
};
// Says where it is, so that a test can read it.
struct found_counter : lock_counter<default_clock> {
    static inline found_counter* last = nullptr;
    found_counter() { last = this; }
};
struct counted_policy : default_policy {
    using zone_lock = observed_lock<spin_lock<atomics, backoff>, found_counter>;
};
struct full_policy : default_policy {
    static constexpr check_level checks = check_level::full;
    using zone_lock =
        observed_lock<spin_lock<atomics, backoff>, rank_checker<lock_rank::zone_lock, wrong_order>>;
    using isolation_lock =
        observed_lock<spin_lock<atomics, backoff>, rank_checker<lock_rank::isolation_lock, wrong_order>>;
};
struct lock_gate_policy : default_policy {
    using gate = lock_gate<atomics, clock, backoff>;
};
struct unchecked_policy : default_policy {
    static constexpr check_level checks = check_level::none;
};
struct uncached_policy : default_policy {
    using thread_slots = explicit_slots<1>;
};
struct trapping_policy : default_policy {
    using misuse_handler = trap_on_misuse;
};
struct tagged_policy : default_policy {
    static constexpr bool owner_tags = true;
};

// Several threads use all of a zone's verbs, as far as the policy allows threads.
template <class Policy>
void exercise(basic_zone<Policy>& zone, unsigned threads) {
    REQUIRE(zone.error() == status::ok);
    std::atomic<unsigned> failures{0};
    const auto work = [&] {
        std::vector<frame> held;
        for (unsigned round = 0; round != 200; ++round) {
            for (unsigned i = 0; i != 100; ++i)
                if (const auto f = zone.allocate()) held.push_back(*f);
            const auto big = zone.allocate(order{3});
            frame some[20];
            const std::size_t n = zone.allocate_bulk(some, order{1});
            if (round % 8 == 0) {
                const auto range = zone.isolate(block(zone, round % 3),
                                                {.deadline = std::chrono::hours{1}}); // whatever the load
                if (!range && range.error() != status::busy) failures.fetch_add(1);
                if (range && round % 16 == 0 && zone.drain() != status::ok) failures.fetch_add(1);
            }
            if (big) zone.free(*big, order{3});
            zone.free_bulk({some, n}, order{1});
            for (const frame f : held)
                zone.free(f);
            held.clear();
        }
    };
    std::vector<std::thread> users;
    for (unsigned t = 1; t < threads; ++t)
        users.emplace_back(work);
    work();
    for (auto& thread : users)
        thread.join();
    CHECK(failures.load() == 0);
    REQUIRE(zone.drain() == status::ok);
    CHECK(zone.exact_stats()->free == zone.stats().managed);
    CHECK(agrees(zone));
    CHECK(zone.allocate_contiguous(frame_count{700}));
}

} // namespace

TEMPLATE_TEST_CASE("a zone works with any lock, gate, level of checks, kind of slots and size of blocks",
                   "[zone]", default_policy, small_blocks_policy, ticket_policy, mutex_policy, counted_policy,
                   full_policy, lock_gate_policy, unchecked_policy, uncached_policy, tagged_policy) {
    wrong_order::count.store(0);
    basic_zone<TestType> zone{frames(8 * 512)};
    exercise(zone, 3);
    CHECK(wrong_order::count.load() == 0);
}

TEST_CASE("with full checks a zone stops at the first use of a block that is not what its counts say",
          "[zone]") {
    const auto outcome_with = [](auto damage) {
        return in_child([&] {
            std::signal(SIGILL, SIG_DFL); // not the test framework's handlers
            std::signal(SIGABRT, SIG_DFL);
            basic_zone<full_policy> zone{frames(8 * 512)};
            // Of block 1 the frames 0 and 8 to 15 are used: its largest free run has order 8.
            if (zone.allocate_exact(frame{512}) != status::ok) return 1;
            if (zone.allocate_exact(frame{512 + 8}, order{3}) != status::ok) return 2;
            const auto& parts = zone.internals().blocks().raw_parts();
            if (parts.fills[1].largest != 8) return 3;
            damage(parts);
            zone.free(slot_index::none(), frame{512 + 8}, order{3});
            return 0;
        });
    };
    CHECK(outcome_with([](const auto&) {}) == 0);
    CHECK(outcome_with([](const auto& parts) { parts.maps[1].clear(40, 0); }) >= 128);
    CHECK(outcome_with([](const auto& parts) { parts.fills[1].largest = 9; }) >= 128);
    CHECK(outcome_with([](const auto& parts) {
              index_sets partial = parts.partial; // the same words
              partial.erase(buddy<full_policy>::set_of(migrate_type::movable, 8), 1);
          }) >= 128);
}

TEST_CASE("full checks know that an isolated block is whole and in no set", "[zone]") {
    basic_zone<full_policy> zone{frames(8 * 512)};
    REQUIRE(zone.allocate_exact(frame{512}) == status::ok);
    const auto range = zone.isolate({frame{512}, frame_count{512}});
    REQUIRE(range);
    zone.free(slot_index::none(), frame{512});
    CHECK(range->all_free());
    CHECK(agrees(zone));
}

TEST_CASE("where nobody is told of a misuse the program stops", "[zone]") {
    const int outcome = in_child([] {
        std::signal(SIGILL, SIG_DFL);
        std::signal(SIGABRT, SIG_DFL);
        basic_zone<trapping_policy> zone{frames(512)};
        zone.free(frame{7});
        return 0;
    });
    CHECK(outcome >= 128);
}

TEST_CASE("a zone for one thread has no lock and no gate", "[zone]") {
    basic_zone<single_threaded_policy> zone{frames(8 * 512)};
    exercise(zone, 1);
    const frame f = *zone.allocate();
    zone.free(f);
    CHECK(zone.stats().cached.raw() != 0);
}

TEST_CASE("a counted lock shows how often the zone was locked", "[zone]") {
    basic_zone<counted_policy> zone{frames(8 * 512)};
    const std::uint64_t before = found_counter::last->snapshot().acquisitions;
    for (int i = 0; i != 1000; ++i)
        zone.free(*zone.allocate());
    const lock_figures figures = found_counter::last->snapshot();
    CHECK(figures.acquisitions - before == 2); // a slot becomes active, and a batch
    CHECK(figures.contended == 0);
    CHECK(figures.longest_hold_ns <= figures.total_hold_ns);
    const zone_stats stats = zone.stats();
    CHECK(stats.refills == 1); // a thousand pairs, one batch
    CHECK(stats.spills == 0);
}

TEST_CASE("a zone is placed in the memory it is given, and needs no other", "[zone]") {
    struct bare : bare_policy {
        using misuse_handler = misuse_record;
    };
    const zone_options options{.frames = frames(4 * 512)};
    const std::size_t bytes = basic_zone<bare>::metadata_bytes(options);
    REQUIRE(bytes != 0);
    std::vector<std::byte> memory(bytes + 2 * cache_line_bytes, std::byte{0});
    const auto at = reinterpret_cast<std::uintptr_t>(memory.data());
    const std::size_t shift = (cache_line_bytes - at % cache_line_bytes) % cache_line_bytes;
    const std::span<std::byte> place{memory.data() + shift, bytes};

    SECTION("and works there") {
        auto zone = basic_zone<bare>::place(place, options);
        REQUIRE(zone.error() == status::ok);
        const slot_index slot{3};
        const frame f = *zone.allocate(slot);
        zone.free(slot, f);
        CHECK(zone.stats().cached.raw() != 0);
        CHECK(take_all(zone, order{0}, migrate_type::movable, slot_index{2}).size() == 4 * 512);
        CHECK(zone.internals().metadata_memory().data() == place.data());
        CHECK(zone.internals().metadata_memory().size() == bytes);
        CHECK(agrees(zone));
    }
    SECTION("too little of it is refused") {
        CHECK(basic_zone<bare>::place(place.first(bytes - 1), options).error() == status::no_metadata);
    }
    SECTION("misaligned memory is refused") {
        CHECK(basic_zone<bare>::place({place.data() + 8, bytes}, options).error() == status::no_metadata);
    }
    SECTION("no memory at all is refused: there is no source") {
        CHECK(basic_zone<bare>{options}.error() == status::no_metadata);
    }
}

TEST_CASE("the size of the metadata is a constant where the options are one", "[zone]") {
    static constexpr frame_range holes[] = {{frame{10}, frame_count{10}}};
    static constexpr zone_options options{
        .frames = {frame{0}, frame_count{256}}, .holes = holes, .max_poisoned = 16};
    alignas(cache_line_bytes) static std::byte memory[small_zone::metadata_bytes(options)];
    CHECK(small_zone::place(memory, options).error() == status::ok);
    CHECK(small_zone::place(std::span{memory}.first(sizeof memory - 1), options).error() ==
          status::no_metadata);
}

TEST_CASE("senseless options have no metadata", "[zone]") {
    CHECK(basic_zone<bare_policy>::metadata_bytes({.frames = {}}) == 0);
    CHECK(zone::metadata_bytes({.frames = {frame{UINT32_MAX - 1}, frame_count{10}}}) == 0);
}

TEST_CASE("a zone's metadata holds no pointer", "[zone]") {
    const zone_options options{.frames = frames(64 * 512)};
    const std::size_t bytes = basic_zone<tagged_policy>::metadata_bytes(options);
    const auto memory = mapped_memory::map(bytes);
    REQUIRE(memory.size() >= bytes);
    {
        auto zone = basic_zone<tagged_policy>::place(memory, options);
        exercise(zone, 2);
        const auto range = zone.isolate(block(zone, 40, 4));
        REQUIRE(range);
        const auto low = reinterpret_cast<std::uintptr_t>(memory.data());
        const auto object = reinterpret_cast<std::uintptr_t>(&zone);
        std::size_t suspicious = 0;
        for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= bytes; at += sizeof(std::uintptr_t)) {
            std::uintptr_t word;
            std::memcpy(&word, memory.data() + at, sizeof word);
            suspicious += word - low < bytes || word - object < sizeof zone;
        }
        CHECK(suspicious == 0);
    }
    mapped_memory::unmap(memory);
}

TEST_CASE("the same operations make the same metadata at any address", "[zone]") {
    const zone_options options{.frames = frames(16 * 512)};
    const std::size_t bytes = basic_zone<single_threaded_policy>::metadata_bytes(options);
    std::span<std::byte> memory[2];
    for (auto& m : memory) {
        m = mapped_memory::map(bytes);
        auto zone = basic_zone<single_threaded_policy>::place(m, options);
        std::vector<frame> held(900);
        REQUIRE(zone.allocate_bulk(held) == 900);
        for (std::size_t i = 0; i < held.size(); i += 3)
            zone.free(held[i]);
        REQUIRE(zone.poison(held[1]) == status::deferred);
        REQUIRE(zone.isolate(block(zone, 9))->offline() == status::ok);
    }
    CHECK(std::memcmp(memory[0].data(), memory[1].data(), bytes) == 0);
    for (auto& m : memory)
        mapped_memory::unmap(m);
}
