// tests/lru/every_verb_test.cpp - every verb with every policy, drawn at random, against the least that must be true.
// SPDX-License-Identifier: BSL-1.0
//
// The model knows who holds a frame, its pins and its group, and no order: what a scan gives must only be claimable and of
// the group that was asked for. random_operations_test knows the order as well, of four policies and of fewer verbs.
#include "cordon/lru.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

constexpr std::uint32_t first_frame = 1000;

struct tracked {
    bool is_tracked = false, is_isolated = false;
    std::uint32_t pins = 0, held = 0; // of the pins, by a pinned_frame
    group_id group;                   // a live one

    [[nodiscard]] bool is_claimable() const { return is_tracked && !is_isolated && pins == 0; }
};

template <class R>
class world {
public:
    using tracker = small_lru<R>;

    world(lru_options options, const R& how, std::uint64_t start)
        : random_(start),
          tracker_(options, how),
          frames_(static_cast<std::size_t>(options.frames.count().raw())) {
        REQUIRE(tracker_.error() == status::ok);
    }
    void run(unsigned steps) {
        for (step_ = 0; step_ != steps; ++step_) {
            chosen_slots::mine = any(5) == 4 ? slot_index::none() : slot_index{any(4)};
            verb();
            if (step_ % 16 == 0 || frames_.size() < 10) compare();
        }
        compare();
        pins_.clear();
        closed_.clear();
        chosen_slots::mine = slot_index::none();
    }

private:
    // ---- what is drawn ----

