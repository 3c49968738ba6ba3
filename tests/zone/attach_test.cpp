// tests/zone/attach_test.cpp - a copy of the metadata is the zone; bytes that are no zone are refused.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone/attach.hpp"

#include "cordon/zone.hpp"
#include "support/catch.hpp"
#include "support/placed_memory.hpp"
#include "support/zones.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace cordon;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
using testing::misuse_record;
using testing::placed_memory;
using testing::small_block;
using policy = testing::small_policy;
using zone_type = basic_zone<policy>;
using metadata = zone_metadata<policy>;
using header = zone_header<policy>;

constexpr frame_range all{frame{64 + 7}, frame_count{15 * small_block + 40}}; // both ends inside a block
constexpr frame_range holes[] = {{frame{64 * 3 + 5}, frame_count{70}}};
const zone_options options{.frames = all, .holes = holes, .max_poisoned = 8};

struct other_orders : policy {
    static constexpr unsigned max_order = 7;
};
struct unchecked : policy {
    static constexpr check_level checks = check_level::none;
};

// Slots of which one falls free in the instant in which a zone begins to listen.
struct hasty : explicit_slots<4> {
    struct listener {
        listener(thread_exit_function exit, fork_function, void* zone) noexcept : on_exit(exit), self(zone) {}
        thread_exit_function on_exit;
        void* self;
    };
    static inline unsigned leaves = 0;
    static inline int attached = 0;
    static void attach(listener& l) noexcept {
        ++attached;
        if (leaves != 0) --leaves, l.on_exit(l.self, slot_index{0});
    }
    static void detach(listener&) noexcept { --attached; }
};
struct hasty_policy : policy {
    using thread_slots = hasty;
};
// Refuses now and then, as Linux does where it has no memory for the call.
struct moody_barrier : testing::refusable_barrier {
    static inline unsigned refused = 0; // a bit for each call, the lowest for the next one
    [[nodiscard]] bool issue() const noexcept {
        const bool is_refused = (refused & 1) != 0;
        refused >>= 1;
        return !is_refused && refusable_barrier::issue();
    }
};
struct moody_policy : policy {
    using gate = membarrier_gate<atomics, moody_barrier, clock, backoff>;
};

[[nodiscard]] frame_range block_at(std::uint32_t n) {
    return {frame{n * small_block}, frame_count{small_block}};
}

// A zone that was used in every way, and its metadata as it was then.
class scene {
public:
    scene() : memory_(zone_type::metadata_bytes(options)), zone_(zone_type::place(memory_.bytes(), options)) {
        REQUIRE(zone_.error() == status::ok);
        REQUIRE(zone_.set_migrate_type(block_at(5), migrate_type::lent) == status::ok);
        REQUIRE(zone_.poison(frame{64 * 6 + 1}) == status::ok);
        REQUIRE(zone_.isolate(block_at(7))->offline() == status::ok);
        for (const order k : {order{0}, order{0}, order{1}, order{2}, order{6}, order{7}})
            keep(zone_.allocate(slot_index{0}, k), k);
        keep(zone_.allocate(slot_index{1}, order{0}, migrate_type::unmovable), order{0});
        zone_.set_owner(kept_.front().head, owner_tag{77});
        REQUIRE(zone_.poison(kept_.back().head) == status::deferred);
        sealed_ = std::move(*zone_.isolate(block_at(8)));
        REQUIRE(zone_.stats().cached.raw() > 2);
        REQUIRE(zone_.state_of(frame{64 * 14}).state == frame_state::free);
    }
    struct run {
        frame head;
        order size;
    };
    [[nodiscard]] zone_type& zone() { return zone_; }
    [[nodiscard]] const std::vector<run>& kept() const { return kept_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return memory_.bytes(); }
    [[nodiscard]] isolated_range<policy>& sealed() { return sealed_; }

private:
    void keep(result<frame> f, order k) {
        REQUIRE(f);
        kept_.push_back({*f, k});
    }
    placed_memory memory_;
    zone_type zone_;
    std::vector<run> kept_;
    isolated_range<policy> sealed_;
};

