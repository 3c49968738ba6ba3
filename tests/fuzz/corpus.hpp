// fuzz/corpus.hpp - a corpus: the inputs of a target, in a text file, so that a change of it can be read.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace cordon::fuzz {

using bytes = std::vector<std::uint8_t>;

inline std::ifstream opened(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{"cannot read " + path.string()};
    return in;
}

// Returns: an input as libFuzzer leaves it behind.
inline bytes read_input(const std::filesystem::path& path) {
    std::ifstream in = opened(path);
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Each line is an input in hexadecimal digits; comments start with #.
inline std::vector<bytes> read_corpus(const std::filesystem::path& path) {
    std::ifstream in = opened(path);
    std::vector<bytes> inputs;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) continue;
        bytes one;
        for (std::size_t at = 0; at + 1 < line.size(); at += 2)
            one.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(at, 2), nullptr, 16)));
        inputs.push_back(one);
    }
    return inputs;
}

} // namespace cordon::fuzz
