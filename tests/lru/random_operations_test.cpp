// tests/lru/random_operations_test.cpp - random sequences of all verbs against a model that knows no atomics.
// SPDX-License-Identifier: BSL-1.0
//
// After each step every frame is where the model says, every list has the model's order, and validate() finds the
// invariants whole: each frame is in one place; lists, counts and words agree; the group of a list is that of its
// frames; no evictable frame stays unevictable.
#include "cordon/lru.hpp"

#include "support/catch.hpp"
#include "support/lrus.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

// The policies by what they do: a touch moves (lru), or sets a bit that a scan takes (clock), or nothing.
struct model_rules {
    bool touch_moves = false;
    bool touch_marks = false;
};

struct model {
    struct tracked {
        lru_place place = lru_place::untracked;
        std::uint32_t group = 0;
        std::uint32_t pins = 0;
        bool touched = false;
    };
    static constexpr std::uint32_t gone = UINT32_MAX;
    model_rules rules;
    std::vector<tracked> frames;
    std::map<std::uint32_t, std::deque<std::uint32_t>> lists; // live groups; oldest first
    std::map<std::uint32_t, std::uint32_t> merged;            // id -> where it leads
    std::vector<std::uint32_t> batches[chosen_slots::max_slots];

    [[nodiscard]] bool is_live(std::uint32_t g) const { return lists.contains(g) || merged.contains(g); }
    [[nodiscard]] std::uint32_t lead(std::uint32_t g) const {
        const auto at = merged.find(g);
        return at == merged.end() ? g : at->second;
    }
    void unlink(std::uint32_t f) { std::erase(lists[frames[f].group], f); }
    void link(std::uint32_t f, bool newest = true) {
        tracked& t = frames[f];
        if (t.pins != 0) {
            t.place = lru_place::unevictable;
            return;
        }
        t.place = lru_place::listed;
        if (newest)
            lists[t.group].push_back(f);
        else
            lists[t.group].push_front(f);
    }
    void flush(slot_index s) {
        if (s.is_none()) return;
        for (const std::uint32_t f : batches[s.raw()])
            if (f != gone && frames[f].place == lru_place::batched) link(f);
        batches[s.raw()].clear();
    }
    status add(slot_index s, std::uint32_t f, std::uint32_t g) {
        if (!is_live(g)) return status::invalid_argument;
        if (!s.is_none() && batches[s.raw()].size() == 31) flush(s);
        if (frames[f].place != lru_place::untracked) return status::busy;
        if (!s.is_none()) std::ranges::replace(batches[s.raw()], f, gone); // where it was in an earlier life
        frames[f] = {lru_place::batched, lead(g), 0, false};
        if (s.is_none())
            link(f);
        else
            batches[s.raw()].push_back(f);
        return status::ok;
    }
    void touch(slot_index s, std::uint32_t f) {
        tracked& t = frames[f];
        if (rules.touch_marks && t.place != lru_place::untracked) t.touched = true;
        if (!rules.touch_moves) return;
        flush(s); // what was added before is older
        if (t.place != lru_place::listed) return;
        unlink(f);
        lists[t.group].push_back(f);
    }
    [[nodiscard]] bool is_claimable(std::uint32_t f) const {
        const tracked& t = frames[f];
        return (t.place == lru_place::listed || t.place == lru_place::batched) && t.pins == 0;
    }
    status isolate(std::uint32_t f) {
        if (frames[f].place == lru_place::untracked) return status::absent;
        if (!is_claimable(f)) return status::busy;
        unlink(f);
        frames[f].place = lru_place::isolated;
        return status::ok;
    }
    std::vector<std::uint32_t> scan(std::uint32_t g, std::size_t want) {
        std::vector<std::uint32_t> out;
        auto& list = lists[g];
        while (out.size() != want && !list.empty()) {
            const std::uint32_t f = list.front();
            list.pop_front();
            if (frames[f].pins != 0) {
                frames[f].place = lru_place::unevictable;
            } else if (frames[f].touched && rules.touch_marks) {
                frames[f].touched = false;
                list.push_back(f);
            } else {
                frames[f].place = lru_place::isolated;
                out.push_back(f);
            }
        }
        return out;
    }
    std::vector<std::uint32_t> isolate_coldest(slot_index s, std::uint32_t g, std::size_t want) {
        if (!is_live(g)) return {};
        flush(s);
        std::vector<std::uint32_t> out = scan(lead(g), want);
        if (!out.empty()) return out;
        drain();
        return scan(lead(g), want);
    }
    void drain() {
        for (std::uint32_t s = 0; s != chosen_slots::max_slots; ++s)
            flush(slot_index{s});
    }
    status putback(std::uint32_t f, putback_at at) {
        if (frames[f].place == lru_place::untracked) return status::absent;
        if (frames[f].place != lru_place::isolated) return status::not_isolated;
        if (frames[f].pins == 0 && at == putback_at::head) frames[f].touched = rules.touch_marks;
        if (frames[f].pins == 0 && at == putback_at::tail) frames[f].touched = false;
        link(f, at != putback_at::tail);
        return status::ok;
    }
    status pin(std::uint32_t f) {
        if (frames[f].place == lru_place::untracked) return status::absent;
        ++frames[f].pins;
        return status::ok;
    }
    status unpin(std::uint32_t f) {
        if (frames[f].place == lru_place::untracked) return status::absent;
        if (frames[f].pins == 0) return status::invalid_argument;
        if (--frames[f].pins == 0 && frames[f].place == lru_place::unevictable) link(f);
        return status::ok;
    }
    status move(std::uint32_t f, std::uint32_t to) {
        if (!is_live(to)) return status::invalid_argument;
        if (frames[f].place == lru_place::untracked) return status::absent;
        if (frames[f].place == lru_place::isolated) return status::busy;
        unlink(f);
        frames[f].group = lead(to);
        link(f);
        return status::ok;
    }
    status evicted(std::uint32_t f) {
        if (frames[f].place == lru_place::untracked) return status::absent;
        if (frames[f].place != lru_place::isolated) return status::not_isolated;
        if (frames[f].pins != 0) return status::busy;
        frames[f] = {};
        return status::ok;
    }
    status forget(std::uint32_t f) {
        const status s = isolate(f);
        if (s == status::ok) frames[f] = {};
        return s;
    }
    status merge(std::uint32_t from, std::uint32_t into) {
        if (from == 0 || !lists.contains(from) || !is_live(into) || lead(into) == from)
            return status::invalid_argument;
        into = lead(into);
        auto& target = lists[into];
        target.insert(target.end(), lists[from].begin(), lists[from].end());
        lists.erase(from);
        for (auto& [id, to] : merged)
            if (to == from) to = into;
        merged[from] = into;
        for (tracked& t : frames)
            if (t.group == from) t.group = into;
        return status::ok;
    }
    [[nodiscard]] bool is_empty(std::uint32_t g) const {
        return std::ranges::none_of(
            frames, [&](const tracked& t) { return t.place != lru_place::untracked && t.group == g; });
    }
    status remove(std::uint32_t g) {
        if (g == 0 || !lists.contains(g)) return status::invalid_argument;
        if (!lists[g].empty()) return status::busy;
        drain();
        if (!is_empty(g)) return status::busy;
        lists.erase(g);
        std::erase_if(merged, [&](const auto& one) { return one.second == g; });
        return status::ok;
    }
};