// The parts of a copy, to be broken.
class copy {
public:
    explicit copy(const scene& s)
        : memory_(s.bytes()),
          geo(options.frames),
          parts(memory_.bytes().data(), geo, zone_creation<policy>::hole_capacity(options),
                options.max_poisoned) {}
    [[nodiscard]] status checked() const { return zone_attachment<policy>::check(parts, geo, options); }
    [[nodiscard]] status attached() { return zone_type::attach(memory_.bytes(), options).error(); }
    [[nodiscard]] std::span<std::byte> bytes() const { return memory_.bytes(); }
    // Returns: the ranges of a table, which the table shows to readers only.
    static range_table::range* ranges(const range_table& table) {
        return const_cast<range_table::range*>(&table[0]);
    }
    [[nodiscard]] index_sets& sets() { return parts.buddy_parts.partial; }
    // Returns: the words of the sets of partly used blocks: behind the word of non-empty sets its level 0.
    [[nodiscard]] std::uint64_t* words() { return words_behind(parts.buddy_parts.maps + geo.blocks()); }
    // Returns: the part that starts in the next cache line.
    [[nodiscard]] static std::uint64_t* words_behind(const void* end) {
        const auto lines = (reinterpret_cast<std::uintptr_t>(end) + cache_line_bytes - 1) / cache_line_bytes;
        return reinterpret_cast<std::uint64_t*>(lines * cache_line_bytes);
    }

private:
    placed_memory memory_;

public:
    zone_geometry<policy> geo;
    metadata parts;
};

void refused(const std::string& what, const std::function<void(copy&)>& corrupt) {
    const scene s;
    copy c{s};
    corrupt(c);
    INFO(what);
    CHECK(c.attached() == status::corrupt_metadata);
}
// By the first step alone: those behind it would follow an index out of its part.
void refused_at_once(const std::string& what, const std::function<void(copy&)>& corrupt) {
    refused(what, corrupt);
    const scene s;
    copy c{s};
    INFO(what);
    REQUIRE(c.checked() == status::ok);
    corrupt(c);
    CHECK(c.checked() == status::corrupt_metadata);
}

} // namespace

TEST_CASE("a copy of the metadata is the same zone somewhere else", "[zone]") {
    scene s;
    const placed_memory elsewhere{s.bytes()};
    zone_type zone = zone_type::attach(elsewhere.bytes(), options);
    REQUIRE(zone.error() == status::ok);
    s.sealed().undo(); // what attaching does to the copy
    REQUIRE(s.zone().drain() == status::ok);
    for (const frame f : all) {
        const frame_info old = s.zone().state_of(f);
        const frame_info now = zone.state_of(f);
        CAPTURE(f.raw(), name(old.state), name(now.state));
        REQUIRE(now.state == old.state);
        REQUIRE(now.head == old.head);
        REQUIRE(now.size == old.size);
        REQUIRE(now.type == old.type);
        REQUIRE(now.owner == old.owner);
        REQUIRE(now.poison_pending == old.poison_pending);
        REQUIRE_FALSE(now.block_isolated);
    }
    CHECK(zone.state_of(frame{64 * 7}).state == frame_state::offline);
    CHECK(zone.state_of(frame{64 * 6 + 1}).state == frame_state::poisoned);
    CHECK(zone.validate({.quiesce = true}));
    CHECK(zone.exact_stats()->cached.raw() == 0);
}

