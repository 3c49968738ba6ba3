// hits.cpp - the hit paths of allocate and free, with the thread's own slot and a given one, checks cheap and none.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>

namespace {

struct unchecked_policy : cordon::default_policy {
    static constexpr cordon::check_level checks = cordon::check_level::none;
};
using unchecked_zone = cordon::basic_zone<unchecked_policy>;

} // namespace

extern "C" {
std::uint32_t allocate(cordon::zone& zone) {
    return zone.allocate().value().raw();
}
void free_one(cordon::zone& zone, std::uint32_t f) {
    zone.free(cordon::frame{f});
}
std::uint32_t allocate_slot(cordon::zone& zone, std::uint32_t slot) {
    return zone.allocate(cordon::slot_index{slot}).value().raw();
}
void free_slot(cordon::zone& zone, std::uint32_t slot, std::uint32_t f) {
    zone.free(cordon::slot_index{slot}, cordon::frame{f});
}
std::uint32_t allocate_unchecked(unchecked_zone& zone) {
    return zone.allocate().value().raw();
}
void free_unchecked(unchecked_zone& zone, std::uint32_t f) {
    zone.free(cordon::frame{f});
}
std::uint32_t allocate_slot_unchecked(unchecked_zone& zone, std::uint32_t slot) {
    return zone.allocate(cordon::slot_index{slot}).value().raw();
}
void free_slot_unchecked(unchecked_zone& zone, std::uint32_t slot, std::uint32_t f) {
    zone.free(cordon::slot_index{slot}, cordon::frame{f});
}
}

int main() {}
