// tests/zone/memory_annotator_test.cpp - the annotator hears of each run, and while nobody else can have it.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/zone_core.hpp"

#include "support/catch.hpp"
#include "support/placed_memory.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"
#include "support/zones.hpp"

#include <functional>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

enum class mark : unsigned char { none, nobody, somebody, embedder };

std::span<std::byte> bytes_of(std::vector<mark>& marks) {
    return std::as_writable_bytes(std::span{marks});
}

// Marks each frame in the zone's memory, which is one byte a frame.
class recording_annotator {
public:
    static inline unsigned mistakes = 0;             // freed twice, or allocated twice
    static inline std::function<void(mark)> on_call; // before the mark is changed

    recording_annotator() = default;
    recording_annotator(frame_range frames, std::span<std::byte> memory) : frames_(frames), memory_(memory) {}
    void on_allocate(frame_range run) const { change(run, mark::somebody); }
    void on_free(frame_range run) const { change(run, mark::nobody); }
    void on_restore(frame_range run) const { change(run, mark::embedder); }

private:
    void change(frame_range run, mark to) const {
        if (memory_.empty()) return;
        if (on_call) on_call(to);
        for (const frame f : run) {
            std::byte& now = memory_[f.raw() - frames_.first().raw()];
            mistakes += static_cast<mark>(now) == to;
            now = static_cast<std::byte>(to);
        }
    }

    frame_range frames_;
    std::span<std::byte> memory_;
};

struct recorded_policy : small_policy {
    using memory_annotator = recording_annotator;
};
using recorded_zone = basic_zone<recorded_policy>;
constexpr slot_index other{1};

struct fixture {
    explicit fixture(std::span<const frame_range> holes = {})
        : marks(static_cast<std::size_t>(all.count().raw())),
          zone({.frames = all, .holes = holes, .memory = bytes_of(marks)}) {
        recording_annotator::mistakes = 0;
        recording_annotator::on_call = nullptr;
        misuse_record::reset();
    }
    ~fixture() { recording_annotator::on_call = nullptr; }

    [[nodiscard]] mark of(frame f) const { return marks[f.raw() - all.first().raw()]; }
    // Returns: how many frames are not marked as their state says.
    [[nodiscard]] unsigned wrong() {
        unsigned n = recording_annotator::mistakes;
        for (const frame f : all) {
            const frame_state s = zone.state_of(f).state;
            const bool held = s == frame_state::allocated || s == frame_state::tail;
            const mark right = s == frame_state::absent ? mark::embedder : mark::nobody;
            n += held ? of(f) == mark::nobody : of(f) != right;
        }
        return n;
    }

    const frame_range all{frame{1000}, frame_count{16 * small_block}};
    std::vector<mark> marks;
    recorded_zone zone;
};

} // namespace

TEST_CASE("a new zone's frames are nobody's, its holes are the embedder's", "[zone]") {
    const frame_range holes[] = {{frame{1100}, frame_count{100}}, {frame{1003}, frame_count{1}}};
    fixture world{holes};
    REQUIRE(world.zone.error() == status::ok);
    CHECK(world.of(frame{1000}) == mark::nobody);
    CHECK(world.of(frame{1003}) == mark::embedder);
    CHECK(world.of(frame{1199}) == mark::embedder);
    CHECK(world.wrong() == 0);
}

TEST_CASE("when a zone ends its memory is the embedder's", "[zone]") {
    std::vector<mark> marks(128);
    {
        recorded_zone zone{{.frames = {frame{0}, frame_count{128}}, .memory = bytes_of(marks)}};
        CHECK(zone.allocate(mine).value() < frame{128});
    }
    for (const mark m : marks)
        CHECK(m == mark::embedder);
}

TEST_CASE("the memory of a zone that could not be taken over is the embedder's", "[zone]") {
    std::vector<mark> marks(128);
    const zone_options options{.frames = {frame{0}, frame_count{128}}, .memory = bytes_of(marks)};
    const placed_memory memory{recorded_zone::metadata_bytes(options)};
    {
        recorded_zone first = recorded_zone::place(memory.bytes(), options);
        REQUIRE(first.allocate_exact(frame{3}, order{0}) == status::ok);
    }
    zone_geometry<recorded_policy> geo{options.frames};
    const zone_metadata<recorded_policy> parts{memory.bytes().data(), geo,
                                               zone_creation<recorded_policy>::hole_capacity(options),
                                               options.max_poisoned};
    parts.states_cells[3].store(0, std::memory_order_relaxed); // nobody's now
    const recorded_zone zone = recorded_zone::attach(memory.bytes(), options);
    REQUIRE(zone.error() == status::corrupt_metadata);
    for (const mark m : marks)
        CHECK(m == mark::embedder);
}