TEST_CASE("an attached zone goes on: frees, allocations, isolation, and what was to be poisoned", "[zone]") {
    const scene s;
    const placed_memory elsewhere{s.bytes()};
    zone_type zone = zone_type::attach(elsewhere.bytes(), options);
    for (const auto& [head, k] : s.kept())
        CHECK(zone.try_free(slot_index{0}, head, k) == status::ok);
    CHECK(zone.try_free(s.kept().front().head) == status::free_of_cached);
    CHECK(zone.state_of(s.kept().back().head).state == frame_state::poisoned);
    CHECK(zone.online(block_at(7)) == status::ok);
    CHECK(zone.isolate(block_at(8)));
    REQUIRE(zone.drain() == status::ok);
    CHECK(zone.stats().allocated.raw() == 0);
    const std::vector<frame> taken = testing::take_all(zone);
    CHECK(taken.size() == all.count().raw() - 70 - 2);
    testing::free_all(zone, taken);
    CHECK(testing::agrees(zone));
}

TEST_CASE("frames that caches held are free, and the caches work", "[zone]") {
    scene s;
    const result<frame> f = s.zone().allocate(slot_index{2});
    s.zone().free(slot_index{2}, *f);
    REQUIRE(s.zone().stats().cached.raw() > 1);
    const placed_memory elsewhere{s.bytes()};
    zone_type zone = zone_type::attach(elsewhere.bytes(), options);
    REQUIRE(zone.error() == status::ok);
    CHECK(zone.stats().cached.raw() == 0);
    CHECK(zone.state_of(*f).state == frame_state::free);
    const result<frame> again = zone.allocate(slot_index{2});
    REQUIRE(again);
    zone.free(slot_index{2}, *again);
    CHECK(zone.stats().cached.raw() > 1);
}

TEST_CASE("an owner in its gate, a drain and disabled caches are not taken over", "[zone]") {
    scene s;
    const auto token = s.zone().disable_caches();
    copy c{s};
    c.parts.cache_slots[1].gate.busy.store(1, relaxed);
    zone_type zone = zone_type::attach(c.bytes(), options);
    REQUIRE(zone.error() == status::ok);
    zone.free(slot_index{3}, *zone.allocate(slot_index{3})); // its first use
    CHECK(zone.stats().cached.raw() != 0);
}

TEST_CASE("memory that cannot hold the zone is refused", "[zone]") {
    const scene s;
    const placed_memory larger{s.bytes().size() + 64};
    CHECK(zone_type::attach({}, options).error() == status::no_metadata);
    CHECK(zone_type::attach(s.bytes().first(s.bytes().size() - 1), options).error() == status::no_metadata);
    CHECK(zone_type::attach(larger.bytes().subspan(8), options).error() == status::no_metadata);
    CHECK(zone_type::attach(larger.bytes(), options).error() == status::corrupt_metadata); // all zero
}

TEST_CASE("options or a policy of another zone are refused", "[zone]") {
    const scene s;
    const frame_range twice[] = {holes[0], holes[0]};
    const frame_range moved[] = {{holes[0].first() + frame_count{1}, holes[0].count()}};
    const auto with = [&](auto change) {
        const placed_memory larger{s.bytes().size() + 4096};
        std::copy(s.bytes().begin(), s.bytes().end(), larger.bytes().begin());
        zone_options changed = options;
        change(changed);
        return zone_type::attach(larger.bytes(), changed).error();
    };
    CHECK(with([](zone_options&) {}) == status::ok);
    CHECK(with([&](zone_options& o) { o.holes = twice; }) == status::invalid_range);
    CHECK(with([&](zone_options& o) { o.holes = moved; }) == status::corrupt_metadata);
    CHECK(with([](zone_options& o) { o.holes = {}; }) == status::corrupt_metadata);
    CHECK(with([](zone_options& o) { o.max_poisoned = 9; }) == status::corrupt_metadata);
    CHECK(with([](zone_options& o) {
              o.frames = {all.first(), all.count() - frame_count{1}};
          }) == status::corrupt_metadata);
    CHECK(with([](zone_options& o) { o.frames = {frame{72}, all.count()}; }) == status::corrupt_metadata);
    const placed_memory larger{s.bytes().size() + 4096};
    std::copy(s.bytes().begin(), s.bytes().end(), larger.bytes().begin());
    CHECK(basic_zone<other_orders>::attach(larger.bytes(), options).error() == status::corrupt_metadata);
    CHECK(basic_zone<unchecked>::attach(larger.bytes(), options).error() == status::corrupt_metadata);
}

