// support/lru_hit_ratios.hpp - hit_ratios: replacement policies on traces and generators, beside the optimum.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/replacement/belady.hpp"
#include "support/replacement/generators.hpp"
#include "support/replacement/pool.hpp"

#include <cordon/lru.hpp>
#include <cordon/lru/policies/adaptive.hpp>
#include <cordon/lru/policies/fifo.hpp>
#include <cordon/lru/policies/generations.hpp>
#include <cordon/lru/policies/s3_fifo.hpp>
#include <cordon/lru/policies/sieve.hpp>
#include <cordon/lru/policies/two_list.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <unistd.h>
#include <unordered_set>
#include <vector>

namespace bench {

namespace simulated = cordon::testing::replacement;

class hit_ratios {
public:
    // Effects: prints a row for the trace in caches of 5 to 80 per cent of its pages.
    void add(const std::string& name, simulated::trace requests) {
        for (simulated::request& r : requests)
            r = {r.id + 1, 1}; // pages of one size; key 0 is no key
        std::unordered_set<simulated::page> pages;
        for (const simulated::request& r : requests)
            pages.insert(r.id);
        for (const std::size_t percent : {5u, 10u, 20u, 40u, 60u, 80u})
            if (const std::uint64_t capacity = pages.size() * percent / 100; capacity >= 16)
                add_row(name, requests, capacity);
    }

    void print_header() const {
        std::printf(
            "Hits in 100 accesses. The last column is the regret of adaptive: what the best of the other "
            "policies has more; a weak\nspot of 2 points or more is marked. Rows with a + are the hold-out "
            "half (see the end).\n\n%-18s %8s",
            "trace", "frames");
        for (const policy& p : policies())
            std::printf(" %8s", p.name);
        std::printf(" %8s %8s\n", "optimum", "regret");
    }
    void print_summary() const {
        std::printf("Regret to the best of all other policies of the row:\n\n");
        print_half("tuning half", halves_[0]);
        print_half("hold-out half", halves_[1]);
        print_half("all", sum(halves_[0], halves_[1]));
        std::printf("\nThe constants of adaptive were chosen by the rows without a +. The others are held "
                    "out: they were looked at when all\nconstants stood. Of these, the LIRS traces and the "
                    "first generators were known from earlier versions; the last five\ngenerators and traces "
                    "of other names were new. lru is exact here, which takes a lock at each touch; \"but for "
                    "lru\"\ncompares only with policies whose touch is at most one store.\n");
    }

private:
    struct policy {
        const char* name;
        std::function<std::uint64_t(const simulated::trace&, std::uint64_t)> misses;
    };
    struct regrets {
        double sum = 0, worst = 0;
        void add(double regret) { add({regret, regret}); }
        void add(const regrets& more) {
            sum += more.sum;
            worst = std::max(worst, more.worst);
        }
    };
    struct column {
        double hits = 0;
        regrets to_all, to_one_store;
    };
    struct half {
        std::size_t rows = 0;
        std::array<column, 9> columns{};
        double optimum = 0;
    };

    template <class Replacement>
    static policy named(const char* name, const Replacement& how = {}) {
        return {name, [how](const simulated::trace& t, std::uint64_t capacity) {
                    return simulated::misses(simulated::pool<Replacement>{capacity, how}, t);
                }};
    }
    static const std::array<policy, 9>& policies() {
        namespace replacement = cordon::replacement;
        static const std::array<policy, 9> all{named<replacement::lru>("lru"),
                                               named<replacement::fifo>("fifo"),
                                               named<replacement::clock<>>("clock"),
                                               named<replacement::two_list>("two_list"),
                                               named<replacement::generations<>>("generat."),
                                               named<replacement::sieve>("sieve"),
                                               named<replacement::s3_fifo<>>("s3_fifo"),
                                               named<replacement::lirs>("lirs"),
                                               named<replacement::adaptive>("adaptive")};
        return all;
    }