constexpr std::uint32_t frames_in_all = 96;
constexpr std::uint32_t groups_in_all = 5;

template <class R>
class twin {
public:
    twin(model_rules rules, std::uint64_t start) : random_(start) {
        model_.rules = rules;
        model_.frames.resize(frames_in_all);
        model_.lists[0];
    }
    void run(int steps) {
        for (step_ = 0; step_ != steps; ++step_) {
            chosen_slots::mine = any(5) == 4 ? slot_index::none() : slot_index{any(4)};
            step();
            compare();
            if (step_ % 32 == 0) compact();
        }
        chosen_slots::mine = slot_index::none();
    }

private:
    std::uint32_t any(std::uint32_t n) { return static_cast<std::uint32_t>(random_.below(n)); }
    [[nodiscard]] static frame name(std::uint32_t f) { return frame{1000 + f}; }

    void step() {
        const slot_index s = chosen_slots::mine;
        const std::uint32_t f = any(frames_in_all), g = any(groups_in_all);
        const auto at = static_cast<putback_at>(any(3));
        what_ = std::to_string(step_);
        switch (any(18)) {
        case 0:
        case 1:
        case 2:
        case 3: return expect("add", tracker_.add(name(f), group_id{g}), model_.add(s, f, g));
        case 4:
        case 5:
        case 6: tracker_.touch(name(f)); return model_.touch(s, f);
        case 7: return expect("isolate", tracker_.isolate(name(f)), model_.isolate(f));
        case 8: {
            const auto want = any(5) + 1;
            std::vector<frame> out(want);
            out.resize(tracker_.isolate_coldest(group_id{g}, out));
            std::vector<frame> wanted;
            for (const std::uint32_t one : model_.isolate_coldest(s, g, want))
                wanted.push_back(name(one));
            INFO(what_);
            REQUIRE(out == wanted);
            return;
        }
        case 9:
        case 10: return expect("putback", tracker_.putback(name(f), at), model_.putback(f, at));
        case 11: return expect("pin", tracker_.pin(name(f)), model_.pin(f));
        case 12:
        case 13: return expect("unpin", tracker_.unpin(name(f)), model_.unpin(f));
        case 14: return expect("move", tracker_.move_group(name(f), group_id{g}), model_.move(f, g));
        case 15: return expect("evicted", tracker_.evicted(name(f)).error(), model_.evicted(f));
        case 16: return expect("forget", tracker_.forget(name(f)), model_.forget(f));
        default: return group_step(g);
        }
    }
    void group_step(std::uint32_t g) {
        switch (any(6)) {
        case 0:
        case 1: {
            const result<group_id> made = tracker_.create_group();
            INFO(what_);
            if (!made) {
                REQUIRE(model_.lists.size() + model_.merged.size() == groups_in_all);
                if (!model_.merged.empty()) model_.drain(); // it looked for ids that no frame bears
                return;
            }
            if (model_.is_live(made->raw())) { // the id of a merged group, with no frames left
                REQUIRE(model_.merged.contains(made->raw()));
                model_.drain();
                model_.merged.clear();
                for (std::uint32_t id = 1; id != groups_in_all; ++id)
                    if (!model_.lists.contains(id) && tracker_.internals().is_live(group_id{id}) &&
                        id != made->raw())
                        model_.merged[id] = tracker_.internals().root_of(group_id{id}).raw();
            }
            model_.lists[made->raw()];
            return;
        }
        case 2: {
            const std::uint32_t into = any(groups_in_all);
            return expect("merge", tracker_.merge_groups(group_id{g}, group_id{into}), model_.merge(g, into));
        }
        case 3: return expect("remove", tracker_.remove_group(group_id{g}), model_.remove(g));
        case 4: model_.drain(); return expect("drain", tracker_.drain(), status::ok);
        default:
            model_.drain();
            if (const auto token = tracker_.disable_batches(); any(2) == 0) (void)tracker_.drain();
            return;
        }
    }
    void expect(const char* verb, status got, status wanted) {
        INFO(what_ << " " << verb << ": " << name_of(got) << ", not " << name_of(wanted));
        REQUIRE(got == wanted);
        what_ += std::string(" ") + verb;
    }
    // Entries that claims left behind look current again after eight rounds (ring.hpp). The model has no such thing.
    void compact() {
        auto& core = tracker_.internals();
        if constexpr (requires {
                          core.lists().compact(core.list_at(root_group, 0), [](auto) { return true; });
                      })
            for (std::uint32_t g = 0; g != groups_in_all; ++g)
                core.lists().compact(core.list_at(group_id{g}, 0), [&](auto entry) {
                    return core.is_current(group_id{g}, 0, entry, core.peek(frame_index{entry.frame}));
                });
    }
    static std::string name_of(status s) { return std::string{cordon::name(s)}; }

