// tests/sync/lock_rank_test.cpp - a wrong lock order is found by one thread.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/lock_rank.hpp"

#include "cordon/sync/guard.hpp"
#include "cordon/sync/observed_lock.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "platform/child.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <string>
#include <thread>

namespace {

using cordon::guard;
using cordon::lock_rank;

std::string violations;

struct note {
    void operator()(lock_rank held, lock_rank wanted) const {
        violations += std::string{name(held)} + " then " + std::string{name(wanted)} + "; ";
    }
};

template <lock_rank Rank>
using ranked = cordon::observed_lock<cordon::spin_lock<>, cordon::rank_checker<Rank, note>>;

struct locks {
    locks() { violations.clear(); }
    ranked<lock_rank::registry> registry;
    ranked<lock_rank::isolation_lock> isolation;
    ranked<lock_rank::cache> cache;
    ranked<lock_rank::zone_lock> zone, other_zone;
    ranked<lock_rank::lruvec> lruvec;
};

} // namespace

TEST_CASE("the documented lock order passes", "[sync]") {
    locks l;
    guard a{l.registry};
    guard b{l.isolation};
    guard c{l.cache};
    { guard d{l.zone}; }
    guard d{l.lruvec};
    CHECK(violations.empty());
}

TEST_CASE("a lock taken against the order is reported with both ranks", "[sync]") {
    locks l;
    guard a{l.cache};
    guard b{l.zone};
    guard c{l.isolation};
    CHECK(violations == "zone then isolation; ");
}

TEST_CASE("each rank has a name, and nothing else has", "[sync]") {
    CHECK(name(lock_rank::registry) == std::string_view{"registry"});
    CHECK(name(lock_rank::lruvec) == std::string_view{"lruvec"});
    CHECK(name(static_cast<lock_rank>(99)) == std::string_view{"unknown rank"});
}

TEST_CASE("zone and lruvec locks are never nested", "[sync]") {
    locks l;
    {
        guard a{l.zone};
        guard b{l.lruvec};
    }
    {
        guard a{l.lruvec};
        guard b{l.zone};
    }
    {
        guard a{l.zone};
        guard b{l.other_zone};
    }
    CHECK(violations == "zone then lruvec; lruvec then zone; zone then zone; ");
}

TEST_CASE("a try is not checked, but what it takes counts as held", "[sync]") {
    locks l;
    guard a{l.zone};
    const bool taken = l.cache.try_lock();
    CHECK(violations.empty());
    a.unlock();
    { guard b{l.isolation}; }
    CHECK(violations == "cache then isolation; ");
    if (taken) l.cache.unlock();
}

TEST_CASE("a released lock forbids nothing, in whatever order locks are released", "[sync]") {
    locks l;
    guard a{l.isolation};
    guard b{l.zone};
    a.unlock();
    b.unlock();
    guard c{l.registry};
    CHECK(violations.empty());
}

TEST_CASE("ranks are held by a thread, not by the program", "[sync]") {
    locks l;
    guard a{l.zone};
    std::thread{[&] { guard b{l.registry}; }}.join();
    CHECK(violations.empty());
}

TEST_CASE("by default a wrong order is told on stderr and aborts", "[sync]") {
    const auto heard = cordon::testing::last_words_of([] {
        cordon::observed_lock<cordon::spin_lock<>, cordon::rank_checker<lock_rank::zone_lock>> zone;
        cordon::observed_lock<cordon::spin_lock<>, cordon::rank_checker<lock_rank::cache>> cache;
        guard a{zone};
        guard b{cache};
        return 0;
    });
    CHECK(heard.text == "cordon: wrong lock order: waits for cache while it holds zone\n");
    CHECK(heard.outcome == 128 + SIGABRT);
}
