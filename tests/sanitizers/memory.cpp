// sanitizers/memory.cpp - memory <bug>: touches a frame that is nobody's, which AddressSanitizer and memcheck must report.
// SPDX-License-Identifier: BSL-1.0
//
// `memory good` does all that is right with a frame's memory, and must not be reported. A run without a report ends with
// exit code 0 and says so; what a bug needs, such as a frame that rests in a cache, is made sure of (exit code 2).
#include "cordon/cordon.hpp"
#include "cordon/zone/annotated_policy.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

using namespace cordon;

namespace {

constexpr std::uint32_t block = 512;

struct world {
    arena ram{frame_count{16 * block}};
    basic_zone<annotated_policy> zone{{.frames = ram.frames(), .memory = ram.memory()}};
    isolated_range<annotated_policy> range;

    // Volatile: the compiler must not know that nobody uses what is read.
    volatile unsigned char& byte(frame f, std::size_t at = 0) const {
        return *reinterpret_cast<volatile unsigned char*>(ram.address(f) + at);
    }
    volatile unsigned char& last_byte(frame f) const { return byte(f, ram.frame_bytes() - 1); }
    void stamp(frame f, unsigned char value) const {
        byte(f) = value;
        last_byte(f) = value;
    }
    [[nodiscard]] frame_range blocks(std::uint32_t first, std::uint32_t count = 1) const {
        return {frame{first * block}, frame_count{count * block}};
    }
};

void must(bool holds) {
    if (holds) return;
    std::cerr << "the bug could not be set up\n";
    std::exit(2);
}

// ---- a frame that is nobody's, in each way ----

frame never_used(world& w) {
    const frame f{7};
    must(w.zone.state_of(f).state == frame_state::free);
    return f;
}
frame cached(world& w) {
    const frame f = *w.zone.allocate();
    w.byte(f) = 1;
    w.zone.free(f);
    must(w.zone.state_of(f).state == frame_state::cached);
    return f;
}
frame freed(world& w) {
    const frame f = cached(w);
    must(w.zone.drain() == status::ok && w.zone.state_of(f).state == frame_state::free);
    return f;
}
frame tail(world& w) {
    const frame head = *w.zone.allocate(order{4});
    const frame f = head + frame_count{15};
    w.byte(f) = 1;
    w.zone.free(head, order{4});
    return f;
}
frame freed_in_bulk(world& w) {
    frame some[8];
    must(w.zone.allocate_bulk(some) == 8);
    w.byte(some[5]) = 1;
    w.zone.free_bulk(some);
    return some[5];
}
frame isolated(world& w) {
    const frame f = w.blocks(3).first() + frame_count{9};
    must(w.zone.allocate_exact(f) == status::ok);
    w.byte(f) = 1;
    w.range = *w.zone.isolate(w.blocks(3));
    w.zone.free(f);
    must(w.zone.state_of(f).state == frame_state::isolated);
    return f;
}
frame offline(world& w) {
    const frame f = w.blocks(3).first() + frame_count{9};
    must(w.zone.isolate(w.blocks(3))->offline() == status::ok);
    must(w.zone.state_of(f).state == frame_state::offline);
    return f;
}
frame poisoned(world& w) {
    const frame f = *w.zone.allocate();
    must(w.zone.poison(f) == status::deferred);
    w.byte(f) = 1;
    w.zone.free(f);
    must(w.zone.state_of(f).state == frame_state::poisoned);
    return f;
}
frame moved(world& w) {
    const frame f = w.blocks(3).first() + frame_count{9};
    must(w.zone.allocate_exact(f) == status::ok);
    w.byte(f) = 1;
    const auto copy = [&](const busy_frame& from, frame to) {
        std::memcpy(w.ram.address(to), w.ram.address(from.head()), w.ram.frame_bytes());
        return migrate_outcome::moved;
    };
    must(w.zone.isolate(w.blocks(3))->migrate(copy).outcome == status::ok);
    return f;
}

// Returns: what makes the frame free that `bug` reads or writes; null if there is no such bug.
frame (*maker(std::string_view bug))(world&) {
    static constexpr struct {
        std::string_view name;
        frame (*make_free)(world&);
    } ways[] = {{"never_used", never_used},
                {"cached", cached},
                {"freed", freed},
                {"tail", tail},
                {"freed_in_bulk", freed_in_bulk},
                {"isolated", isolated},
                {"offline", offline},
                {"poisoned", poisoned},
                {"moved", moved}};
    for (const auto& way : ways)
        if (bug.substr(bug.find('_') + 1) == way.name &&
            (bug.starts_with("read_") || bug.starts_with("write_")))
            return way.make_free;
    return nullptr;
}

// ---- what is right ----

// One thread's part: each frame that it holds carries a number of its own in its first and its last byte.
void traffic(world& w, unsigned char stamp, int rounds, std::atomic<bool>& wrong) {
    struct run {
        frame head;
        order size;
    };
    std::vector<run> held;
    const auto each = [&](const run& r, auto f) {
        for (std::uint64_t n = 0; n != r.size.frames().raw(); ++n)
            f(r.head + frame_count{n});
    };
    const auto give = [&](const run& r) {
        each(r, [&](frame f) {
            if (w.byte(f) != stamp || w.last_byte(f) != stamp) wrong.store(true);
        });
        w.zone.free(r.head, r.size);
    };
    for (int i = 0; i != rounds; ++i) {
        const order k{static_cast<unsigned>(i % 7 == 0 ? i % 5 : 0)};
        if (const auto head = w.zone.allocate(k)) {
            held.push_back({*head, k});
            each(held.back(), [&](frame f) { w.stamp(f, stamp); });
        }
        if (held.size() > 300) {
            std::swap(held[static_cast<std::size_t>(i * 17) % held.size()], held.back());
            give(held.back());
            held.pop_back();
        }
    }
    for (const run& r : held)
        give(r);
}

void traffic_beside_an_isolator(world& w, std::atomic<bool>& wrong) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (unsigned char stamp = 1; stamp <= 2; ++stamp)
        threads.emplace_back([&, stamp] {
            while (!stop.load())
                traffic(w, stamp, 500, wrong);
        });
    for (std::uint32_t i = 0, emptied = 0; emptied != 20; ++i) {
        const frame_range some = w.blocks(i % 15, 2);
        auto range = w.zone.isolate(some);
        if (!range || !range->all_free() || range->offline() != status::ok) continue;
        ++emptied;
        if (w.ram.discard(some) != status::ok || w.ram.populate(some) != status::ok ||
            w.zone.online(some) != status::ok)
            wrong.store(true);
    }
    stop.store(true);
    for (std::thread& t : threads)
        t.join();
}