    void compare() {
        INFO("step " << what_);
        for (std::uint32_t f = 0; f != frames_in_all; ++f) {
            const lru_state is = tracker_.state_of(name(f));
            const model::tracked& shall = model_.frames[f];
            if (is.place != shall.place || is.pins != shall.pins ||
                (is.place != lru_place::untracked && is.group.raw() != shall.group)) {
                INFO("frame " << f << " place " << int(is.place) << " " << int(shall.place) << " pins "
                              << is.pins << " " << shall.pins << " group " << is.group.raw() << " "
                              << shall.group);
                REQUIRE(false);
            }
        }
        for (const auto& [g, list] : model_.lists) {
            std::vector<frame> shall;
            for (const std::uint32_t f : list)
                shall.push_back(name(f));
            INFO("group " << g);
            REQUIRE(on_list(tracker_, group_id{g}) == shall);
        }
        const lru_validation valid = tracker_.validate(true);
        INFO((valid ? "" : valid.what));
        REQUIRE(valid);
    }

    rng random_;
    lru<R, small_lru_policy> tracker_{some_frames(frames_in_all), groups_in_all};
    model model_;
    int step_ = 0;
    std::string what_;
};

template <class R>
void run_twins(model_rules rules) {
    for (std::uint64_t round = 0; round != scaled(20u); ++round)
        twin<R>{rules, seed() + round}.run(2000);
}

} // namespace

TEST_CASE("A FIFO on a ring does what the model does", "[lru]") {
    run_twins<ring_fifo>({});
}
TEST_CASE("A FIFO on links does what the model does", "[lru]") {
    run_twins<linked_fifo>({});
}
TEST_CASE("A clock does what the model does", "[lru]") {
    run_twins<replacement::clock<1>>({.touch_marks = true});
}
TEST_CASE("An exact LRU does what the model does", "[lru]") {
    run_twins<replacement::lru>({.touch_moves = true});
}
