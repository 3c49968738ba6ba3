// fuzz/libfuzzer.cpp - a target as libFuzzer calls it.
// SPDX-License-Identifier: BSL-1.0
#include "fuzz/target.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    try {
        fuzz::run({data, size}, nullptr);
    } catch (const testing::disagreement&) {
        try {
            fuzz::run({data, size}, &std::cerr); // once more, told
        } catch (const testing::disagreement& found) {
            std::cerr << "\ndisagreement: " << found.what() << std::endl;
        }
        std::abort();
    }
    return 0;
}
