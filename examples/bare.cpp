// bare - a zone without operating system: metadata in a static buffer, thread caches by number, no allocation.
// SPDX-License-Identifier: BSL-1.0
//
// This is how a kernel or a firmware would embed the allocator; only main() and its output are hosted.
#include "support/command_line.hpp"

#include <cordon/core/text.hpp>
#include <cordon/inspect/report.hpp>
#include <cordon/zone.hpp>

#include <cstddef>
#include <cstdio>

namespace {

struct console {
    void write(const char* text, std::ptrdiff_t n) {
        std::fwrite(text, 1, static_cast<std::size_t>(n), stdout);
    }
};

// Four virtual processors, each with a cache of its own; each names its number when it calls.
struct firmware_policy : cordon::bare_policy {
    static constexpr unsigned max_order = 11;
    static constexpr cordon::cached_order cached_orders[] = {{0, 64}, {9, 4}};
    using thread_slots = cordon::explicit_slots<4>;
};
using firmware_zone = cordon::basic_zone<firmware_policy>;

constexpr cordon::frame_range memory{cordon::frame{0x80000}, cordon::frame_count{0x8000}}; // 128 MiB at 2 GiB
constexpr cordon::frame_range holes[] = {{cordon::frame{0x81000}, cordon::frame_count{0x300}}}; // a device
constexpr cordon::zone_options options{.frames = memory, .holes = holes, .max_poisoned = 16};

alignas(cordon::cache_line_bytes) std::byte metadata[firmware_zone::metadata_bytes(options)];

} // namespace

int main(int argc, char** argv) {
    if (const auto answer = demo::answer_without_options(
            argc, argv, "A zone without an operating system, with its metadata in a static buffer.\n"))
        return *answer;
    using cordon::print;
    using cordon::print_decimal;
    console out;
    firmware_zone zone = firmware_zone::place(metadata, options);
    print(print_decimal(out, firmware_zone::metadata_bytes(options)), " bytes of metadata: ");
    print(out << zone.error(), "\n");
    if (zone.error() != cordon::status::ok) return 1;

    constexpr cordon::slot_index cpu{2};
    const auto page = zone.allocate(cpu);
    const auto huge = zone.allocate(cpu, cordon::order{9}, cordon::migrate_type::unmovable);
    if (!page || !huge) return 1;
    print(out << zone.state_of(*page), "\n");
    print(out << zone.state_of(*huge), "\n");
    print(out << zone.state_of(holes[0].first()), "\n");
    zone.free(cpu, *page);
    zone.free(cpu, *huge, cordon::order{9});

    write_pagetypeinfo(out, zone);
    write_summary(out, zone);
    const cordon::validation valid = zone.validate({.quiesce = true});
    print(print(out, "zone: ") << valid, "\n");
    return valid ? 0 : 1;
}