TEST_CASE("memory that is not of frames of one size makes no zone, and none is needed", "[zone]") {
    std::vector<mark> memory(1000);
    const frame_range frames{frame{0}, frame_count{128}};
    CHECK(recorded_zone{{.frames = frames, .memory = bytes_of(memory)}}.error() == status::invalid_argument);
    for (const mark m : memory)
        CHECK(m == mark::none);
    CHECK(recorded_zone{frames}.error() == status::ok);
}

TEST_CASE("each way to allocate makes a run somebody's, each way to free makes it nobody's", "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    const auto by = GENERATE(slot_index::none(), mine);
    for (unsigned k = 0; k <= recorded_policy::max_order; ++k) {
        const auto one = zone.allocate(by, order{k}); // a miss, then a hit where the order is cached
        REQUIRE(one.has_value());
        REQUIRE(world.wrong() == 0);
        zone.free(by, *one, order{k});
        REQUIRE(world.wrong() == 0);
        const auto again = zone.allocate(by, order{k});
        REQUIRE(world.of(*again) == mark::somebody);
        REQUIRE(world.wrong() == 0);
        CHECK(zone.try_free(by, *again, order{k}) == status::ok);
        REQUIRE(world.wrong() == 0);
    }
    CHECK(zone.drain() == status::ok);
    CHECK(world.wrong() == 0);
}

TEST_CASE("bulk calls annotate each run", "[zone]") {
    fixture world;
    const order k{GENERATE(0u, 1u, 3u)};
    std::vector<frame> all(static_cast<std::size_t>(world.all.count().raw() / k.frames().raw() + 1));
    all.resize(world.zone.allocate_bulk(all, k));
    CHECK(all.size() == count_in(all, world.all));
    CHECK(world.wrong() == 0);
    for (const frame f : world.all)
        REQUIRE(world.of(f) == mark::somebody);
    const std::size_t half = all.size() / 2;
    world.zone.free_bulk(std::span{all}.first(half), k);
    CHECK(world.wrong() == 0);
    world.zone.free_bulk(std::span{all}.subspan(half), k);
    CHECK(world.wrong() == 0);
}

TEST_CASE("an exact run and a contiguous one become somebody's", "[zone]") {
    fixture world;
    REQUIRE(world.zone.allocate_exact(frame{1024}, order{4}) == status::ok);
    CHECK(world.of(frame{1024 + 15}) == mark::somebody);
    CHECK(world.wrong() == 0);
    const frame cached = *world.zone.allocate(mine);
    world.zone.free(mine, cached);
    REQUIRE(world.zone.state_of(cached).state == frame_state::cached);
    REQUIRE(world.zone.allocate_exact(cached) == status::ok);
    CHECK(world.of(cached) == mark::somebody);
    const auto row = world.zone.allocate_contiguous(frame_count{100});
    REQUIRE(row.has_value());
    for (const frame f : *row)
        REQUIRE(world.of(f) == mark::somebody);
    CHECK(world.wrong() == 0);
    for (const frame f : *row)
        world.zone.free(f);
    CHECK(world.wrong() == 0);
}

TEST_CASE("a run is annotated while it is its owner's alone: taken already, not given back yet", "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    const auto by = GENERATE(slot_index::none(), mine);
    const order k{GENERATE(0u, 1u, 2u, 6u)};
    frame_count moving = k.frames(); // what is neither free nor cached is somebody's: the runs in question
    unsigned calls = 0;
    recording_annotator::on_call = [&](mark) {
        const zone_stats now = zone.stats();
        if (world.all.count() - (now.free + now.cached) != moving) ++recording_annotator::mistakes;
        ++calls;
    };
    for (int hits = 0; hits != 3; ++hits) {
        const frame f = *zone.allocate(by, k);
        zone.free(by, f, k);
    }
    CHECK(calls == 6);
    frame some[2] = {};
    moving += k.frames();
    REQUIRE(zone.allocate_bulk(some, k) == 2);
    zone.free_bulk(some, k);
    CHECK(calls == 10);
    CHECK(recording_annotator::mistakes == 0);
}

