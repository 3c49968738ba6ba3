// tests/lru/ring_test.cpp - FIFO lists as chains of segments.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru/ring.hpp"

#include "support/catch.hpp"

#include "cordon/core/atomics.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

using lists = ring_lists<std_atomics>;
constexpr std::uint32_t frames = 4000;

template <unsigned N>
struct some_lists {
    std::vector<lists::segment> segments = std::vector<lists::segment>(lists::cells(frames, N));
    lists::pool pool{};
    lists::list heads[N] = {};
    lists all{segments.data(), &pool, frames};
    std::vector<state_word> words = std::vector<state_word>(frames);

    [[nodiscard]] lists::place at(unsigned n) { return {heads[n], n, n}; }
    [[nodiscard]] bool is_current(unsigned n, lists::entry e) {
        return lists::current(at(n), e, words[e.frame]);
    }
    void push(unsigned n, std::uint32_t f, list_end end) {
        const unsigned mark = all.push(at(n), frame_index{f}, end, words[f].mark());
        words[f] = state_word{lru_place::listed, root_group, 0}.with_mark(mark);
        all.tidy(at(n), [&](lists::entry e) { return is_current(n, e); });
    }
    void claim(std::uint32_t f) {
        lists::claimed(heads[lists::list_of(words[f].mark())], 1);
        words[f] = words[f].with(lru_place::isolated);
    }
    [[nodiscard]] std::vector<std::uint32_t> on(unsigned n) {
        std::vector<std::uint32_t> seen;
        all.for_each(at(n), [&](lists::entry e) {
            if (is_current(n, e)) seen.push_back(e.frame);
            return true;
        });
        return seen;
    }
    [[nodiscard]] std::uint32_t chain(unsigned n) {
        std::uint32_t count = 0;
        for (std::uint32_t s = heads[n].oldest; s != 0; ++count)
            s = s == heads[n].newest ? 0 : segments[s].next.load(std::memory_order_relaxed);
        return count;
    }
    // Nine eighths of the entries have room in it, and three segments more.
    [[nodiscard]] bool has_few_gaps(unsigned n) {
        const std::uint64_t entries = lists::size(heads[n]);
        return chain(n) <= (entries + entries / 8) / lists::segment_entries + 3;
    }
    [[nodiscard]] std::uint32_t size(unsigned n) { return lists::size(heads[n]) - lists::stale(heads[n]); }
};
using two_lists = some_lists<2>;
using three_lists = some_lists<3>;

} // namespace

TEST_CASE("Rings keep the order of a deque while frames leave by their words", "[lru]") {
    two_lists t;
    std::deque<std::uint32_t> shall[2];
    rng random{seed()};
    std::vector<std::uint8_t> since(
        frames); // pushes of a frame; before eight its stale entries cannot look current
    for (int step = 0; step != scaled(200000); ++step) {
        const auto f = static_cast<std::uint32_t>(random.below(frames));
        const auto n = static_cast<unsigned>(random.below(2));
        const bool listed = t.words[f].place() == lru_place::listed;
        const unsigned list = lists::list_of(t.words[f].mark());
        lists::entry e;
        switch (random.below(8)) {
        case 0:
        case 1:
        case 2:
            if (listed || since[f] == 7) break;
            ++since[f];
            t.push(n, f, list_end::newest);
            shall[n].push_back(f);
            break;
        case 3:
            if (listed || since[f] == 7) break;
            ++since[f];
            t.push(n, f, list_end::oldest);
            shall[n].push_front(f);
            break;
        case 4:
        case 5:
            if (!listed) break;
            t.claim(f);
            std::erase(shall[list], f);
            break;
        default: {
            lists::turn here{t.all, t.at(n)};
            if (!here.oldest(e)) break;
            if (!t.is_current(n, e)) {
                here.drop(e, false);
                break;
            }
            REQUIRE(e.frame == shall[n].front());
            shall[n].pop_front();
            if (random.below(3) != 0) {
                const unsigned to = random.below(4) == 0 ? 1 - n : n;
                t.words[e.frame] = t.words[e.frame].with_mark(lists::with_list(t.words[e.frame].mark(), to));
                to == n ? here.keep(e) : here.pass(t.at(to), e);
                shall[to].push_back(e.frame);
            } else {
                here.drop(e, true);
                t.words[e.frame] = t.words[e.frame].with(lru_place::isolated);
            }
        }
        }
        REQUIRE(t.size(0) == shall[0].size());
        REQUIRE(t.size(1) == shall[1].size());
        REQUIRE(t.heads[0].segments == t.chain(0));
        REQUIRE(t.heads[1].segments == t.chain(1));
        if (step % 1000 != 0) continue;
        for (unsigned k = 0; k != 2; ++k) {
            REQUIRE(t.on(k) == std::vector<std::uint32_t>(shall[k].begin(), shall[k].end()));
            t.all.compact(t.at(k), [&](lists::entry one) { return t.is_current(k, one); });
            REQUIRE(lists::stale(t.heads[k]) == 0);
            REQUIRE(t.on(k) == std::vector<std::uint32_t>(shall[k].begin(), shall[k].end()));
        }
        std::ranges::fill(since, std::uint8_t{0});
    }
}

