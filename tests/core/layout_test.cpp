// tests/core/layout_test.cpp - where arrays lie, and regions larger than an address.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/core/layout.hpp"

#include "support/catch.hpp"
#include "support/skip.hpp"

using namespace cordon;

TEST_CASE("small arrays start on a cache line, large ones on a page", "[core]") {
    alignas(layout::page) static std::byte memory[4 * layout::page];
    const auto at = [&](const void* p) { return static_cast<const std::byte*>(p) - memory; };
    layout tested{memory};
    CHECK(at(tested.part<std::uint32_t>(1)) == 0);
    CHECK(at(tested.part<std::byte>(65)) == 64);
    CHECK(at(tested.part<std::uint64_t>(1)) == 192);
    CHECK(at(tested.part<std::byte>(layout::page)) == layout::page);
    CHECK(at(tested.part<std::byte>(layout::page, 100)) == 2 * layout::page + 100);
    CHECK(tested.bytes() == 3 * layout::page + 100);
}

TEST_CASE("without memory a layout is measured, and no array is anywhere", "[core]") {
    layout tested{nullptr};
    CHECK(tested.part<std::uint64_t>(1) == nullptr);
    CHECK(tested.part<std::byte>(10) == nullptr);
    CHECK(tested.bytes() == 74);
}

TEST_CASE("a layout larger than the address space has a size that nobody has", "[core]") {
    if (sizeof(std::size_t) == 8) return testing::skip("64 bits address every layout");
    layout tested{nullptr};
    CHECK(tested.part<std::uint32_t>(std::uint64_t{1} << 30) == nullptr);
    CHECK(tested.bytes() == SIZE_MAX);
    CHECK(tested.part<std::byte>(1) == nullptr);
    CHECK(tested.bytes() == SIZE_MAX);
}

TEST_CASE("a layout that takes the last byte of the address space has a size that nobody has", "[core]") {
    layout almost{nullptr};
    CHECK(almost.part<std::byte>(SIZE_MAX - 1) == nullptr);
    CHECK(almost.bytes() == SIZE_MAX - 1);
    layout all{nullptr};
    CHECK(all.part<std::byte>(SIZE_MAX) == nullptr);
    CHECK(all.bytes() == SIZE_MAX);
}
