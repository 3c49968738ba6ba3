// A zone in a static buffer, without operating system: every public operation of it is instantiated here.
#include "cordon/inspect/frame_map.hpp"
#include "cordon/inspect/report.hpp"
#include "cordon/zone.hpp"

namespace {

using bare_zone = cordon::basic_zone<cordon::bare_policy>;

alignas(cordon::cache_line_bytes) std::byte memory[2'000'000];

cordon::migrate_outcome move(const cordon::busy_frame&, cordon::frame) {
    return cordon::migrate_outcome::moved;
}

} // namespace

extern "C" int run_bare_zone() {
    const cordon::zone_options options{.frames = {cordon::frame{0}, cordon::frame_count{65536}}};
    bare_zone zone = bare_zone::place(memory, options);
    const cordon::slot_index slot{3};
    const auto single = zone.allocate(slot);
    const auto large = zone.allocate(slot, cordon::order{10}, cordon::migrate_type::unmovable);
    if (!single || !large || zone.try_free(slot, *large, cordon::order{10}) != cordon::status::ok) return 1;
    cordon::frame some[64];
    if (zone.allocate_bulk(some) != 64) return 2;
    zone.free_bulk(some);
    if (zone.allocate_exact(cordon::frame{40000}) != cordon::status::ok) return 3;
    const auto row = zone.allocate_contiguous(cordon::frame_count{100}, cordon::frame_count{64}, move);
    auto sealed = zone.isolate({cordon::frame{0}, cordon::frame_count{512}});
    if (!row || !sealed || sealed->migrate(move).outcome != cordon::status::ok) return 4;
    if (sealed->offline() != cordon::status::ok) return 5;
    if (zone.online({cordon::frame{0}, cordon::frame_count{512}}) != cordon::status::ok) return 6;
    if (zone.poison(cordon::frame{50000}) != cordon::status::ok) return 7;
    cordon::text_buffer<4096> text;
    cordon::write_buddyinfo(text, zone);
    cordon::write_frame_map(text, zone);
    return zone.exact_stats() && zone.drain() == cordon::status::ok && zone.disable_caches() &&
                   zone.validate()
               ? 0
               : 8;
}