    std::uint32_t any(std::uint64_t n) { return static_cast<std::uint32_t>(random_.below(n)); }
    [[nodiscard]] static frame name(std::uint32_t n) { return frame{first_frame + n}; }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(frames_.size()); }
    // Now and then one that is not of the range.
    frame any_frame() {
        constexpr std::uint32_t foreign[] = {0, first_frame - 1, UINT32_MAX - 1, UINT32_MAX};
        if (any(40) != 0) return name(any(size()));
        return any(2) == 0 ? name(size()) : frame{foreign[any(4)]};
    }
    std::vector<frame> some_frames() {
        std::vector<frame> some(any(4) == 0 ? any(100) : any(4));
        std::uint32_t at = any(size());
        const bool in_order = any(2) == 0;
        for (frame& f : some)
            f = in_order ? name(at++ % size()) : any_frame();
        return some;
    }
    // Now and then none that there can be.
    group_id any_group() {
        const std::uint32_t groups = tracker_.internals().group_capacity();
        return group_id{any(40) != 0 ? any(groups) : any(2) == 0 ? groups : 0u - any(3)};
    }
    putback_at any_place() { return static_cast<putback_at>(any(3)); }
    lru_token any_token() {
        if (any(3) == 0) return {};
        if (any(10) == 0) return lru_token{any(UINT32_MAX)};
        return tokens_[any(tokens_.size())];
    }
    frame_range any_range() {
        const std::uint64_t counts[] = {0, 1, any(size()), size(), UINT32_MAX, UINT64_MAX};
        return {any_frame(), frame_count{counts[any(6)]}};
    }

    // ---- what the model says ----

    tracked* entry_of(frame f) {
        return tracker_.frames().contains(f) ? &frames_[f.raw() - first_frame] : nullptr;
    }
    [[nodiscard]] bool is_live(group_id g) { return tracker_.internals().is_live(g); }
    [[nodiscard]] group_id lead(group_id g) { return tracker_.internals().root_of(g); }
    // Returns: what a claim says to a frame of the range.
    static status claim_of(const tracked& t) {
        if (!t.is_tracked) return status::absent;
        return t.is_claimable() ? status::ok : status::busy;
    }
    static status held_of(const tracked& t) {
        if (!t.is_tracked) return status::absent;
        return t.is_isolated ? status::ok : status::not_isolated;
    }

    void expect(status got, status wanted) {
        INFO(name_of(got) << ", not " << name_of(wanted));
        REQUIRE(got == wanted);
    }
    static std::string name_of(status s) { return std::string{cordon::name(s)}; }

    // ---- the verbs ----

    void verb() {
        static constexpr std::pair<const char*, void (world::*)()> verbs[] = {
            {"add", &world::add},
            {"add some", &world::add_some},
            {"touch", &world::touch},
            {"touch by bitmap", &world::touch_some},
            {"isolate", &world::isolate},
            {"isolate some", &world::isolate_some},
            {"isolate the coldest", &world::isolate_coldest},
            {"putback", &world::put_back},
            {"putback some", &world::put_back_some},
            {"putback to", &world::put_back_to},
            {"pin", &world::pin},
            {"unpin", &world::unpin},
            {"pinned", &world::hold_pin},
            {"move", &world::move},
            {"move some", &world::move_some},
            {"age", &world::age},
            {"reclaim", &world::reclaim},
            {"evicted", &world::evicted},
            {"transfer", &world::transfer},
            {"forget", &world::forget},
            {"hint", &world::hint},
            {"refault", &world::refault},
            {"look", &world::look},
            {"batches", &world::batches},
            {"groups", &world::groups},
        };
        const auto& [what, call] = verbs[any(std::size(verbs))];
        INFO("step " << step_ << ": " << what);
        for (std::uint32_t n = any(4) + 1; n != 0; --n)
            (this->*call)();
    }
    void add_one(status got, frame f, group_id g) {
        tracked* const t = entry_of(f);
        if (t == nullptr) return expect(got, status::foreign_frame);
        if (!is_live(g)) return expect(got, status::invalid_argument);
        expect(got, t->is_tracked ? status::busy : status::ok);
        if (got == status::ok) *t = {.is_tracked = true, .group = lead(g)};
    }
    void add() {
        const frame f = any_frame();
        const group_id g = any_group();
        const lru_token token = any_token();
        add_one(tracker_.add(f, g, token, any(2) * any(1000)), f, g);
    }
    void add_some() {
        const std::vector<frame> some = some_frames();
        const group_id g = any_group();
        std::size_t shall = 0;
        for (const frame f : some)
            if (tracked* const t = entry_of(f); t != nullptr && !t->is_tracked && is_live(g)) {
                *t = {.is_tracked = true, .group = lead(g)};
                ++shall;
            }
        REQUIRE(tracker_.add(some, g, any_token()) == shall);
    }
    void touch() {
        const frame f = any_frame();
        const tracked* const t = entry_of(f);
        if (t != nullptr && t->is_tracked && any(2) == 0)
            tracker_.touch(f, t->group);
        else
            tracker_.touch(f);
    }
    void touch_some() {
        std::array<std::uint64_t, 3> bits;
        for (std::uint64_t& word : bits)
            word = random_() & random_();
        tracker_.touch(any_frame(), bits[0]);
        tracker_.touch(any_frame(), std::span<const std::uint64_t>{bits}.first(any(4)));
    }
    void isolate() {
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        const status got = tracker_.isolate(f);
        if (t == nullptr) return expect(got, status::foreign_frame);
        expect(got, claim_of(*t));
        if (got == status::ok) t->is_isolated = true;
    }
    void isolate_some() {
        const std::vector<frame> some = some_frames();
        std::vector<frame> out(any(some.size() + 2)), shall;
        for (const frame f : some)
            if (tracked* const t = entry_of(f);
                t != nullptr && t->is_claimable() && shall.size() != out.size()) {
                t->is_isolated = true;
                shall.push_back(f);
            }
        out.resize(tracker_.isolate(some, out));
        REQUIRE(out == shall);
    }
    void took(frame f, group_id g) {
        tracked* const t = entry_of(f);
        REQUIRE(t != nullptr);
        REQUIRE(t->is_claimable());
        REQUIRE((have_groups_changed_ || t->group == lead(g)));
        t->is_isolated = true;
    }
    void isolate_coldest() {
        const group_id g = any_group();
        have_groups_changed_ = false;
        std::vector<frame> out(any(4) == 0 ? any(70) : any(4));
        out.resize(tracker_.isolate_coldest(g, out));
        REQUIRE((out.empty() || is_live(g)));
        for (const frame f : out)
            took(f, g);
    }
    void put_back() {
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        const status got = tracker_.putback(f, any_place());
        if (t == nullptr) return expect(got, status::foreign_frame);
        expect(got, held_of(*t));
        if (got == status::ok) t->is_isolated = false;
    }
    void put_back_some() {
        std::vector<frame> some;
        if (any(2) == 0)
            some = some_frames();
        else
            for (std::uint32_t n = 0; n != size(); ++n)
                if (frames_[n].is_isolated) some.push_back(name(n));
        std::size_t shall = 0;
        for (const frame f : some)
            if (tracked* const t = entry_of(f); t != nullptr && t->is_isolated) {
                t->is_isolated = false;
                ++shall;
            }
        REQUIRE(tracker_.putback(some, any_place()) == shall);
    }
    void put_back_to() {
        const frame f = any_frame();
        const group_id to = any_group();
        tracked* const t = entry_of(f);
        const status got = tracker_.putback_to(f, to, any_place());
        if (t == nullptr) return expect(got, status::foreign_frame);
        const status held = held_of(*t);
        expect(got, held != status::ok ? held : is_live(to) ? status::ok : status::invalid_argument);
        if (got == status::ok) t->is_isolated = false, t->group = lead(to);
    }
    void pin() {
        constexpr std::uint32_t most = state_word::max_references - 1;
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        for (std::uint32_t n = any(100) == 0 ? most + 1 : 1; n != 0; --n) {
            const status got = tracker_.pin(f);
            if (t == nullptr) return expect(got, status::foreign_frame);
            if (!t->is_tracked) return expect(got, status::absent);
            const std::uint32_t references = t->pins + t->is_isolated;
            expect(got, references < most ? status::ok : status::no_memory);
            t->pins += got == status::ok;
        }
    }
    void unpin() {
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        if (t != nullptr && t->held != 0 && t->pins == t->held) return; // these are a pinned_frame's
        for (bool all = any(2) == 0;; all = all && t->pins != t->held) {
            const status got = tracker_.unpin(f);
            if (t == nullptr) return expect(got, status::foreign_frame);
            if (!t->is_tracked) return expect(got, status::absent);
            expect(got, t->pins != 0 ? status::ok : status::invalid_argument);
            t->pins -= got == status::ok;
            if (!all || t->pins == t->held) return;
        }
    }
    void hold_pin() {
        if (any(2) == 0 && !pins_.empty()) {
            tracked& t = *entry_of(pins_.back().get());
            --t.pins;
            --t.held;
            pins_.pop_back();
            return;
        }
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        auto got = tracker_.pinned(f);
        if (t == nullptr) return expect(got.error(), status::foreign_frame);
        if (!t->is_tracked) return expect(got.error(), status::absent);
        if (!got) return expect(got.error(), status::no_memory);
        ++t->pins;
        ++t->held;
        pins_.push_back(std::move(*got));
    }
    static status moved_of(const tracked& t) {
        if (!t.is_tracked) return status::absent;
        return t.is_isolated ? status::busy : status::ok;
    }
    void move() {
        const frame f = any_frame();
        const group_id to = any_group();
        tracked* const t = entry_of(f);
        const status got = tracker_.move_group(f, to);
        if (t == nullptr) return expect(got, status::foreign_frame);
        expect(got, is_live(to) ? moved_of(*t) : status::invalid_argument);
        if (got == status::ok) t->group = lead(to);
    }
    void move_some() {
        const std::vector<frame> some = some_frames();
        const group_id to = any_group();
        std::size_t shall = 0;
        for (const frame f : some)
            if (tracked* const t = entry_of(f); t != nullptr && is_live(to) && moved_of(*t) == status::ok) {
                t->group = lead(to);
                ++shall;
            }
        REQUIRE(tracker_.move_group(some, to) == shall);
    }
    void age() {
        if (any(2) == 0) return tracker_.age();
        const group_id g = any_group();
        for (std::uint32_t ticks = any(8) == 0 ? any(200) : 1; ticks != 0; --ticks)
            expect(tracker_.age(g), is_live(g) ? status::ok : status::invalid_argument);
    }
    void evicted() {
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        const std::uint64_t key = any(1000);
        const result<lru_token> got = any(2) == 0 ? tracker_.evicted(f) : tracker_.evicted(f, key);
        if (t == nullptr) return expect(got.error(), status::foreign_frame);
        const status held = held_of(*t);
        expect(got.error(), held == status::ok && t->pins != 0 ? status::busy : held);
        if (got) left(f, *got);
    }
    void left(frame f, lru_token token) {
        tracked& t = *entry_of(f);
        REQUIRE(token);
        REQUIRE(token.group() == t.group);
        tokens_[any(tokens_.size())] = token;
        t = {};
    }
    void transfer() {
        const frame from = any_frame(), to = any_frame();
        tracked *const t = entry_of(from), *const u = entry_of(to);
        const status got = tracker_.transfer(from, to);
        if (t == nullptr || u == nullptr) return expect(got, status::foreign_frame);
        if (const status held = held_of(*t); held != status::ok) return expect(got, held);
        expect(got, t->pins != 0 || u->is_tracked ? status::busy : status::ok);
        if (got == status::ok) *u = std::exchange(*t, {});
    }
    void forget() {
        const frame f = any_frame();
        tracked* const t = entry_of(f);
        const status got = tracker_.forget(f);
        if (t == nullptr) return expect(got, status::foreign_frame);
        expect(got, claim_of(*t));
        if (got == status::ok) *t = {};
    }
    void hint() {
        if (any(4) == 0) return tracker_.deactivate(any_range());
        tracker_.hint(any_range(), static_cast<lru_hint>(any(3)));
    }
    void refault() {
        (void)tracker_.refault(any_token());
        tracker_.remember(any(1000), any_token());
        if (const lru_token token = tracker_.refault_of(any(1000), any_group()))
            tokens_[any(tokens_.size())] = token;
    }
    void look() {
        const group_id g = any_group();
        const lru_stats stats = tracker_.stats(g);
        REQUIRE(stats.listed.raw() <= size());
        std::uint64_t shall = 0;
        if (is_live(g))
            for (const tracked& t : frames_)
                shall += t.is_tracked && t.group == lead(g);
        REQUIRE(tracker_.age_histogram(g).total() == shall);
        REQUIRE(tracker_.working_set(g, 255).raw() == shall);
        std::vector<frame> out(any(size() + 2));
        out.resize(tracker_.cold_frames(g, static_cast<std::uint8_t>(any(4)), out, any_frame()));
        for (const frame f : out)
            REQUIRE((entry_of(f)->is_claimable() && entry_of(f)->group == lead(g)));
        const miss_curve curve = tracker_.miss_curve(g);
        REQUIRE(curve.with_more(frame_count{any(size())}) <= curve.misses);
    }
    void batches() {
        switch (any(4)) {
        case 0: return expect(tracker_.drain(), status::ok);
        case 1:
            if (closed_.size() < 3) closed_.push_back(std::move(*tracker_.disable_batches()));
            return;
        default: closed_.clear();
        }
    }
    void groups() {
        const group_id g = any_group();
        switch (any(5)) {
        case 0:
        case 1:
            if (const result<group_id> made = tracker_.create_group())
                for (const tracked& t : frames_)
                    REQUIRE((!t.is_tracked || t.group != *made));
            return;
        case 2: {
            const bool is_group = is_live(g);
            const bool is_used = is_group && std::ranges::any_of(frames_, [&](const tracked& t) {
                                     return t.is_tracked && t.group == g;
                                 });
            const bool can_go = is_group && g != root_group && lead(g) == g;
            expect(tracker_.remove_group(g), !can_go   ? status::invalid_argument
                                             : is_used ? status::busy
                                                       : status::ok);
            return;
        }
        default: {
            const group_id into = any_group();
            const bool can =
                is_live(g) && lead(g) == g && g != root_group && is_live(into) && lead(into) != g;
            expect(tracker_.merge_groups(g, into), can ? status::ok : status::invalid_argument);
            if (!can) return;
            for (tracked& t : frames_)
                if (t.group == g) t.group = lead(into);
        }
        }
    }

    // ---- reclaim ----

    struct answered {
        frame f;
        reclaim_answer answer;
        bool is_possible;
    };
    // Effects: the model hears what became of the frame whose answer was carried out.
    void carry_out() {
        if (!answered_) return;
        const auto [f, answer, is_possible] = *std::exchange(answered_, std::nullopt);
        tracked& t = *entry_of(f);
        REQUIRE((answer.what != verdict::reclaim || !is_possible)); // release() would have been called
        t.is_isolated = false;
        if (!is_possible) return;
        t.pins += answer.what == verdict::pin;
        if (answer.what == verdict::move) t.group = lead(answer.to);
    }
    reclaim_answer decide(frame f, group_id g) {
        carry_out();
        took(f, g);
        tracked& t = *entry_of(f);
        // What others do meanwhile.
        switch (any(12)) {
        case 0: t.pins += tracker_.pin(f) == status::ok; break;
        case 1: tracker_.touch(f); break;
        case 2: tracker_.age(); break;
        case 3: REQUIRE(tracker_.forget(f) == status::busy); break;
        case 4: REQUIRE(tracker_.drain() == status::ok); break;
        case 5: add(); break;
        case 6:
            groups(); // may give the id g to another group
            have_groups_changed_ = true;
            break;
        case 7: throw std::runtime_error("decide");
        default: break;
        }
        const auto what = static_cast<verdict>(any(5));
        const group_id to = what == verdict::move ? any_group() : root_group;
        const bool is_possible =
            what == verdict::reclaim ? t.pins == 0 : what != verdict::move || is_live(to);
        answered_ = {f, {what, to}, is_possible};
        return answered_->answer;
    }
    void reclaim() {
        const group_id g = any_group();
        const frame_count budget{any(4) == 0 ? any(200) : any(4)};
        std::uint64_t released = 0;
        have_groups_changed_ = false;
        try {
            const scan_result done = tracker_.reclaim(
                g, budget, [&](frame f) { return decide(f, g); },
                [&](frame f, lru_token token) {
                    const auto [wanted, answer, is_possible] = *std::exchange(answered_, std::nullopt);
                    REQUIRE(wanted == f);
                    REQUIRE((answer.what == verdict::reclaim && is_possible));
                    left(f, token);
                    ++released;
                    if (any(12) == 0) throw std::runtime_error("release");
                });
            carry_out();
            REQUIRE(done.isolated <= budget);
            REQUIRE(done.reclaimed.raw() == released);
            REQUIRE(done.isolated ==
                    done.reclaimed + done.kept + done.rotated + done.pinned + done.moved + done.refused);
        } catch (const std::runtime_error& e) {
            if (e.what()[0] == 'd') { // the frame that was asked about has gone back, too
                for (std::uint32_t n = 0; n != size(); ++n)
                    if (frames_[n].is_isolated && tracker_.state_of(name(n)).place != lru_place::isolated)
                        frames_[n].is_isolated = false;
            }
        }
    }

    // ---- after each step ----

    void compare() {
        INFO("step " << step_);
        for (std::uint32_t n = 0; n != size(); ++n) {
            const lru_state is = tracker_.state_of(name(n));
            const tracked& shall = frames_[n];
            const bool in_place = !shall.is_tracked   ? is.place == lru_place::untracked
                                  : shall.is_isolated ? is.place == lru_place::isolated
                                  : shall.pins == 0
                                      ? is.place == lru_place::listed || is.place == lru_place::batched
                                      : is.place != lru_place::untracked && is.place != lru_place::isolated;
            INFO("frame " << n << ": " << cordon::name(is.place) << ", " << is.pins << " pins, group "
                          << is.group.raw() << "; model: " << shall.is_tracked << shall.is_isolated << ", "
                          << shall.pins << " pins, group " << shall.group.raw());
            if (!in_place || is.pins != shall.pins || (shall.is_tracked && is.group != shall.group))
                REQUIRE(false);
        }
        const lru_validation valid = tracker_.validate(true);
        INFO((valid ? "" : valid.what));
        REQUIRE(valid);
        if constexpr (requires { tracker_.internals().parts().head->pool.used; }) {
            const auto& core = tracker_.internals();
            const std::uint64_t lists = std::uint64_t{core.group_capacity()} * R::lists;
            REQUIRE(core.parts().head->pool.used.load(std::memory_order_relaxed) <
                    std::remove_cvref_t<decltype(core.lists())>::cells(size(), lists));
        }
    }

    rng random_;
    tracker tracker_;
    std::vector<tracked> frames_;
    std::array<lru_token, 16> tokens_{};
    std::vector<typename tracker::pinned_frame> pins_;
    std::vector<typename tracker::batches_disabled> closed_;
    std::optional<answered> answered_;
    bool have_groups_changed_ = false;
    unsigned step_ = 0;
};

