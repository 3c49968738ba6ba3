// tests/compile/32_bits/instances.cpp - each template of the library in some instance, so that its members are compiled.
// SPDX-License-Identifier: BSL-1.0
#include "cordon/cordon.hpp"

#include "cordon/adapters/frame_resource.hpp"

#include <ostream>

namespace cordon {

template class basic_zone<default_policy>;
template class basic_zone<checked_policy>;
template class basic_zone<annotated_policy>;
template class basic_zone<single_threaded_policy>;
template class basic_zone<bare_policy>;
template class frame_resource<zone>;

template class lru<replacement::lru>;
template class lru<replacement::fifo>;
template class lru<replacement::clock<2, list_kind::hand>>;
template class lru<replacement::two_list>;
template class lru<replacement::generations<4>>;
template class lru<replacement::s3_fifo<>>;
template class lru<replacement::sieve>;
template class lru<replacement::lirs>;
template class lru<replacement::adaptive>;
template class lru<replacement::any_policy<replacement::clock<>, replacement::adaptive>>;

} // namespace cordon

using namespace cordon;

// The templates among the members, and those beside the classes.
void use(zone& z, lru<replacement::adaptive>& tracker, std::ostream& out) {
    const frame_range block{frame{0}, frame_count{512}};
    const auto copy = [](const busy_frame&, frame) { return migrate_outcome::moved; };
    const auto decide = [](frame) { return verdict::reclaim; };
    const auto release = [](frame, lru_token) {};
    out << z.compact(copy) << z.stats() << z.state_of(frame{0}) << z.validate() << tracker.stats()
        << z.report_free([](frame_range) { return true; });
    if (const auto row = z.allocate_contiguous(frame_count{3}, frame_count{1}, copy)) z.free_contiguous(*row);
    if (auto sealed = z.isolate(block)) out << sealed->migrate(lru_migrator{tracker, copy});
    if (const auto cost = cheapest_block(z, tracker)) out << *cost;
    lru_pressure relief{tracker, decide, release};
    out << (relief.callback().call != nullptr) << evict_block(z, tracker, block, decide, release).error();
    write_frame_map(write_pagetypeinfo(write_buddyinfo(out, z), z), z);
}
