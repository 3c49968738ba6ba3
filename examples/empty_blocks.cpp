// empty_blocks - empties pageblocks of memory while other threads allocate and free in it, and loses no frame.
// SPDX-License-Identifier: BSL-1.0
//
// 1 GiB of memory, tenants on 60 % of it that move from run to run all the time. A part of the zone is sealed,
// its tenants are moved out, it is taken offline and its memory goes back to the system; later it comes back.
// Each page carries a stamp (stamp.hpp); who owns which frame is known at every moment (tenants.hpp).
#include "empty_blocks/options.hpp"
#include "empty_blocks/tenants.hpp"
#include "empty_blocks/traffic.hpp"

#include <cordon/cordon.hpp>
#include <cordon/inspect/frame_map.hpp>

#include <chrono>
#include <cinttypes>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace demo {

using namespace std::chrono_literals;
using cordon::block_index;
using cordon::frame_count;
using cordon::status;

struct standard_output {
    void write(const char* text, std::ptrdiff_t n) {
        std::fwrite(text, 1, static_cast<std::size_t>(n), stdout);
    }
};

// Returns: the figure behind that word in a file of the system, in MiB.
std::optional<std::uint64_t> mib_of(const char* file, const char* word) {
    std::ifstream in{file};
    for (std::string read; in >> read;)
        if (std::uint64_t kib = 0; read == word && in >> kib) return kib / 1024;
    return std::nullopt;
}
// Returns: MiB of shared memory that this process has resident, as the system sees it.
std::uint64_t resident_mib() {
    return mib_of("/proc/self/status", "RssShmem:").value_or(0);
}
std::uint64_t available_mib() {
    return mib_of("/proc/meminfo", "MemAvailable:").value_or(UINT64_MAX);
}

class program {
public:
    explicit program(const options& o)
        : options_(o),
          ram_(frame_count{o.size_mib * 256}),
          zone_(ram_.frames()),
          tenants_(zone_, ram_, o.size_mib * 256 * 6 / 10 / 3) {}

    int run() {
        if (!ram_ || zone_.error() != status::ok) return no_memory("cannot be mapped");
        // What the system has not got is promised nonetheless, and the program killed when it touches it.
        if (options_.size_mib > available_mib()) return no_memory("are more than the system has to give");
        progress("populating %zu MiB ...", options_.size_mib);
        if (ram_.populate(ram_.frames()) != status::ok) return no_memory("cannot be populated");
        progress("moving %zu tenants in ...", tenants_.count());
        traffic_.emplace(tenants_, options_.threads, options_.seed);
        end_progress();
        std::printf("cordon: empties %zu of %zu pageblocks under live traffic   (seed %" PRIu64 ")\n\n",
                    options_.blocks, options_.size_mib / 2, options_.seed);
        row("memory", "%zu MiB of memfd, %" PRIu64 " frames, %" PRIu64 " in use", options_.size_mib,
            ram_.frames().count().raw(), tenants_.in_use(ram_.frames()));
        row("traffic", "%zu threads: verify, free, allocate (orders 0 to 4), write", options_.threads);

        before_ = watch("before");
        const frame_range range = choose_blocks();
        draw_map("before");
        const std::uint64_t resident = resident_mib();
        if (!empty(range)) return verdict(false);
        const std::uint64_t left = resident_mib();
        draw_map("after");
        row("resident", "%" PRIu64 " MiB before, %" PRIu64 " MiB after", resident, left);
        row("verified", "%" PRIu64 " frames, each where its owner left it", tenants_.verify_all());
        after_ = watch("while offline");
        strays_ = tenants_.in_use(range);
        return verdict(bring_back(range) && account());
    }

private:
    // ---- the job ----

    // Returns: consecutive blocks that all have frames in use, picked at random.
    frame_range choose_blocks() {
        const std::size_t all = options_.size_mib / 2;
        std::vector<std::uint64_t> used(all);
        for (std::size_t b = 0; b != all; ++b)
            used[b] = tenants_.in_use(blocks(b, 1));
        std::vector<std::size_t> candidates;
        for (std::size_t b = 0, in_a_row = 0; b != all; ++b) {
            in_a_row = used[b] != 0 ? in_a_row + 1 : 0;
            if (in_a_row >= options_.blocks) candidates.push_back(b + 1 - options_.blocks);
        }
        std::mt19937_64 random{options_.seed};
        const std::size_t first =
            candidates.empty() ? 0 : candidates[random_below(candidates.size(), random)];
        row("chosen", "pageblocks %zu to %zu, %" PRIu64 " frames of them in use", first,
            first + options_.blocks - 1, tenants_.in_use(blocks(first, options_.blocks)));
        return blocks(first, options_.blocks);
    }

