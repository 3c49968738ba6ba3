// expect-error: nested requirement .*moving_migrator<M> \|\| evicting_migrator<M>.* is not satisfied|does not satisfy 'evicting_migrator'
// A migrator that takes neither of the two forms is told both of them.
#include "cordon/zone.hpp"

int main() {
    cordon::zone zone{cordon::frame_range{cordon::frame{0}, cordon::frame_count{1024}}};
    const auto report = zone.compact([](cordon::frame from, cordon::frame to) { return from < to; });
    return report.outcome == cordon::status::ok ? 0 : 1;
}
