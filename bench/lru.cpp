// lru.cpp - what tracking costs: touching, isolating and scanning; and how well the policies choose.
// SPDX-License-Identifier: BSL-1.0
#include "support/lru_hit_ratios.hpp"
#include "support/patterns.hpp"
#include "support/program.hpp"
#include "support/replacement/shared_pool.hpp"

#include <cordon/sync/spin_lock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bench;
namespace replacement = cordon::replacement;

constexpr const char* about =
    R"(What tracking frames costs, and how well the replacement policies choose.

  touch           a frame of a hot set, or a random one of many. byte_store: load a byte, store it if it differs;
                  fetch_or: the same with a read-modify-write of a word; two_groups: of an LRU that may have two;
                  group_known: of the same, touch(frame, group)
  isolate         one frame after the other, uncontended, in random order; and putback. lock_unlink: a spin lock and
                  a linked list without claims or groups; compare_exchange: one on a word for each frame
  isolate_32      in batches of 32
  scan            a frame that a scan looks at and keeps, listed in the order of frames or shuffled;
                  100_million_a_second: what we allow, of linked lists 15_million_a_second
  age_scan        a frame of a look at all ages, which claims nothing. bytes: a loop over the bytes
  fairness        percentage points of hits that one of a thousand tenants, each with a group of its own, costs the
                  others by scanning; one_group: all in one group; one_point: what we allow
  metadata        bytes a frame

With --hit-ratios [files and directories...]: a table of policies x traces x sizes with the optimum.
)";

constexpr std::uint32_t hot_frames = 1u << 10, some_frames = 1u << 16, many_frames = 1u << 22;

cordon::frame_range first_frames(std::uint32_t n) {
    return {cordon::frame{0}, cordon::frame_count{n}};
}

// What is refused is quickly done: nobody is to look fast by it.
void require_all(std::size_t done, std::size_t wanted, const char* what) {
    if (done != wanted) give_up(what);
}

template <class Replacement>
struct tracked {
    explicit tracked(std::uint32_t n, std::uint32_t groups = 1) : tracker(first_frames(n), groups) {
        std::size_t added = 0;
        for (const cordon::frame f : first_frames(n))
            added += tracker.add(f) == cordon::status::ok;
        require_all(added, n, "add");
        if (tracker.drain() != cordon::status::ok) give_up("drain");
    }
    cordon::lru<Replacement> tracker;
};

// The numbers below n in random order.
std::vector<cordon::frame> shuffled(std::uint32_t n) {
    std::vector<cordon::frame> all(n);
    for (std::uint32_t k = 0; k != n; ++k)
        all[k] = cordon::frame{k};
    random_numbers{n}.shuffle(all);
    return all;
}

// ---- touch ----

// A contestant that does touch(state, frame) for the frames of the order.
template <class Make, class Touch>
contestant toucher(const char* name, std::uint32_t frames, Make make, Touch touch) {
    return {name, [=] {
                auto state = make(frames);
                // The same frames in each lap; so many that those of a large range do not stay in the caches.
                auto order = std::make_shared<std::vector<cordon::frame>>(1u << 20);
                random_numbers random{frames};
                for (cordon::frame& f : *order)
                    f = cordon::frame{random.below(frames)};
                return [=]() -> std::vector<reading> {
                    const stopwatch time;
                    for (cordon::frame f : *order) {
                        touch(*state, f);
                        keep(f);
                    }
                    return {time.read(static_cast<double>(order->size()))};
                };
            }};
}
template <class Replacement, std::uint32_t Groups = 1>
auto make_tracked = [](std::uint32_t n) { return std::make_shared<tracked<Replacement>>(n, Groups); };

// One loop of each base for all policies: two copies of it can differ by how they lie in the processor's lines.
using age_bytes = std::vector<std::atomic<std::uint8_t>>;
using state_words = std::vector<std::atomic<std::uint32_t>>;
contestant byte_store(std::uint32_t frames) {
    return toucher(
        "byte_store", frames, [](std::uint32_t n) { return std::make_shared<age_bytes>(n); },
        [](age_bytes& b, cordon::frame f) {
            std::atomic<std::uint8_t>& cell = b[f.raw()];
            if (cell.load(std::memory_order_relaxed) != 1) cell.store(1, std::memory_order_relaxed);
        });
}
contestant fetch_or(std::uint32_t frames) {
    return toucher(
        "fetch_or", frames, [](std::uint32_t n) { return std::make_shared<state_words>(n); },
        [](state_words& w, cordon::frame f) { w[f.raw()].fetch_or(1, std::memory_order_relaxed); });
}

