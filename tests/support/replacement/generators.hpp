// support/replacement/generators.hpp - traces made up: skewed, looping, scanning, shifting. Same seed, same trace.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/replacement/trace.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace cordon::testing::replacement {

// Draws page k of `pages` with a probability proportional to 1 / (k + 1)^alpha; uniformly for alpha = 0.
class zipf {
public:
    zipf(std::size_t pages, double alpha) : below_(pages) {
        double sum = 0;
        for (std::size_t k = 0; k != pages; ++k)
            below_[k] = sum += std::pow(static_cast<double>(k + 1), -alpha);
    }
    page operator()(rng& random) const {
        const double at = static_cast<double>(random() >> 11) * 0x1p-53 * below_.back();
        const auto found = std::upper_bound(below_.begin(), below_.end(), at);
        return static_cast<page>(std::min(found, below_.end() - 1) - below_.begin());
    }

private:
    std::vector<double> below_;
};

inline trace zipf_trace(std::size_t length, std::size_t pages, double alpha, std::uint64_t seed) {
    const zipf draw{pages, alpha};
    trace all(length);
    for (rng random{seed}; request & r : all)
        r.id = draw(random);
    return all;
}

// 0, 1, ..., pages - 1, 0, 1, ...
inline trace loop_trace(std::size_t length, std::size_t pages) {
    trace all(length);
    for (std::size_t i = 0; i != length; ++i)
        all[i].id = i % pages;
    return all;
}

// 0, 1, ..., pages - 1, pages - 1, ..., 1, 0, 0, 1, ...
inline trace zigzag_trace(std::size_t length, std::size_t pages) {
    trace all(length);
    for (std::size_t i = 0; i != length; ++i)
        all[i].id = i / pages % 2 == 0 ? i % pages : pages - 1 - i % pages;
    return all;
}

// Zipf, interrupted by scans over `scan` pages: after each `between` draws one. With `repeated`, always over the
// same pages (a loop in the background); otherwise over pages that are never seen again.
inline trace scan_trace(std::size_t length, std::size_t pages, double alpha, std::size_t between,
                        std::size_t scan, bool repeated, std::uint64_t seed) {
    const zipf draw{pages, alpha};
    rng random{seed};
    trace all(length);
    for (std::size_t i = 0, next = pages; i != length; ++i) {
        const std::size_t at = i % (between + scan);
        if (at == between && repeated) next = pages;
        all[i].id = at < between ? draw(random) : next++;
    }
    return all;
}

// Zipf over a window of pages that moves by half of its size after each `between` draws.
inline trace shifting_trace(std::size_t length, std::size_t pages, double alpha, std::size_t between,
                            std::uint64_t seed) {
    const zipf draw{pages, alpha};
    rng random{seed};
    trace all(length);
    for (std::size_t i = 0; i != length; ++i)
        all[i].id = draw(random) + i / between * (pages / 2);
    return all;
}

// Recency: page k of the stack of the last used ones with probability p (1-p)^k, beyond its end a new page.
inline trace recency_trace(std::size_t length, double p, std::uint64_t seed) {
    rng random{seed};
    trace all(length);
    std::vector<page> stack; // the last used page at the back
    for (request& r : all) {
        const double u = static_cast<double>((random() >> 11) + 1) * 0x1p-53;
        const auto depth = static_cast<std::size_t>(std::log(u) / std::log1p(-p));
        if (depth < stack.size()) {
            const auto at = stack.end() - 1 - static_cast<std::ptrdiff_t>(depth);
            r.id = *at;
            stack.erase(at);
        } else
            r.id = stack.size();
        stack.push_back(r.id);
    }
    return all;
}

// An index of `small` pages and records of `large` pages, by turns; uniformly within each.
inline trace two_pools_trace(std::size_t length, std::size_t small, std::size_t large, std::uint64_t seed) {
    rng random{seed};
    trace all(length);
    for (std::size_t i = 0; i != length; ++i)
        all[i].id = i % 2 == 0 ? random.below(small) : small + random.below(large);
    return all;
}

// A machine starts: all pages once, in order; then it serves: Zipf over a tenth of them, spread over all.
inline trace boot_trace(std::size_t length, std::size_t pages, double alpha, std::uint64_t seed) {
    const zipf draw{pages / 10, alpha};
    rng random{seed};
    trace all(length);
    for (std::size_t i = 0; i != length; ++i)
        all[i].id = i < pages ? i : draw(random) * 10 + 3;
    return all;
}

// A heap: Zipf, and after each `between` draws a collector that goes over all of the pages in order.
inline trace collector_trace(std::size_t length, std::size_t pages, double alpha, std::size_t between,
                             std::uint64_t seed) {
    const zipf draw{pages, alpha};
    rng random{seed};
    trace all(length);
    for (std::size_t i = 0; i != length; ++i) {
        const std::size_t at = i % (between + pages);
        all[i].id = at < between ? draw(random) * 7919 % pages : at - between;
    }
    return all;
}

// A data base: probes of a tree of three levels, its fan-out 64, and a scan of a table of `table` pages after each
// `between` of them.
inline trace probe_trace(std::size_t length, std::size_t leaves, double alpha, std::size_t between,
                         std::size_t table, std::uint64_t seed) {
    const zipf draw{leaves, alpha};
    rng random{seed};
    trace all;
    for (std::size_t n = 0; all.size() < length; ++n) {
        const page leaf = draw(random) * 7919 % leaves, inner = leaves + leaf / 64, root = 2 * leaves;
        for (const page p : {root, inner, leaf})
            all.push_back({p, 1});
        for (std::size_t k = 0; n % between == between - 1 && k != table; ++k)
            all.push_back({root + 1 + k, 1});
    }
    all.resize(length);
    return all;
}

// A join: for each page of the outer table all pages of a part of the inner one, which moves on after `repeats`.
inline trace join_trace(std::size_t length, std::size_t outer, std::size_t part, std::size_t repeats) {
    trace all;
    for (std::size_t n = 0; all.size() < length; ++n) {
        all.push_back({n % outer, 1});
        for (std::size_t k = 0; k != part; ++k)
            all.push_back({outer + n / repeats % 8 * part + k, 1});
    }
    all.resize(length);
    return all;
}

// Tenants by turns of `turn` accesses, each with a Zipf distribution of its own pages; the last one scans.
inline trace tenants_trace(std::size_t length, std::size_t tenants, std::size_t pages, double alpha,
                           std::size_t turn, std::uint64_t seed) {
    const zipf draw{pages, alpha};
    rng random{seed};
    trace all(length);
    page next = tenants * pages;
    for (std::size_t i = 0; i != length; ++i) {
        const std::size_t who = i / turn % tenants;
        all[i].id = who + 1 == tenants ? next++ : who * pages + draw(random);
    }
    return all;
}

} // namespace cordon::testing::replacement