// Whole blocks out of scattered frames, their memory discarded, and a long run: none of it touches what it must not.
bool moves_and_reports(world& w) {
    std::vector<frame> held;
    for (unsigned i = 0; i != 4 * block; ++i) {
        const frame f = *w.zone.allocate();
        if (i % 2 == 0) {
            w.zone.free(f);
        } else {
            w.stamp(f, 5);
            held.push_back(f);
        }
    }
    const auto copy = [&](const busy_frame& from, frame to) {
        const auto at = std::find(held.begin(), held.end(), from.head());
        if (at == held.end()) return migrate_outcome::failed;
        std::memcpy(w.ram.address(to), w.ram.address(from.head()), w.ram.frame_bytes());
        *at = to;
        return migrate_outcome::moved;
    };
    w.zone.compact(copy);
    const frame_count discarded =
        w.zone.report_free([&](frame_range run) { return w.ram.discard(run) == status::ok; });
    const auto row = w.zone.allocate_contiguous(frame_count{700}, frame_count{1}, copy);
    if (discarded.raw() == 0 || !row) return false;
    for (const frame f : *row)
        w.stamp(f, 4);
    for (const frame f : *row)
        w.zone.free(f);
    bool unchanged = true;
    for (const frame f : held) {
        unchanged = unchanged && w.byte(f) == 5 && w.last_byte(f) == 5;
        w.zone.free(f);
    }
    return unchanged;
}

bool good() {
    std::atomic<bool> wrong{false};
    auto w = std::make_unique<world>();
    traffic_beside_an_isolator(*w, wrong);
    for (const auto make_free : {cached, freed, tail, freed_in_bulk, poisoned, moved}) {
        make_free(*w);
        traffic(*w, 3, 400, wrong);
    }
    if (!moves_and_reports(*w)) return false;

    // The memory outlives the zone, and is the embedder's then.
    arena ram = std::move(w->ram);
    const std::span<std::byte> memory = ram.memory();
    w.reset();
    unsigned sum = 0;
    for (std::size_t at = 0; at < memory.size(); at += ram.frame_bytes())
        sum += std::to_integer<unsigned>(memory[at]);
    std::cout << "sum of what is left: " << sum << '\n';
    return !wrong.load();
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view bug = argc == 2 ? argv[1] : "";
    if (bug == "good") return good() ? 0 : 1;

    world w;
    unsigned char got = 0;
    if (bug == "heap_overflow") {
        const auto bytes = std::make_unique<unsigned char[]>(16);
        volatile std::size_t at = 16;
        got = bytes[at];
    } else if (bug == "undefined") {
        const frame f = *w.zone.allocate();
        if (w.byte(f) == 1) got = 1; // the frame is its owner's, and was never written
    } else if (const auto make_free = maker(bug); make_free != nullptr) {
        const frame f = make_free(w);
        if (bug.starts_with("write_"))
            w.byte(f) = 2;
        else
            got = w.last_byte(f);
    } else {
        std::cerr << "usage: memory good | heap_overflow | undefined | read_... | write_...\n";
        return 2;
    }
    std::cout << "no report; read " << unsigned{got} << '\n';
}
