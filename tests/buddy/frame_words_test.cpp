// tests/buddy/frame_words_test.cpp - batches of single frames, gathered by the words of the maps.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/frame_words.hpp"

#include "support/catch.hpp"
#include "support/seed.hpp"

#include <vector>

using namespace cordon;

namespace {

using words_of_256 = frame_words<256>;

std::vector<std::uint32_t> spread(const words_of_256& words) {
    std::vector<std::uint32_t> frames;
    for (const frame_word& word : words)
        word.spread([&](frame_index i) { frames.push_back(i.raw()); });
    return frames;
}

const auto no_prefetch = [](frame_index) {};

} // namespace

TEST_CASE("frames in a row become one word", "[buddy]") {
    std::vector<std::uint32_t> frames;
    for (std::uint32_t i = 64; i != 192; ++i)
        frames.push_back(i);
    words_of_256 words;
    REQUIRE(words.gather(frames.data(), 0, frames.size(), no_prefetch) == frames.size());
    REQUIRE(words.size() == 2);
    CHECK(words.begin()->first == frame_index{64});
    CHECK(words.begin()->count == 64);
    CHECK(words.begin()->bits == ~0ull);
    CHECK(spread(words) == frames);
}

TEST_CASE("a frame that comes twice in a row goes into two words, so that the second is found", "[buddy]") {
    const std::vector<std::uint32_t> frames{7, 7, 8};
    words_of_256 words;
    REQUIRE(words.gather(frames.data(), 0, 3, no_prefetch) == 3);
    REQUIRE(words.size() == 2);
    CHECK(words.begin()[0].bits == 1ull << 7);
    CHECK(words.begin()[1].bits == 3ull << 7);
}

TEST_CASE("frames that only begin and end like a row are gathered as what they are", "[buddy]") {
    std::vector<std::uint32_t> frames;
    for (std::uint32_t i = 0; i != 64; ++i)
        frames.push_back(i == 20 ? 200 : i);
    words_of_256 words;
    REQUIRE(words.gather(frames.data(), 0, frames.size(), no_prefetch) == frames.size());
    CHECK(spread(words) == frames);
}

TEST_CASE("gathering stops when the batch is full and goes on where it stopped", "[buddy]") {
    std::vector<std::uint32_t> frames;
    for (std::uint32_t i = 0; i != words_of_256::capacity + 10; ++i)
        frames.push_back(i * 64);
    words_of_256 words;
    REQUIRE(words.gather(frames.data(), 0, frames.size(), no_prefetch) == words_of_256::capacity);
    CHECK(words.full());
    words_of_256 rest;
    CHECK(rest.gather(frames.data(), words_of_256::capacity, frames.size(), no_prefetch) == frames.size());
    CHECK(rest.size() == 10);
}

TEST_CASE("any sequence without repetition comes out whole", "[buddy]") {
    testing::rng random{testing::seed()};
    for (int round = 0; round != 200; ++round) {
        std::vector<std::uint32_t> frames;
        const std::uint32_t step = static_cast<std::uint32_t>(random.below(5)) + 1;
        for (std::uint32_t i = static_cast<std::uint32_t>(random.below(1000)); frames.size() != 100;
             i += step)
            frames.push_back(i);
        words_of_256 words;
        unsigned prefetched = 0;
        REQUIRE(words.gather(frames.data(), 0, frames.size(), [&](frame_index) { ++prefetched; }) == 100);
        REQUIRE(prefetched == words.size());
        REQUIRE(spread(words) == frames);
    }
}
