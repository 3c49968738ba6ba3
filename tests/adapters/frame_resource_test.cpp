// tests/adapters/frame_resource_test.cpp - frames behind standard containers.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/adapters/frame_resource.hpp"

#include "support/catch.hpp"
#include "support/zones.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

namespace {

struct recording_policy : default_policy {
    using misuse_handler = misuse_record;
};
using recording_resource = frame_resource<basic_zone<recording_policy>>;

constexpr std::size_t page = 4096;
constexpr std::uint32_t frames = 1024;

// Memory of a zone, aligned as its frame numbers are.
class memory_of_frames {
public:
    memory_of_frames() : first_(static_cast<std::byte*>(::operator new(size, alignment))) {}
    memory_of_frames(const memory_of_frames&) = delete;
    memory_of_frames& operator=(const memory_of_frames&) = delete;
    ~memory_of_frames() { ::operator delete(first_, alignment); }
    [[nodiscard]] std::span<std::byte> bytes() const { return {first_, size}; }

private:
    static constexpr std::size_t size = frames * page;
    static constexpr std::align_val_t alignment{size};
    std::byte* first_;
};

struct fixture {
    basic_zone<recording_policy> zone{frame_range{frame{0}, frame_count{frames}}};
    memory_of_frames memory;
    recording_resource tested{zone, memory.bytes()};

    fixture() { misuse_record::reset(); }
    [[nodiscard]] std::uint64_t allocated() { return zone.exact_stats()->allocated.raw(); }
};

} // namespace

