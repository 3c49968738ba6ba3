// tests/isolation/migrator_test.cpp - what becomes of a frame for each thing that a migrator can say.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/isolation/migrator.hpp"

#include "support/catch.hpp"
#include "support/stepped_clock.hpp"
#include "support/tells_apart.hpp"
#include "support/zones.hpp"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// A zone of eight blocks, the second sealed, with allocations of three sizes in it.
struct fixture {
    basic_zone<stepped_policy> zone{frame_range{frame{0}, frame_count{8 * small_block}}};
    std::map<std::uint32_t, order> live; // the embedder's record: head -> size
    std::optional<basic_zone<stepped_policy>::isolated_range> range;

    fixture() {
        put(small_block + 3, 0);
        put(small_block + 8, 3);
        put(small_block + 33, 0);
        put(small_block + 40, 1);
        auto made = zone.isolate(block(zone, 1));
        REQUIRE(made);
        range.emplace(std::move(*made));
    }
    void put(std::uint32_t f, unsigned k) {
        REQUIRE(zone.allocate_exact(frame{f}, order{k}) == status::ok);
        live.emplace(f, order{k});
    }
    // Returns: whether the zone's allocations are those of the record.
    [[nodiscard]] bool matches() {
        std::uint64_t recorded = 0;
        for (const auto& [head, size] : live) {
            const frame_info info = zone.state_of(frame{head});
            if (info.state != frame_state::allocated || info.size != size) return false;
            recorded += size.frames().raw();
        }
        return zone.exact_stats()->allocated.raw() == recorded && agrees(zone);
    }
    migrate_outcome move(const busy_frame& from, frame to) {
        live.emplace(to.raw(), from.size());
        live.erase(from.head().raw());
        return migrate_outcome::moved;
    }
};

} // namespace

TEST_CASE("what is told of frames and of moving them can be compared", "[isolation]") {
    fixture on;
    const busy_frame first = on.range->next_busy();
    CHECK(first == on.range->next_busy());
    CHECK_FALSE(first == on.range->next_busy(frame{small_block + 8}));
    CHECK(tells_apart(&busy_frame::found, first.found));
    CHECK(tells_apart(&busy_frame::isolator, owner_tag{1}));
    CHECK(tells_apart(&migrate_report::outcome, status::timed_out));
    for (const auto figure : {&migrate_report::moved, &migrate_report::freed, &migrate_report::failed})
        CHECK(tells_apart(figure, frame_count{1}));
    CHECK(tells_apart(&migrate_report::retries, 1));
    CHECK(tells_apart(&migrate_report::blocker, first));
    CHECK(tells_apart(&misuse_report::what, status::double_free));
    CHECK(tells_apart(&misuse_report::given, order{1}));
    CHECK(tells_apart(&misuse_report::found, first.found));
    CHECK(tells_apart(&misuse_report::isolated, on.zone.frames()));
    CHECK(tells_apart(&misuse_report::isolator, owner_tag{1}));
    for (const auto number : {&frame_info::number, &frame_info::head})
        CHECK(tells_apart(number, frame{1}));
    CHECK(tells_apart(&frame_info::state, frame_state::free));
    CHECK(tells_apart(&frame_info::size, order{1}));
    CHECK(tells_apart(&frame_info::type, migrate_type::unmovable));
    for (const auto flag : {&frame_info::block_isolated, &frame_info::block_offline,
                            &frame_info::block_reported, &frame_info::poison_pending})
        CHECK(tells_apart(flag, true));
    CHECK(tells_apart(&frame_info::owner, owner_tag{1}));
}

TEST_CASE("moved: the contents live in the new frame, the old one is freed", "[isolation]") {
    fixture on;
    const migrate_report report = on.range->migrate([&](const busy_frame& from, frame to) {
        CHECK_FALSE(on.range->range().contains(to));
        CHECK(on.zone.state_of(to).size == from.size());
        return on.move(from, to);
    });
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 1 + 8 + 1 + 2);
    CHECK(report.freed.raw() == 0);
    CHECK_FALSE(report.blocker);
    CHECK(on.live.size() == 4);
    CHECK(on.range->all_free());
    CHECK(on.matches());
}

