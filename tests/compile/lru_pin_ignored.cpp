// expect-error: ignoring return value
// Who takes a pin for granted uses a frame that may be another page's already.
#include "cordon/lru.hpp"

int main() {
    cordon::lru<> tracker{cordon::frame_range{cordon::frame{0}, cordon::frame_count{1024}}};
    tracker.pin(cordon::frame{0});
}
