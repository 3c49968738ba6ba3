// tests/lru/links_test.cpp - FIFO lists as circles of links.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/links.hpp"

#include "support/catch.hpp"

#include "cordon/core/atomics.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <deque>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using lists = linked_lists<std_atomics>;

struct two_lists {
    std::vector<lists::link> links = std::vector<lists::link>(64 + 2);
    lists::list heads[2] = {};
    lists all{links.data(), nullptr, 64};
    [[nodiscard]] lists::place at(unsigned n) { return {heads[n], n, n}; }
    [[nodiscard]] std::vector<std::uint32_t> on(unsigned n) {
        std::vector<std::uint32_t> seen;
        all.for_each(at(n), [&](lists::entry e) {
            seen.push_back(e.frame);
            return true;
        });
        return seen;
    }
};

} // namespace

TEST_CASE("Zero bytes are empty lists and frames on none", "[lru]") {
    two_lists t;
    lists::entry e;
    CHECK(!t.all.oldest(t.at(0), e));
    t.all.unlink(t.at(0), frame_index{3});
    CHECK(lists::size(t.heads[0]) == 0);
}

TEST_CASE("A frame that is unlinked twice leaves once", "[lru]") {
    two_lists t;
    for (std::uint32_t n = 0; n != 3; ++n)
        CHECK(t.all.push(t.at(1), frame_index{n}, list_end::newest, 0) == 1);
    t.all.unlink(t.at(1), frame_index{1});
    t.all.unlink(t.at(1), frame_index{1});
    CHECK(t.on(1) == std::vector<std::uint32_t>{0, 2});
    CHECK(lists::size(t.heads[1]) == 2);
}

TEST_CASE("Linked lists keep the order of a deque under random changes", "[lru]") {
    two_lists t;
    std::deque<std::uint32_t> shall[2];
    rng random{seed()};
    for (int step = 0; step != 20000; ++step) {
        const auto f = static_cast<std::uint32_t>(random.below(64));
        const auto n = static_cast<unsigned>(random.below(2));
        const auto holds = [&](unsigned k) { return std::ranges::find(shall[k], f) != shall[k].end(); };
        lists::entry e;
        switch (random.below(5)) {
        case 0:
            if (holds(0) || holds(1)) break;
            (void)t.all.push(t.at(n), frame_index{f}, list_end::newest, 0);
            shall[n].push_back(f);
            break;
        case 1:
            if (holds(0) || holds(1)) break;
            (void)t.all.push(t.at(n), frame_index{f}, list_end::oldest, 0);
            shall[n].push_front(f);
            break;
        case 2:
            if (!holds(n)) break;
            t.all.unlink(t.at(n), frame_index{f});
            std::erase(shall[n], f);
            break;
        case 3:
            if (!t.all.oldest(t.at(n), e)) break;
            REQUIRE(e.frame == shall[n].front());
            t.all.pass(t.at(n), t.at(1 - n), e);
            shall[n].pop_front();
            shall[1 - n].push_back(e.frame);
            break;
        default:
            if (random.below(20) == 0) {
                t.all.splice(t.at(n), t.at(1 - n));
                shall[1 - n].insert(shall[1 - n].end(), shall[n].begin(), shall[n].end());
                shall[n].clear();
            } else if (holds(n)) {
                t.all.renew(t.at(n), frame_index{f});
                std::erase(shall[n], f);
                shall[n].push_back(f);
            }
        }
        for (unsigned k = 0; k != 2; ++k) {
            REQUIRE(t.on(k) == std::vector<std::uint32_t>(shall[k].begin(), shall[k].end()));
            REQUIRE(lists::size(t.heads[k]) == shall[k].size());
        }
    }
}