TEST_CASE("a header, a table or a tree that would lead out of the metadata is refused", "[zone]") {
    refused_at_once("magic", [](copy& c) { ++c.parts.head->magic; });
    refused_at_once("more slots than there are",
                    [](copy& c) { c.parts.head->active_slots.store(5, relaxed); });
    refused_at_once("too many holes", [](copy& c) { c.parts.head->holes = 1u << 31; });
    refused_at_once("a hole of another place",
                    [](copy& c) { ++copy::ranges(c.parts.buddy_parts.holes)[1].first; });
    refused_at_once("holes that overlap",
                    [](copy& c) { copy::ranges(c.parts.buddy_parts.holes)[0].count = 300; });
    refused_at_once("too few holes", [](copy& c) { --c.parts.head->holes; });
    refused_at_once("holes in another order", [](copy& c) {
        std::swap(copy::ranges(c.parts.buddy_parts.holes)[0], copy::ranges(c.parts.buddy_parts.holes)[1]);
    });
    refused_at_once("frames to be poisoned in another order", [](copy& c) {
        c.parts.head->condemned = 2;
        copy::ranges(c.parts.buddy_parts.condemned)[0] = {64 * 9 + 1, 1};
        copy::ranges(c.parts.buddy_parts.condemned)[1] = {64 * 9, 1};
    });
    refused_at_once("too many poisoned", [](copy& c) { c.parts.head->poisoned = 9; });
    refused_at_once("more poisoned than there is room for", [](copy& c) { c.parts.head->condemned = 8; });
    refused_at_once("a poisoned frame outside",
                    [](copy& c) { copy::ranges(c.parts.buddy_parts.poisoned)[0].first = 1u << 20; });
    refused_at_once("two poisoned frames in one",
                    [](copy& c) { copy::ranges(c.parts.buddy_parts.poisoned)[0].count = 2; });
    refused_at_once("a poisoned hole",
                    [](copy& c) { copy::ranges(c.parts.buddy_parts.poisoned)[0].first = 64 * 3 + 6; });
    refused_at_once("condemned and poisoned", [](copy& c) {
        copy::ranges(c.parts.buddy_parts.condemned)[0].first =
            copy::ranges(c.parts.buddy_parts.poisoned)[0].first;
    });
    refused_at_once("a set that has no member", [](copy& c) { c.words()[0] ^= 1; });
    refused_at_once("a set that does not exist", [](copy& c) { c.words()[0] |= 1ull << 63; });
    refused_at_once("a set of whole blocks that does not exist", [](copy& c) {
        copy::words_behind(c.parts.marks_of_regions + c.geo.regions() * regions::pools)[0] |= 1ull << 63;
    });
    refused_at_once("a poisoned frame before the zone",
                    [](copy& c) { copy::ranges(c.parts.buddy_parts.poisoned)[0].first = 1; });
    refused_at_once("a block behind the last one", [](copy& c) {
        for (std::uint32_t set = 0; set != buddy<policy>::sets; ++set)
            if (!c.sets().empty(set)) c.words()[1 + set] |= 1ull << 40;
    });
}

TEST_CASE("tables that hold more than they have room for are refused, sound as it may be", "[zone]") {
    const scene s;
    copy c{s};
    REQUIRE(c.parts.head->poisoned == 1);
    for (std::uint32_t i = 0; i != options.max_poisoned + 1; ++i) // the last one lies behind the table
        copy::ranges(c.parts.buddy_parts.condemned)[i] = {64 * 9 + i, 1};
    c.parts.head->condemned = options.max_poisoned - 1;
    CHECK(c.checked() == status::ok);
    c.parts.head->condemned = options.max_poisoned; // with the one that is out, one too many
    CHECK(c.checked() == status::corrupt_metadata);
    c.parts.head->condemned = options.max_poisoned + 1;
    CHECK(c.checked() == status::corrupt_metadata);
}