TEST_CASE("freed: the embedder has freed it, the new frame goes back", "[isolation]") {
    fixture on;
    const auto evict = [&](const busy_frame& from) {
        on.zone.free(from.head(), from.size());
        on.live.erase(from.head().raw());
        return migrate_outcome::freed;
    };
    SECTION("by a migrator that moves nothing") {
        CHECK(on.range->migrate(evict).freed.raw() == 12);
    }
    SECTION("by one that could have moved") {
        const migrate_report report =
            on.range->migrate([&](const busy_frame& from, frame) { return evict(from); });
        CHECK(report.freed.raw() == 12);
        CHECK(report.moved.raw() == 0);
    }
    CHECK(on.range->all_free());
    CHECK(on.live.empty());
    CHECK(on.matches());
}

TEST_CASE("moved: by a migrator that has a frame of its own, the old one is freed as well", "[isolation]") {
    fixture on;
    const migrate_report report = on.range->migrate(
        [&](const busy_frame& from) { return on.move(from, *on.zone.allocate(nobody, from.size())); });
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 12);
    CHECK(on.live.size() == 4);
    CHECK(on.matches());
}

TEST_CASE("freed, but it is not: without a deadline, too, that is the end, and the frame is named",
          "[isolation]") {
    fixture on;
    const auto liar = [&](const busy_frame& from) {
        if (from.size() == order{3}) return migrate_outcome::freed;
        on.zone.free(from.head(), from.size());
        on.live.erase(from.head().raw());
        return migrate_outcome::freed;
    };
    SECTION("an allocation within the range") {
        const migrate_report report = on.range->migrate(liar);
        CHECK(report.outcome == status::migration_failed);
        CHECK(report.freed.raw() == 4);
        CHECK(report.failed.raw() == 8);
        CHECK(report.retries == migrate_patience);
        CHECK(report.blocker.head() == frame{small_block + 8});
        CHECK(report.blocker.found.state == frame_state::allocated);
    }
    SECTION("one that begins before the part that is to be emptied") {
        const migrate_report report =
            on.range->migrate({frame{small_block + 10}, frame_count{4}}, liar, deadline::never());
        CHECK(report.outcome == status::migration_failed);
        CHECK(report.blocker.head() == frame{small_block + 8});
        CHECK(report.blocker.found.state == frame_state::tail);
    }
    SECTION("beside one that is asked for again and again") {
        const migrate_report report = on.range->migrate([&](const busy_frame& from) {
            return from.size() == order{1} ? migrate_outcome::retry : liar(from);
        });
        CHECK(report.outcome == status::migration_failed);
        CHECK(report.blocker.size() == order{3});
    }
    SECTION("said once, and not again") {
        bool said = false;
        const migrate_report report = on.range->migrate([&](const busy_frame& from) {
            if (from.size() == order{3} && std::exchange(said, true)) return migrate_outcome::retry;
            return liar(from);
        });
        CHECK(report.outcome == status::migration_failed);
        CHECK(report.blocker.size() == order{3});
    }
    SECTION("before the deadline that is the end, too") {
        CHECK(on.range->migrate(liar, std::chrono::minutes{10}).outcome == status::migration_failed);
        CHECK(on.range->migrate(liar, deadline::immediate()).outcome == status::timed_out);
    }
    CHECK(on.matches());
    CHECK(*on.range);
}

TEST_CASE("freed, but a little later than it was said, is time enough", "[isolation]") {
    fixture on;
    // Each frame is freed when it has been asked for often; all of them together are asked for more often than
    // one that is not freed would be.
    constexpr unsigned late = migrate_patience * 2 / 5;
    std::map<std::uint32_t, unsigned> asked;
    const migrate_report report = on.range->migrate([&](const busy_frame& from) {
        if (from.head().raw() == on.live.begin()->first && ++asked[from.head().raw()] == late) {
            on.zone.free(from.head(), from.size());
            on.live.erase(from.head().raw());
        }
        return migrate_outcome::freed;
    });
    CHECK(report.outcome == status::ok);
    CHECK(report.freed.raw() == 12);
    CHECK(report.retries > migrate_patience);
    CHECK(on.matches());
}

TEST_CASE("freed, but a little later than it was said, is not held against the others", "[isolation]") {
    fixture on;
    unsigned asked = 0; // for the last one, once in each pass
    const migrate_report report = on.range->migrate([&](const busy_frame& from) {
        if (from.size() == order{1} && ++asked < 2 * migrate_patience) return migrate_outcome::retry;
        if (from.size() == order{3} && asked == 0) return migrate_outcome::freed;
        on.zone.free(from.head(), from.size());
        on.live.erase(from.head().raw());
        return migrate_outcome::freed;
    });
    CHECK(report.outcome == status::ok);
    CHECK(on.matches());
}

