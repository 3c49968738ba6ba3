// support/plots.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/plots.hpp"

#include "support/context.hpp"
#include "support/svg.hpp"

#include <algorithm>
#include <sstream>

namespace bench {

const char* const plot_style =
    R"(:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #656d76; --line: #d8dee4; --panel: #f6f8fa;
  --c0: #0969da; --c1: #9a6700; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #57606a; --c6: #bc4c00; --c7: #1b7c83;
  --good: #1a7f37; --bad: #cf222e; --bar: #afb8c1; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --line: #30363d;
  --panel: #161b22; --c0: #4493f8; --c1: #d29922; --c2: #3fb950; --c3: #ab7df8; --c4: #db61a2; --c5: #9198a1;
  --c6: #db6d28; --c7: #39c5cf; --good: #3fb950; --bad: #f85149; --bar: #484f58; } }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink) }
svg .faint { fill: var(--faint) } .grid { stroke: var(--line) } .whisker { stroke: var(--ink); stroke-width: 1.5 }
line.goal, polyline.goal { stroke: var(--ink); stroke-width: 2; stroke-dasharray: 4 2 }
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    }
    return out;
}

namespace {

constexpr double row = 22;

double height_of(comparison c) {
    return row * static_cast<double>(c.size()) + 6;
}

// The best first.
std::vector<const outcome*> ranked(comparison c) {
    std::vector<const outcome*> out;
    for (const outcome& o : c)
        out.push_back(&o);
    std::ranges::stable_sort(out, [](const outcome* a, const outcome* b) { return a->is_better_than(*b); });
    return out;
}

// Where a value ends. A bar far beyond the subject's is cut, so that the others stay readable.
class bar_scale {
public:
    static constexpr double left = 150;
    static constexpr double right = plot_width - 150;

    explicit bar_scale(comparison c) {
        double typical = 0;
        for (const outcome& o : c) {
            longest_ = std::max(longest_, median(o.values()));
            if (&o == &subject_of(c) || o.contestant == o.base)
                typical = std::max(typical, median(o.values()));
        }
        if (typical > 0) longest_ = std::min(longest_, 12 * typical);
    }
    [[nodiscard]] bool cuts(double value) const { return value > longest_ * 1.0001; }
    [[nodiscard]] double at(double value) const {
        return left + (longest_ > 0 ? std::min(value / longest_, 1.0) : 0) * (right - left);
    }

private:
    double longest_ = 0;
};

std::string whisker(const bar_scale& scale, const outcome& o, double y) {
    return print("<line class=\"whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                 scale.at(quantile(o.values(), 0.25)), scale.at(quantile(o.values(), 0.75)), y + row / 2,
                 y + row / 2);
}

std::string bar(const outcome& o, const bar_scale& scale, double y, const char* colour,
                std::optional<double> wanted) {
    const double value = median(o.values());
    double end = scale.at(value); // of all that is drawn
    std::string out =
        text_at(bar_scale::left - 8, y + 15, "end", o.contestant) +
        print("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"var(%s)\"/>\n",
              bar_scale::left, y + 3, std::max(end - bar_scale::left, 1.0), row - 6, colour);
    if (scale.cuts(value)) { // broken before its end
        out += print("<path d=\"M%.0f %.0fl6 -%.0fh6l-6 %.0fz\" fill=\"var(--paper)\"/>\n",
                     bar_scale::right - 24, y + row - 2, row - 4, row - 4);
    } else if (has_spread(o)) {
        out += whisker(scale, o, y);
        end = std::max(end, scale.at(quantile(o.values(), 0.75)));
    }
    if (wanted && !scale.cuts(*wanted)) {
        const double x = scale.at(*wanted);
        out += print("<line class=\"goal\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", x, x, y,
                     y + row);
        end = std::max(end, x);
    }
    std::string label = amount_of(value, o.measured.unit);
    if (!o.ratios.empty() && o.contestant != o.base)
        label += print(o.ratio() < 100 ? " · %.2f x" : " · %.0f x", o.ratio());
    return out + text_at(end + 8, y + 15, "start", label, o.is_first ? "" : faint);
}

std::string bars(comparison c) {
    const bar_scale scale{c};
    std::string out;
    double y = 3;
    for (const outcome* o : ranked(c)) {
        const bool is_subject = o == &subject_of(c);
        out += bar(*o, scale, y,
                   is_subject                 ? "--c0"
                   : o->contestant == o->base ? "--c1"
                                              : "--bar",
                   is_subject ? goal_value(c) : std::nullopt);
        y += row;
    }
    return out;
}

} // namespace

std::string meaning_of(const figure& f) {
    const std::string what = f.what == quantity::cpu_time    ? "processor time for one operation"
                             : f.what == quantity::real_time ? "wall-clock time"
                                                             : f.unit;
    return what + (f.more_is_better ? ", more is better" : ", less is better");
}

std::string note_of(comparison c) {
    const outcome& o = subject_of(c);
    if (o.ratios.empty()) return {};
    std::string out = "x: times " + o.base;
    if (*verdict_of(o) != '\0') out += ", goal " + o.measured.wanted.text() + " x";
    return out;
}

std::string bar_plot(comparison c) {
    return open_svg(height_of(c), c.front().family()) + bars(c) + "</svg>\n";
}

std::string to_svg(const results& from) {
    constexpr double margin = 14;
    constexpr double title = 20;
    std::string drawn;
    double y = margin;
    for (const comparison c : comparisons(from.outcomes)) {
        std::string heading = c.front().family() + ": " + meaning_of(c.front().measured);
        if (const std::string note = note_of(c); !note.empty()) heading += "; " + note;
        drawn += text_at(margin, y + 14, "start", heading);
        drawn += print("<g transform=\"translate(0 %.0f)\">\n", y + title) + bars(c) + "</g>\n";
        y += title + height_of(c) + margin;
    }
    std::string caption;
    for (const char* said : {"cpu_model", "compiler", "commit", "date"})
        if (const std::string& text = from.context[said].text(); !text.empty())
            caption += (caption.empty() ? "" : " · ") + text;
    caption += '\n' + warnings_of(from.context);
    std::istringstream lines(caption);
    for (std::string line; std::getline(lines, line); y += title)
        drawn += text_at(margin, y + 8, "start", line, faint);
    return open_svg(y, "benchmarks", " xmlns=\"http://www.w3.org/2000/svg\"") + "<style>\n" + plot_style +
           "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n" + drawn + "</svg>\n";
}

} // namespace bench