TEST_CASE("frames that are isolated, offline or poisoned are nobody's, and stay so on the way back",
          "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    const frame first = *zone.allocate(mine);
    const frame second = *zone.allocate(mine);
    const auto home = frame_range{frame{1024}, frame_count{256}};
    const frame inside = home.first() + frame_count{7};
    REQUIRE(zone.allocate_exact(inside) == status::ok);

    auto range = zone.isolate(home);
    REQUIRE(range.has_value());
    CHECK(world.wrong() == 0);
    zone.free(mine, inside);
    CHECK(world.of(inside) == mark::nobody);
    CHECK(world.wrong() == 0);
    REQUIRE(range->offline() == status::ok);
    CHECK(world.wrong() == 0);
    REQUIRE(zone.online(home) == status::ok);
    CHECK(world.wrong() == 0);
    range = zone.isolate(home);
    REQUIRE(range->undo() == status::ok);
    CHECK(world.wrong() == 0);
    range = zone.isolate(home);
    const auto part = range->claim({inside, frame_count{20}});
    REQUIRE(part.has_value());
    for (const frame f : *part)
        CHECK(world.of(f) == mark::somebody);
    CHECK(world.wrong() == 0);

    CHECK(zone.poison(first) == status::deferred); // its owner still reads it
    CHECK(world.of(first) == mark::somebody);
    zone.free(mine, first);
    zone.free(mine, second);
    CHECK(zone.poison(second) == status::ok);
    CHECK(zone.state_of(first).state == frame_state::poisoned);
    CHECK(zone.state_of(second).state == frame_state::poisoned);
    CHECK(world.wrong() == 0);
}

TEST_CASE("a migrator reads what it moves and writes where it moves it to", "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    const frame_range home{frame{1024}, frame_count{64}};
    REQUIRE(zone.allocate_exact(frame{1024}, order{3}) == status::ok);
    REQUIRE(zone.allocate_exact(frame{1040}, order{0}) == status::ok);
    auto range = zone.isolate(home);
    unsigned seen = 0;
    const auto report = range->migrate([&](const busy_frame& from, frame to) {
        for (std::uint64_t n = 0; n != from.size().frames().raw(); ++n) {
            CHECK(world.of(from.head() + frame_count{n}) == mark::somebody);
            CHECK(world.of(to + frame_count{n}) == mark::somebody);
        }
        ++seen;
        return migrate_outcome::moved;
    });
    CHECK(report.moved.raw() == 9);
    CHECK(seen == 2);
    for (const frame f : home)
        CHECK(world.of(f) == mark::nobody);
    CHECK(world.wrong() == 0);
}

TEST_CASE("a free that is refused changes nothing", "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    const frame f = *zone.allocate(mine, order{1});
    CHECK(zone.try_free(mine, f, order{0}) == status::wrong_order);
    CHECK(zone.try_free(mine, f + frame_count{1}) == status::free_of_tail);
    frame wrong[] = {f, frame{5}};
    zone.free_bulk(wrong, order{0});
    CHECK(misuse_record::count.load() == 2);
    CHECK(world.of(f) == mark::somebody);
    CHECK(world.wrong() == 0);
    // As a signal handler that interrupted its thread where that holds the zone lock.
    auto& core = zone.internals();
    const status refused = core.caches().go_past(
        mine, [&] { return core.with_zone_lock([&](auto) { return core.try_free(mine, f, order{1}); }); });
    CHECK(refused == status::re_entered);
    CHECK(world.of(f) == mark::embedder);
    CHECK(world.of(f + frame_count{1}) == mark::embedder);
    CHECK(zone.try_free(mine, f, order{1}) == status::ok);
    CHECK(zone.try_free(mine, f, order{1}) == status::free_of_cached);
    CHECK(world.wrong() == 0);
}

TEST_CASE("after any operation the annotator knows what the zone knows", "[zone]") {
    fixture world;
    recorded_zone& zone = world.zone;
    rng random{seed()};
    struct run {
        frame head;
        order size;
    };
    std::vector<run> held;
    const auto any_slot = [&] {
        const slot_index slots[] = {slot_index::none(), mine, other};
        return slots[random.below(3)];
    };
    const auto any_blocks = [&] {
        const auto first = static_cast<std::uint32_t>(1024 + small_block * random.below(14));
        return frame_range{frame{first}, frame_count{small_block}};
    };
    const int steps = scaled(2000);
    for (int step = 0; step != steps; ++step) {
        switch (random.below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: {
            const order k{static_cast<unsigned>(random.below(5))};
            if (const auto f = zone.allocate(any_slot(), k)) held.push_back({*f, k});
            break;
        }
        case 4:
        case 5:
        case 6:
            if (!held.empty()) {
                std::swap(held[random.below(held.size())], held.back());
                zone.free(any_slot(), held.back().head, held.back().size);
                held.pop_back();
            }
            break;
        case 7: {
            auto range = zone.isolate(any_blocks());
            if (range && range->all_free() && random.below(2) == 0) CHECK(range->offline() == status::ok);
            break;
        }
        case 8: (void)zone.online(any_blocks()); break;
        case 9: CHECK(zone.drain() == status::ok); break;
        }
        REQUIRE(world.wrong() == 0);
    }
    CHECK(misuse_record::count.load() == 0);
}