TEST_CASE("a migrator may end the isolation: the call ends with it", "[isolation]") {
    fixture on;
    SECTION("and says that it moved") {
        CHECK(on.range
                  ->migrate([&](const busy_frame& from, frame to) {
                      CHECK(on.range->undo() == status::ok);
                      return on.move(from, to);
                  })
                  .outcome == status::not_isolated);
    }
    SECTION("and says anything else") {
        CHECK(on.range
                  ->migrate([&](const busy_frame&) {
                      CHECK(on.range->undo() == status::ok);
                      return migrate_outcome::freed;
                  })
                  .outcome == status::not_isolated);
    }
    CHECK_FALSE(*on.range);
    CHECK(on.matches());
}

TEST_CASE("retry: it is asked again, the new frame goes back in between", "[isolation]") {
    fixture on;
    std::map<std::uint32_t, int> asked;
    const migrate_report report = on.range->migrate([&](const busy_frame& from, frame to) {
        if (++asked[from.head().raw()] < 3) return migrate_outcome::retry;
        return on.move(from, to);
    });
    CHECK(report.outcome == status::ok);
    CHECK(report.retries == 8);
    CHECK(report.moved.raw() == 12);
    CHECK(on.matches());
}

TEST_CASE("failed: the others are still moved, and the report names one that is left", "[isolation]") {
    fixture on;
    const migrate_report report = on.range->migrate([&](const busy_frame& from, frame to) {
        return from.size() == order{3} ? migrate_outcome::failed : on.move(from, to);
    });
    CHECK(report.outcome == status::migration_failed);
    CHECK(report.failed.raw() == 8);
    CHECK(report.moved.raw() == 4);
    CHECK(report.blocker.head() == frame{small_block + 8});
    CHECK(on.range->busy().raw() == 8);
    CHECK(on.matches());
    CHECK(*on.range);
}

TEST_CASE("a migrator may throw: nothing is lost, the range stays isolated", "[isolation]") {
    const unsigned throws_at = GENERATE(1u, 2u, 3u, 4u);
    fixture on;
    unsigned calls = 0;
    std::uint64_t left = 12;
    const auto throwing = [&](const busy_frame& from, frame to) {
        if (++calls == throws_at) throw std::runtime_error{"pinned"};
        left -= from.size().frames().raw();
        return on.move(from, to);
    };
    CHECK_THROWS_AS(on.range->migrate(throwing), std::runtime_error);
    CHECK(on.matches());
    CHECK(on.zone.stats().isolated_free.raw() != 0);
    CHECK(on.range->busy().raw() == left);
    CHECK(on.range->migrate(throwing).outcome == status::ok);
    CHECK(on.matches());
}

TEST_CASE("a migrator may call the zone: allocate, free, drain, look", "[isolation]") {
    fixture on;
    const slot_index slot{2};
    const migrate_report report = on.range->migrate([&](const busy_frame& from, frame to) {
        const frame scratch = *on.zone.allocate(slot);
        const frame more = *on.zone.allocate(nobody, order{4});
        CHECK_FALSE(on.range->range().contains(scratch));
        CHECK_FALSE(on.range->range().contains(more));
        CHECK(on.zone.drain() == status::ok);
        CHECK(on.zone.exact_stats());
        CHECK(on.zone.validate());
        CHECK(on.zone.isolate(block(on.zone, 7)));
        CHECK(on.zone.isolate(on.range->range()).error() == status::busy);
        CHECK(on.range->busy().raw() != 0);
        on.zone.free(slot, scratch);
        on.zone.free(nobody, more, order{4});
        return on.move(from, to);
    });
    CHECK(report.outcome == status::ok);
    CHECK(on.zone.drain() == status::ok);
    CHECK(on.matches());
}

TEST_CASE("a migrator may free other frames of the range; they are not asked for again", "[isolation]") {
    fixture on;
    unsigned calls = 0;
    const migrate_report report = on.range->migrate([&](const busy_frame& from) {
        ++calls;
        for (const auto& [head, size] : on.live)
            on.zone.free(frame{head}, size);
        on.live.clear();
        CHECK(from.head() == frame{small_block + 3});
        return migrate_outcome::freed;
    });
    CHECK(calls == 1);
    CHECK(report.outcome == status::ok);
    CHECK(on.matches());
}

TEST_CASE("without memory to move to, migrate says so", "[isolation]") {
    fixture on;
    const auto rest = take_all(on.zone);
    const migrate_report report =
        on.range->migrate([&](const busy_frame& from, frame to) { return on.move(from, to); });
    CHECK(report.outcome == status::no_memory);
    CHECK(report.moved.raw() == 0);
    CHECK(report.failed.raw() == 12);
    CHECK(report.blocker);
    free_all(on.zone, rest);
    CHECK(on.matches());
}

