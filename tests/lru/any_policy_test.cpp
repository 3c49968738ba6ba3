// lru/any_policy_test.cpp - replacement::any_policy: the alternatives keep their parameters and their states.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/policies/any_policy.hpp"

#include "cordon/lru/policies/fifo.hpp"
#include "cordon/lru/policies/generations.hpp"
#include "cordon/lru/policies/lirs.hpp"
#include "cordon/lru/policies/sieve.hpp"
#include "lru/fake_view.hpp"
#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/replacement/coldest.hpp"

namespace {

using cordon::frame;
using cordon::status;
using cordon::testing::replacement::numbers;
using any = cordon::replacement::any_policy<cordon::replacement::fifo, cordon::replacement::generations<4>,
                                            cordon::replacement::lirs, cordon::replacement::sieve>;
using cordon::testing::replacement::tracked;
struct other_clock : cordon::replacement_base {
    static constexpr bool uses_clock = true;
};

} // namespace

TEST_CASE("any_policy starts with its first alternative and takes the parameters of the one given", "[lru]") {
    CHECK(any{}.number() == 0);
    CHECK(any::at(2).number() == 2);
    CHECK(any{cordon::replacement::lirs{0.5}}.number() == 2);
    CHECK(any::lists == 4);
    CHECK(any::uses_clock);
    CHECK(any::ages_in_ticks);
    CHECK_FALSE(any::relinks);
    CHECK(any::kind == cordon::list_kind::ring);
    CHECK(any{cordon::replacement::fifo{}}.touched(1, 9) == 1);
    CHECK(any{cordon::replacement::lirs{}}.touched(2, 9) == 9);
}

TEST_CASE("each alternative evicts as it does alone", "[lru]") {
    tracked<any> fifo{5, any::at(0)};
    tracked<any> generations{5, any::at(1)};
    tracked<any> sieve{5, any::at(3)};
    for (auto* t : {&fifo, &generations, &sieve}) {
        t->use(0);
        t->use(3);
    }
    CHECK(fifo.coldest(5) == numbers{0, 1, 2, 3, 4});
    CHECK(generations.coldest(5) == numbers{1, 2, 4, 0, 3});
    CHECK(sieve.coldest(2) == numbers{1, 2});
    CHECK(sieve.add(frame{1}) == status::ok);
    CHECK(sieve.coldest(4) == numbers{4, 1, 0, 3});
}

TEST_CASE("the byte of a cold frame and the end of a shorter policy's lists are those of the one chosen",
          "[lru]") {
    using cordon::replacement::lirs;
    CHECK(any::at(0).cold(9) == cordon::replacement::fifo::cold(9));
    CHECK(any::at(2).cold(9) == lirs::cold(9));
    cordon::testing::fake_view<any> v;
    CHECK(any::at(0).next(v) == any::lists); // fifo has one list, and nothing on it
    CHECK(any::at(2).next(v) == any::lists);
    v.clock_byte = any::at(2).next_tick(any::at(2).next_tick(0));
    CHECK(v.clock_byte == lirs::next_tick(lirs::next_tick(0)));
    v.sizes[lirs::hot_list] = 10;
    v.ages[4] = lirs::touched(0, v.clock_byte);
    CHECK(any::at(2).examine(v, cordon::frame_index{4}, lirs::hot_list).list() == lirs::hot_list);
    v.ages[4] = lirs::fresh(0); // two ticks ago
    CHECK(any::at(2).examine(v, cordon::frame_index{4}, lirs::hot_list).list() == lirs::cold_list);
}

TEST_CASE("the alternatives with ticks age in ticks, and the clock of the others stands still", "[lru]") {
    using cordon::testing::some_frames;
    for (const unsigned number : {0u, 1u, 2u, 3u}) {
        const bool has_ticks = number == 1 || number == 2;
        CHECK((any::at(number).next_tick(6) != 6) == has_ticks);
        const cordon::lru_options kept{.frames = some_frames(8), .groups = 2, .min_ttl_ns = 1};
        CHECK(cordon::lru<any>{kept, any::at(number)}.error() ==
              (has_ticks ? status::ok : status::unsupported));
        cordon::lru<any> tracker{some_frames(8), 2, any::at(number)};
        const frame f{1000};
        REQUIRE(tracker.add(f) == status::ok);
        tracker.touch(f);
        for (unsigned tick = 0; tick != 300; ++tick) {
            REQUIRE(tracker.age(cordon::root_group) == status::ok);
            CHECK(tracker.state_of(f).cold >= (has_ticks ? tick < 60 ? tick : 60 : 0));
        }
        const std::uint8_t cold = tracker.state_of(f).cold;
        CHECK((cold != 0) == has_ticks);
        REQUIRE(tracker.move_group(f, *tracker.create_group()) == status::ok);
        CHECK(tracker.state_of(f).cold == (cold < 63 ? cold : 63));
    }
    // One that uses the clock in another way forbids it.
    using mixed = cordon::replacement::any_policy<cordon::replacement::lirs, other_clock>;
    CHECK_FALSE(mixed::ages_in_ticks);
    CHECK(mixed::at(1).next_tick(6) == 7);
}
