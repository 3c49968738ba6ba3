// support/svg.hpp - the pieces that plots are drawn with.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/plots.hpp"

#include <cstdarg>
#include <cstdio>
#include <string>

namespace bench {

constexpr double plot_width = 760;

[[gnu::format(printf, 1, 2)]] inline std::string print(const char* form, ...) {
    char text[512];
    std::va_list values;
    va_start(values, form);
    std::vsnprintf(text, sizeof text, form, values);
    va_end(values);
    return text;
}

inline std::string text_at(double x, double y, const char* anchor, const std::string& text,
                           const char* style = "") {
    return print("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>", x, y, anchor, style) + escaped(text) +
           "</text>\n";
}
constexpr const char* faint = "class=\"faint\"";

// `name`: what a screen reader calls it.
inline std::string open_svg(double height, const std::string& name, const char* attributes = "") {
    return print("<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"%s aria-label=\"", plot_width, height,
                 attributes) +
           escaped(name) + "\">\n";
}

// Times and bytes change their unit from value to value; any other is told once, beside the plot.
inline std::string amount_of(double value, const std::string& unit) {
    std::string out = pretty(value, unit);
    if (unit != "ns" && unit != "bytes") out.resize(out.find(' '));
    return out;
}

} // namespace bench
