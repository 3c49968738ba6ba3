// tests/sync/guard_test.cpp - a scope that holds a lock, and its proof.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/guard.hpp"

#include "cordon/core/config.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"

#include <mutex>
#include <type_traits>

namespace {

// The idiom of guard.hpp, as a user writes it.
template <class L>
class tally {
public:
    void add(int n) {
        cordon::guard section{lock_};
        add_locked(n, section.proof());
    }
    void add_around(int n, void (*callback)(tally&)) {
        cordon::guard section{lock_};
        add_locked(n, section.proof());
        section.unlock();
        callback(*this);
        section.lock();
        add_locked(n, section.proof());
    }
    int sum() {
        cordon::guard section{lock_};
        return sum_;
    }
    bool proof_names_the_lock = true;

private:
    void add_locked(int n, cordon::held<L> proof) CORDON_REQUIRES(lock_) {
        proof_names_the_lock = proof_names_the_lock && proof.of(lock_);
        sum_ += n;
    }
    L lock_;
    int sum_ CORDON_GUARDED_BY(lock_) = 0;
};

} // namespace

TEST_CASE("a guard holds the lock to the end of its scope", "[sync]") {
    cordon::spin_lock<> lock;
    {
        cordon::guard section{lock};
        CHECK(is_held(lock));
    }
    CHECK_FALSE(is_held(lock));
}

TEST_CASE("a guard unlocked early leaves the lock alone from then on", "[sync]") {
    struct flag {
        bool held = false;
        void lock() { held = true; }
        void unlock() { held = false; }
    } lock;
    {
        cordon::guard section{lock};
        section.unlock();
        CHECK_FALSE(lock.held);
        lock.lock();
    }
    CHECK(lock.held);
    {
        cordon::guard section{lock};
        section.unlock();
        section.lock();
        CHECK(lock.held);
    }
    CHECK_FALSE(lock.held);
}

TEST_CASE("a guard adopts a lock that is held already", "[sync]") {
    cordon::spin_lock<> lock;
    lock.lock();
    {
        cordon::guard section{lock, cordon::adopt_lock};
        CHECK(section.proof().of(lock));
        CHECK(is_held(lock));
    }
    CHECK_FALSE(is_held(lock));
}

TEST_CASE("a proof names the lock that is held", "[sync]") {
    cordon::spin_lock<> lock;
    cordon::spin_lock<> other;
    cordon::guard section{lock};
    CHECK(section.proof().of(lock));
    CHECK_FALSE(section.proof().of(other));
    section.unlock();
    CHECK_FALSE(section.proof().of(lock));
    section.lock();
    CHECK(section.proof().of(lock));
}

TEST_CASE("a proof is a pointer that only a guard makes", "[sync]") {
    using proof = cordon::held<std::mutex>;
    STATIC_REQUIRE(sizeof(proof) == sizeof(void*));
    STATIC_REQUIRE(std::is_trivially_copyable_v<proof>);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<proof>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<proof, std::mutex&>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<proof, const std::mutex*>);
}

TEST_CASE("the lock is dropped around a callback, which may take it", "[sync]") {
    tally<cordon::spin_lock<>> t;
    t.add(1);
    t.add_around(10, [](tally<cordon::spin_lock<>>& self) { self.add(100); });
    CHECK(t.sum() == 121);
    CHECK(t.proof_names_the_lock);
}

TEST_CASE("a guard holds a std::mutex", "[sync]") {
    std::mutex lock;
    CHECK(count_together(lock) == sections_in_all());
}
