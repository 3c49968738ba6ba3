// fuzz/libfuzzer.cpp - a target as libFuzzer calls it.
// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string_view>

namespace {

using namespace cordon;

// One input of 64 is compared closely, and which one no mutation can steer: comparing runs so much that, left to the
// inputs, the fuzzer would breed those that do.
fuzz::comparison comparison_of(fuzz::input bytes) {
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    return std::hash<std::string_view>{}(text) % 64 == 0 ? fuzz::comparison::behind_each_operation
                                                         : fuzz::comparison::behind_the_last_operation;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::input bytes{data, size};
    try {
        fuzz::run(bytes, comparison_of(bytes), nullptr);
    } catch (const testing::disagreement& found) {
        std::cerr << "\ndisagreement: " << found.what() << '\n';
        try {
            fuzz::run(bytes, fuzz::comparison::behind_each_operation, &std::cerr); // once more, told
        } catch (const testing::disagreement& first) {
            std::cerr << "\ndisagreement: " << first.what() << std::endl;
        }
        std::abort();
    }
    return 0;
}