TEST_CASE("containers live in frames, grow, keep what they hold, and give every frame back", "[adapters]") {
    fixture f;
    {
        std::pmr::vector<std::uint64_t> numbers{&f.tested};
        for (std::uint64_t i = 0; i != 100'000; ++i)
            numbers.push_back(i * i);
        for (std::size_t i = 0; i != 100'000; ++i)
            REQUIRE(numbers[i] == std::uint64_t{i} * i);
        CHECK(f.tested.frame_of(numbers.data()) != frame::none());
        CHECK(f.allocated() == 256); // 2^17 numbers of 8 bytes
        std::pmr::unsynchronized_pool_resource pool{&f.tested};
        std::pmr::list<std::pmr::string> words{&pool};
        for (unsigned i = 0; i != 2'000; ++i)
            words.emplace_back("a word too long for the short string " + std::to_string(i));
        unsigned i = 0;
        for (const std::pmr::string& word : words)
            REQUIRE(word == ("a word too long for the short string " + std::to_string(i++)).c_str());
        REQUIRE(f.zone.validate());
    }
    CHECK(f.allocated() == 0);
    CHECK(misuse_record::count == 0);
    CHECK(f.zone.validate());
}

TEST_CASE("an allocation is the smallest run of frames that has its bytes and its alignment", "[adapters]") {
    fixture f;
    struct row {
        std::size_t bytes, alignment, frames;
    };
    for (const row r : {row{0, 1, 1}, row{1, 1, 1}, row{page, 1, 1}, row{page + 1, 1, 2}, row{3 * page, 8, 4},
                        row{1, page, 1}, row{1, 2 * page, 2}, row{page, 64 * page, 64},
                        row{512 * page, 1, 512}, row{1024 * page, 1024 * page, 1024}}) {
        INFO(r.bytes << " bytes, aligned to " << r.alignment);
        void* const at = f.tested.allocate(r.bytes, r.alignment);
        CHECK(reinterpret_cast<std::uintptr_t>(at) % r.alignment == 0);
        CHECK(f.allocated() == r.frames);
        f.tested.deallocate(at, r.bytes, r.alignment);
        CHECK(f.allocated() == 0);
    }
    CHECK(misuse_record::count == 0);
}

TEST_CASE("what the zone cannot give is bad_alloc, and nothing is lost", "[adapters]") {
    fixture f;
    CHECK_THROWS_AS(f.tested.allocate(frames * page + 1), std::bad_alloc);
    volatile std::size_t all = SIZE_MAX; // what no compiler sees, so that none objects
    CHECK_THROWS_AS(f.tested.allocate(all), std::bad_alloc);
    CHECK_THROWS_AS(f.tested.allocate(1, std::size_t{1} << 31), std::bad_alloc);
    void* const half = f.tested.allocate(frames / 2 * page);
    CHECK_THROWS_AS(f.tested.allocate(frames * page), std::bad_alloc);
    CHECK(f.allocated() == frames / 2);
    f.tested.deallocate(half, frames / 2 * page);

    // Memory that starts in the middle of what its frame numbers are aligned to.
    basic_zone<recording_policy> rest{frame_range{frame{0}, frame_count{frames / 2}}};
    recording_resource shifted{rest, f.memory.bytes().subspan(page, frames / 2 * page)};
    CHECK_THROWS_AS(shifted.allocate(1, 64 * page), std::bad_alloc);
    CHECK(rest.exact_stats()->allocated.raw() == 0);
    CHECK(misuse_record::count == 0);
}

TEST_CASE("memory that is not 2^n bytes for each frame is refused", "[adapters]") {
    fixture f;
    const auto make = [&](std::span<std::byte> bytes) {
        return recording_resource{f.zone, bytes}.order_of(1, 1);
    };
    const std::span<std::byte> bytes = f.memory.bytes();
    CHECK_THROWS_AS(make({}), std::invalid_argument);
    CHECK_THROWS_AS(make(bytes.first(bytes.size() - 1)), std::invalid_argument);
    CHECK_THROWS_AS(make(bytes.first(frames * 3)), std::invalid_argument);
    CHECK_NOTHROW(make(bytes.first(frames * 2)));
    basic_zone<recording_policy> none{frame_range{frame{0}, frame_count{0}}};
    CHECK_THROWS_AS(recording_resource(none, bytes), std::invalid_argument);
}

TEST_CASE("a wrong deallocation goes to the misuse handler and changes nothing", "[adapters]") {
    fixture f;
    auto* const at = static_cast<std::byte*>(f.tested.allocate(page));
    std::byte elsewhere[1];
    const auto wrong = [&](void* what, std::size_t bytes, status expected) {
        const unsigned before = misuse_record::count;
        f.tested.deallocate(what, bytes);
        CHECK(misuse_record::count == before + 1);
        CHECK(misuse_record::last.what == expected);
        CHECK(f.allocated() == 1);
    };
    wrong(at, 2 * page, status::wrong_order);
    wrong(at + 1, page, status::foreign_frame);
    wrong(elsewhere, 1, status::foreign_frame);
    wrong(f.memory.bytes().data() + f.memory.bytes().size(), page, status::foreign_frame);
    f.tested.deallocate(at, page);
    CHECK(f.allocated() == 0);
}

TEST_CASE("a container's block is not emptied behind its back, unless it was said to be movable",
          "[adapters]") {
    fixture f;
    const auto block_of = [](frame inside) {
        return frame_range{frame{inside.raw() / 512 * 512}, frame_count{512}};
    };
    std::pmr::vector<char> fixed(page, 'x', &f.tested);
    CHECK(f.zone.isolate(block_of(f.tested.frame_of(fixed.data()))).error() == status::unmovable);

    recording_resource movable{f.zone, f.memory.bytes(), migrate_type::movable};
    std::pmr::vector<char> told(page, 'x', &movable);
    const frame at = movable.frame_of(told.data());
    const auto sealed = f.zone.isolate(block_of(at));
    REQUIRE(sealed);
    CHECK(sealed->next_busy().head() == at);
}

TEST_CASE("resources are equal when they are the same one", "[adapters]") {
    fixture f;
    const frame_resource other{f.zone, f.memory.bytes()};
    CHECK(f.tested == f.tested);
    CHECK_FALSE(f.tested == other);
}

TEST_CASE("several threads allocate from one resource", "[adapters]") {
    fixture f;
    std::vector<std::thread> users;
    for (unsigned user = 0; user != 4; ++user)
        users.emplace_back([&, user] {
            for (unsigned round = 0; round != 200; ++round) {
                std::pmr::vector<unsigned> numbers(100 + round * 10, user, &f.tested);
                for (const unsigned value : numbers)
                    if (value != user) std::abort();
            }
        });
    for (std::thread& user : users)
        user.join();
    CHECK(f.allocated() == 0);
    CHECK(f.zone.validate());
}