template <class R>
void run(unsigned steps, const R& how = {}) {
    rng random{seed()};
    constexpr std::uint32_t sizes[] = {1, 2, 63, 64, 65, 1000};
    for (const std::uint32_t frames : sizes)
        for (const std::uint32_t groups : {1u, 2u, 7u, 40u}) {
            const auto start = random();
            INFO(frames << " frames, " << groups << " groups");
            world<R>{{.frames = some_frames(frames, first_frame),
                      .groups = groups,
                      .min_ttl_ns = R::ages_in_ticks && how.next_tick(0) != 0 && groups == 2 ? 1000u : 0u,
                      .ghost_entries = groups == 7 ? 100u : 0u},
                     how,
                     start}
                .run(scaled(steps));
        }
}

using some_policies = replacement::any_policy<
    replacement::fifo, replacement::clock<1>, replacement::clock<3>, replacement::clock<1, list_kind::hand>,
    replacement::two_list, replacement::generations<3>, replacement::generations<4>, replacement::s3_fifo<1>,
    replacement::s3_fifo<2>, replacement::sieve, replacement::lirs, replacement::adaptive>;

constexpr unsigned steps = 1000;

} // namespace

TEST_CASE("Every verb keeps every frame in its place with adaptive", "[lru]") {
    run<replacement::adaptive>(steps);
}
TEST_CASE("Every verb keeps every frame in its place with generations on rings", "[lru]") {
    run<replacement::generations<4>>(steps);
}
TEST_CASE("Every verb keeps every frame in its place with generations on links", "[lru]") {
    run<replacement::generations<8>>(steps);
}
TEST_CASE("Every verb keeps every frame in its place with a hand", "[lru]") {
    run<replacement::clock<1, list_kind::hand>>(steps);
}
TEST_CASE("Every verb keeps every frame in its place with an exact and a lazy lru", "[lru]") {
    run(steps, replacement::lru{});
    run(steps, replacement::lru{2});
}
TEST_CASE("Every verb keeps every frame in its place with a policy chosen at run time", "[lru]") {
    for (unsigned number = 0; number != 12; ++number) {
        INFO("policy " << number);
        run(steps, some_policies::at(number));
    }
}
