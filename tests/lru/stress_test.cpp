// tests/lru/stress_test.cpp - threads that isolate, put back, pin, move, merge and reclaim the same frames.
// SPDX-License-Identifier: BSL-1.0
//
// Each claim is noted in a byte of the test: two claimants of one frame are seen at once. At the end every frame is
// where its word says, no frame without pins is unevictable, and the lists and counts agree.
#include "cordon/lru.hpp"

#include "cordon/local/lock_gate.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr std::uint32_t frames_in_all = 256;
constexpr std::uint32_t groups_in_all = 6;

template <class R, class P = default_policy>
class crowd {
public:
    explicit crowd(std::uint32_t frames = frames_in_all) : frames_(frames), taken_(frames) {}

    void run(unsigned threads, std::uint32_t steps) {
        std::vector<std::thread> all;
        for (unsigned t = 0; t != threads; ++t)
            all.emplace_back([this, t, steps] {
                rng random{seed() + t};
                for (std::uint32_t k = 0; k != steps; ++k)
                    step(random, t);
                while (!held_by(t).empty())
                    give_back(t, putback_at::automatic);
                for (const frame f : pins_of(t))
                    if (tracker_.unpin(f) != status::ok) ++faults_;
            });
        for (std::thread& t : all)
            t.join();
        CHECK(faults_.load() == 0);
        REQUIRE(tracker_.drain() == status::ok);
        std::uint64_t tracked = 0;
        for (std::uint32_t n = 0; n != frames_; ++n) {
            const lru_state s = tracker_.state_of(name(n));
            CHECK((s.place == lru_place::untracked || s.place == lru_place::listed));
            CHECK(s.pins == 0);
            tracked += s.place != lru_place::untracked;
        }
        const lru_validation valid = tracker_.validate(true);
        INFO((valid ? "" : valid.what) << " at " << valid.where.raw());
        CHECK(valid);
        CHECK(valid.listed == tracked);
        CHECK(claims_.load() != 0);
    }

private:
    static constexpr unsigned max_threads = 8;
    [[nodiscard]] static frame name(std::uint32_t n) { return frame{1000 + n}; }
    std::vector<frame>& held_by(unsigned t) { return held_[t]; }
    std::vector<frame>& pins_of(unsigned t) { return pins_[t]; }

    void took(unsigned t, frame f) {
        if (taken_[f.raw() - 1000].exchange(true)) ++faults_;
        ++claims_;
        held_by(t).push_back(f);
    }
    frame let_go(unsigned t) {
        const frame f = held_by(t).back();
        held_by(t).pop_back();
        if (!taken_[f.raw() - 1000].exchange(false)) ++faults_;
        return f;
    }
    void give_back(unsigned t, putback_at at) {
        if (tracker_.putback(let_go(t), at) != status::ok) ++faults_;
    }

