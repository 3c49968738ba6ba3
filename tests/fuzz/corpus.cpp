// fuzz/corpus.cpp - a corpus as the folder of files that libFuzzer wants, and back.
// SPDX-License-Identifier: BSL-1.0
//
//     fuzz_corpus unpack <corpus.hex> <folder>   a file for each input
//     fuzz_corpus pack <folder> <corpus.hex>     the inverse
#include "fuzz/corpus.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace cordon::fuzz;

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
        for (const std::uint8_t byte : read_input(entry.path())) {
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
    const std::string_view verb = words.size() == 3 ? std::string_view{words[0]} : "";
    if (verb == "unpack")
        unpack(words[1], words[2]);
    else if (verb == "pack")
        pack(words[1], words[2]);
    else
        throw std::runtime_error{"the first lines of corpus.cpp say how to call this"};
    return 0;
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
