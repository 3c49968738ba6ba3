// support/plots.hpp - SVG of the outcomes of a figure.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/console.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

// Returns: the text with what HTML takes for markup escaped.
std::string escaped(std::string_view text);

// The colours, light and dark, and how plots are drawn: CSS.
extern const char* const plot_style;

// Returns: a picture of its own, with the bars of all figures; it loads nothing.
std::string to_svg(const results& from);

// Returns: what the figure's numbers are, and which of them are good.
std::string meaning_of(const figure& f);
// Returns: what its ratios are to, and the goal; nothing without ratios.
std::string note_of(comparison c);
// Returns: a bar for each contestant, the best first; the goal is marked at the subject's.
std::string bar_plot(comparison c);
// Returns: a curve for each contestant and one for the goal, if one number of the arguments takes three values or more
// and nothing else in them changes; else nothing.
std::string line_plot(const std::vector<comparison>& of);

} // namespace bench
