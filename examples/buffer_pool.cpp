// buffer_pool - a page cache that gives half of its memory back while threads work in it, and loses no page.
// SPDX-License-Identifier: BSL-1.0
//
// A file of 4 GiB, 256 MiB of frames. Frames come from a zone; an LRU knows which of them are warm; threads pin the pages
// that they read and write (buffer_pool/pool.hpp). To shrink, the cheapest blocks are sealed one after the other; of
// the pages in them the warm ones move and the cold ones are evicted; the empty block leaves the zone, and its memory
// goes back to the system. Each page carries a stamp, and how often each was written is known apart from it.
#include "buffer_pool/options.hpp"
#include "buffer_pool/pool.hpp"
#include "buffer_pool/traffic.hpp"
#include "buffer_pool/yardstick.hpp"

#include <cordon/cordon.hpp>
#include <cordon/isolation/lru_migrator.hpp>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace demo {

using namespace std::chrono_literals;
using cordon::block_cost;
using cordon::frame_count;

// The migrator of a shrinking pool: what is colder than `window` is evicted, the rest moves.
class emptier {
public:
    emptier(pool& p, std::uint8_t window)
        : tracker_(p.tracker()),
          window_(window),
          write_back_{p},
          hand_back_{p},
          mover_(tracker_, pool::relocate{p}),
          evictor_(tracker_, write_back_, hand_back_) {}
    migrate_outcome operator()(const busy_frame& from, frame to) {
        return tracker_.state_of(from.head()).cold <= window_ ? mover_(from, to) : evictor_(from);
    }

private:
    tracker& tracker_;
    std::uint8_t window_;
    pool::write_back write_back_;
    pool::hand_back hand_back_;
    cordon::lru_migrator<tracker, pool::relocate> mover_;
    cordon::lru_evictor<tracker, pool::write_back, pool::hand_back> evictor_;
};

class program {
public:
    explicit program(const options& o)
        : options_(o),
          file_(o.file_mib * 256),
          ram_(frame_count{o.frames_mib * 256}),
          pool_(file_, ram_, o.file_mib * 256, o.policy),
          yardstick_(16) {}

    int run() {
        if (!file_) return missing(file_.problem().c_str());
        if (!ram_ || pool_.zone().error() != status::ok || pool_.tracker().error() != status::ok)
            return missing("no memory");
        std::printf("cordon: a page cache shrinks and grows under load   (policy %s, seed %" PRIu64 ")\n\n",
                    std::string{policy_names[options_.policy]}.c_str(), options_.seed);
        row("file", "%zu MiB, sparse; %" PRIu32 " pages", options_.file_mib, pool_.pages());
        row("frames", "%zu MiB of memfd, %zu pageblocks", options_.frames_mib, blocks());
        row("traffic", "%zu threads: 4 of 5 accesses by Zipf's law, 1 in scans; 1 of 5 writes",
            options_.threads);
        enter("filling", all_frames());
        traffic_.emplace(pool_, yardstick_, options_.threads, options_.seed);
        watch();
        enter("full", all_frames());
        watch();
        enter("shrinking", all_frames());
        const bool shrunk = shrink();
        enter("half", all_frames() / 2);
        watch();
        const bool grown = grow();
        enter("grown", all_frames());
        watch();
        traffic_->stop();
        rates_.push_back(speed());
        if (pool_.found().io_errors != 0)
            return missing("the file cannot be read or written; is its disk full?");
        compare();
        const bool in_order = account();
        return verdict(shrunk && grown && in_order);
    }

private:
    static constexpr double patience = 5; // seconds

    // ---- the job ----