TEST_CASE("magazines that would be written beyond their end are refused", "[zone]") {
    const auto magazine = [](copy & c, unsigned slot, unsigned bin) -> auto& {
        return c.parts.cache_slots[slot + 1].magazines[bin];
    };
    refused_at_once("a mark above the capacity", [&](copy& c) { magazine(c, 0, 0).mark = 65; });
    refused_at_once("more runs than the mark", [&](copy& c) { magazine(c, 0, 0).count.store(65, relaxed); });
    refused_at_once("a slot that was never used", [&](copy& c) { magazine(c, 3, 0).mark = 8; });
    refused_at_once("the slot of nobody", [](copy& c) { c.parts.cache_slots[0].magazines[0].mark = 8; });
    refused("an entry outside the zone", [](copy& c) { c.parts.cache_slots[1].entries[0] = 1u << 30; });
    refused("an entry that is free", [](copy& c) { c.parts.cache_slots[1].entries[0] = 64 * 14; });
    refused("one frame twice", [](copy& c) {
        c.parts.cache_slots[1].entries[0] = static_cast<std::uint32_t>(c.parts.cache_slots[1].entries[1]);
    });
    refused("a frame that nobody has", [&](copy& c) {
        auto& count = magazine(c, 0, 0).count;
        REQUIRE(count.load(relaxed) != 0);
        count.store(count.load(relaxed) - 1, relaxed);
    });
}

TEST_CASE("blocks, counters and states that contradict each other are refused", "[zone]") {
    refused("a trait that does not exist",
            [](copy& c) { c.parts.buddy_parts.traits[14].store(0x80, relaxed); });
    refused("a block that is sealed and listed", [](copy& c) {
        c.parts.buddy_parts.traits[14].store(block_traits{}.with(block_traits::isolated).raw(), relaxed);
    });
    refused("an offline block that is in use", [](copy& c) {
        c.parts.buddy_parts.traits[1].store(block_traits{}.with(block_traits::offline).raw(), relaxed);
    });
    refused("more used frames than there are", [](copy& c) { c.parts.buddy_parts.fills[14].used = 65; });
    refused("a used frame too many", [](copy& c) { ++c.parts.buddy_parts.fills[6].used; });
    refused("a free frame too many", [](copy& c) { c.parts.buddy_parts.maps[6].set(1, 0); });
    refused("another largest run", [](copy& c) { c.parts.buddy_parts.fills[6].largest = 200; });
    refused("a region in another bin", [](copy& c) { c.parts.marks_of_regions[0].largest = 200; });
    refused("a region with a full word that is not", [](copy& c) { c.parts.marks_of_regions[0].full ^= 2; });
    refused("a region with a mixed word that is not",
            [](copy& c) { c.parts.marks_of_regions[0].mixed ^= 2; });
    refused("a counter", [](copy& c) { c.parts.head->count.free[0].store(1, relaxed); });
    refused("an allocation of a free frame",
            [](copy& c) { c.parts.states_cells[64 * 14].store(0x80, relaxed); });
    refused("an allocation before the zone", [](copy& c) { c.parts.states_cells[64].store(0x80, relaxed); });
    refused("an allocation of an order that there is not",
            [](copy& c) { c.parts.states_cells[64 * 14].store(0xff, relaxed); });
    refused("an allocated hole", [](copy& c) { c.parts.states_cells[64 * 3 + 6].store(0x80, relaxed); });
    const scene s;
    const std::uint32_t head = s.kept().front().head.raw();
    refused("a frame in use that is nobody's",
            [&](copy& c) { c.parts.states_cells[head].store(0, relaxed); });
    const std::uint32_t large = s.kept()[5].head.raw();
    REQUIRE(s.kept()[5].size == order{7});
    refused("an allocation inside another",
            [&](copy& c) { c.parts.states_cells[large + small_block].store(0x80, relaxed); });
}