template <class Replacement>
void add_touch(suite& all, const std::string& policy, std::uint32_t frames, goal wanted) {
    constexpr auto touch = [](auto& t, cordon::frame f) { t.tracker.touch(f); };
    constexpr auto touch_in_group = [](auto& t, cordon::frame f) { t.tracker.touch(f, cordon::root_group); };
    all.add({.figures = {{.name = "touch", .wanted = wanted}},
             .arguments = policy + "/frames:" + std::to_string(frames),
             .bases = {"byte_store"},
             .contestants = {
                 toucher("one_group", frames, make_tracked<Replacement>, touch),
                 toucher("two_groups", frames, make_tracked<Replacement, 2>, touch),
                 toucher("group_known", frames, make_tracked<Replacement, 2>, touch_in_group),
                 byte_store(frames),
                 fetch_or(frames),
             }});
}

// ---- isolate ----

// A linked list under a lock: what moving a frame costs without claims, groups and batches.
class locked_list {
public:
    explicit locked_list(std::uint32_t n) : links_(n + 1) {
        for (std::uint32_t i = 0; i <= n; ++i)
            links_[i] = {i == 0 ? n : i - 1, i == n ? 0 : i + 1};
    }
    void unlink(std::uint32_t i) {
        const cordon::guard<lock> hold{lock_};
        const link l = links_[i];
        links_[l.older].newer = l.newer;
        links_[l.newer].older = l.older;
    }
    void push(std::uint32_t i) {
        const cordon::guard<lock> hold{lock_};
        const auto head = static_cast<std::uint32_t>(links_.size() - 1);
        links_[i] = {links_[head].older, head};
        links_[links_[head].older].newer = i;
        links_[head].older = i;
    }

private:
    using lock = cordon::default_policy::zone_lock;
    struct link {
        std::uint32_t older, newer;
    };
    lock lock_;
    std::vector<link> links_;
};

// A contestant that takes the frames of an order away, then puts them back; each returns how many.
template <class State, class Take, class Give>
contestant isolator(const char* name, Take take, Give give) {
    return {name, [=] {
                auto state = std::make_shared<State>(some_frames);
                auto order = std::make_shared<std::vector<cordon::frame>>(shuffled(some_frames));
                auto at = std::make_shared<std::size_t>(0);
                return [=]() -> std::vector<reading> {
                    constexpr std::size_t count = 4096;
                    const std::span part{order->data() + *at, count};
                    *at = (*at + count) % order->size();
                    const stopwatch taking;
                    const std::size_t taken = take(*state, part);
                    const reading of_taking = taking.read(count);
                    require_all(taken, count, "isolate");
                    const stopwatch giving;
                    const std::size_t given = give(*state, part);
                    const reading of_giving = giving.read(count);
                    require_all(given, count, "putback");
                    return {of_taking, of_giving};
                };
            }};
}

// Returns: for how many frames f(frame) is true.
template <class F>
std::size_t count_of(std::span<const cordon::frame> frames, F f) {
    std::size_t n = 0;
    for (const cordon::frame one : frames)
        n += f(one);
    return n;
}
constexpr auto isolate_each = [](auto& t, std::span<const cordon::frame> frames) {
    return count_of(frames, [&](cordon::frame f) { return t.tracker.isolate(f) == cordon::status::ok; });
};
constexpr auto put_back_each = [](auto& t, std::span<const cordon::frame> frames) {
    return count_of(frames, [&](cordon::frame f) { return t.tracker.putback(f) == cordon::status::ok; });
};
constexpr auto isolate_32 = [](auto& t, std::span<const cordon::frame> frames) {
    std::size_t n = 0;
    for (cordon::frame out[32]; !frames.empty(); frames = frames.subspan(32))
        n += t.tracker.isolate(frames.first(32), out);
    return n;
};
constexpr auto put_back_32 = [](auto& t, std::span<const cordon::frame> frames) {
    std::size_t n = 0;
    for (; !frames.empty(); frames = frames.subspan(32))
        n += t.tracker.putback(frames.first(32));
    return n;
};

