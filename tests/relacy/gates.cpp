// gates.cpp - a second opinion on the drain gates: relacy runs the shipped headers over its C++11 memory model.
// SPDX-License-Identifier: BSL-1.0
//
// An owner and a drainer change the same plain word, each in its own section. The shipped gates must come through a
// full search of a short run (the lock gate, with its many more steps, with three switches of threads at most) and a
// random search of a longer one; each mutant must be found: a barrier that does
// nothing, one that is a fence of the drainer's own, and each acquire and release of the gate weakened to relaxed. What
// is weakened is the atomics policy, on one thread; the headers are the shipped ones.
//
// Blind spots, which is why this is not the only oracle:
//   - relacy's process-wide fence moves every thread's clock on, past accesses that the thread has not announced yet. A
//     plain access right behind it then looks ordered, and two mutants (relaxed leave, relaxed wait) survive. An atomic
//     access to a word of its own in front of the plain one, `announce`, takes the excuse away; blind_spot below shows
//     that it is needed.
//   - the fence joins the clocks of all threads, as membarrier does not promise.
//   - a light barrier is nothing here: relacy's compiler does not reorder.
//   - no thread dies, no signal comes, no barrier is refused.
#include "cordon/local/lock_gate.hpp"
#include "cordon/local/membarrier_gate.hpp"

#include <atomic>
#include <cstdint>
#include <iostream>
#include <string_view>

#include <relacy/relacy.hpp>

// relacy redefines words of the language for programs that were not written for it.
#undef new
#undef delete
#undef assert
#undef malloc

namespace {

constexpr unsigned owner = 0;
constexpr unsigned drainer = 1;
constexpr unsigned nobody = 2;

// relacy's atomics under the names of core/atomics.hpp. The loads of thread WeakLoads and the stores of
// thread WeakStores are relaxed.
template <unsigned WeakLoads = nobody, unsigned WeakStores = nobody>
struct relacy_atomics {
    template <class T>
    struct atomic {
        atomic() : word(T{}) {}
        T load(std::memory_order order) const { return word.load(weaker(order, WeakLoads), RL_INFO); }
        void store(T value, std::memory_order order) {
            word.store(value, weaker(order, WeakStores), RL_INFO);
        }
        T exchange(T value, std::memory_order order) {
            return word.rmw(rl::rmw_type_t<rl::rmw_type_swap>(), value, weaker(order, WeakLoads), RL_INFO);
        }
        T fetch_or(T value, std::memory_order order) {
            return word.rmw(rl::rmw_type_t<rl::rmw_type_or>(), value, weaker(order, WeakStores), RL_INFO);
        }
        T fetch_and(T value, std::memory_order order) {
            return word.rmw(rl::rmw_type_t<rl::rmw_type_and>(), value, weaker(order, WeakStores), RL_INFO);
        }
        mutable rl::atomic<T> word;
    };
    static void light_barrier() {}
    static void relax() { rl::yield(1, RL_INFO); }

private:
    static rl::memory_order weaker(std::memory_order order, unsigned weak) {
        static_assert(static_cast<int>(std::memory_order::acquire) == rl::mo_acquire &&
                      static_cast<int>(std::memory_order::release) == rl::mo_release &&
                      static_cast<int>(std::memory_order::seq_cst) == rl::mo_seq_cst);
        return rl::thread_index() == weak ? rl::mo_relaxed
                                          : static_cast<rl::memory_order>(static_cast<int>(order));
    }
};

struct process_wide {
    static bool enable() noexcept { return true; }
    static bool issue() noexcept {
        rl::systemwide_fence(RL_INFO);
        return true;
    }
};
struct none : process_wide {
    static bool issue() noexcept { return true; }
};
struct own_fence : process_wide {
    static bool issue() noexcept {
        rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
        return true;
    }
};
struct no_clock {
    static std::uint64_t now() noexcept { return 0; }
};
struct yield {
    void operator()() noexcept { rl::yield(1, RL_INFO); }
    static void reset() noexcept {}
};

template <class Barrier, class Atomics = relacy_atomics<>>
using fenced = cordon::membarrier_gate<Atomics, Barrier, no_clock, yield>;
template <class Atomics = relacy_atomics<>>
using locked = cordon::lock_gate<Atomics, no_clock, yield>;

template <class Gate, int Rounds, bool Announces = true>
struct owner_and_drainer : rl::test_suite<owner_and_drainer<Gate, Rounds, Announces>, 2> {
    Gate gate{};
    typename Gate::slot slot{};
    rl::var<int> contents;
    rl::atomic<int> announced[2];

