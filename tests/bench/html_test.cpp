// tests/bench/html_test.cpp - the page.
// SPDX-License-Identifier: BSL-1.0
#include "support/html.hpp"

#include "support/catch.hpp"
#include "support/plots.hpp"

#include <string_view>

using namespace bench;

namespace {

results sample() {
    results out;
    out.context.set("cpu_model", "<fast> & \"new\"");
    out.context.set("taken_by_others", 0.5);
    for (const int n : {1, 8, 64})
        for (const double ns : {3, 2}) { // cordon's and the floor's
            outcome& o = out.outcomes.emplace_back();
            o.measured.name = "seal";
            o.measured.wanted = goal::at_most(1.4);
            o.arguments = "blocks:" + std::to_string(n);
            o.is_first = ns == 3;
            o.contestant = o.is_first ? "cordon" : "floor";
            o.base = "floor";
            o.operations = {1, 1};
            o.cpu_ns = {ns * n, ns * n};
            o.ratios = {ns / 2, ns / 2};
        }
    return out;
}
std::size_t count(std::string_view text, std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; ++at)
        ++n;
    return n;
}

} // namespace

TEST_CASE("the report is one page that loads nothing", "[bench]") {
    const std::string page = to_html(sample());
    for (const char* foreign : {"http", "<script", "<link", "url(", "@import", "src="})
        CHECK(page.find(foreign) == std::string::npos);
    CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
    CHECK(page.find("&lt;fast&gt; &amp; &quot;new&quot;") != std::string::npos);
    CHECK(page.find("the machine was busy: 50 %") != std::string::npos);
}

TEST_CASE("the report has bars for each contestant, curves over a number, and the goals", "[bench]") {
    const std::string page = to_html(sample());
    CHECK(count(page, "<rect") == 6);
    CHECK(count(page, "<polyline") == 2 + 1); // one of the goal
    CHECK(count(page, "<line class=\"goal\"") == 3);
    CHECK(count(page, "x: times floor, goal &lt;= 1.40 x") == 3);
    CHECK(page.find(">floor<") < page.find(">cordon<")); // the best first
    CHECK(count(page, "<circle") == 6);
    CHECK(page.find("0 of 3 goals met") != std::string::npos);
    CHECK(count(page, ">missed<") == 3);
    CHECK(count(page, "<svg") == count(page, "</svg>"));
    CHECK(count(page, "<div class=wide>") == count(page, "<svg") + 1); // and the table of goals
    CHECK(count(page, "nan") == 0);

    results two = sample();
    two.outcomes.resize(4); // two points make no curve
    CHECK(count(to_html(two), "<polyline") == 0);
    CHECK(count(to_html({}), "<svg") == 0);
}

TEST_CASE("the picture has the bars of all figures, stands alone and is XML", "[bench]") {
    const std::string picture = to_svg(sample());
    CHECK(picture.starts_with("<svg "));
    CHECK(picture.find("xmlns=\"http://www.w3.org/2000/svg\"") != std::string::npos);
    CHECK(count(picture, "http") == 1);
    for (const char* foreign : {"<script", "<link", "url(", "@import", "src=", "href="})
        CHECK(picture.find(foreign) == std::string::npos);
    CHECK(picture.find("prefers-color-scheme: dark") != std::string::npos);
    CHECK(picture.find("&lt;fast&gt; &amp; &quot;new&quot;") != std::string::npos);
    CHECK(count(picture, "&middot;") == 0); // HTML's, not XML's
    CHECK(count(picture, "<rect") == 1 + 6);
    CHECK(count(picture, "seal/blocks:") == 3);
    CHECK(count(picture, "less is better") == 3);
    CHECK(count(picture, "the machine was busy: 50 %") == 1);
    CHECK(count(picture, "<g ") == count(picture, "</g>"));
    CHECK(count(picture, "<svg") == 1);
}
