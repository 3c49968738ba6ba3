// support/verify.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/verify.hpp"

#include "support/statistics.hpp"
#include "support/watched_child.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

namespace bench {

namespace {

constexpr std::uint64_t block_frames = 512;

struct run {
    std::uint64_t first = 0;
    unsigned order = 0;
    [[nodiscard]] std::uint64_t end() const { return first + (std::uint64_t{1} << order); }
};

// The frames that are out, whatever their numbers. Safe to call from any thread.
class ledger {
public:
    // Returns: whether none of the frames was out.
    bool check_out(run r) {
        bool fresh = true;
        for (std::uint64_t f = r.first; f != r.end(); ++f) {
            shard& s = shard_of(f);
            const std::lock_guard held{s.lock};
            fresh &= s.out.insert(f).second;
        }
        return fresh;
    }
    void check_in(run r) {
        for (std::uint64_t f = r.first; f != r.end(); ++f) {
            shard& s = shard_of(f);
            const std::lock_guard held{s.lock};
            s.out.erase(f);
        }
    }

private:
    struct alignas(64) shard {
        std::mutex lock;
        std::unordered_set<std::uint64_t> out;
    };
    shard& shard_of(std::uint64_t f) { return shards_[f / 8 % shards_.size()]; }
    std::array<shard, 64> shards_;
};

class examination {
public:
    examination(const peer& api, const verify_options& options, child_voice& voice)
        : api_(api),
          options_(options),
          voice_(voice),
          self_(api.create(options.frames, options.threads), api.destroy) {}

    void hold() {
        if (!self_) return voice_.say("cannot be created");
        empty(fill("at first"));
        traffic();
        empty(fill("after traffic"));
        if (api_.offline != nullptr) offline();
        count();
    }

private:
    struct complaint {
        const char* what;
        std::atomic<std::uint64_t> times{0};
    };
    // Where threads leave runs for others to free.
    struct exchange {
        std::mutex lock;
        std::vector<run> runs;
    };

    std::optional<run> allocate(unsigned thread, unsigned order) {
        const run r{api_.allocate(self_.get(), thread, order), order};
        voice_.step();
        if (r.first == peer_no_frame) return std::nullopt;
        if (r.first % (std::uint64_t{1} << order) != 0) complain(misaligned_, r);
        if (!out_.check_out(r)) complain(twice_, r);
        if (offline_ && r.first < (*offline_ + 1) * block_frames && r.end() > *offline_ * block_frames)
            complain(from_offline_, r);
        return r;
    }
    // What has gone wrong may make the peer crash soon, so the first time is told at once.
    void complain(complaint& about, run r) {
        if (about.times.fetch_add(1, std::memory_order_relaxed) == 0)
            voice_.say(about.what + std::string(", first of all frame ") + std::to_string(r.first) +
                       " of order " + std::to_string(r.order));
    }
    void free(unsigned thread, run r) {
        out_.check_in(r); // first: from now on it may be handed out
        api_.free(self_.get(), thread, r.first, r.order);
        voice_.step();
    }

    // Returns: single frames, until there are no more or all are out.
    std::vector<run> fill(const char* when) {
        if (api_.drain != nullptr) api_.drain(self_.get());
        const std::uint64_t all = options_.frames - (offline_ ? block_frames : 0);
        std::vector<run> held;
        while (held.size() != all) {
            const auto r = allocate(0, 0);
            if (!r) break;
            held.push_back(*r);
        }
        if (held.size() != all)
            voice_.say("lost frames " + std::string(when) + ": " + std::to_string(held.size()) + " of " +
                       std::to_string(all) + " can be allocated");
        return held;
    }
    void empty(const std::vector<run>& held) {
        for (const run r : held)
            free(0, r);
    }

    void traffic() {
        exchange passed_on;
        std::barrier start{static_cast<std::ptrdiff_t>(options_.threads)};
        std::vector<std::thread> threads;
        for (unsigned t = 0; t != options_.threads; ++t)
            threads.emplace_back([&, t] {
                start.arrive_and_wait();
                work(t, passed_on);
            });
        for (std::thread& t : threads)
            t.join();
        empty(passed_on.runs);
    }
    void work(unsigned thread, exchange& passed_on) {
        random_numbers numbers{options_.seed * 1000 + thread};
        std::vector<run> mine;
        for (unsigned i = 0; i != options_.operations; ++i) {
            const std::uint32_t choice = numbers.below(100);
            if (choice < 50 && mine.size() < options_.frames / options_.threads / 16) {
                if (const auto r = allocate(thread, choice < 40 ? 0 : choice % 10)) mine.push_back(*r);
            } else if (!mine.empty()) {
                std::swap(mine.back(), mine[numbers.below(static_cast<std::uint32_t>(mine.size()))]);
                run r = mine.back();
                mine.pop_back();
                if (choice >= 80) {
                    const std::lock_guard held{passed_on.lock};
                    if (passed_on.runs.size() < 64) {
                        passed_on.runs.push_back(r);
                        continue;
                    }
                    std::swap(r, passed_on.runs[numbers.below(64)]);
                }
                free(thread, r);
            }
        }
        for (const run r : mine)
            free(thread, r);
    }

    // Some block in the middle, as far as blocks are known: that of a frame that can be had.
    void offline() {
        const std::vector<run> held = fill("before offline");
        if (held.empty()) return;
        const std::uint64_t block = held[held.size() / 2].first / block_frames;
        empty(held);
        if (api_.drain != nullptr) api_.drain(self_.get());
        if (api_.offline(self_.get(), block) != 0) return;
        offline_ = block;
        empty(fill("after offline"));
        traffic(); // runs of all orders, too
    }

    void count() const {
        for (const complaint* c : {&twice_, &misaligned_, &from_offline_})
            if (const std::uint64_t times = c->times; times > 1)
                voice_.say(c->what + std::string(": ") + std::to_string(times) + " times");
    }

    const peer& api_;
    const verify_options options_;
    child_voice& voice_;
    std::unique_ptr<void, decltype(&peer_destroy)> self_;
    ledger out_;
    std::optional<std::uint64_t> offline_;
    complaint twice_{"handed out a frame that was in use"};
    complaint misaligned_{"handed out a run that is not aligned to its size"};
    complaint from_offline_{"handed out a frame of an offline block"};
};

} // namespace

std::vector<std::string> verify(const peer& api, const verify_options& options) {
    return in_watched_child(options.patience, [&](child_voice& voice) {
        examination{api, options, voice}.hold();
    });
}

} // namespace bench
