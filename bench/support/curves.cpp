// support/curves.cpp - line_plot (plots.hpp).
// SPDX-License-Identifier: BSL-1.0
#include "support/svg.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

namespace bench {

namespace {

constexpr double left = 80;
constexpr double right = plot_width - 150; // behind it, the names
constexpr double top = 12;
constexpr double bottom = 234;
constexpr double line_height = 14;

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
    // From the lowest value to the highest; logarithmic if they are far apart.
    axis(double low, double high, double begin, double end)
        : logarithmic_(low > 0 && high / low > 16),
          low_(low),
          high_(high > low ? high : low + 1),
          begin_(begin),
          end_(end) {}
    // From 0 if it is not logarithmic, to a round number.
    static axis of_amounts(double low, double high, double begin, double end) {
        axis out{low, high, begin, end};
        if (out.logarithmic_) return out;
        out.low_ = std::min(low, 0.0);
        out.step_ = round_step(out.high_ - out.low_);
        out.high_ = std::ceil(out.high_ / out.step_) * out.step_;
        return out;
    }
    [[nodiscard]] double at(double value) const {
        const double part = logarithmic_ ? std::log(std::max(value, low_) / low_) / std::log(high_ / low_)
                                         : (value - low_) / (high_ - low_);
        return begin_ + (end_ - begin_) * part;
    }
    [[nodiscard]] std::vector<double> marks() const {
        std::vector<double> out;
        if (!logarithmic_) {
            for (double mark = low_; mark <= high_ + step_ / 2; mark += step_)
                out.push_back(mark);
            return out;
        }
        for (double power = std::pow(10, std::floor(std::log10(low_))); power <= high_; power *= 10)
            for (const double times : {1, 2, 5})
                if (power * times >= low_ && power * times <= high_) out.push_back(power * times);
        // One a decade if they would stand too close.
        if (out.size() > 8)
            std::erase_if(out, [](double m) { return std::fmod(std::log10(m) + 100.01, 1) > 0.02; });
        return out;
    }

private:
    static double round_step(double length) {
        const double power = std::pow(10, std::floor(std::log10(length / 4)));
        for (const double times : {1.0, 2.0, 5.0})
            if (power * times * 5 >= length) return power * times;
        return power * 10;
    }

    bool logarithmic_;
    double low_;
    double high_;
    double begin_;
    double end_;
    double step_ = 1;
};

// The comparisons' contestants, in order of appearance.
std::vector<std::string> contestants_of(const std::vector<comparison>& of) {
    std::vector<std::string> out;
    for (const comparison c : of)
        for (const outcome& o : c)
            if (std::find(out.begin(), out.end(), o.contestant) == out.end()) out.push_back(o.contestant);
    return out;
}

// A value along the variable.
struct point {
    double x;
    double y;
};
class polyline {
public:
    void to(point p) { points_ += print("%.1f,%.1f ", p.x, p.y); }
    [[nodiscard]] std::string draw(const char* style) const {
        return "<polyline fill=\"none\" points=\"" + points_ + "\" " + style + "/>\n";
    }

private:
    std::string points_;
};

// A name behind the end of its curve.
struct label {
    double y;
    std::string text;
    std::string style;
};
// Effects: moves the labels apart, as little as it takes from the top down, and back up where they would leave the plot.
std::string place(std::vector<label> labels) {
    std::ranges::sort(labels, {}, &label::y);
    for (std::size_t i = 1; i < labels.size(); ++i)
        labels[i].y = std::max(labels[i].y, labels[i - 1].y + line_height);
    double limit = bottom;
    for (auto l = labels.rbegin(); l != labels.rend(); ++l, limit -= line_height)
        l->y = std::min(l->y, limit);
    std::string out;
    for (const label& l : labels)
        out += text_at(right + 10, l.y + 4, "start", l.text, l.style.c_str());
    return out;
}

// Curves over one variable, and what they are drawn on.
class chart {
public:
    chart(const std::vector<comparison>& of, variable over)
        : of_(of),
          over_(std::move(over)),
          x_(over_.values.front(), over_.values.back(), left, right),
          y_(y_axis()) {}