    void before() {
        gate.start();
        contents(RL_INFO) = 0;
        for (auto& word : announced)
            word.store(0, rl::mo_relaxed, RL_INFO);
    }
    void thread(unsigned self) {
        for (int i = 0; i != Rounds; ++i)
            self == owner ? push() : drain();
    }

private:
    void push() {
        if (gate.try_enter(slot)) {
            change(owner, 1);
            gate.leave(slot);
        } else if (gate.enter_slow(slot)) {
            change(owner, 1);
            gate.leave_slow(slot);
        }
    }
    void drain() {
        gate.claim(slot, cordon::gate_claim::draining);
        if (gate.barrier() && gate.wait(slot, UINT64_MAX)) {
            change(drainer, -1);
            gate.done(slot);
        }
        gate.release(slot, cordon::gate_claim::draining);
    }
    void change(unsigned self, int by) {
        if (Announces) announced[self].store(1, rl::mo_relaxed, RL_INFO);
        contents(RL_INFO) = static_cast<int>(contents(RL_INFO)) + by;
    }
};

int failures = 0;

// relacy replaces operator new while it runs: a stream that would allocate breaks it.
template <class Test>
void check(std::string_view name, bool holds, rl::scheduler_type_e search, rl::iteration_t at_most) {
    std::ostream nowhere{nullptr};
    rl::test_params params;
    params.search_type = search;
    params.context_bound = 3;
    params.iteration_count = at_most;
    params.output_stream = &nowhere;
    params.progress_stream = &nowhere;
    const bool held = rl::simulate<Test>(params);
    std::cout << name << ": " << (held ? "no error in " : "found after ") << params.stop_iteration
              << " executions";
    if (!held) std::cout << ": " << rl::test_result_str(params.test_result);
    std::cout << std::endl;
    if (held == holds) return;
    ++failures;
    std::cout << "  this should not be\n";
    params.output_stream = &std::cout;
    if (!held) rl::simulate<Test>(params);
}

template <class Gate>
void right(std::string_view name, rl::scheduler_type_e search) {
    check<owner_and_drainer<Gate, 1>>(name, true, search, 10'000'000);
    check<owner_and_drainer<Gate, 3>>(name, true, rl::sched_random, 20'000);
}
template <class Gate>
void wrong(std::string_view name) {
    check<owner_and_drainer<Gate, 3>>(name, false, rl::sched_random, 200'000);
}
template <class Gate>
void blind_spot(std::string_view name) {
    check<owner_and_drainer<Gate, 3, false>>(name, true, rl::sched_random, 20'000);
}

} // namespace

int main() {
    right<fenced<process_wide>>("membarrier gate", rl::sched_full);
    right<locked<>>("lock gate", rl::sched_bound);
    wrong<fenced<none>>("no barrier");
    wrong<fenced<own_fence>>("a fence of the drainer's own");
    wrong<fenced<process_wide, relacy_atomics<owner, nobody>>>("relaxed re-check");
    wrong<fenced<process_wide, relacy_atomics<nobody, owner>>>("relaxed leave");
    wrong<fenced<process_wide, relacy_atomics<drainer, nobody>>>("relaxed wait");
    wrong<fenced<process_wide, relacy_atomics<nobody, drainer>>>("relaxed release");
    wrong<locked<relacy_atomics<owner, nobody>>>("lock gate, relaxed lock of the owner's");
    wrong<locked<relacy_atomics<nobody, drainer>>>("lock gate, relaxed unlock of the drainer's");
    blind_spot<fenced<process_wide, relacy_atomics<nobody, owner>>>("relaxed leave, not announced: not seen");
    return failures == 0 ? 0 : 1;
}
