// tests/platform/thread_slot_test.cpp - slots through starts, exits and forks of threads.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/platform/thread_slot.hpp"

#include "platform/child.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/skip.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

using namespace cordon;
using slots = process_thread_slots;
using testing::in_child;

static_assert(thread_slots<slots>);
static_assert(slots::max_slots == 256);

namespace {

// Slots are usable before main, and answer in static destructors, after the main thread's thread_locals.
struct around_main {
    slot_index before = slots::current();
    ~around_main() {
        if (!slots::current().is_none()) std::abort();
    }
};
const around_main main_thread;

struct count {
    std::atomic<int> exits{0};
    std::atomic<std::uint32_t> last{UINT32_MAX};
    std::atomic<bool> none_inside{true};
    slot_listener listener{[](void* self, slot_index slot) noexcept {
                               auto& to = *static_cast<count*>(self);
                               to.exits.fetch_add(1, std::memory_order_relaxed);
                               to.last.store(slot.raw(), std::memory_order_relaxed);
                               if (!slots::current().is_none())
                                   to.none_inside.store(false, std::memory_order_relaxed);
                           },
                           [](void*, fork_phase, slot_index) noexcept {}, this};
};

// Writes what happens to it into a journal: its letter, then p(repare), P(arent) or c(hild).
struct witness {
    witness(char letter, std::vector<char>& to) : name(letter), journal(&to) {}
    char name;
    std::vector<char>* journal;
    slot_index seen;
    slot_listener listener{[](void*, slot_index) noexcept {},
                           [](void* self, fork_phase phase, slot_index current) noexcept {
                               auto& to = *static_cast<witness*>(self);
                               to.seen = current;
                               to.journal->push_back(to.name);
                               to.journal->push_back("pPc"[static_cast<int>(phase)]);
                           },
                           this};
};

// Threads that hold a slot, or were refused one, until they are let go.
class holders {
public:
    explicit holders(std::size_t n) : slots_(n) {
        for (std::size_t i = 0; i != n; ++i)
            threads_.emplace_back([this, i] {
                slots_[i] = slots::current();
                arrived_.fetch_add(1, std::memory_order_release); // (1) release: pairs with (2)
                arrived_.notify_all();
                leave_.wait(false, std::memory_order_acquire); // (3) acquire: pairs with (4)
            });
        for (std::size_t seen = 0; seen != n; arrived_.wait(seen))
            if ((seen = arrived_.load(std::memory_order_acquire)) == n) break; // (2) acquire: pairs with (1)
    }
    ~holders() { let_go(); }
    void let_go() {
        leave_.store(true, std::memory_order_release); // (4) release: pairs with (3)
        leave_.notify_all();
        for (std::thread& t : threads_)
            if (t.joinable()) t.join();
    }
    const std::vector<slot_index>& taken() const { return slots_; }

private:
    std::vector<slot_index> slots_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> arrived_{0};
    std::atomic<bool> leave_{false};
};

} // namespace

TEST_CASE("a thread keeps its slot, from before main", "[platform]") {
    CHECK_FALSE(main_thread.before.is_none());
    CHECK(slots::current() == main_thread.before);
    CHECK(slots::current() == main_thread.before);
}

TEST_CASE("a peek finds a slot that was taken, and takes none", "[platform]") {
    slot_index before{0}, after;
    bool same = false;
    std::thread([&] {
        before = slots::peek();
        after = slots::current();
        same = slots::peek() == after;
    }).join();
    CHECK(before.is_none());
    CHECK_FALSE(after.is_none());
    CHECK(same);
}

TEST_CASE("threads that live together have different slots", "[platform]") {
    const holders threads{8};
    std::set<slot_index> all(threads.taken().begin(), threads.taken().end());
    all.insert(slots::current());
    CHECK(all.size() == 9);
    CHECK(all.rbegin()->raw() < slots::max_slots);
}