TEST_CASE("a copy without checks is the same zone, too", "[zone]") {
    using unchecked_zone = basic_zone<unchecked>;
    const placed_memory memory{unchecked_zone::metadata_bytes(options)};
    unchecked_zone first = unchecked_zone::place(memory.bytes(), options);
    const std::vector<frame> held = testing::take_all(first, order{6});
    REQUIRE(first.isolate(block_at(7), {})->undo() == status::ok);
    const placed_memory elsewhere{memory.bytes()};
    unchecked_zone zone = unchecked_zone::attach(elsewhere.bytes(), options);
    REQUIRE(zone.error() == status::ok);
    CHECK(zone.stats().allocated.raw() == held.size() * small_block);
    testing::free_all(zone, held, order{6});
    CHECK(zone.stats().allocated.raw() == 0);
    CHECK(testing::agrees(zone));
}

TEST_CASE("several holes are taken over; one more than the options name is refused", "[zone]") {
    const frame_range two[] = {{frame{64 * 2 + 5}, frame_count{3}}, {frame{64 * 4}, frame_count{64}}};
    const zone_options whole_blocks{.frames = {frame{0}, frame_count{8 * small_block}}, .holes = two};
    const placed_memory memory{zone_type::metadata_bytes(whole_blocks)};
    zone_type zone = zone_type::place(memory.bytes(), whole_blocks);
    const placed_memory elsewhere{memory.bytes()};
    CHECK(zone_type::attach(elsewhere.bytes(), whole_blocks).error() == status::ok);

    const placed_memory changed{memory.bytes()};
    const zone_geometry<policy> geo{whole_blocks.frames};
    const metadata parts{changed.bytes().data(), geo, zone_creation<policy>::hole_capacity(whole_blocks), 0};
    REQUIRE(parts.buddy_parts.holes.size() == 2);
    REQUIRE(zone_attachment<policy>::check(parts, geo, whole_blocks) == status::ok);
    copy::ranges(parts.buddy_parts.holes)[2] = {64 * 6, 1};
    parts.head->holes = 3;
    CHECK(zone_attachment<policy>::check(parts, geo, whole_blocks) == status::corrupt_metadata);
}

TEST_CASE("holes in no order are taken over as those in order are, unless they overlap", "[zone]") {
    const frame_range high{frame{64 * 4}, frame_count{64}};
    const frame_range low{frame{64 * 2 + 5}, frame_count{3}};
    const frame_range falling[] = {high, low, {frame{64 * 6}, frame_count{1}}};
    const frame_range overlapping[] = {high, {frame{64 * 3}, frame_count{65}}};
    zone_options some{.frames = {frame{0}, frame_count{8 * small_block}}, .holes = falling};
    const placed_memory memory{zone_type::metadata_bytes(some)};
    REQUIRE(zone_type::place(memory.bytes(), some).error() == status::ok);
    const placed_memory elsewhere{memory.bytes()};
    CHECK(zone_type::attach(elsewhere.bytes(), some).error() == status::ok);
    some.holes = overlapping;
    CHECK(zone_type::attach(elsewhere.bytes(), some).error() == status::invalid_range);
}

TEST_CASE("attaching fails where what was cached cannot be looked at, or not be drained", "[zone]") {
    using moody_zone = basic_zone<moody_policy>;
    const placed_memory memory{moody_zone::metadata_bytes(options)};
    moody_zone first = moody_zone::place(memory.bytes(), options);
    first.free(slot_index{0}, *first.allocate(slot_index{0}));
    const placed_memory elsewhere{memory.bytes()};
    moody_barrier::refused = GENERATE(0b01u, 0b10u);
    moody_zone zone = moody_zone::attach(elsewhere.bytes(), options);
    CHECK(zone.error() == status::barrier_refused);
    CHECK(zone.frames().empty());
    CHECK(moody_barrier::refused == 0);
    CHECK(moody_zone::attach(elsewhere.bytes(), options).error() == status::ok);
}