    void step(rng& random, unsigned t) {
        const auto any = [&](std::uint64_t n) { return static_cast<std::uint32_t>(random.below(n)); };
        const frame f = name(any(frames_));
        const group_id g{any(groups_in_all)};
        switch (any(19)) {
        case 0:
        case 1:
        case 2: tracker_.add(f, g, lru_token{any(UINT32_MAX)}, any(100)); return;
        case 3: tracker_.touch(f); return;
        case 4: tracker_.touch(f, random() & random()); return;
        case 5:
        case 6:
            if (tracker_.isolate(f) == status::ok) took(t, f);
            return;
        case 7:
        case 8: {
            std::array<frame, 8> out;
            const std::size_t n = tracker_.isolate_coldest(g, std::span{out}.first(any(8) + 1));
            for (std::size_t k = 0; k != n; ++k)
                took(t, out[k]);
            return;
        }
        case 9:
        case 10:
            for (int k = 0; k != 6 && !held_by(t).empty(); ++k)
                give_back(t, static_cast<putback_at>(any(3)));
            return;
        case 11:
            if (tracker_.pin(f) == status::ok) pins_of(t).push_back(f);
            return;
        case 12:
            if (pins_of(t).empty()) return;
            if (tracker_.unpin(pins_of(t).back()) != status::ok) ++faults_;
            pins_of(t).pop_back();
            return;
        case 13: tracker_.move_group(f, g); return;
        case 15: return spans(random, t);
        case 16:
            if (!held_by(t).empty()) transfer(t, f, g);
            return;
        case 17: tracker_.hint({f, frame_count{any(8)}}, static_cast<lru_hint>(any(3))); return;
        case 14:
            if (any(2) == 0) {
                tracker_.forget(f);
                return;
            }
            if (!held_by(t).empty()) {
                const frame mine = let_go(t);
                if (tracker_.evicted(mine)) return;
                took(t, mine); // pinned
            }
            return;
        default: group_step(random, t, g); return;
        }
    }
    // Effects: frames by the dozen, each of them perhaps twice.
    void spans(rng& random, unsigned t) {
        std::array<frame, 40> in, out;
        for (frame& f : in)
            f = name(static_cast<std::uint32_t>(random.below(frames_)));
        const std::size_t n = tracker_.isolate(in, std::span{out}.first(random.below(out.size())));
        for (std::size_t k = 0; k != n; ++k)
            took(t, out[k]);
        for (std::size_t k = 0; k != n; ++k)
            out[n - 1 - k] = let_go(t);
        if (tracker_.putback(std::span{out}.first(n)) != n) ++faults_;
    }
    // Effects: the frame that was taken last goes to another group, or another frame takes its stead.
    void transfer(unsigned t, frame to, group_id g) {
        const frame mine = let_go(t);
        if (to.raw() % 2 == 0) {
            if (tracker_.putback_to(mine, g) != status::ok) took(t, mine);
        } else {
            took(t, tracker_.transfer(mine, to) == status::ok ? to : mine);
        }
    }
    void group_step(rng& random, unsigned t, group_id g) {
        switch (random.below(8)) {
        case 0: (void)tracker_.create_group(); return;
        case 1:
            (void)tracker_.merge_groups(g, group_id{static_cast<std::uint32_t>(random.below(groups_in_all))});
            return;
        case 2: tracker_.age(); return;
        case 3: {
            const auto token = tracker_.disable_batches();
            return;
        }
        case 4:
            if (const lru_validation v = tracker_.validate(); !v) ++faults_;
            return;
        case 5: (void)tracker_.stats(g); return;
        default:
            try {
                tracker_.reclaim(g, frame_count{8}, [&](frame f) -> reclaim_answer {
                    if (taken_[f.raw() - 1000].exchange(true)) ++faults_;
                    const auto choice = random.below(7);
                    if (choice == 0) tracker_.touch(f);
                    if (!taken_[f.raw() - 1000].exchange(false)) ++faults_;
                    if (choice == 1) throw std::runtime_error("no");
                    if (choice == 2) return reclaim_answer::move_to(g);
                    if (choice == 6) return pins_of(t).push_back(f), verdict::pin;
                    return choice < 4 ? verdict::keep : choice == 4 ? verdict::rotate : verdict::reclaim;
                });
            } catch (const std::runtime_error&) {
            }
            return;
        }
    }

    std::uint32_t frames_;
    lru<R, P> tracker_{some_frames(frames_), groups_in_all};
    std::vector<std::atomic<bool>> taken_;
    std::array<std::vector<frame>, max_threads> held_, pins_;
    std::atomic<unsigned> faults_{0};
    std::atomic<std::uint64_t> claims_{0};
};

constexpr unsigned threads = 4;
constexpr std::uint32_t steps = 100'000;

} // namespace

TEST_CASE("Threads on a ring never share a claim and lose no frame", "[lru]") {
    crowd<replacement::clock<1>>{}.run(threads, scaled(steps));
}
TEST_CASE("Threads on a hand never share a claim and lose no frame", "[lru]") {
    crowd<replacement::clock<1, list_kind::hand>>{}.run(threads, scaled(steps));
}
TEST_CASE("Threads on links never share a claim and lose no frame", "[lru]") {
    crowd<linked_clock>{}.run(threads, scaled(steps));
}
TEST_CASE("Threads on several lists never share a claim and lose no frame", "[lru]") {
    crowd<replacement::s3_fifo<>>{}.run(threads, scaled(steps / 2));
    crowd<replacement::generations<>>{}.run(threads, scaled(steps / 2));
    crowd<replacement::adaptive>{65}.run(threads, scaled(steps / 2));
}
TEST_CASE("Threads on an exact LRU never share a claim and lose no frame", "[lru]") {
    crowd<replacement::lru>{}.run(threads, scaled(steps));
}
TEST_CASE("Threads that fight for a few frames never share a claim and lose no frame", "[lru]") {
    crowd<linked_clock>{6}.run(threads, scaled(steps));
    crowd<replacement::clock<1>>{6}.run(threads, scaled(steps));
}

namespace {
struct locked_gate_policy : default_policy {
    using gate = lock_gate<atomics, clock, backoff>;
};
} // namespace

TEST_CASE("Threads with a lock for a gate never share a claim and lose no frame", "[lru]") {
    crowd<replacement::clock<1>, locked_gate_policy>{}.run(threads, scaled(steps / 4));
}

TEST_CASE("No thread ever holds the locks of two groups", "[lru]") {
    group_lock_count::taken = group_lock_count::together = 0;
    crowd<linked_clock, counted_groups<default_policy>>{}.run(threads, scaled(steps / 4));
    CHECK(group_lock_count::taken != 0);
    CHECK(group_lock_count::together == 0);
}