    // Effects: half of the pageblocks are emptied, the cheapest first, and their memory is the system's.
    bool shrink() {
        const clock::time_point start = clock::now();
        const double worked = processor_seconds();
        const std::size_t resident = ram_.resident_bytes();
        const std::uint64_t written = pool_.written();
        std::vector<block_cost> cheapest(blocks() / 2);
        // A block with a frame that is pinned, or just being loaded, is left out: there are others, or it is soon over.
        while (cordon::cheapest_blocks(pool_.zone(), pool_.tracker(), cheapest) != cheapest.size())
            if (seconds_since(start) > patience) return failed("choose", status::busy);
        emptier empty{pool_, window(all_frames() / 2)};
        double longest = 0;
        std::uint64_t moved = 0, evicted = 0;
        for (const block_cost& block : cheapest) {
            const clock::time_point begin = clock::now();
            auto sealed = pool_.zone().isolate(block.range, {.deadline = 5s});
            if (!sealed) return failed("seal", sealed.error());
            cordon::migrate_report report;
            do { // all frames may be on their way for a moment: then there is none to move to
                report = sealed->migrate(empty, 5s);
                moved += report.moved.raw();
                evicted += report.freed.raw();
            } while (report.outcome == status::no_memory && seconds_since(begin) < patience);
            if (report.outcome != status::ok) return failed("migrate", report.outcome);
            if (const status e = sealed->offline(); e != status::ok) return failed("offline", e);
            if (const status e = ram_.discard(block.range); e != status::ok) return failed("discard", e);
            offline_.push_back(block.range);
            longest = std::max(longest, seconds_since(begin));
        }
        // Threads at work in the pool take the processor from this one: what it waits for, mostly.
        row("shrink", "%.0f ms for %zu pageblocks, the longest %.1f ms; %.0f ms of a processor",
            seconds_since(start) * 1e3, offline_.size(), longest * 1e3, (processor_seconds() - worked) * 1e3);
        row("", "%" PRIu64 " pages moved, %" PRIu64 " evicted, %" PRIu64 " written back meanwhile", moved,
            evicted, pool_.written() - written);
        row("", "%zu MiB resident before, %zu MiB after", resident >> 20, ram_.resident_bytes() >> 20);
        return true;
    }
    // Returns: how cold the warmest frames may be so that `frames` of them are not colder.
    std::uint8_t window(std::uint64_t frames) {
        const cordon::age_histogram ages = pool_.tracker().age_histogram();
        unsigned cold = 0;
        for (std::uint64_t n = ages.by_age[0]; cold != 255 && n + ages.by_age[cold + 1] <= frames;)
            n += ages.by_age[++cold];
        return static_cast<std::uint8_t>(cold);
    }
    // Returns: time for which this thread has had a processor.
    static double processor_seconds() {
        timespec t{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
    }
    bool grow() {
        const clock::time_point start = clock::now();
        for (const frame_range range : offline_)
            if (const status e = pool_.zone().online(range); e != status::ok) return failed("online", e);
        row("grow", "%.0f us for %zu pageblocks", seconds_since(start) * 1e6, offline_.size());
        return true;
    }

    // Returns: whether every page, the zone and the LRU are in order, at rest.
    bool account() {
        const std::uint64_t resident = pool_.flush();
        const std::uint64_t ever_written = pool_.verify_file();
        row("verified", "%" PRIu64 " pages in frames; %" PRIu32 " in the file, %" PRIu64 " of them written",
            resident, pool_.pages(), ever_written);
        const auto stats = pool_.zone().exact_stats();
        if (!stats) return failed("count", stats.error());
        const cordon::validation valid = pool_.zone().validate({.quiesce = true});
        const cordon::lru_validation lists = pool_.tracker().validate(true);
        std::ostringstream text;
        text << "zone: " << valid << "; lru: " << lists;
        row("", "%s", text.str().c_str());
        const std::uint64_t tracked = pool_.tracker().age_histogram().total();
        lost_ = difference(stats->allocated.raw(), resident) + difference(tracked, resident);
        return bool{valid} && bool{lists} && lost_ == 0;
    }

    int verdict(bool good) {
        const damage& d = pool_.found();
        if (good && !d.any()) {
            std::printf("\nPASS: %" PRIu64
                        " accesses; half of the memory went and came back; no page was lost "
                        "or changed\n",
                        traffic_->accesses());
            return 0;
        }
        std::printf("\nFAIL: pages changed %" PRIu64 ", misplaced %" PRIu64 "; frames lost %" PRIu64
                    "; input and output errors %" PRIu64 "\n",
                    d.changed.load(), d.misplaced.load(), lost_, d.io_errors.load());
        return 1;
    }

    // ---- showing ----

    void compare() const {
        const auto ratios = yardstick_.measure();
        std::printf("\n  hit ratio     frames    accesses/s     pool      LRU   Belady\n");
        for (std::size_t p = 0; p != ratios.size(); ++p)
            std::printf("  %-10s %9zu %11.0f k %7.1f%% %7.1f%% %7.1f%%\n", yardstick_.phases()[p].name,
                        yardstick_.phases()[p].frames, rates_[p] / 1e3, ratios[p].pool * 100,
                        ratios[p].lru * 100, ratios[p].belady * 100);
        std::printf("\n");
    }
    void enter(const char* phase, std::size_t frames) {
        if (traffic_) rates_.push_back(speed());
        yardstick_.enter(phase, frames);
    }
    // Returns: accesses a second since the last call.
    double speed() {
        const std::uint64_t before = std::exchange(accesses_, traffic_->accesses());
        const clock::time_point then = std::exchange(lap_, clock::now());
        return static_cast<double>(accesses_ - before) / std::chrono::duration<double>(lap_ - then).count();
    }
    void watch() const { std::this_thread::sleep_for(std::chrono::duration<double>{options_.seconds}); }
    [[gnu::format(printf, 2, 3)]] static void row(const char* what, const char* format, ...) {
        std::printf("  %-10s", what);
        va_list values;
        va_start(values, format);
        std::vprintf(format, values);
        va_end(values);
        std::printf("\n");
        std::fflush(stdout);
    }
    static bool failed(const char* step, status why) {
        row(step, "failed: %s", std::string{name(why)}.c_str());
        return false;
    }
    static int missing(const char* what) {
        std::fprintf(stderr, "buffer_pool: %s\n", what);
        return 77;
    }
    static std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }
    [[nodiscard]] std::size_t blocks() const { return options_.frames_mib / 2; }
    [[nodiscard]] std::size_t all_frames() const { return options_.frames_mib * 256; }

    options options_;
    page_file file_;
    cordon::arena ram_;
    pool pool_;
    yardstick yardstick_;
    std::optional<traffic> traffic_;
    std::vector<frame_range> offline_;
    std::vector<double> rates_; // accesses a second, of each phase
    std::uint64_t accesses_ = 0;
    clock::time_point lap_ = clock::now();
    std::uint64_t lost_ = 0; // frames that the zone, the LRU and the records count differently
};

} // namespace demo

int main(int argc, char** argv) {
    return demo::run_with_options<demo::program, demo::options>(argc, argv);
}