template <std::uint32_t From>
constexpr auto exchange_each = [](state_words& w, std::span<const cordon::frame> frames) {
    return count_of(frames, [&](cordon::frame f) {
        std::uint32_t expected = From;
        return w[f.raw()].compare_exchange_strong(expected, 1 - From, std::memory_order_acq_rel);
    });
};

void add_isolate(suite& all) {
    using ring = tracked<replacement::s3_fifo<>>;
    using linked = tracked<replacement::lru>;
    const auto unlink_each = [](locked_list& l, std::span<const cordon::frame> frames) {
        return count_of(frames, [&](cordon::frame f) { return l.unlink(f.raw()), true; });
    };
    const auto push_each = [](locked_list& l, std::span<const cordon::frame> frames) {
        return count_of(frames, [&](cordon::frame f) { return l.push(f.raw()), true; });
    };
    const std::string arguments = "frames:" + std::to_string(some_frames);
    all.add({.figures = {{.name = "isolate"}, {.name = "putback"}},
             .arguments = arguments,
             .bases = {"lock_unlink"},
             .contestants = {isolator<ring>("ring", isolate_each, put_back_each),
                             isolator<linked>("linked", isolate_each, put_back_each),
                             isolator<locked_list>("lock_unlink", unlink_each, push_each),
                             isolator<state_words>("compare_exchange", exchange_each<0>, exchange_each<1>)}});
    all.add({.figures = {{.name = "isolate_32"}, {.name = "putback_32"}},
             .arguments = arguments,
             .bases = {"lock_unlink"},
             .contestants = {isolator<ring>("ring", isolate_32, put_back_32),
                             isolator<linked>("linked", isolate_32, put_back_32),
                             isolator<locked_list>("lock_unlink", unlink_each, push_each)}});
}

// ---- scan ----

// A contestant whose scan passes all frames, as all were touched, and takes one.
template <class Replacement>
contestant scanner(const char* name, bool in_random_order = false) {
    return {name, [=] {
                auto state = std::make_shared<tracked<Replacement>>(some_frames);
                if (in_random_order)
                    for (const cordon::frame f : shuffled(some_frames)) {
                        require_all(isolate_each(*state, {&f, 1}), 1, "isolate");
                        require_all(put_back_each(*state, {&f, 1}), 1, "putback");
                    }
                return [=]() -> std::vector<reading> {
                    auto& tracker = state->tracker;
                    for (const cordon::frame f : tracker.frames())
                        tracker.touch(f);
                    const std::uint64_t before = tracker.stats().scanned;
                    cordon::frame coldest;
                    const stopwatch time;
                    const std::size_t taken = tracker.isolate_coldest(cordon::root_group, {&coldest, 1});
                    const reading read = time.read(static_cast<double>(tracker.stats().scanned - before));
                    require_all(taken, 1, "isolate_coldest");
                    require_all(put_back_each(*state, {&coldest, 1}), 1, "putback");
                    return {read};
                };
            }};
}
// What a frame may take, for so many million frames in a second.
contestant allowed(const char* name, double millions) {
    return {name, [=] {
                return
                    [=]() -> std::vector<reading> { return {{.operations = 1, .cpu_ns = 1000 / millions}}; };
            }};
}
template <class Replacement>
void add_scan(suite& all, const char* policy) {
    constexpr bool is_linked = Replacement::kind == cordon::list_kind::linked;
    const auto limit = is_linked ? allowed("15_million_a_second", 15) : allowed("100_million_a_second", 100);
    all.add(
        {.figures = {{.name = "scan", .wanted = goal::at_most(1)}},
         .arguments = policy + std::string{"/frames:"} + std::to_string(some_frames),
         .bases = {limit.name},
         .contestants = {scanner<Replacement>("in_order"), scanner<Replacement>("shuffled", true), limit}});
}
void add_scans(suite& all) {
    add_scan<replacement::clock<1, cordon::list_kind::hand>>(all, "clock_hand");
    add_scan<replacement::clock<>>(all, "clock");
    add_scan<replacement::two_list>(all, "two_list");
    add_scan<replacement::generations<>>(all, "generations");
    add_scan<replacement::sieve>(all, "sieve");
    add_scan<replacement::s3_fifo<>>(all, "s3_fifo");
    add_scan<replacement::lirs>(all, "lirs");
    add_scan<replacement::adaptive>(all, "adaptive");
    add_scan<replacement::clock<1, cordon::list_kind::linked>>(all, "clock_linked");
    const auto limit = allowed("100_million_a_second", 100);
    all.add(
        {.figures = {{.name = "age_scan", .wanted = goal::at_most(1)}},
         .arguments = "frames:" + std::to_string(some_frames),
         .bases = {limit.name},
         .contestants = {
             {"cold_frames",
              [] {
                  auto state = std::make_shared<tracked<replacement::lirs>>(some_frames);
                  return [=]() -> std::vector<reading> {
                      const stopwatch time;
                      cordon::frame cold;
                      const std::size_t found = state->tracker.cold_frames(cordon::root_group, 1, {&cold, 1});
                      const reading read = time.read(some_frames);
                      require_all(found, 0, "cold_frames"); // or it would have ended early
                      return {read};
                  };
              }},
             {"age_histogram",
              [] {
                  auto state = std::make_shared<tracked<replacement::lirs>>(some_frames);
                  return [=]() -> std::vector<reading> {
                      const stopwatch time;
                      auto ages = state->tracker.age_histogram();
                      keep(ages.by_age[0]);
                      const reading read = time.read(some_frames);
                      require_all(ages.total(), some_frames, "age_histogram");
                      return {read};
                  };
              }},
             {"bytes",
              [] {
                  auto bytes = std::make_shared<std::vector<std::uint8_t>>(some_frames);
                  return [=]() -> std::vector<reading> {
                      const stopwatch time;
                      std::uint64_t cold = 0;
                      for (const std::uint8_t b : *bytes)
                          cold += b == 0;
                      keep(cold);
                      return {time.read(some_frames)};
                  };
              }},
             limit}});
}

