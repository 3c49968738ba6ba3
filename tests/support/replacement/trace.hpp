// support/replacement/trace.hpp - trace: a sequence of page accesses; readers of trace files.
// SPDX-License-Identifier: BSL-1.0
//
// Traces of others are not part of this project. Programs take files and directories as arguments, or from the
// environment variable CORDON_TRACES: several of them are separated by ':'.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::testing::replacement {

using page = std::uint64_t;

struct request {
    page id = 0;
    std::uint64_t size = 1; // in the unit of the simulator's capacity
};

using trace = std::vector<request>;

// Returns: a text trace: the first number of each line is an id; a line without one is skipped.
inline trace read_text(std::istream& in) {
    trace all;
    for (std::string line; std::getline(in, line);) {
        page id = 0;
        if (std::istringstream{line} >> id) all.push_back({id});
    }
    return all;
}

// Returns: a trace of libCacheSim's oracleGeneral format. A record is 24 bytes, little-endian and packed:
// u32 time, u64 id, u32 size, i64 next access.
inline trace read_oracle_general(std::istream& in) {
    trace all;
    for (std::array<char, 24> record{}; in.read(record.data(), record.size());) {
        const auto number = [&](std::size_t at, std::size_t bytes) {
            std::uint64_t n = 0;
            while (bytes-- != 0)
                n = n << 8 | static_cast<unsigned char>(record[at + bytes]);
            return n;
        };
        all.push_back({number(4, 8), number(12, 4)});
    }
    return all;
}

// Returns: the trace of a file, in the format that its name promises.
inline trace read_trace(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return file.string().find(".oracleGeneral") == std::string::npos ? read_text(in)
                                                                     : read_oracle_general(in);
}

// Returns: the files named, those of the directories named in alphabetic order.
inline std::vector<std::filesystem::path> trace_files(const std::vector<std::string>& names) {
    std::vector<std::filesystem::path> files;
    for (const std::string& name : names) {
        const auto before = static_cast<std::ptrdiff_t>(files.size());
        if (!std::filesystem::is_directory(name))
            files.emplace_back(name);
        else
            for (const auto& entry : std::filesystem::directory_iterator{name})
                if (entry.is_regular_file()) files.push_back(entry.path());
        std::sort(files.begin() + before, files.end());
    }
    return files;
}

// Returns: the files that CORDON_TRACES names; none when it is unset.
inline std::vector<std::filesystem::path> trace_files_of_environment() {
    const char* text = std::getenv("CORDON_TRACES");
    std::vector<std::string> names;
    std::istringstream all{text == nullptr ? "" : text};
    for (std::string name; std::getline(all, name, ':');)
        if (!name.empty()) names.push_back(name);
    return trace_files(names);
}

} // namespace cordon::testing::replacement
