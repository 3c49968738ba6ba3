// support/command_line.hpp - options of the form "--name value", and main() of a program that takes them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>
#include <type_traits>

namespace demo {

enum class verdict { run, help, bad };

template <class T>
bool read(std::string_view text, T& value, std::type_identity_t<T> least, std::type_identity_t<T> most) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most;
}

// Effects: calls set(name, value) for each option, until one is not good; says on stderr which.
template <class Set>
verdict parse_command_line(const char* program, int argc, char** argv, Set set) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help" || name == "-h") return verdict::help;
        const std::string_view value = i + 1 < argc ? argv[++i] : "";
        if (set(name, value)) continue;
        std::fprintf(stderr, "%s: bad option '%.*s%s%.*s'; --help lists the options\n", program,
                     static_cast<int>(name.size()), name.data(), value.empty() ? "" : " ",
                     static_cast<int>(value.size()), value.data());
        return verdict::bad;
    }
    return verdict::run;
}

// For a program without options. Returns: its exit status, if the command line calls for one and not for the program.
inline std::optional<int> answer_without_options(int argc, char** argv, std::string_view help) {
    const std::string_view path = argv[0];
    const char* const name = argv[0] + path.find_last_of("/\\") + 1; // npos + 1 is 0
    switch (parse_command_line(name, argc, argv, [](auto, auto) { return false; })) {
    case verdict::bad: return 2;
    case verdict::help:
        std::printf("Usage: %s\n%.*s", name, static_cast<int>(help.size()), help.data());
        return 0;
    case verdict::run: break;
    }
    return std::nullopt;
}

// Returns: the exit status of Program{options}.run(), or what the options call for.
template <class Program, class Options>
int run_with_options(int argc, char** argv) {
    Options options;
    switch (options.parse(argc, argv)) {
    case verdict::bad: return 2;
    case verdict::help: std::fputs(Options::help.data(), stdout); return 0;
    case verdict::run: break;
    }
    try {
        return Program{options}.run();
    } catch (const std::exception& e) { // no memory, no thread
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 77;
    }
}

} // namespace demo
