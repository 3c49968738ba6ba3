// support/plots.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/plots.hpp"

#include "support/context.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <optional>
#include <sstream>

namespace bench {

namespace {

constexpr double width = 760;

[[gnu::format(printf, 1, 2)]] std::string print(const char* form, ...) {
    char text[512];
    std::va_list values;
    va_start(values, form);
    std::vsnprintf(text, sizeof text, form, values);
    va_end(values);
    return text;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text, bool faint = false) {
    return print("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor,
                 faint ? " class=\"faint\"" : "") +
           escaped(text) + "</text>\n";
}

struct argument {
    std::string key;
    std::string value;
};
std::vector<argument> arguments_of(const std::string& text) {
    std::vector<argument> out;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, '/');) {
        const std::size_t colon = part.find(':');
        out.push_back({part.substr(0, colon), colon == std::string::npos ? "" : part.substr(colon + 1)});
    }
    return out;
}

// The one argument that changes from comparison to comparison, and its values.
struct variable {
    std::string key;
    std::vector<double> values;
};
std::optional<variable> variable_of(const std::vector<comparison>& of) {
    if (of.size() < 3) return std::nullopt;
    const auto first = arguments_of(of.front().front().arguments);
    std::optional<std::size_t> changing;
    for (const comparison c : of) {
        const auto these = arguments_of(c.front().arguments);
        if (these.size() != first.size()) return std::nullopt;
        for (std::size_t i = 0; i != first.size(); ++i) {
            if (these[i].key != first[i].key) return std::nullopt;
            if (these[i].value == first[i].value) continue;
            if (changing && *changing != i) return std::nullopt;
            changing = i;
        }
    }
    if (!changing) return std::nullopt;
    variable out{first[*changing].key, {}};
    for (const comparison c : of) {
        char* end = nullptr;
        const std::string value = arguments_of(c.front().arguments)[*changing].value;
        out.values.push_back(std::strtod(value.c_str(), &end));
        if (end == value.c_str() || *end != '\0') return std::nullopt;
        if (out.values.size() > 1 && out.values.back() <= out.values[out.values.size() - 2])
            return std::nullopt;
    }
    return out;
}

// From values to places.
class axis {
public:
    axis(double low, double high, double begin, double end)
        : logarithmic_(low > 0 && high / low > 16),
          low_(logarithmic_ ? low : 0),
          high_(high > low_ ? high : low_ + 1),
          begin_(begin),
          end_(end) {}
    [[nodiscard]] double at(double value) const {
        const double part = logarithmic_ ? std::log(std::max(value, low_) / low_) / std::log(high_ / low_)
                                         : (value - low_) / (high_ - low_);
        return begin_ + (end_ - begin_) * part;
    }
    [[nodiscard]] std::vector<double> marks() const {
        std::vector<double> out;
        for (int i = 0; i <= 4; ++i)
            out.push_back(logarithmic_ ? low_ * std::pow(high_ / low_, i / 4.0)
                                       : low_ + (high_ - low_) * i / 4);
        return out;
    }

private:
    bool logarithmic_;
    double low_;
    double high_;
    double begin_;
    double end_;
};

// The comparisons' contestants, in order of appearance.
std::vector<std::string> contestants_of(const std::vector<comparison>& of) {
    std::vector<std::string> out;
    for (const comparison c : of)
        for (const outcome& o : c)
            if (std::find(out.begin(), out.end(), o.contestant) == out.end()) out.push_back(o.contestant);
    return out;
}

} // namespace

const char* const plot_style =
    R"(:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #656d76; --line: #d8dee4; --panel: #f6f8fa;
  --c0: #0969da; --c1: #9a6700; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #57606a; --c6: #bc4c00; --c7: #1b7c83;
  --good: #1a7f37; --bad: #cf222e; --bar: #afb8c1; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --line: #30363d;
  --panel: #161b22; --c0: #4493f8; --c1: #d29922; --c2: #3fb950; --c3: #ab7df8; --c4: #db61a2; --c5: #9198a1;
  --c6: #db6d28; --c7: #39c5cf; --good: #3fb950; --bad: #f85149; --bar: #484f58; } }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink) }
svg .faint { fill: var(--faint) } .grid { stroke: var(--line) } .whisker { stroke: var(--ink); stroke-width: 1.5 }
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

