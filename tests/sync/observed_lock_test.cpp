// tests/sync/observed_lock_test.cpp - what a lock tells its observer.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/sync/observed_lock.hpp"

#include "cordon/sync/null_lock.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "support/catch.hpp"
#include "sync/mutual_exclusion.hpp"

#include <mutex>
#include <string>

namespace {

std::string story;

template <char Name, bool WantsContention>
struct narrator {
    static constexpr bool wants_contention = WantsContention;
    void before_lock() { story += {Name, '?'}; }
    void acquired(bool contended) { story += {Name, contended ? '!' : '+'}; }
    void released() { story += {Name, '-'}; }
};

struct lock_without_try {
    void lock() { story += 'L'; }
    void unlock() { story += 'U'; }
};
struct taken_at_first : lock_without_try {
    bool try_lock() {
        story += 't';
        return false;
    }
};

template <class L>
std::string story_of_a_section() {
    story.clear();
    L lock;
    { cordon::guard section{lock}; }
    return story;
}

} // namespace

TEST_CASE("an unobserved lock costs nothing", "[sync]") {
    STATIC_REQUIRE(sizeof(cordon::observed_lock<cordon::spin_lock<>>) == sizeof(cordon::spin_lock<>));
    STATIC_REQUIRE(sizeof(cordon::observed_lock<std::mutex>) == sizeof(std::mutex));
    STATIC_REQUIRE(sizeof(cordon::observed_lock<cordon::null_lock>) == sizeof(cordon::null_lock));
    STATIC_REQUIRE(cordon::try_lockable<cordon::observed_lock<std::mutex>>);
    STATIC_REQUIRE_FALSE(cordon::try_lockable<cordon::observed_lock<lock_without_try>>);
    CHECK(story_of_a_section<cordon::observed_lock<taken_at_first>>() == "LU");
}

TEST_CASE("an observer is told before, after and at the end", "[sync]") {
    CHECK(story_of_a_section<cordon::observed_lock<cordon::spin_lock<>, narrator<'a', true>>>() == "a?a+a-");
    CHECK(story_of_a_section<cordon::observed_lock<lock_without_try, narrator<'a', true>>>() == "a?La+a-U");
}

TEST_CASE("behind its observer there is the lock itself; a lock without one is that", "[sync]") {
    story.clear();
    cordon::observed_lock<lock_without_try, narrator<'a', true>> observed;
    cordon::unobserved(observed).lock();
    cordon::unobserved(observed).unlock();
    CHECK(story == "LU");
    lock_without_try plain;
    CHECK(&cordon::unobserved(plain) == &plain);
}

TEST_CASE("contention is found by trying first, where somebody asks for it", "[sync]") {
    CHECK(story_of_a_section<cordon::observed_lock<taken_at_first, narrator<'a', true>>>() == "a?tLa!a-U");
    CHECK(story_of_a_section<cordon::observed_lock<taken_at_first, narrator<'a', false>>>() == "a?La+a-U");
}

TEST_CASE("a failed try is not told", "[sync]") {
    cordon::observed_lock<cordon::spin_lock<>, narrator<'a', true>> lock;
    story.clear();
    CHECK_FALSE(is_held(lock));
    CHECK(story == "a+a-");
    lock.lock();
    CHECK(is_held(lock));
    CHECK(story == "a+a-a?a+");
    lock.unlock();
}

TEST_CASE("several observers are told in turn", "[sync]") {
    using both = cordon::observers<narrator<'a', false>, narrator<'b', true>>;
    CHECK(story_of_a_section<cordon::observed_lock<taken_at_first, both>>() == "a?b?tLa!b!a-b-U");
    STATIC_REQUIRE_FALSE(cordon::observers<narrator<'a', false>>::wants_contention);
}

TEST_CASE("an observed std::mutex excludes", "[sync]") {
    cordon::observed_lock<std::mutex> lock;
    CHECK(count_together(lock) == sections_in_all());
}