TEST_CASE("ten thousand short threads use few slots", "[platform]") {
    std::atomic<std::uint32_t> highest{0};
    const std::uint32_t before = slots::in_use();
    for (int i = 0; i != testing::scaled(5'000); ++i) {
        const auto work = [&] {
            const std::uint32_t mine = slots::current().raw();
            std::uint32_t known = highest.load(std::memory_order_relaxed);
            while (mine > known && !highest.compare_exchange_weak(known, mine, std::memory_order_relaxed))
                ;
        };
        std::thread one(work), other(work);
        one.join();
        other.join();
    }
    CHECK(highest.load(std::memory_order_relaxed) <= before + 1);
    CHECK(slots::in_use() == before);
}

TEST_CASE("more threads than slots: the rest has none until a slot falls free", "[platform]") {
    if (sizeof(void*) < 8) return testing::skip("32 bits have no room for that many stacks");
    const std::size_t room = slots::max_slots - slots::in_use();
    {
        const holders threads{room};
        CHECK(std::count(threads.taken().begin(), threads.taken().end(), slot_index::none()) == 0);
        CHECK(slots::in_use() == slots::max_slots);
        slot_index asked{0};
        std::thread{[&] { asked = slots::current(); }}.join(); // it has no slot to give back
        CHECK(asked.is_none());
        CHECK(slots::in_use() == slots::max_slots);
    }
    holders threads{room - 1};
    std::atomic<int> step{0};
    const auto reach = [&](int to) {
        step.store(to, std::memory_order_release); // (5) release: pairs with (6)
        step.notify_all();
    };
    const auto wait_for = [&](int to) {
        // (6) acquire: pairs with (5)
        for (int now; (now = step.load(std::memory_order_acquire)) < to;)
            step.wait(now, std::memory_order_relaxed);
    };
    slot_index last, extra, extra_again, extra_later;
    std::thread holder([&] {
        last = slots::current();
        reach(1);
        wait_for(2);
    });
    wait_for(1);
    std::thread late([&] {
        extra = slots::current();
        extra_again = slots::current();
        reach(2);
        wait_for(3);
        extra_later = slots::current();
    });
    holder.join();
    reach(3);
    late.join();
    CHECK_FALSE(last.is_none());
    CHECK(extra.is_none());
    CHECK(extra_again.is_none());
    CHECK(extra_later == last);
}

TEST_CASE("a thread_local destructor that runs after the hand-back sees no slot", "[platform]") {
    struct late_user {
        slot_index* out = nullptr;
        ~late_user() { *out = slots::current(); }
    };
    const std::uint32_t before = slots::in_use();
    slot_index alive, after{0};
    std::thread([&] {
        thread_local late_user late; // made before the slot is taken, so destroyed after it is given back
        late.out = &after;
        alive = slots::current();
    }).join();
    CHECK_FALSE(alive.is_none());
    CHECK(after.is_none());
    CHECK(slots::in_use() == before);
}

TEST_CASE("each listener hears of each exit once, with the slot", "[platform]") {
    count first, second;
    slots::attach(first.listener);
    slots::attach(second.listener);
    slot_index used;
    for (int i = 0; i != 10; ++i)
        std::thread([&] { used = slots::current(); }).join();
    std::thread([] {}).join(); // has no slot, so nothing is to be heard
    CHECK(first.exits == 10);
    CHECK(second.exits == 10);
    CHECK(first.last == used.raw());
    CHECK(first.none_inside);

    slots::detach(first.listener);
    std::thread([&] { used = slots::current(); }).join();
    CHECK(first.exits == 10);
    CHECK(second.exits == 11);
    slots::attach(first.listener); // behind the other one now
    slots::detach(second.listener);
    std::thread([&] { used = slots::current(); }).join();
    CHECK(first.exits == 11);
    CHECK(second.exits == 11);
    slots::detach(first.listener);
}

TEST_CASE("a slot is not reused while a listener works on it", "[platform]") {
    struct overlap {
        std::array<std::atomic<bool>, slots::max_slots> live{};
        std::atomic<int> errors{0};
        slot_listener listener{[](void* self, slot_index slot) noexcept {
                                   auto& to = *static_cast<overlap*>(self);
                                   for (int i = 0; i != 200; ++i)
                                       cpu_relax();
                                   to.live[slot.raw()].store(false, std::memory_order_relaxed);
                               },
                               [](void*, fork_phase, slot_index) noexcept {}, this};
    } state;
    slots::attach(state.listener);
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != testing::scaled(500); ++i)
                std::thread([&] {
                    if (state.live[slots::current().raw()].exchange(true, std::memory_order_relaxed))
                        state.errors.fetch_add(1, std::memory_order_relaxed);
                }).join();
        });
    for (std::thread& t : threads)
        t.join();
    slots::detach(state.listener);
    CHECK(state.errors == 0);
}

TEST_CASE("listeners hear the phases of a fork in order, and the child alone has a slot", "[platform]") {
    std::vector<char> journal;
    journal.reserve(64);
    witness a{'a', journal}, b{'b', journal};
    slots::attach(a.listener);
    slots::attach(b.listener);
    const slot_index mine = slots::current();
    const holders others{3};
    REQUIRE(slots::in_use() == 4);
    const int outcome = in_child([&] {
        if (journal != std::vector<char>{'a', 'p', 'b', 'p', 'b', 'c', 'a', 'c'}) return 1;
        if (slots::current() != mine || a.seen != mine) return 2;
        if (slots::in_use() != 1) return 3;
        slots::detach(b.listener); // the registry's lock is open
        return 0;
    });
    CHECK(outcome == 0);
    CHECK(journal == std::vector<char>{'a', 'p', 'b', 'p', 'b', 'P', 'a', 'P'});
    CHECK(slots::in_use() == 4);
    slots::detach(a.listener);
    slots::detach(b.listener);
}

TEST_CASE("a fork by a thread without slot leaves no slot taken in the child", "[platform]") {
    REQUIRE(slots::in_use() >= 1);
    int outcome = -1;
    std::thread([&] {
        outcome = in_child([] {
            if (slots::in_use() != 0) return 1;
            return slots::current() == slot_index{0} ? 0 : 2;
        });
    }).join();
    CHECK(outcome == 0);
}

TEST_CASE("forks among threads that come and go find the registry unlocked", "[platform]") {
    std::atomic<bool> stop{false};
    std::vector<std::thread> churn;
    for (int t = 0; t != 2; ++t)
        churn.emplace_back([&] {
            while (!stop.load(std::memory_order_relaxed))
                std::thread([] { (void)slots::current(); }).join();
        });
    int failures = 0;
    for (int i = 0; i != testing::scaled(100); ++i)
        failures += in_child([] { return slots::in_use() == 1 ? 0 : 1; }) != 0;
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& t : churn)
        t.join();
    CHECK(failures == 0);
}