// ---- fairness ----

template <class Replacement>
contestant disturbed(const char* name, bool own_groups) {
    return {name, [=] {
                // Always the same, so once is enough.
                const double points =
                    cordon::testing::replacement::cost_of_a_scanner<Replacement>({.own_groups = own_groups});
                return [=]() -> std::vector<reading> { return {reading::of_amount(points)}; };
            }};
}
void add_fairness(suite& all) {
    all.add(
        {.figures =
             {{.name = "fairness", .what = quantity::amount, .unit = "points", .wanted = goal::at_most(1)}},
         .arguments = "groups:1000",
         .bases = {"one_point"},
         .contestants = {disturbed<replacement::s3_fifo<>>("s3_fifo", true),
                         disturbed<replacement::lru>("lru", true),
                         disturbed<replacement::adaptive>("adaptive", true),
                         disturbed<replacement::s3_fifo<>>("s3_fifo_one_group", false),
                         disturbed<replacement::lru>("lru_one_group", false),
                         {"one_point",
                          [] { return []() -> std::vector<reading> { return {reading::of_amount(1)}; }; }}}});
}

// ---- metadata ----

template <class Replacement>
contestant sized(const char* name) {
    return {name, [] {
                return []() -> std::vector<reading> {
                    const cordon::lru_options options{.frames = first_frames(many_frames)};
                    const auto bytes = static_cast<double>(cordon::lru<Replacement>::metadata_bytes(options));
                    return {reading::of_amount(bytes / many_frames)};
                };
            }};
}

void questions(suite& all, const std::vector<peer>&) {
    for (const auto& [frames, wanted] : {std::pair{hot_frames, 1.3}, {many_frames, 1.5}}) {
        add_touch<replacement::s3_fifo<>>(all, "s3_fifo", frames, goal::at_most(wanted));
        add_touch<replacement::adaptive>(all, "adaptive", frames, goal::at_most(wanted));
    }
    add_isolate(all);
    add_scans(all);
    add_fairness(all);
    all.add({.figures = {{.name = "metadata", .what = quantity::amount, .unit = "bytes"}},
             .arguments = "frames:" + std::to_string(many_frames),
             .contestants = {sized<replacement::s3_fifo<>>("s3_fifo"),
                             sized<replacement::clock<1, cordon::list_kind::hand>>("clock_hand"),
                             sized<replacement::adaptive>("adaptive"), sized<replacement::lru>("lru")}});
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view{argv[1]} == "--hit-ratios")
        return print_hit_ratios({argv + 2, argv + argc});
    return run_program(argc, argv, about, questions);
}
