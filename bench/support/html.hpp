// support/html.hpp - results as one self-contained page with plots.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/results.hpp"

#include <string>

namespace bench {

// Returns: HTML with its style and its plots (SVG) inside: nothing is loaded from anywhere.
std::string to_html(const results& from);

} // namespace bench
