// tests/lru/survey_test.cpp - ages, places, figures, and whether the lists are whole.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/survey.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"

#include <string>
#include <string_view>

using namespace cordon;
using namespace cordon::testing;

namespace {

template <class T>
std::string text(const T& value) {
    text_buffer<200> out;
    out << value;
    return std::string{out.view()};
}
template <class R>
void fill(small_lru<R>& tracker) {
    chosen_slots::mine = slot_index::none();
    for (const frame f : some_frames(8))
        REQUIRE(tracker.add(f) == status::ok);
}

} // namespace

TEST_CASE("The histogram has every tracked frame of the group once", "[lru]") {
    small_lru<replacement::lru> tracker{some_frames(64), 2};
    fill(tracker);
    REQUIRE(tracker.add(frame{1020}, *tracker.create_group()) == status::ok);
    REQUIRE(tracker.age(root_group) == status::ok);
    REQUIRE(tracker.age(root_group) == status::ok);
    tracker.touch(frame{1000});
    tracker.touch(frame{1001});
    REQUIRE(tracker.isolate(frame{1002}) == status::ok);
    REQUIRE(tracker.isolate(frame{1003}) == status::ok);
    REQUIRE(tracker.pin(frame{1003}) == status::ok);
    REQUIRE(tracker.putback(frame{1003}) == status::ok);
    const age_histogram all = tracker.age_histogram();
    CHECK(all.total() == 8);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::listed)] == 6);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::isolated)] == 1);
    CHECK(all.by_place[static_cast<unsigned>(lru_place::unevictable)] == 1);
    CHECK(all.by_age[0] == 2);
    CHECK(all.by_age[2] == 6);
    CHECK(tracker.working_set(root_group, 0).raw() == 2);
    CHECK(tracker.working_set(root_group, 1).raw() == 2);
    CHECK(tracker.working_set(root_group, 2).raw() == 8);
    CHECK(tracker.age_histogram(group_id{1}).total() == 1);
    CHECK(tracker.age_histogram(group_id{7}).total() == 0);
    CHECK(tracker.stats(group_id{7}).added == 0);
    CHECK(tracker.stats().ticks == 2);
}

TEMPLATE_TEST_CASE("A list that lost a frame, or has one too many, is not valid", "[lru]", ring_fifo,
                   linked_fifo) {
    small_lru<TestType> tracker{some_frames(64), 2};
    fill(tracker);
    auto& core = tracker.internals();
    CHECK(tracker.validate(true));
    CHECK(text(tracker.validate(true)) == "8 frames listed, sums: valid");
    CHECK(text(tracker.validate()) == "8 frames listed: valid");
    auto& word = core.word_of(frame_index{3});
    const std::uint32_t right = word.load(std::memory_order_relaxed);
    const auto with_word = [&](state_word w) {
        word.store(w.raw(), std::memory_order_relaxed);
        const lru_validation found = tracker.validate(true);
        word.store(right, std::memory_order_relaxed);
        return found;
    };
    CHECK(!with_word(state_word{right}.with(lru_place::untracked)));
    CHECK(!with_word(state_word{right}.with(lru_place::isolated)));
    CHECK(!with_word(state_word{right}.with(lru_place::unevictable)));
    CHECK(!with_word(state_word{right}.with_mark(3)));
    CHECK(tracker.create_group());
    CHECK(!with_word(state_word{right}.with_group(group_id{1})));
    auto& stranger = core.word_of(frame_index{40});
    stranger.store(state_word{lru_place::listed, root_group, 0}.raw(), std::memory_order_relaxed);
    CHECK(!tracker.validate(true));
    stranger.store(0, std::memory_order_relaxed);
    typename lru_core<TestType, small_lru_policy>::lists_type::entry first;
    REQUIRE(core.lists().oldest(core.list_at(root_group, 0), first));
    core.lists().drop(core.list_at(root_group, 0), first, true);
    const lru_validation lost = tracker.validate(true);
    CHECK(!lost);
    CHECK(std::string_view{lost.what} == "a listed frame is on no list");
    CHECK(text(lost).ends_with("a listed frame is on no list"));
}
