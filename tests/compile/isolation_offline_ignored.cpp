// expect-error: ignoring return value
// Who gives the memory back without looking whether its block went offline takes it from those who use it.
#include "cordon/zone.hpp"

int main() {
    cordon::zone zone{cordon::frame_range{cordon::frame{0}, cordon::frame_count{1024}}};
    auto range = zone.isolate({cordon::frame{0}, cordon::frame_count{512}});
    range->offline();
}
