// buffer_pool/page_file.hpp - page_file: a sparse file of pages; page_stamp: what is in a page.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace demo {

inline constexpr std::size_t page_bytes = 4096;

// A page that was never written is zero: version 0. Else word 0 is its number, word 1 the version, word 2 the checksum
// of all the others. Every sixteenth version fills the page; the others change its first 256 bytes and its last word.
struct page_stamp {
    std::uint32_t page;
    std::uint32_t version;

    void write(std::byte* at) const {
        auto* const words = reinterpret_cast<std::uint64_t*>(at);
        const std::uint64_t key = (std::uint64_t{page} << 32 | version) * 0x9e3779b97f4a7c15;
        for (std::size_t i = 3; i != changed(); ++i)
            words[i] = key + i * 0x94d049bb133111eb;
        words[last] = key;
        words[0] = page;
        words[1] = version;
        words[2] = checksum(words);
    }
    [[nodiscard]] bool is_on(const std::byte* at) const {
        const auto* const words = reinterpret_cast<const std::uint64_t*>(at);
        if (version == 0) return std::all_of(words, words + last + 1, [](auto w) { return w == 0; });
        return words[0] == page && words[1] == version && words[2] == checksum(words);
    }

private:
    static constexpr std::size_t last = page_bytes / 8 - 1;
    [[nodiscard]] std::size_t changed() const { return version % 16 == 0 ? last : 32; }
    // Four sums at a time, so that checking a page costs less than copying it.
    [[nodiscard]] static std::uint64_t checksum(const std::uint64_t* words) {
        std::uint64_t sums[4] = {words[3] * 7, words[0], words[1], 0};
        for (std::size_t i = 4; i != last + 1; i += 4)
            for (std::size_t k = 0; k != 4; ++k)
                sums[k] += words[i + k] ^ (sums[k] << 9 | sums[k] >> 55);
        return sums[0] + 3 * sums[1] + 5 * sums[2] + 7 * sums[3];
    }
};

// Gone when the program ends, whatever ends it: it has no name.
class page_file {
public:
    explicit page_file(std::uint64_t pages) {
        std::signal(SIGXFSZ, SIG_IGN); // a file larger than the shell allows is an error like any other
        std::error_code error;
        const std::filesystem::path directory = std::filesystem::temp_directory_path(error);
        std::string name = directory / "buffer_pool-XXXXXX";
        if (error)
            fail("no temporary directory", directory, error.value());
        else if (fd_ = ::mkstemp(name.data()); fd_ < 0)
            fail("cannot make a file in ", directory, errno);
        else if (::unlink(name.c_str()); ::ftruncate(fd_, static_cast<off_t>(pages * page_bytes)) != 0)
            fail("no room for the file in ", directory, errno);
    }
    ~page_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    page_file(const page_file&) = delete;
    page_file& operator=(const page_file&) = delete;
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    // Returns: why there is no file.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    // Returns: whether all of it was read, or written.
    [[nodiscard]] bool read(std::uint32_t page, std::byte* to) const {
        return ::pread(fd_, to, page_bytes, offset(page)) == static_cast<ssize_t>(page_bytes);
    }
    [[nodiscard]] bool write(std::uint32_t page, const std::byte* from) const {
        return ::pwrite(fd_, from, page_bytes, offset(page)) == static_cast<ssize_t>(page_bytes);
    }

    // Returns: the first page from this one on that is not a hole of the file; UINT32_MAX if there is none.
    [[nodiscard]] std::uint32_t next_data(std::uint32_t page) const {
        const off_t at = ::lseek(fd_, offset(page), SEEK_DATA);
        return at < 0 ? UINT32_MAX : static_cast<std::uint32_t>(static_cast<std::uint64_t>(at) / page_bytes);
    }

private:
    void fail(const char* what, const std::filesystem::path& where, int error) {
        problem_ = what + where.string() + ": " + std::generic_category().message(error);
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    static off_t offset(std::uint32_t page) {
        return static_cast<off_t>(page) * static_cast<off_t>(page_bytes);
    }
    int fd_ = -1;
    std::string problem_;
};

} // namespace demo
