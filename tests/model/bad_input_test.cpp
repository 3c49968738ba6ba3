// tests/model/bad_input_test.cpp - each wrong free of each frame in each state: named exactly, and without effect.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/reference_model.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace cordon;
using testing::reference_model;

struct record_misuse {
    static inline std::uint64_t calls = 0;
    static inline misuse_report last{};
    static void on_misuse(const misuse_report& report) {
        ++calls;
        last = report;
    }
};

struct policy : default_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 8;
    // One magazine takes a whole block, and learns so at once.
    static constexpr cached_order cached_orders[] = {{0, 1024}};
    using gate = lock_gate<atomics, clock, backoff>;
    using thread_slots = explicit_slots<2>;
    using misuse_handler = record_misuse;
};

struct largest_cached : policy {
    static constexpr unsigned max_order = pageblock_order;
    static constexpr cached_order cached_orders[] = {{max_order, 8}};
};

constexpr slot_index owner{0};
constexpr frame_count block{1u << policy::pageblock_order};
constexpr frame_range all{frame{64 + 7}, frame_count{5 * 64 + 40}}; // both ends inside a block
constexpr frame_range examined{frame{64 * 3}, block};
constexpr frame_range hole{frame{64 * 4}, block};

class scene {
public:
    scene() : model_(all, order{policy::pageblock_order}, order{policy::max_order}) {
        for (const frame f : hole)
            model_.at(f).state = frame_state::absent;
    }
    basic_zone<policy>& zone() { return zone_; }

    void allocate(frame f, order k) {
        REQUIRE(zone_.allocate_exact(f, k) == status::ok);
        model_.allocate(f, k);
    }
    void cache_all() {
        for (const frame f : examined)
            REQUIRE(zone_.allocate_exact(f) == status::ok);
        for (const frame f : examined)
            REQUIRE(zone_.try_free(owner, f) == status::ok);
        cached_ = true;
    }
    void isolate() {
        range_.emplace(std::move(*zone_.isolate(examined)));
        model_.block_of(examined.first()) = reference_model::block::isolated;
    }
    void offline() {
        isolate();
        REQUIRE(range_->offline() == status::ok);
        model_.block_of(examined.first()) = reference_model::block::offline;
    }
    void poison_all() {
        for (const frame f : examined) {
            REQUIRE(zone_.poison(f) == status::ok);
            model_.poison(f);
        }
    }

    // Effects: every wrong call on the frames, look(frame, order, expected) before each. Returns: how many.
    std::uint64_t refuse_all(frame_range frames, const std::function<void(frame, order, status)>& look) {
        const auto before = digest();
        std::uint64_t refused = 0;
        for (const frame f : frames)
            for (unsigned k = 0; k <= policy::max_order + 1; ++k) {
                const status expected = model_.free_status(f, order{k}, cached_ && examined.contains(f));
                if (expected == status::ok) continue;
                look(f, order{k}, expected);
                const slot_index s = k % 2 == 0 ? owner : slot_index::none();
                REQUIRE(zone_.try_free(s, f, order{k}) == expected);
                refuse_aloud(f, order{k}, expected, [&] { zone_.free(s, f, order{k}); });
                refuse_aloud(f, order{k}, expected, [&] { zone_.free_bulk(std::span{&f, 1}, order{k}); });
                REQUIRE(digest() == before);
                refused += 3;
            }
        return refused;
    }

private:
    template <class Call>
    void refuse_aloud(frame f, order k, status expected, Call call) {
        const std::uint64_t calls = record_misuse::calls;
        call();
        REQUIRE(record_misuse::calls == calls + 1);
        REQUIRE(record_misuse::last.what == expected);
        REQUIRE(record_misuse::last.given == k);
        REQUIRE(record_misuse::last.found.number == f);
        REQUIRE(record_misuse::last.found.state == zone_.state_of(f).state);
    }

    // Everything that a user can see: each frame, and the exact figures, counts of batches included.
    using picture = std::pair<std::vector<std::uint64_t>, zone_stats>;
    picture digest() {
        picture now;
        now.first.reserve(all.count().raw());
        for (const frame f : all) {
            const frame_info i = zone_.state_of(f);
            now.first.push_back(std::uint64_t{i.head.raw()} << 32 |
                                static_cast<std::uint64_t>(i.state) << 24 |
                                std::uint64_t{i.size.raw()} << 16 | static_cast<std::uint64_t>(i.type) << 8 |
                                std::uint64_t{i.block_offline} << 2 | std::uint64_t{i.block_isolated} << 1 |
                                std::uint64_t{i.poison_pending});
        }
        now.second = *zone_.exact_stats();
        return now;
    }

    frame_range holes_[1] = {hole};
    basic_zone<policy> zone_{zone_options{.frames = all, .holes = holes_, .max_poisoned = 64}};
    reference_model model_;
    std::optional<isolated_range<policy>> range_;
    bool cached_ = false;
};

// Frames of the examined block in one state: all calls are refused with one status, but for what is said of the
// order before the state is looked at.
std::uint64_t refuse_as(scene& s, status wanted, frame_range frames = examined) {
    return s.refuse_all(frames, [&](frame, order k, status expected) {
        REQUIRE(expected == (k > order{policy::max_order} ? status::invalid_order : wanted));
    });
}