    std::string draw() {
        const std::vector<std::string> names = contestants_of(of_);
        std::string out = grid() + goal_line();
        const std::string subject = subject_of(of_.front()).contestant;
        // The subject is on top. Its colour is its own; the others' come again, dashed.
        for (std::size_t i = 0, other = 0; i != names.size(); ++i)
            if (names[i] != subject) {
                out += curve(names[i], 1.5, 1 + static_cast<unsigned>(other % 7), other >= 7);
                ++other;
            }
        out += curve(subject, 3.5, 0, false);
        return out + place(labels_);
    }

private:
    [[nodiscard]] axis y_axis() const {
        double low = median(of_.front().front().values());
        double high = low;
        for (const comparison c : of_)
            for (const outcome& o : c) {
                low = std::min(low, median(o.values()));
                high = std::max(high, median(o.values()));
            }
        return axis::of_amounts(low, high, bottom, top);
    }
    [[nodiscard]] std::string grid() const {
        std::string out;
        const std::string& unit = of_.front().front().measured.unit;
        for (const double mark : y_.marks()) {
            out += print("<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", left,
                         right, y_.at(mark), y_.at(mark));
            out += text_at(left - 8, y_.at(mark) + 4, "end", amount_of(mark, unit), faint);
        }
        for (const double value : over_.values)
            out += text_at(x_.at(value), bottom + 18, "middle", print("%g", value), faint);
        return out + text_at((left + right) / 2, bottom + 34, "middle", over_.key, faint);
    }
    // Where the subject's ratio would be what is wanted.
    std::string goal_line() {
        polyline line;
        std::optional<double> last;
        for (std::size_t i = 0; i != of_.size(); ++i) {
            const std::optional<double> wanted = goal_value(of_[i]);
            if (!wanted) continue;
            line.to({x_.at(over_.values[i]), last.emplace(clamped(y_.at(*wanted)))});
        }
        if (!last) return {};
        labels_.push_back({*last, "goal", "class=\"goal\""});
        return line.draw("class=\"goal\"");
    }
    std::string curve(const std::string& name, double thickness, unsigned colour, bool dashed) {
        polyline line;
        std::string dots;
        std::optional<double> last;
        for (std::size_t i = 0; i != of_.size(); ++i)
            for (const outcome& o : of_[i]) {
                if (o.contestant != name) continue;
                const point p{x_.at(over_.values[i]), y_.at(median(o.values()))};
                line.to(p);
                last = p.y;
                dots += dot(o, p, colour);
            }
        if (!last) return {};
        labels_.push_back(
            {*last, name,
             print("style=\"fill:var(--c%u)%s\"", colour, thickness > 2 ? ";font-weight:600" : "")});
        return line.draw(print("stroke=\"var(--c%u)\" stroke-width=\"%g\"%s", colour, thickness,
                               dashed ? " stroke-dasharray=\"6 3\"" : "")
                             .c_str()) +
               dots;
    }
    [[nodiscard]] std::string dot(const outcome& o, point p, unsigned colour) const {
        std::string out;
        if (has_spread(o))
            out = print("<line stroke=\"var(--c%u)\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                        colour, p.x, p.x, clamped(y_.at(quantile(o.values(), 0.25))),
                        clamped(y_.at(quantile(o.values(), 0.75))));
        return out +
               print("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"var(--c%u)\"><title>", p.x, p.y,
                     colour) +
               escaped(o.name() + ": " + pretty(median(o.values()), o.measured.unit)) + "</title></circle>\n";
    }
    static double clamped(double y) { return std::clamp(y, top, bottom); }

    const std::vector<comparison>& of_;
    variable over_;
    axis x_;
    axis y_;
    std::vector<label> labels_;
};

} // namespace

std::string line_plot(const std::vector<comparison>& of) {
    auto over = variable_of(of);
    if (!over) return {};
    return open_svg(bottom + 40, of.front().front().measured.name) + chart{of, std::move(*over)}.draw() +
           "</svg>\n";
}

} // namespace bench