TEST_CASE("A turn of a ring looks at a segment, and leaves the lists in order", "[lru]") {
    three_lists t;
    std::deque<std::uint32_t> shall[3];
    rng random{seed()};
    for (std::uint32_t f = 0; f != 600; ++f) {
        const auto n = static_cast<unsigned>(random.below(3));
        t.push(n, f, list_end::newest);
        shall[n].push_back(f);
    }
    std::vector<std::uint32_t> gone;
    for (int turn = 0; turn != scaled(20000); ++turn) {
        const auto n = static_cast<unsigned>(random.below(3));
        std::uint64_t steps = random.below(80); // a segment has 61 entries
        const std::size_t before = shall[n].size();
        std::size_t looked = 0;
        {
            lists::turn here{t.all, t.at(n)};
            for (lists::entry e{}; looked != steps && here.oldest(e); ++looked) {
                REQUIRE(here.ahead().raw() < frames);
                REQUIRE(e.frame == shall[n].front());
                REQUIRE(t.is_current(n, e));
                shall[n].pop_front();
                const auto to = static_cast<unsigned>(random.below(3));
                if (random.below(8) == 0) {
                    here.drop(e, true);
                    t.words[e.frame] = t.words[e.frame].with(lru_place::isolated);
                    gone.push_back(e.frame);
                } else if (to == n) {
                    here.keep(e);
                    shall[n].push_back(e.frame);
                } else {
                    t.words[e.frame] =
                        t.words[e.frame].with_mark(lists::with_list(t.words[e.frame].mark(), to));
                    here.pass(t.at(to), e);
                    shall[to].push_back(e.frame);
                }
            }
        }
        REQUIRE(looked <= lists::segment_entries);
        REQUIRE((looked != 0 || steps == 0 || before == 0));
        for (unsigned k = 0; k != 3; ++k) {
            REQUIRE(t.size(k) == shall[k].size());
            REQUIRE(t.on(k) == std::vector<std::uint32_t>(shall[k].begin(), shall[k].end()));
        }
        for (const std::uint32_t f : gone) { // and comes back, now and then at the oldest end
            const bool is_last = random.below(4) == 0;
            t.push(n, f, is_last ? list_end::oldest : list_end::newest);
            is_last ? shall[n].push_front(f) : shall[n].push_back(f);
        }
        gone.clear();
    }
    CHECK(t.pool.used.load(std::memory_order_relaxed) < 40);
}

TEST_CASE("A turn of a ring drops what claims have left behind", "[lru]") {
    three_lists t;
    for (std::uint32_t f = 0; f != 10; ++f)
        t.push(0, f, list_end::newest);
    t.claim(0);
    t.claim(1);
    CHECK(t.size(0) == 8);
    {
        lists::turn here{t.all, t.at(0)};
        lists::entry e{};
        for (int n = 0; n != 2; ++n) {
            REQUIRE(here.oldest(e));
            CHECK_FALSE(t.is_current(0, e));
            here.drop(e, false);
        }
    }
    CHECK(lists::stale(t.heads[0]) == 0);
    CHECK(t.size(0) == 8);
    CHECK(t.on(0).front() == 2);
}

TEST_CASE("A frame that comes and goes for ever takes no more segments than the pool has", "[lru]") {
    two_lists t;
    rng random{seed()};
    for (std::uint32_t f = 0; f != frames; ++f)
        t.push(f % 2, f, list_end::newest);
    for (int step = 0; step != scaled(500000); ++step) {
        const auto f = static_cast<std::uint32_t>(random.below(frames));
        const unsigned list = lists::list_of(t.words[f].mark());
        t.claim(f);
        t.push(random.below(8) == 0 ? 1 - list : list, f,
               random.below(2) == 0 ? list_end::newest : list_end::oldest);
    }
    CHECK(t.size(0) + t.size(1) == frames);
    CHECK(t.pool.used.load(std::memory_order_relaxed) < t.segments.size());
}

