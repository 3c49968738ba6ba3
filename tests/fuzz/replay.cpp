// fuzz/replay.cpp - runs a target's corpus without a fuzzer, with any compiler; packs and unpacks it; shows an input.
// SPDX-License-Identifier: BSL-1.0
//
//     replay run <corpus.hex>               each input of the corpus, silently
//     replay show <file>                    one input as libFuzzer leaves it behind: each operation, and what went wrong
//     replay unpack <corpus.hex> <folder>   a file for each input, as libFuzzer wants them
//     replay pack <folder> <corpus.hex>     the inverse
//
// A corpus is a text file with an input in hexadecimal digits on each line, so that a change of it can be read.
#include "fuzz/target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace cordon;
using bytes = std::vector<std::uint8_t>;

bytes read_file(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{"cannot read " + path.string()};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Comments start with #.
std::vector<bytes> read_corpus(const fs::path& path) {
    std::ifstream in{path};
    if (!in) throw std::runtime_error{"cannot read " + path.string()};
    std::vector<bytes> inputs;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) continue;
        bytes one;
        for (std::size_t at = 0; at + 1 < line.size(); at += 2)
            one.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(at, 2), nullptr, 16)));
        inputs.push_back(std::move(one));
    }
    return inputs;
}

void run_corpus(const fs::path& path) {
    const std::vector<bytes> inputs = read_corpus(path);
    if (inputs.empty()) throw std::runtime_error{"no input in " + path.string()};
    for (std::size_t n = 0; n != inputs.size(); ++n)
        try {
            fuzz::run(inputs[n], nullptr);
        } catch (const testing::disagreement& found) {
            throw std::runtime_error{"input " + std::to_string(n + 1) + ": " + found.what()};
        }
    std::cout << inputs.size() << " inputs, no disagreement\n";
}

void unpack(const fs::path& corpus, const fs::path& folder) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::size_t n = 0;
    for (const bytes& one : read_corpus(corpus))
        std::ofstream{folder / std::to_string(n++), std::ios::binary}.write(
            reinterpret_cast<const char*>(one.data()), static_cast<std::streamsize>(one.size()));
}

void pack(const fs::path& folder, const fs::path& corpus) {
    std::vector<std::string> lines;
    for (const auto& entry : fs::directory_iterator{folder}) {
        std::string line;
        for (const std::uint8_t byte : read_file(entry.path())) {
            char digits[3];
            std::snprintf(digits, sizeof digits, "%02x", byte);
            line += digits;
        }
        lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    std::ofstream out{corpus};
    for (const std::string& line : lines)
        out << line << '\n';
    std::cout << lines.size() << " inputs\n";
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string_view verb = words.empty() ? "" : std::string_view{words[0]};
    if (verb == "run" && words.size() == 2)
        run_corpus(words[1]);
    else if (verb == "show" && words.size() == 2)
        fuzz::run(read_file(words[1]), &(std::cout << std::unitbuf)); // a trap loses nothing
    else if (verb == "unpack" && words.size() == 3)
        unpack(words[1], words[2]);
    else if (verb == "pack" && words.size() == 3)
        pack(words[1], words[2]);
    else
        throw std::runtime_error{"the first lines of replay.cpp say how to call this"};
    return 0;
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
