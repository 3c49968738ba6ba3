// custom_replacement - a replacement policy of your own, in 40 lines: frequency in four lists, with ageing.
// SPDX-License-Identifier: BSL-1.0
//
// cordon::lru does the claims, locks, groups, batches and pins. A policy says what the age byte of a touched frame
// becomes, where an added frame goes, which list is looked at next, and whether its oldest frame is evicted.
#include "support/command_line.hpp"

#include <cordon/lru.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <unordered_map>
#include <vector>

namespace {

// Frames are on list 0 to 3 by the number of touches since they were looked at: none, 1, 2 to 3, 4 and more. The
// victim is the oldest frame of the lowest list. A frame that is looked at moves to the list of its count, which halves.
struct frequency : cordon::replacement_base {
    static constexpr unsigned lists = 4;
    static constexpr unsigned passes = 10;
    struct group_state {
        std::uint32_t looks; // so far
    };

    static constexpr std::uint8_t touched(std::uint8_t count, std::uint8_t) {
        return static_cast<std::uint8_t>(count < 7 ? count + 1 : 7);
    }
    static constexpr std::uint8_t coldness(std::uint8_t count, std::uint8_t) {
        return static_cast<std::uint8_t>(7 - count);
    }
    // One look in 16 is at the highest list: what was used much once must not stay for ever.
    template <class View>
    unsigned next(View& group) const {
        if (group.state().looks % 16 == 0 && group.size(3) != 0) return 3;
        unsigned list = 0;
        while (list != lists && group.size(list) == 0)
            ++list;
        return list;
    }
    template <class View>
    cordon::decision examine(View& group, cordon::frame_index f, unsigned list) const {
        ++group.state().looks;
        const std::uint8_t count = group.age(f);
        if (list == 0 && count == 0) return cordon::decision::evict();
        group.set_age(f, count / 2);
        return cordon::decision::keep(count >= 4 ? 3 : count >= 2 ? 2 : count);
    }
};
static_assert(cordon::replacement_policy<frequency>);

// 9 of 10 accesses are to few of 4,000 pages, by a power law; one is to the next page of an endless scan.
class traffic {
public:
    std::uint64_t next() {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        const double u = static_cast<double>(random_ >> 11) * 0x1p-53;
        return u > 0.9 ? scan_++ : static_cast<std::uint64_t>(4000 * std::pow(u / 0.9, 4));
    }

private:
    std::uint64_t random_ = 42, scan_ = 4000;
};

// Returns: hits in 100 of a page cache of 500 frames with this policy.
template <class Replacement>
double hit_ratio() {
    constexpr std::uint32_t frames = 500, accesses = 200'000;
    cordon::lru<Replacement> tracker{cordon::frame_range{cordon::frame{0}, cordon::frame_count{frames}}};
    std::unordered_map<std::uint64_t, cordon::frame> where;
    std::vector<std::uint64_t> content;
    std::uint32_t hits = 0;
    traffic pages;
    for (std::uint32_t n = 0; n != accesses; ++n) {
        const std::uint64_t page = pages.next();
        if (const auto at = where.find(page); at != where.end()) {
            tracker.touch(at->second);
            ++hits;
            continue;
        }
        cordon::frame f{static_cast<std::uint32_t>(content.size())};
        if (content.size() != frames)
            content.push_back(page);
        else if (tracker.isolate_coldest(cordon::root_group, {&f, 1}) != 1 || !tracker.evicted(f))
            return -1;
        where.erase(content[f.raw()]);
        content[f.raw()] = page;
        where.emplace(page, f);
        if (tracker.add(f) != cordon::status::ok) return -1;
    }
    return 100.0 * hits / accesses;
}

} // namespace

int main(int argc, char** argv) {
    if (const auto answer = demo::answer_without_options(
            argc, argv, "Compares a replacement policy of one's own with those of the library.\n"))
        return *answer;
    const double own = hit_ratio<frequency>();
    const double lru = hit_ratio<cordon::replacement::lru>();
    const double clock = hit_ratio<cordon::replacement::clock<>>();
    std::printf("hits in 100: frequency %.1f, lru %.1f, clock %.1f\n", own, lru, clock);
    const bool passed = own > lru && own > clock && lru > 0 && clock > 0;
    std::printf(passed ? "PASS: the policy of this file keeps the scan out\n"
                       : "FAIL: it should be better than both\n");
    return passed ? 0 : 1;
}