TEST_CASE("slots that a zone with a barrier used are locked in one without", "[zone]") {
    using refusable_zone = basic_zone<testing::refusable_policy>;
    using testing::refusable_barrier;
    const placed_memory memory{refusable_zone::metadata_bytes(options)};
    refusable_zone first = refusable_zone::place(memory.bytes(), options);
    first.free(slot_index{1}, *first.allocate(slot_index{1}));
    const placed_memory elsewhere{memory.bytes()};
    refusable_barrier::at_start = true;
    refusable_zone zone = refusable_zone::attach(elsewhere.bytes(), options);
    refusable_barrier::at_start = false;
    REQUIRE(zone.error() == status::ok);
    const zone_metadata<testing::refusable_policy> parts{
        elsewhere.bytes().data(), zone_geometry<testing::refusable_policy>{all},
        zone_creation<testing::refusable_policy>::hole_capacity(options), options.max_poisoned};
    for (const unsigned slot : {0u, 1u})
        CHECK(parts.cache_slots[slot + 1].gate.claimed.load(relaxed) ==
              static_cast<std::uint32_t>(gate_claim::locked));
    zone.free(slot_index{1}, *zone.allocate(slot_index{1}));
    CHECK(zone.stats().cached.raw() != 0);
    CHECK(zone.drain() == status::ok);
    CHECK(zone.stats().cached.raw() == 0);
}

TEST_CASE("counters that lie are found in a zone of any size", "[zone]") {
    const zone_options large{.frames = {frame{0}, frame_count{65ull * 512 * small_block}}, .max_poisoned = 0};
    const placed_memory memory{zone_type::metadata_bytes(large)};
    {
        zone_type zone = zone_type::place(memory.bytes(), large);
        REQUIRE(zone.allocate_exact(frame{7}) == status::ok);
    }
    REQUIRE(zone_type::attach(memory.bytes(), large).error() == status::ok);
    const metadata parts{memory.bytes().data(), zone_geometry<policy>{large.frames},
                         zone_creation<policy>::hole_capacity(large), 0};
    // One frame more of the one, one less of the other: their sum is right.
    auto& count = parts.head->count;
    count.free[0].store(count.free[0].load(relaxed) - 1, relaxed);
    count.free[1].store(count.free[1].load(relaxed) + 1, relaxed);
    CHECK(zone_type::attach(memory.bytes(), large).error() == status::corrupt_metadata);
}

TEST_CASE("a thread that exits, or a fork, finds bytes that were looked at", "[zone]") {
    const scene s;
    hasty::leaves = 1;
    {
        copy sound{s};
        misuse_record::reset();
        basic_zone<hasty_policy> zone = basic_zone<hasty_policy>::attach(sound.bytes(), options);
        CHECK(zone.error() == status::ok);
        CHECK(hasty::attached == 1); // and after that it hears of them
        CHECK(misuse_record::count == 0);
    }
    CHECK(hasty::attached == 0);
    copy broken{s};
    broken.parts.cache_slots[1].entries[0] = 64 * 14; // which is free
    hasty::leaves = 1;
    {
        const basic_zone<hasty_policy> zone = basic_zone<hasty_policy>::attach(broken.bytes(), options);
        CHECK(zone.error() == status::corrupt_metadata);
        CHECK(hasty::attached == 1);
        CHECK(misuse_record::count == 0);
    }
    CHECK(hasty::attached == 0);
}

TEST_CASE("what caches hold is not given back unseen, if the barrier is refused while it is looked at",
          "[zone]") {
    const scene s;
    copy broken{s};
    broken.parts.cache_slots[1].entries[0] = 64 * 14; // which is free
    misuse_record::reset();
    moody_barrier::refused = 1;
    CHECK(basic_zone<moody_policy>::attach(broken.bytes(), options).error() == status::barrier_refused);
    CHECK(misuse_record::count == 0);
    CHECK(basic_zone<moody_policy>::attach(broken.bytes(), options).error() == status::corrupt_metadata);
}