// The state of the examined frames, how to bring it about, and how a free of one is refused.
struct row {
    frame_state state;
    status refused;
    void (*prepare)(scene&);
};
constexpr row rows[] = {
    {frame_state::free, status::double_free, [](scene&) {}},
    {frame_state::cached, status::free_of_cached, [](scene& s) { s.cache_all(); }},
    {frame_state::isolated, status::free_of_isolated, [](scene& s) { s.isolate(); }},
    {frame_state::offline, status::free_of_offline, [](scene& s) { s.offline(); }},
    {frame_state::poisoned, status::free_of_poisoned, [](scene& s) { s.poison_all(); }},
};

std::uint64_t refuse_row(const row& r) {
    scene s;
    r.prepare(s);
    for (const frame f : examined)
        REQUIRE(s.zone().state_of(f).state == r.state);
    return refuse_as(s, r.refused);
}

std::uint64_t refuse_heads() {
    std::uint64_t refused = 0;
    for (unsigned k = 0; k <= policy::pageblock_order; ++k) {
        scene s;
        for (std::uint32_t at = 0; at < block.raw(); at += 1u << k)
            s.allocate(examined.first() + frame_count{at}, order{k});
        refused += s.refuse_all(examined, [&](frame f, order given, status expected) {
            const bool head = f.raw() % (1u << k) == 0;
            REQUIRE(s.zone().state_of(f).state == (head ? frame_state::allocated : frame_state::tail));
            if (given > order{policy::max_order})
                REQUIRE(expected == status::invalid_order);
            else if (!head)
                REQUIRE(expected == status::free_of_tail);
            else if (!f.is_aligned(given))
                REQUIRE(expected == status::misaligned_frame);
            else
                REQUIRE(expected == (f.raw() + given.frames().raw() > all.end_raw() ? status::foreign_frame
                                                                                    : status::wrong_order));
        });
    }
    return refused;
}

} // namespace

TEST_CASE("every wrong free is refused by its name and changes nothing", "[model]") {
    std::uint64_t refused = 0;
    for (const row& r : rows)
        refused += refuse_row(r);
    refused += refuse_heads();
    {
        scene s;
        refused += refuse_as(s, status::free_of_absent, hole);
    }
    CAPTURE(refused);
    REQUIRE(refused >= 3000);
}

TEST_CASE("a frame next to the zone is foreign to it on both sides", "[model]") {
    scene s;
    for (const frame f : {frame{0}, frame{64}, frame{70}, frame{static_cast<std::uint32_t>(all.end_raw())},
                          frame{64 * 7 - 1}, frame{64 * 7}, frame::none()}) {
        CAPTURE(f.raw());
        for (unsigned k = 0; k <= policy::max_order + 1; ++k)
            CHECK(s.zone().try_free(f, order{k}) == status::foreign_frame);
        CHECK(s.zone().state_of(f).state == frame_state::foreign);
        CHECK(s.zone().poison(f) == status::foreign_frame);
        CHECK(s.zone().allocate_exact(f) == status::invalid_range);
    }
}

TEST_CASE("an order far above the largest is refused, whatever its low bits say", "[model]") {
    const frame f = examined.first();
    for (unsigned k = 0; k <= policy::pageblock_order; ++k) {
        scene s;
        s.allocate(f, order{k});
        for (unsigned given = policy::max_order + 1; given != 256; ++given)
            REQUIRE(s.zone().try_free(f, order{given}) == status::invalid_order);
        REQUIRE(s.zone().try_free(f, order{k}) == status::ok);
    }
}

TEST_CASE("an order above the largest is refused, although the largest is cached", "[model]") {
    constexpr order largest{largest_cached::max_order};
    basic_zone<largest_cached> zone{all};
    const result<frame> cached = zone.allocate(owner, largest);
    REQUIRE(cached);
    REQUIRE(zone.try_free(owner, *cached, largest) == status::ok);
    for (unsigned k = largest.raw() + 1; k != 256; ++k) {
        REQUIRE(zone.allocate(owner, order{k}).error() == status::invalid_order);
        REQUIRE(zone.try_free(owner, *cached, order{k}) == status::invalid_order);
    }
}

TEST_CASE("ranges whose end does not fit into 64 bits are refused", "[model]") {
    scene s;
    for (const std::uint64_t count :
         {UINT64_MAX, UINT64_MAX - 63, UINT64_MAX - 191, std::uint64_t{1} << 63}) {
        const frame_range wrapped{examined.first(), frame_count{count}};
        CHECK(s.zone().isolate(wrapped).error() == status::invalid_range);
        CHECK(s.zone().online(wrapped) == status::invalid_range);
        CHECK(s.zone().drain(wrapped) == status::invalid_range);
        CHECK(s.zone().set_migrate_type(wrapped, migrate_type::lent) == status::invalid_range);
        CHECK(basic_zone<policy>{zone_options{.frames = wrapped}}.error() == status::invalid_range);
    }
}