TEST_CASE("Segments change hands between threads one at a time", "[lru]") {
    // Two lists of one pool, each with a thread that fills and empties it.
    two_lists t;
    const auto work = [&](unsigned n) {
        for (int round = 0; round != scaled(3000); ++round) {
            for (std::uint32_t f = n; f < 400; f += 2)
                (void)t.all.push(t.at(n), frame_index{f}, list_end::newest, 0);
            for (std::uint32_t f = n; f < 400; f += 2) {
                lists::turn here{t.all, t.at(n)};
                lists::entry e;
                if (!here.oldest(e) || e.frame != f) return false;
                here.drop(e, true);
            }
        }
        return true;
    };
    bool right[2] = {};
    std::thread other{[&] { right[1] = work(1); }};
    right[0] = work(0);
    other.join();
    CHECK(right[0]);
    CHECK(right[1]);
    CHECK(t.pool.used.load(std::memory_order_relaxed) <= 10);
}

TEST_CASE("A ring has no room for more frames than an entry can name", "[lru]") {
    CHECK(lists::fits((1u << 29) - 1, 1));
    CHECK_FALSE(lists::fits(1u << 29, 1));
    CHECK_FALSE(lists::fits(1000, std::uint64_t{1} << 31));
}

TEST_CASE("Who walks over a ring can stop", "[lru]") {
    two_lists t;
    for (std::uint32_t f = 0; f != 10; ++f)
        t.push(0, f, list_end::newest);
    std::vector<std::uint32_t> seen;
    t.all.for_each(t.at(0), [&](lists::entry e) {
        seen.push_back(e.frame);
        return seen.size() != 3;
    });
    CHECK(seen == std::vector<std::uint32_t>{0, 1, 2});
}

namespace {

// Somebody else comes between the look at the pool of free segments and the change of it.
inline std::function<void()> before_exchange;
struct meeting_atomics : std_atomics {
    struct head : std_atomics::atomic<std::uint64_t> {
        bool compare_exchange(std::uint64_t& expected, std::uint64_t desired, std::memory_order order) {
            if (before_exchange) std::exchange(before_exchange, nullptr)();
            return std_atomics::atomic<std::uint64_t>::compare_exchange(expected, desired, order);
        }
    };
    template <class T>
    using atomic = std::conditional_t<std::is_same_v<T, std::uint64_t>, head, std_atomics::atomic<T>>;
};

} // namespace

TEST_CASE("Two that want the same free segment get two", "[lru]") {
    using met = ring_lists<meeting_atomics>;
    std::vector<met::segment> segments(met::cells(frames, 2));
    met::pool pool{};
    met::list mine{}, other{};
    met all{segments.data(), &pool, frames};
    const auto push = [&](met::list& l, std::uint32_t f) {
        (void)all.push({l, 0, 0}, frame_index{f}, list_end::newest, 0);
    };
    push(mine, 1);
    push(other, 2);
    all.reset(mine);
    all.reset(other); // two segments are free
    before_exchange = [&] { push(other, 4); };
    push(mine, 3);
    CHECK(mine.oldest != other.oldest);
    met::entry first{};
    REQUIRE(met::turn{all, {mine, 0, 0}}.oldest(first));
    CHECK(first.frame == 3);
    REQUIRE(met::turn{all, {other, 0, 0}}.oldest(first));
    CHECK(first.frame == 4);
    CHECK(pool.used.load(std::memory_order_relaxed) == 2);
}

TEST_CASE("Of two that give a segment back in one instant neither loses it", "[lru]") {
    using met = ring_lists<meeting_atomics>;
    std::vector<met::segment> segments(met::cells(frames, 2));
    met::pool pool{};
    met::list lists_of[4] = {};
    met all{segments.data(), &pool, frames};
    const auto push = [&](met::list& l) { (void)all.push({l, 0, 0}, frame_index{1}, list_end::newest, 0); };
    push(lists_of[0]);
    push(lists_of[1]);
    before_exchange = [&] { all.reset(lists_of[1]); };
    all.reset(lists_of[0]);
    push(lists_of[2]);
    push(lists_of[3]);
    CHECK(lists_of[2].oldest != lists_of[3].oldest);
    CHECK(pool.used.load(std::memory_order_relaxed) == 2);
}