TEST_CASE("only the allocations that touch a part are asked for", "[isolation]") {
    fixture on;
    auto mover = [&](const busy_frame& from, frame to) { return on.move(from, to); };
    const migrate_report report =
        on.range->migrate({frame{small_block + 10}, frame_count{25}}, mover, deadline::never());
    CHECK(report.outcome == status::ok);
    CHECK(report.moved.raw() == 8 + 1);
    CHECK(on.range->busy().raw() == 3);
    CHECK(on.range->migrate({frame{0}, frame_count{2}}, mover, {}).outcome == status::invalid_range);
    // A temporary migrator does, and without a deadline of its own the range's holds.
    CHECK(
        on.range
            ->migrate(on.range->range(), [&](const busy_frame& from, frame to) { return on.move(from, to); })
            .outcome == status::ok);
    CHECK(on.range->all_free());
    CHECK(on.matches());
}

TEST_CASE("a report of a migration prints what became of the frames, and what is in the way", "[isolation]") {
    fixture on;
    const auto text = [](const auto& printed) {
        text_buffer<256> out;
        out << printed;
        return std::string{out.view()};
    };
    const migrate_report stuck = on.range->migrate([&](const busy_frame& from, frame to) {
        return from.head() == frame{small_block + 3} ? migrate_outcome::failed : on.move(from, to);
    });
    CHECK(text(stuck) == "migration_failed: 11 frames moved, 0 frames freed, 1 frame failed, 0 retries; "
                         "frame 67: allocated, order 0, movable block, isolated");
    CHECK(text(on.range->migrate([&](const busy_frame& from) {
              on.live.erase(from.head().raw());
              on.zone.free(nobody, from.head(), from.size());
              return migrate_outcome::freed;
          })) == "ok: 0 frames moved, 1 frame freed, 0 frames failed, 0 retries");
    migrate_report asked_twice;
    asked_twice.retries = 1;
    CHECK(text(asked_twice) == "ok: 0 frames moved, 0 frames freed, 0 frames failed, 1 retry");
    CHECK(text(busy_frame{}) == "nothing in the way");
    busy_frame other;
    CHECK(on.zone.isolate(block(on.zone, 1), {.blocker = &other}).error() == status::busy);
    CHECK(text(other) == "frame 64: isolated, movable block");
    other.isolator = owner_tag{9};
    CHECK(text(other) == "frame 64: isolated, movable block; isolated by owner 9");
    CHECK(on.matches());
}

TEST_CASE("each thing that a migrator can say has a name of its own", "[isolation]") {
    for (unsigned i = 0; i <= static_cast<unsigned>(migrate_outcome::failed); ++i)
        for (unsigned j = 0; j != i; ++j)
            CHECK(name(static_cast<migrate_outcome>(i)) != name(static_cast<migrate_outcome>(j)));
    CHECK(name(static_cast<migrate_outcome>(99)) == "unknown outcome");
}

TEST_CASE("a frame that is on its way is waited for, not asked for", "[isolation]") {
    fixture on;
    // Taken from the zone and not yet anybody's: as between a pop and the stamp of its owner.
    auto& core = on.zone.internals();
    core.states().clear_head(frame_index{small_block + 3});
    unsigned calls = 0;
    const auto count = [&](const busy_frame& from, frame to) {
        ++calls;
        CHECK(from.head() != frame{small_block + 3});
        return on.move(from, to);
    };
    const migrate_report report = on.range->migrate(count, in_a_second);
    CHECK(report.outcome == status::timed_out);
    CHECK(report.blocker.found.state == frame_state::cached);
    CHECK(calls == 3);
    core.states().set_head(frame_index{small_block + 3}, order{0});
    CHECK(on.range->migrate([&](const busy_frame& from, frame to) { return on.move(from, to); }).outcome ==
          status::ok);
    CHECK(on.matches());
}

TEST_CASE("an idle range needs no migrator's help", "[isolation]") {
    small_zone zone{frame_range{frame{0}, frame_count{2 * small_block}}};
    auto range = zone.isolate(block(zone, 0));
    REQUIRE(range);
    const migrate_report report = range->migrate([](const busy_frame&) {
        FAIL("asked");
        return migrate_outcome::failed;
    });
    CHECK(report.outcome == status::ok);
}
