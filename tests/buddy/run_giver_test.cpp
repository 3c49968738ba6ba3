// tests/buddy/run_giver_test.cpp - batches of single frames that are given back as words.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/buddy/run_giver.hpp"

#include "buddy/buddy_fixture.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <vector>

using namespace cordon;
using namespace cordon::testing;

TEST_CASE("a batch of words counts each type for itself, and names the words of which a frame was free",
          "[buddy]") {
    buddy_fixture<> f{8};
    frame_words<256> batch;
    std::vector<std::uint32_t> twice; // behind every second type: each call gets words of two
    for (const migrate_type type : {unmovable, movable, reclaimable, movable, unmovable, movable}) {
        for (const std::uint32_t i : f.take(type, 0, 3))
            batch.push({frame_index{i & ~63u}, 1, 1ull << (i % 64)});
        if (type != movable) continue;
        batch.push(batch.begin()[batch.size() - 1]);
        twice.push_back((batch.end() - 1)->first.raw());
    }
    std::vector<std::uint32_t> named;
    for (const frame_word* next = batch.begin();;) {
        next = f.tested.give_words(f.proof(), next, batch.end());
        if (next == batch.end()) break;
        named.push_back(next++->first.raw());
    }
    CHECK(named == twice);
    CHECK(f.free() == 8 * 64);
    CHECK(f.consistent());
    CHECK(f.tested.give_words(f.proof(), batch.end(), batch.end()) == batch.end());
    CHECK(f.consistent());
}

TEST_CASE("the words of a whole block are given at once, and only they", "[buddy]") {
    buddy_fixture<9> f{4};
    frame_words<512> all;
    for (int n = 0; n != 4; ++n)
        REQUIRE(f.tested.take_words(f.proof(), movable, 512, all) == 512);
    REQUIRE(f.free() == 0);
    const auto word = [](std::uint32_t first) { return frame_word{frame_index{first}, 64, ~0ull}; };
    const auto give = [&](const std::vector<frame_word>& words) {
        const frame_word* const at =
            f.tested.give_words(f.proof(), words.data(), words.data() + words.size());
        CHECK(f.consistent());
        return at - words.data();
    };
    std::vector<frame_word> words;
    // Between words of other blocks, and one short at the end.
    words.push_back({frame_index{1024}, 1, 1});
    for (std::uint32_t i = 0; i != 512; i += 64)
        words.push_back(word(i));
    for (std::uint32_t i = 512; i != 512 + 448; i += 64)
        words.push_back(word(i));
    CHECK(give(words) == 16);
    CHECK(f.free() == 1 + 512 + 448);
    CHECK(f.take(movable, 9) == std::vector<std::uint32_t>{0});
    CHECK(f.give(0, 9) == status::ok);

    // Words of two blocks, though there are enough of them; words of which the last is not in the batch.
    CHECK(give({word(960)}) == 1);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{0}, 9));
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{512}, 9));
    words.clear();
    for (std::uint32_t i = 64; i != 64 + 512; i += 64)
        words.push_back(word(i));
    CHECK(give(words) == 8);
    CHECK(f.free() == 1 + 512);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{512}, 6));
    words.clear();
    for (const std::uint32_t i : {512u, 576u, 640u, 704u, 768u, 832u, 896u, 1536u})
        words.push_back(word(i));
    CHECK(give(words) == 8);
    CHECK(f.free() == 1 + 1024 - 128 + 64);
    words.back() = word(960);
    const frame_word last_of_zero[] = {word(0)};
    CHECK(f.tested.give_words(f.proof(), last_of_zero, last_of_zero + 1) == last_of_zero + 1);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{512}, 8));
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{768}, 7));
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{896}, 6));
    CHECK(f.tested.give_words(f.proof(), words.data(), words.data() + 7) == words.data() + 7);
    CHECK(f.consistent());
    CHECK_FALSE(f.is_free(960));
    CHECK(give({word(960)}) == 1);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{1536}, 6));
    CHECK(f.free() == 1 + 1024);

    // In another order, and with one frame less.
    words.clear();
    for (const std::uint32_t i : {1536u, 1600u, 1664u, 1792u, 1728u, 1856u, 1920u, 1984u})
        words.push_back(word(i));
    CHECK(give(words) == 8);
    CHECK(f.free() == 3 * 512 + 1);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{1536}, 9));
    words.clear();
    for (std::uint32_t i = 1536; i != 2048; i += 64)
        words.push_back(word(i));
    words[3] = {frame_index{1728}, 63, ~1ull};
    CHECK(give(words) == 8);
    CHECK_FALSE(f.is_free(1728));

    // Half of it is free already: the first word of that is named, and those before it come back.
    words[3] = word(1728);
    REQUIRE(f.give(1728, 0) == status::ok);
    REQUIRE(f.tested.take_exact(f.proof(), frame_index{1536}, 8));
    CHECK(give(words) == 4);
    CHECK(f.free() == 3 * 512 + 1);
    CHECK(give(words) == 0); // all of it
    CHECK(f.free() == 3 * 512 + 1);
}

TEST_CASE("the words of a whole block that is isolated meanwhile count as isolated", "[buddy]") {
    buddy_fixture<9> f{2};
    frame_words<512> batch;
    REQUIRE(f.tested.take_words(f.proof(), movable, 512, batch) == 512);
    f.tested.seal(f.proof(), block_index{0}, 1);
    CHECK(f.tested.give_words(f.proof(), batch.begin(), batch.end()) == batch.end());
    CHECK(f.isolated() == 512);
    CHECK(f.free() == 512);
    CHECK(f.consistent());
}

TEST_CASE("the second copy of a free is found also if the frame was poisoned after the first", "[buddy]") {
    for (unsigned k = 0; k <= 10; ++k) {
        buddy_fixture<9> f{2};
        const std::uint32_t run = f.take(movable, k)[0];
        const std::uint32_t bad = run + (1u << k) / 3;
        f.tested.condemn(f.proof(), frame_index{bad});
        REQUIRE(f.give(run, k) == status::ok);
        // No bit of the map tells that it came back: all others are in use again.
        REQUIRE(f.take(movable, 0, 1024).size() == 1023);
        CAPTURE(k);
        CHECK(f.give(run, k) == status::double_free);
        CHECK(f.give(bad, 0) == status::double_free);
        CHECK_FALSE(f.is_free(bad));
        CHECK(f.free() == 0);
        CHECK(f.poisoned() == 1);
        CHECK(f.consistent());
    }
}

TEST_CASE("of a batch of words the one with a frame that is out for good is named", "[buddy]") {
    buddy_fixture<9> f{1};
    frame_words<512> batch;
    REQUIRE(f.tested.take_words(f.proof(), movable, 512, batch) == 512);
    f.tested.condemn(f.proof(), frame_index{200});
    REQUIRE(f.give(200, 0) == status::ok);
    CHECK(f.tested.give_words(f.proof(), batch.begin(), batch.end()) == batch.begin() + 3);
    CHECK(f.free() == 3 * 64);
    CHECK(f.tested.give_word(f.proof(), frame_index{192}, ~(1ull << 8), 63, 0) == status::ok);
    CHECK(f.tested.give_words(f.proof(), batch.begin() + 4, batch.end()) == batch.end());
    CHECK(f.free() == 511);
    CHECK_FALSE(f.is_free(200));
    CHECK(f.consistent());
}
