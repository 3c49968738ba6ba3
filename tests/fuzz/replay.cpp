// fuzz/replay.cpp - runs a target's corpus without a fuzzer, with any compiler; shows an input.
// SPDX-License-Identifier: BSL-1.0
//
//     replay run <corpus.hex>   each input of the corpus, silently
//     replay show <file>        one input as libFuzzer leaves it behind: each operation, and what went wrong
#include "fuzz/corpus.hpp"
#include "fuzz/target.hpp"

#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace cordon;
constexpr auto closely = fuzz::comparison::behind_each_operation;

void run_corpus(const std::filesystem::path& path) {
    const std::vector<fuzz::bytes> inputs = fuzz::read_corpus(path);
    if (inputs.empty()) throw std::runtime_error{"no input in " + path.string()};
    for (std::size_t n = 0; n != inputs.size(); ++n)
        try {
            fuzz::run(inputs[n], closely, nullptr);
        } catch (const testing::disagreement& found) {
            throw std::runtime_error{"input " + std::to_string(n + 1) + ": " + found.what()};
        }
    std::cout << inputs.size() << " inputs, no disagreement\n";
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string_view verb = words.size() == 2 ? std::string_view{words[0]} : "";
    if (verb == "run")
        run_corpus(words[1]);
    else if (verb == "show")
        fuzz::run(fuzz::read_input(words[1]), closely, &(std::cout << std::unitbuf)); // a trap loses nothing
    else
        throw std::runtime_error{"the first lines of replay.cpp say how to call this"};
    return 0;
} catch (const std::exception& e) {
    std::cout << e.what() << '\n';
    return 1;
}