std::string bars(comparison c) {
    constexpr double left = 150;
    constexpr double right = width - 190;
    const outcome& subject = subject_of(c);
    double largest = 0;
    double typical = 0; // a bar far beyond the subject's is cut, so that the others stay readable
    for (const outcome& o : c) {
        largest = std::max(largest, median(o.values()));
        if (&o == &subject || o.contestant == o.base) typical = std::max(typical, median(o.values()));
    }
    const double scale = typical > 0 ? std::min(largest, 12 * typical) : largest;
    const auto place = [&](double value) {
        return left + (scale > 0 ? std::min(value / scale, 1.0) : 0) * (right - left);
    };
    std::string out;
    double y = 3;
    for (const outcome& o : c) {
        const double value = median(o.values());
        const bool cut = value > scale * 1.0001;
        const char* const colour = &o == &subject ? "--c0" : o.contestant == o.base ? "--c1" : "--bar";
        out += text_at(left - 8, y + 15, "end", o.contestant);
        out +=
            print("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"var(%s)\"/>\n",
                  left, y + 3, std::max(place(value) - left, 1.0), row - 6, colour);
        if (cut) // broken before its end
            out += print("<path d=\"M%.0f %.0fl6 -%.0fh6l-6 %.0fz\" fill=\"var(--paper)\"/>\n", right - 24,
                         y + row - 2, row - 4, row - 4);
        else if (o.values().size() > 3)
            out += print("<line class=\"whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                         place(quantile(o.values(), 0.25)), place(quantile(o.values(), 0.75)), y + row / 2,
                         y + row / 2);
        std::string label = pretty(value, o.measured.unit);
        if (!o.ratios.empty() && o.contestant != o.base)
            label += print(o.ratio() < 100 ? " = %.2f x " : " = %.0f x ", o.ratio()) + o.base;
        out += text_at(place(std::max(value, quantile(o.values(), 0.75))) + 8, y + 15, "start",
                       (cut ? "... " : "") + label, &o != &subject);
        y += row;
    }
    return out;
}

std::string open_svg(double height, const char* attributes) {
    return print("<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"%s>\n", width, height, attributes);
}

} // namespace

std::string meaning_of(const figure& f) {
    const std::string what = f.what == quantity::cpu_time    ? "processor time for one operation"
                             : f.what == quantity::real_time ? "wall-clock time"
                                                             : f.unit;
    return what + (f.more_is_better ? ", more is better" : ", less is better");
}

std::string bar_plot(comparison c) {
    return open_svg(height_of(c), "") + bars(c) + "</svg>\n";
}

std::string to_svg(const results& from) {
    constexpr double margin = 14;
    constexpr double title = 20;
    std::string drawn;
    double y = margin;
    for (const comparison c : comparisons(from.outcomes)) {
        drawn += text_at(margin, y + 14, "start", c.front().family() + ": " + meaning_of(c.front().measured));
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
        drawn += text_at(margin, y + 8, "start", line, true);
    return open_svg(y, " xmlns=\"http://www.w3.org/2000/svg\"") + "<style>\n" + plot_style +
           "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n" + drawn + "</svg>\n";
}

std::string line_plot(const std::vector<comparison>& of) {
    const auto variable = variable_of(of);
    if (!variable) return {};
    constexpr double height = 260;
    double low = median(of.front().front().values());
    double high = low;
    for (const comparison c : of)
        for (const outcome& o : c) {
            low = std::min(low, median(o.values()));
            high = std::max(high, median(o.values()));
        }
    const axis x{variable->values.front(), variable->values.back(), 80, width - 20};
    const axis y{low, high, height - 34, 12};
    std::string out = open_svg(height, "");
    for (const double mark : y.marks()) {
        out += print("<line class=\"grid\" x1=\"80\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", width - 20,
                     y.at(mark), y.at(mark));
        out += text_at(72, y.at(mark) + 4, "end", pretty(mark, of.front().front().measured.unit), true);
    }
    for (const double value : variable->values)
        out += text_at(x.at(value), height - 16, "middle", print("%g", value), true);
    out += text_at(width / 2, height - 2, "middle", variable->key, true);

    std::string key = "<p class=key>";
    unsigned colour = 0;
    for (const std::string& name : contestants_of(of)) {
        std::string points;
        std::string dots;
        for (std::size_t i = 0; i != of.size(); ++i)
            for (const outcome& o : of[i]) {
                if (o.contestant != name) continue;
                const double px = x.at(variable->values[i]);
                const double py = y.at(median(o.values()));
                points += print("%.1f,%.1f ", px, py);
                dots += print("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"var(--c%u)\"><title>", px, py,
                              colour % 8) +
                        escaped(o.name() + ": " + pretty(median(o.values()), o.measured.unit)) +
                        "</title></circle>\n";
            }
        // Eight colours; then the same, dashed.
        const bool is_subject = name == subject_of(of.front()).contestant;
        out += print("<polyline fill=\"none\" stroke-width=\"%s\"%s stroke=\"var(--c%u)\" points=\"",
                     is_subject ? "4" : "1.5", colour < 8 ? "" : " stroke-dasharray=\"6 3\"", colour % 8) +
               points + "\"/>\n" + dots;
        key += print("<span><i style=\"border:2px %s var(--c%u)\"></i>", colour < 8 ? "solid" : "dashed",
                     colour % 8) +
               escaped(name) + "</span> ";
        ++colour;
    }
    return out + "</svg>\n" + key + "</p>\n";
}

} // namespace bench