    // Effects: seals the range, moves its tenants out, takes it offline, gives its memory back.
    bool empty(frame_range range) {
        const speedometer speed{*traffic_};
        stopwatch lap;
        // Many threads on few processors: one may be off its processor inside its cache for seconds.
        auto sealed = zone_.isolate(range, {.deadline = 10s});
        if (!sealed) return failed("seal", sealed.error());
        const double seal = lap.microseconds();
        const cordon::migrate_report report = sealed->migrate(tenants_, 10s);
        if (report.outcome != status::ok) return failed("migrate", report.outcome);
        const double migrate = lap.microseconds();
        if (const status e = sealed->offline(); e != status::ok) return failed("offline", e);
        const double offline = lap.microseconds();
        if (const status e = ram_.discard(range); e != status::ok) return failed("punch", e);
        const double punch = lap.microseconds();
        during_ = speed.per_second();
        row("seal", "%10.0f us   no allocation returns a frame of the range any more", seal);
        row("migrate", "%10.0f us   %" PRIu64 " frames moved, %" PRIu64 " %s", migrate, report.moved.raw(),
            report.retries, report.retries == 1 ? "retry" : "retries");
        row("offline", "%10.0f us", offline);
        row("punch", "%10.0f us   the memory is the system's", punch);
        return true;
    }

    bool bring_back(frame_range range) {
        stopwatch lap;
        if (const status e = zone_.online(range); e != status::ok) return failed("online", e);
        const double online = lap.microseconds();
        again_ = watch("online again");
        row("online", "%10.0f us   %" PRIu64 " frames of the range are in use again", online,
            tenants_.in_use(range));
        row("traffic", "%.0f k moves/s before, %.0f during, %.0f after, %.0f when online again",
            before_ / 1e3, during_ / 1e3, after_ / 1e3, again_ / 1e3);
        return true;
    }

    // Returns: whether the zone and the tenants agree about every frame, at rest.
    bool account() {
        traffic_->stop();
        const std::uint64_t held = tenants_.verify_all();
        const auto stats = zone_.exact_stats();
        if (!stats) return failed("count", stats.error());
        const cordon::validation valid = zone_.validate({.quiesce = true});
        std::ostringstream text;
        text << valid;
        row("verified", "%" PRIu64 " frames once more; zone: %s", held, text.str().c_str());
        lost_ = stats->allocated.raw() > held ? stats->allocated.raw() - held : held - stats->allocated.raw();
        return bool{valid} && lost_ == 0;
    }

    int verdict(bool good) {
        const damage& d = tenants_.found();
        good = good && d.changed + d.twice + d.misplaced + strays_ == 0;
        if (good)
            std::printf("\nPASS: %zu pageblocks emptied, %" PRIu64
                        " moves; no frame was lost, handed out twice or changed\n",
                        options_.blocks, traffic_->moves());
        else
            std::printf("\nFAIL: %sframes lost %" PRIu64 ", handed out twice %" PRIu64
                        ", handed out offline %" PRIu64 ", changed %" PRIu64 ", with another owner %" PRIu64
                        "\n",
                        is_done_ ? "" : "stopped half-way; ", lost_, d.twice.load(), strays_,
                        d.changed.load(), d.misplaced.load());
        return good ? 0 : 1;
    }

    // ---- showing ----

    class stopwatch {
    public:
        [[nodiscard]] double microseconds() {
            const clock::time_point then = std::exchange(start_, clock::now());
            return std::chrono::duration<double, std::micro>(start_ - then).count();
        }

    private:
        clock::time_point start_ = clock::now();
    };

    static frame_range blocks(std::uint64_t first, std::uint64_t count) {
        return {frame{static_cast<std::uint32_t>(first * 512)}, frame_count{count * 512}};
    }
    // Returns: moves a second, over one phase.
    double watch(const char* phase) {
        const speedometer speed{*traffic_};
        for (const auto start = clock::now(); seconds_since(start) < options_.seconds;) {
            std::this_thread::sleep_for(100ms);
            progress("traffic %s: %.0f k moves/s", phase, speed.per_second() / 1e3);
        }
        end_progress();
        return speed.per_second();
    }
    [[gnu::format(printf, 2, 3)]] static void row(const char* what, const char* format, ...) {
        std::printf("  %-10s", what);
        va_list values;
        va_start(values, format);
        std::vprintf(format, values);
        va_end(values);
        std::printf("\n");
    }
    bool failed(const char* step, status why) {
        is_done_ = false;
        row(step, "failed: %s", std::string{name(why)}.c_str());
        return false;
    }
    int no_memory(const char* what) {
        std::fprintf(stderr, "empty_blocks: %zu MiB of memory %s\n", options_.size_mib, what);
        return 77;
    }
    // One line that is overwritten, if somebody looks.
    [[gnu::format(printf, 2, 3)]] void progress(const char* format, ...) const {
        if (!terminal_) return;
        va_list values;
        va_start(values, format);
        std::printf("\r\x1b[K  ");
        std::vprintf(format, values);
        va_end(values);
        std::fflush(stdout);
    }
    void end_progress() const {
        if (terminal_) std::printf("\r\x1b[K");
    }
    void draw_map(const char* when) {
        standard_output out;
        std::printf("\n  %s\n", when);
        write_frame_map(out, zone_, {.ansi = terminal_ && std::getenv("NO_COLOR") == nullptr});
        std::printf("\n");
    }

    options options_;
    cordon::arena ram_;
    cordon::zone zone_;
    tenants tenants_;
    std::optional<traffic> traffic_;
    bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
    double before_ = 0; // moves a second
    double during_ = 0;
    double after_ = 0;
    double again_ = 0;
    bool is_done_ = true;
    std::uint64_t lost_ = 0;   // frames that the zone and the tenants count differently
    std::uint64_t strays_ = 0; // frames in use of the range that was offline
};

} // namespace demo

int main(int argc, char** argv) {
    return demo::run_with_options<demo::program, demo::options>(argc, argv);
}
