// lru/equality_test.cpp - cordon::lru evicts, frame for frame, what the reference simulators evict.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/lru.hpp"
#include "cordon/lru/policies/any_policy.hpp"
#include "cordon/lru/policies/fifo.hpp"
#include "cordon/lru/policies/s3_fifo.hpp"
#include "cordon/lru/policies/sieve.hpp"

#include "support/catch.hpp"
#include "support/replacement/clock.hpp"
#include "support/replacement/fifo.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/lru.hpp"
#include "support/replacement/pool.hpp"
#include "support/replacement/s3_fifo.hpp"
#include "support/replacement/sieve.hpp"
#include "support/scale.hpp"

namespace {

namespace replacement = cordon::replacement;
namespace reference = cordon::testing::replacement;
using cordon::testing::rng;
using cordon::testing::scaled;
using cordon::testing::seed;

struct named_trace {
    std::string name;
    reference::trace requests;
};

// Short ones of each kind, drawn; and those that the environment names.
std::vector<named_trace> traces() {
    rng random{seed()};
    const std::size_t length = scaled(std::size_t{20'000});
    std::vector<named_trace> all{
        {"zipf 0.6", reference::zipf_trace(length, 1000, 0.6, random())},
        {"zipf 1.0", reference::zipf_trace(length, 3000, 1.0, random())},
        {"uniform", reference::zipf_trace(length, 300, 0, random())},
        {"loop", reference::loop_trace(length, 150)},
        {"zigzag", reference::zigzag_trace(length, 150)},
        {"zipf and scans", reference::scan_trace(length, 500, 0.9, 700, 200, false, random())},
        {"zipf and loop", reference::scan_trace(length, 500, 0.9, 100, 100, true, random())},
        {"shifting", reference::shifting_trace(length, 300, 0.8, 500, random())},
        {"recency", reference::recency_trace(length, 0.01, random())},
        {"two pools", reference::two_pools_trace(length, 50, 1000, random())}};
    for (const auto& file : reference::trace_files_of_environment()) {
        reference::trace t = reference::read_trace(file);
        for (reference::request& r : t)
            r.size = 1;
        all.push_back({file.filename().string(), std::move(t)});
    }
    if (all.size() == 10) WARN("no trace files: CORDON_TRACES is not set");
    return all;
}

// Each access of each trace hits in both or in neither; then both hold the same pages, or a later access shows it.
template <class Simulator, class Replacement>
void check_equal(const Replacement& how, const auto& make_simulator) {
    static const std::vector<named_trace> all = traces();
    for (const named_trace& t : all)
        for (const std::size_t capacity : {1u, 2u, 10u, 33u, 100u, 149u, 400u}) {
            Simulator simulator = make_simulator(capacity);
            reference::pool<Replacement> pool{capacity, how};
            std::size_t differs = t.requests.size();
            for (std::size_t n = 0; n != t.requests.size() && differs == t.requests.size(); ++n)
                if (simulator.access(t.requests[n]) != pool.access(t.requests[n])) differs = n;
            CAPTURE(t.name, capacity);
            CHECK(differs == t.requests.size());
            CHECK(pool.errors() == 0);
            CHECK(static_cast<bool>(pool.tracker().validate(true)));
        }
}

constexpr auto plain = []<class S>(std::type_identity<S>) {
    return [](std::uint64_t capacity) { return S{capacity}; };
};

} // namespace

TEST_CASE("lru with interval 0 equals its simulator", "[lru]") {
    using simulator = reference::lru;
    check_equal<simulator>(replacement::lru{0}, plain(std::type_identity<simulator>{}));
}

TEST_CASE("fifo equals its simulator", "[lru]") {
    using simulator = reference::fifo;
    check_equal<simulator>(replacement::fifo{}, plain(std::type_identity<simulator>{}));
}

TEST_CASE("clock equals its simulator", "[lru]") {
    using simulator = reference::clock;
    check_equal<simulator>(replacement::clock<1>{}, plain(std::type_identity<simulator>{}));
    check_equal<simulator>(replacement::clock<3>{}, [](std::uint64_t c) { return simulator{c, 3}; });
}

TEST_CASE("clock without lists equals its simulator, as victims make room for newcomers", "[lru]") {
    using simulator = reference::clock;
    check_equal<simulator>(replacement::clock<1, cordon::list_kind::hand>{},
                           plain(std::type_identity<simulator>{}));
}

TEST_CASE("sieve equals its simulator", "[lru]") {
    using simulator = reference::sieve;
    check_equal<simulator>(replacement::sieve{}, plain(std::type_identity<simulator>{}));
}

TEST_CASE("s3_fifo equals its simulator", "[lru]") {
    using simulator = reference::s3_fifo<reference::window_ghosts>;
    check_equal<simulator>(replacement::s3_fifo<2>{}, plain(std::type_identity<simulator>{}));
    check_equal<simulator>(replacement::s3_fifo<1>{}, [](std::uint64_t c) { return simulator{c, 1}; });
}

TEST_CASE("a policy behind any_policy equals its simulator", "[lru]") {
    using any = replacement::any_policy<replacement::lru, replacement::sieve, replacement::s3_fifo<2>>;
    check_equal<reference::lru>(any{replacement::lru{0}}, plain(std::type_identity<reference::lru>{}));
    check_equal<reference::sieve>(any::at(1), plain(std::type_identity<reference::sieve>{}));
    using simulator = reference::s3_fifo<reference::window_ghosts>;
    check_equal<simulator>(any::at(2), plain(std::type_identity<simulator>{}));
}
