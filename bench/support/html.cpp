// support/html.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/html.hpp"

#include "support/console.hpp"
#include "support/context.hpp"
#include "support/plots.hpp"

#include <cstdio>
#include <initializer_list>
#include <map>
#include <sstream>

namespace bench {

namespace {

constexpr const char* head = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>cordon: benchmarks</title>
<style>
)";
constexpr const char* page_style =
    R"(body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: .9rem; font-weight: 600; margin: 1rem 0 .1rem } p, summary { color: var(--faint); margin: .3rem 0 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; color: var(--faint); font-weight: 500 } td, th { padding: .2rem .6rem .2rem 0;
  border-bottom: 1px solid var(--line) } td + td, th + th { text-align: right } a { color: inherit }
.warning { border-left: 3px solid var(--bad); background: var(--panel); padding: .4rem .8rem; color: var(--ink) }
.ok { color: var(--good) } .MISS { color: var(--bad); font-weight: 600 }
svg { width: 100%; height: auto; display: block }
.wide { overflow-x: auto } .wide > svg { min-width: 38rem }
.subject { color: var(--c0) } .base { color: var(--c1) } h3 span { color: var(--faint); font-weight: 400; margin-left: .6em }
</style></head><body>
)";

std::string tag_row(const char* cell, std::initializer_list<std::string> cells) {
    std::string out = "<tr>";
    for (const std::string& c : cells)
        out += std::string("<") + cell + '>' + c + "</" + cell + '>';
    return out + "</tr>\n";
}

std::string introduction(const results& from, unsigned met, unsigned goals) {
    const json& c = from.context;
    std::string out = "<h1>cordon: benchmarks</h1>\n<p>";
    const auto say = [&](const std::string& text) {
        if (!text.empty()) out += escaped(text) + " &middot; ";
    };
    say(c["date"].text());
    say(c["cpu_model"].text());
    say(std::to_string(static_cast<int>(c["num_cpus"].number())) + " processors");
    say(c["compiler"].text());
    say(c["compiler_flags"].text());
    say("huge pages " + c["transparent_huge_pages"].text());
    out += "commit " + escaped(c["commit"].text()) + "</p>\n";
    std::istringstream warnings(warnings_of(c));
    for (std::string line; std::getline(warnings, line);)
        out += "<p class=warning>" + escaped(line) + "</p>\n";
    if (goals != 0)
        out += "<p><b>" + std::to_string(met) + " of " + std::to_string(goals) + " goals met.</b> ";
    else
        out += "<p>";
    return out +
           "Medians over the rounds; the contestants of a figure ran in turns, in one process. A whisker "
           "spans the middle half of the rounds. A ratio is the median of the ratios to its base, round by "
           "round. <b class=subject>Blue</b> is what a figure is about, <b class=base>brown</b> what its "
           "ratios are to; the dashed line is the goal. Bars stand best first; those twelve times as long "
           "and more are cut.</p>\n";
}

std::string headlines(const std::vector<comparison>& all) {
    std::string out =
        "<div class=wide><table>\n" + tag_row("th", {"figure", "median", "ratio", "to", "goal", ""});
    for (const comparison c : all) {
        const outcome& o = subject_of(c);
        const std::string verdict = verdict_of(o);
        if (verdict.empty()) continue;
        char ratio[16];
        std::snprintf(ratio, sizeof ratio, "%.2f", o.ratio());
        out += tag_row("td",
                       {"<a href=\"#" + escaped(o.measured.name) + "\">" + escaped(o.family()) + "</a>",
                        pretty(median(o.values()), o.measured.unit), ratio, escaped(o.base),
                        escaped(o.measured.wanted.text()),
                        "<span class=" + verdict + ">" + (verdict == "ok" ? "met" : "missed") + "</span>"});
    }
    return out + "</table></div>\n";
}

// On a small screen it is as large as anywhere, and moves from side to side.
std::string framed(const std::string& plot) {
    return plot.empty() ? "" : "<div class=wide>" + plot + "</div>\n";
}

// All arguments but the value of the last one: "threads:2/blocks".
std::string_view leading(std::string_view arguments) {
    return arguments.substr(0, arguments.rfind(':'));
}

// Curves over the one argument that changes, or a picture for each value of the ones before it.
std::string curves_of(const std::vector<comparison>& of) {
    std::string out = framed(line_plot(of));
    if (!out.empty()) return out;
    std::vector<comparison> some;
    for (const comparison& c : of) {
        some.push_back(c);
        const std::string_view common = leading(c.front().arguments);
        if (&c != &of.back() && leading((&c + 1)->front().arguments) == common) continue;
        if (const std::string curves = line_plot(some); !curves.empty())
            out += "<h3>" + escaped(common) + "</h3>\n" + framed(curves);
        some.clear();
    }
    return out;
}

// One figure with all its arguments.
std::string section(const std::string& name, const std::vector<comparison>& of) {
    const outcome& first = of.front().front();
    std::string out = "<h2 id=\"" + escaped(name) + "\">" + escaped(name) + "</h2>\n<p>" +
                      escaped(meaning_of(first.measured)) + "</p>\n";
    const std::string curves = curves_of(of);
    out += curves;
    if (!curves.empty()) out += "<details><summary>each alone</summary>\n";
    for (const comparison c : of) {
        out += "<h3>" + escaped(c.front().arguments) + " <span>" + escaped(note_of(c)) + "</span></h3>\n";
        out += framed(bar_plot(c));
    }
    if (!curves.empty()) out += "</details>\n";
    return out;
}

} // namespace

std::string to_html(const results& from) {
    const std::vector<comparison> all = comparisons(from.outcomes);
    unsigned goals = 0;
    unsigned met = 0;
    std::vector<std::string> order;
    std::map<std::string, std::vector<comparison>> sections;
    for (const comparison c : all) {
        const std::string verdict = verdict_of(subject_of(c));
        goals += !verdict.empty();
        met += verdict == "ok";
        const std::string& name = c.front().measured.name;
        if (!sections.contains(name)) order.push_back(name);
        sections[name].push_back(c);
    }
    std::string out = std::string(head) + plot_style + page_style + introduction(from, met, goals);
    if (goals != 0) out += headlines(all);
    for (const std::string& name : order)
        out += section(name, sections[name]);
    return out + "</body></html>\n";
}

} // namespace bench