TEST_CASE("A ring of which every entry is stale has no segment after it is compacted, and fills anew",
          "[lru]") {
    two_lists t;
    constexpr std::uint32_t many = 1000;
    for (int round = 0; round != 3; ++round) {
        for (std::uint32_t f = 0; f != many; ++f)
            t.push(0, f, list_end::newest);
        REQUIRE(t.on(0).size() == many);
        for (std::uint32_t f = 0; f != many; ++f)
            t.claim(f);
        t.all.tidy(t.at(0), [&](lists::entry e) { return t.is_current(0, e); });
        CHECK(lists::size(t.heads[0]) == 0);
        CHECK(t.heads[0].oldest == 0);
        lists::entry e;
        CHECK_FALSE(lists::turn{t.all, t.at(0)}.oldest(e));
    }
}

TEST_CASE("A compaction of a ring ends behind the last stale entry", "[lru]") {
    two_lists t;
    constexpr std::uint32_t many = 3000;
    for (std::uint32_t f = 0; f != many; ++f)
        t.push(0, f, list_end::newest);
    // The oldest ones leave: all of them, or two of three.
    const std::uint32_t one_stays = GENERATE(0u, 3u);
    std::vector<std::uint32_t> shall;
    std::uint32_t claims = 0, last = 0;
    for (std::uint32_t f = 0; f != many; ++f)
        if (claims == many / 3 || (one_stays != 0 && f % one_stays == 0))
            shall.push_back(f);
        else
            t.claim(f), ++claims, last = f;
    std::uint32_t looks = 0;
    t.all.tidy(t.at(0), [&](lists::entry e) {
        ++looks;
        return t.is_current(0, e);
    });
    CHECK(looks > last);
    CHECK(looks <= last + lists::segment_entries);
    CHECK(t.on(0) == shall);
    CHECK(lists::size(t.heads[0]) == shall.size());
    CHECK(lists::stale(t.heads[0]) == 0);
    CHECK(t.heads[0].segments == t.chain(0));
    CHECK(t.has_few_gaps(0));
    // Both ends still work.
    t.push(0, many, list_end::oldest);
    t.push(0, many + 1, list_end::newest);
    shall.insert(shall.begin(), many);
    shall.push_back(many + 1);
    CHECK(t.on(0) == shall);
}

TEST_CASE("A compaction of a ring goes on to the end where its chain has many gaps", "[lru]") {
    // A compaction that ends early leaves a gap; each of these ends before the last one did.
    two_lists t;
    std::uint32_t oldest_claimed = 2000;
    for (std::uint32_t f = 0; f != 4000; ++f)
        t.push(0, f, list_end::newest);
    std::uint32_t most_gaps = 0;
    while (oldest_claimed >= 100) {
        oldest_claimed -= 100;
        for (std::uint32_t f = oldest_claimed; f != oldest_claimed + 50; ++f)
            t.claim(f);
        t.all.compact(t.at(0), [&](lists::entry e) { return t.is_current(0, e); });
        REQUIRE(t.heads[0].segments == t.chain(0));
        REQUIRE(t.has_few_gaps(0));
        REQUIRE(lists::stale(t.heads[0]) == 0);
        most_gaps = std::max(most_gaps, t.chain(0) - lists::size(t.heads[0]) / lists::segment_entries);
    }
    CHECK(most_gaps >= 4); // it did leave some
    CHECK(t.on(0).size() == 3000);
    CHECK(std::ranges::is_sorted(t.on(0)));
}

TEST_CASE("A ring that is joined behind a short one again and again stays as short as its frames", "[lru]") {
    // The long list goes behind one of a single frame, which is the long one then.
    two_lists t;
    constexpr std::uint32_t many = 2500;
    for (std::uint32_t f = 0; f != many; ++f)
        t.push(0, f, list_end::newest);
    unsigned here = 0;
    for (std::uint32_t f = many; f != frames; ++f, here = 1 - here) {
        t.push(1 - here, f, list_end::newest);
        t.all.splice(t.at(here), t.at(1 - here));
        t.all.tidy(t.at(1 - here), [&](lists::entry) { return true; });
        REQUIRE(t.heads[here].segments == 0);
        REQUIRE(t.heads[1 - here].segments == t.chain(1 - here));
        REQUIRE(t.has_few_gaps(1 - here));
    }
    CHECK(lists::size(t.heads[here]) == frames);
    CHECK(t.pool.used.load(std::memory_order_relaxed) < t.segments.size());
}
