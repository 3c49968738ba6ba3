// tests/bench/verify_test.cpp - faulty allocators are found.
// SPDX-License-Identifier: BSL-1.0
#include "support/verify.hpp"

#include "support/catch.hpp"

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

using namespace bench;

namespace {

enum class fault {
    none,
    loses,
    hands_out_twice,
    notices_itself,
    forgets_offline,
    takes_single_frames_offline,
    misaligns,
    crashes,
    crashes_at_the_end,
    exits,
    hangs,
    cannot_be_made
};

// A stack of frames behind a lock, order 0 only, with a fault now and then.
template <fault Fault>
class stack {
public:
    static peer api() {
        return {.name = "stack",
                .create = [](std::uint64_t frames, unsigned) -> void* {
                    return Fault == fault::cannot_be_made ? nullptr : new stack(frames);
                },
                .destroy =
                    [](void* self) {
                        if (Fault == fault::crashes_at_the_end) std::raise(SIGABRT);
                        delete static_cast<stack*>(self);
                    },
                .allocate = [](void* self, unsigned,
                               unsigned order) { return static_cast<stack*>(self)->allocate(order); },
                .free = [](void* self, unsigned, std::uint64_t f,
                           unsigned) { static_cast<stack*>(self)->free(f); },
                .offline = [](void* self,
                              std::uint64_t block) { return static_cast<stack*>(self)->offline(block); }};
    }

private:
    explicit stack(std::uint64_t frames) {
        for (std::uint64_t f = 0; f != frames; ++f)
            free_.push_back(f);
    }
    std::uint64_t allocate(unsigned order) {
        const std::lock_guard held{lock_};
        if (++allocations_ == 5000) misbehave();
        if (Fault == fault::misaligns && order == 1 && free_.size() > 100) {
            const auto even = free_.back() & ~std::uint64_t{1};
            return even + 1; // and of frames that are others', but that is another complaint
        }
        if (Fault == fault::takes_single_frames_offline && order == 1 && offline_) return *offline_ * 512;
        if (order != 0 || free_.empty()) return peer_no_frame;
        const std::uint64_t f = free_.back();
        const bool now = ++calls_ % 1000 == 0;
        noticed_ = noticed_ || (Fault == fault::notices_itself && now);
        if (!((Fault == fault::hands_out_twice || Fault == fault::notices_itself) && now)) free_.pop_back();
        return f;
    }
    void free(std::uint64_t f) {
        const std::lock_guard held{lock_};
        if (noticed_) std::raise(SIGABRT); // as one that checks itself does
        if (!(Fault == fault::loses && ++calls_ % 1000 == 0)) free_.push_back(f);
    }
    static void misbehave() {
        if (Fault == fault::crashes) std::raise(SIGSEGV);
        if (Fault == fault::exits) std::exit(3);
        while (Fault == fault::hangs)
            pause();
    }
    int offline(std::uint64_t block) {
        if (Fault != fault::forgets_offline)
            std::erase_if(free_, [=](std::uint64_t f) { return f / 512 == block; });
        offline_ = block;
        return 0;
    }

    std::mutex lock_;
    std::uint64_t calls_ = 0;
    std::uint64_t allocations_ = 0;
    bool noticed_ = false;
    std::vector<std::uint64_t> free_;
    std::optional<std::uint64_t> offline_;
};

template <fault Fault>
std::string complaints(std::chrono::milliseconds patience = std::chrono::seconds{10}) {
    std::string out;
    for (const std::string& c :
         verify(stack<Fault>::api(), {.frames = 2048, .operations = 20'000, .patience = patience}))
        out += c + '\n';
    return out;
}

} // namespace

TEST_CASE("an allocator that keeps its frames passes", "[bench]") {
    CHECK(complaints<fault::none>() == "");
}

TEST_CASE("an allocator that loses frames is found", "[bench]") {
    CHECK(complaints<fault::loses>().find("lost frames") != std::string::npos);
}

TEST_CASE("an allocator that hands a frame out twice is found", "[bench]") {
    CHECK(complaints<fault::hands_out_twice>().find("handed out a frame that was in use") !=
          std::string::npos);
}

TEST_CASE("what was found is told although the allocator crashes over it", "[bench]") {
    const std::string told = complaints<fault::notices_itself>();
    CHECK(told.find("handed out a frame that was in use, first of all frame ") == 0);
    CHECK(told.ends_with("crashed with signal 6 (Aborted)\n"));
}

TEST_CASE("an allocator that hands out a frame of an offline block is found", "[bench]") {
    CHECK(complaints<fault::forgets_offline>().find("of an offline block") != std::string::npos);
    CHECK(complaints<fault::takes_single_frames_offline>().find("of an offline block") != std::string::npos);
}

TEST_CASE("an allocator that misaligns a run is found", "[bench]") {
    CHECK(complaints<fault::misaligns>().find("not aligned") != std::string::npos);
}

TEST_CASE("an allocator that crashes is told from one that loses frames", "[bench]") {
    CHECK(complaints<fault::crashes>() == "crashed with signal 11 (Segmentation fault)\n");
    CHECK(complaints<fault::crashes_at_the_end>() == "crashed with signal 6 (Aborted)\n");
}

TEST_CASE("an allocator that ends the process is found", "[bench]") {
    CHECK(complaints<fault::exits>() == "ended the process with code 3\n");
}

TEST_CASE("an allocator that hangs is not waited for longer than one's patience", "[bench]") {
    CHECK(complaints<fault::hangs>(std::chrono::milliseconds{300}) == "made no progress for 0.3 s\n");
}

TEST_CASE("an allocator that cannot be created says so", "[bench]") {
    CHECK(complaints<fault::cannot_be_made>() == "cannot be created\n");
}