    void add_row(const std::string& name, const simulated::trace& requests, std::uint64_t capacity) {
        const auto percent = [&](std::uint64_t misses) {
            return 100 - 100 * static_cast<double>(misses) / static_cast<double>(requests.size());
        };
        std::array<double, 9> hits{};
        const bool is_held_out = !is_for_tuning(name);
        std::printf("%c %-16.16s %8llu", is_held_out ? '+' : ' ', name.c_str(),
                    static_cast<unsigned long long>(capacity));
        for (std::size_t p = 0; p != hits.size(); ++p) {
            hits[p] = percent(policies()[p].misses(requests, capacity));
            std::printf(" %8.2f", hits[p]);
            std::fflush(stdout);
        }
        const double best = percent(simulated::belady_misses(requests, capacity));
        half& h = halves_[is_held_out];
        ++h.rows;
        h.optimum += best;
        for (std::size_t p = 0; p != hits.size(); ++p) {
            column& c = h.columns[p];
            c.hits += hits[p];
            c.to_all.add(regret(hits, p, 0));
            c.to_one_store.add(regret(hits, p, 1));
        }
        const double of_adaptive = regret(hits, hits.size() - 1, 0);
        std::printf(" %8.2f %8.2f%s\n", best, of_adaptive, of_adaptive >= 2 ? " <" : "");
    }
    // Returns: what the best of the policies from number `first` on has more; lru is number 0.
    static double regret(const std::array<double, 9>& hits, std::size_t of, std::size_t first) {
        double more = 0;
        for (std::size_t p = first; p != hits.size(); ++p)
            more = std::max(more, hits[p] - hits[of]);
        return more;
    }
    // The half of the traces and generators that constants may be chosen by.
    static bool is_for_tuning(const std::string& name) {
        for (const char* tuning : {"cpp", "cs", "loop", "multi1", "ps", "zigzag", "zipf 0.6", "zipf 1.0",
                                   "uniform", "zipf and scans", "shifting"})
            if (name == tuning) return true;
        return false;
    }
    static half sum(half a, const half& b) {
        a.rows += b.rows;
        a.optimum += b.optimum;
        for (std::size_t p = 0; p != a.columns.size(); ++p) {
            a.columns[p].hits += b.columns[p].hits;
            a.columns[p].to_all.add(b.columns[p].to_all);
            a.columns[p].to_one_store.add(b.columns[p].to_one_store);
        }
        return a;
    }
    static void print_half(const char* name, const half& h) {
        if (h.rows == 0) return;
        const auto rows = static_cast<double>(h.rows);
        std::printf("%s, %zu rows\n", name, h.rows);
        print_line("  mean hit ratio", h, [&](const column& c) { return c.hits / rows; });
        std::printf(" %8.2f\n", h.optimum / rows);
        print_regrets("", h, &column::to_all);
        print_regrets(", but for lru", h, &column::to_one_store);
    }
    static void print_regrets(const std::string& whom, const half& h, regrets column::*to) {
        print_line("  mean regret" + whom, h,
                   [&](const column& c) { return (c.*to).sum / static_cast<double>(h.rows); });
        std::printf("\n");
        print_line("  worst regret" + whom, h, [&](const column& c) { return (c.*to).worst; });
        std::printf("\n");
    }
    template <class F>
    static void print_line(const std::string& name, const half& h, F figure) {
        std::printf("%-27s", name.c_str());
        for (const column& c : h.columns)
            std::printf(" %8.2f", figure(c));
    }

    std::array<half, 2> halves_; // for tuning, held out
};

// Effects: prints the table for the traces named (files and directories), or for those of the environment variable
// CORDON_TRACES, and for the generators. Returns: the exit status; 1, and nothing is printed, if one cannot be read.
inline int print_hit_ratios(const std::vector<std::string>& names) {
    for (const std::string& name : names)
        if (::access(name.c_str(), R_OK) != 0) {
            std::perror(name.c_str());
            return 1;
        }
    hit_ratios table;
    table.print_header();
    const auto files =
        names.empty() ? simulated::trace_files_of_environment() : simulated::trace_files(names);
    for (const auto& file : files) {
        const simulated::trace t = simulated::read_trace(file);
        if (t.empty())
            std::fprintf(stderr, "%s: no requests\n", file.c_str());
        else
            table.add(file.stem().string(), t);
    }
    if (files.empty()) std::printf("(no trace files: name some, or set CORDON_TRACES)\n");
    constexpr std::size_t length = 300'000;
    table.add("zipf 0.6", simulated::zipf_trace(length, 20'000, 0.6, 1));
    table.add("zipf 0.8", simulated::zipf_trace(length, 20'000, 0.8, 2));
    table.add("zipf 1.0", simulated::zipf_trace(length, 20'000, 1.0, 3));
    table.add("zipf 1.2", simulated::zipf_trace(length, 20'000, 1.2, 4));
    table.add("uniform", simulated::zipf_trace(length, 5'000, 0, 5));
    table.add("loop", simulated::loop_trace(length, 2'000));
    table.add("zigzag", simulated::zigzag_trace(length, 2'000));
    table.add("zipf and scans", simulated::scan_trace(length, 10'000, 0.9, 10'000, 5'000, false, 6));
    table.add("zipf and a loop", simulated::scan_trace(length, 10'000, 0.9, 6'000, 6'000, true, 7));
    table.add("shifting", simulated::shifting_trace(length, 5'000, 0.9, 20'000, 8));
    table.add("recency", simulated::recency_trace(length, 0.002, 9));
    table.add("two pools", simulated::two_pools_trace(length, 100, 10'000, 10));
    table.add("boot, then serve", simulated::boot_trace(length, 30'000, 0.8, 11));
    table.add("heap, collector", simulated::collector_trace(length, 6'000, 0.9, 15'000, 12));
    table.add("probes and scans", simulated::probe_trace(length, 8'000, 0.7, 5'000, 3'000, 13));
    table.add("join", simulated::join_trace(length, 1'000, 250, 40));
    table.add("tenants", simulated::tenants_trace(length, 4, 4'000, 0.9, 5'000, 14));
    std::printf("\n");
    table.print_summary();
    return 0;
}

} // namespace bench
